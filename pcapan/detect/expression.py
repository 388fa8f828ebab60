"""The condition language: names, constants, comparisons, and/or/not, + - * /. Nothing else.

Knows how a text becomes a checked syntax tree and the tree a function of a row. Must not know
tables, rules or verdicts. Why it is safe: the text is scanned first (ASCII only, no brackets, no
escapes, bounded length and nesting), Python's parser only ever builds a tree, every node of that
tree is matched against the short list in `_Compiler`, and what runs is made of the closures below.
No Python code is ever compiled or evaluated from a rule. Arithmetic works on numbers only, which is
decided from the declared types before any row is seen, and results are bounded, so no row can make
a value grow without end.

Unknown values (None) follow Kleene's three-valued logic: "false and unknown" is false, "true or
unknown" is true, every comparison or sum with an unknown part is unknown, and so is a division by
zero. `NAME is unknown` and `NAME is not unknown` are the only tests that see the difference.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from msgspec import Struct

from pcapan.detect.columns import (
    FEW,
    Column,
    Same,
    asked,
    asked_of_two,
    calculated,
    calculated_of_two,
    truths,
)
from pcapan.detect.issues import did_you_mean
from pcapan.detect.lexical import ALLOWED, INSTEAD, ExpressionError, place, scan
from pcapan.detect.schema import ColumnType, Value, type_of

MAX_NODES = 400
MAX_DEPTH = 60
MAX_CHOICES = 64
MAX_LITERAL = 2**63 - 1
MAX_RESULT = 10**30
"""A whole number beyond this is unknown: nothing counted in a capture comes near it."""

Names = Mapping[str, Value]
Evaluate = Callable[[Names], Value]


class Columns(Protocol):
    """Gives the values of names for all rows of a table, or for those chosen out of them, in their order."""

    def __len__(self) -> int:
        """The number of rows."""
        ...

    def column(self, name: str) -> Column:
        """The values of a name."""
        ...

    def choose(self, indexes: Sequence[int]) -> Columns:
        """The same for some of these rows only, whose values may not have to be computed for the others."""
        ...


class _Step(Struct, frozen=True):
    """One node of the tree: how it is computed for one row, and for all rows of a table at once."""

    one: Evaluate
    every: Callable[[Columns], Column]


CONSTANT_NAMES: Mapping[str, bool] = {"true": True, "false": False}
UNKNOWN = "unknown"
RESERVED = frozenset({*CONSTANT_NAMES, UNKNOWN, "none", "null", "and", "or", "not", "in", "is", "if", "else"})
"""Words a parameter or let may not be called."""


class Expression(Struct, frozen=True, dict=True):
    """A checked condition or calculation; calling `evaluate` with a row's values gives its value."""

    source: str
    text: str
    """The source on one line, without comments: what Python's parser is given."""
    type: ColumnType
    reads: Mapping[str, ColumnType]
    """The names it reads and their types, in order of first appearance."""
    has_unknown_test: bool = False

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names it reads."""
        return tuple(self.reads)

    @cached_property
    def step(self) -> _Step:
        """How it is computed; made when it is first asked for where that was not done by checking it."""
        return _Compiler(self.source, 0, self.reads).node(_tree(self.text), 1)[1]

    @property
    def evaluate(self) -> Evaluate:
        """Gives its value for the values of a row."""
        return self.step.one

    @property
    def evaluate_all(self) -> Callable[[Columns], Sequence[Value]]:
        """The same for every row of a table, given its columns."""
        return self.step.every

    @property
    def constant(self) -> bool:
        """Whether it reads no name at all, so that it is the same for every row."""
        return not self.reads


def compile_expression(source: str, types: Mapping[str, ColumnType]) -> Expression:
    """Check `source` against the declared names and turn it into an `Expression`.

    Raises `ExpressionError` for anything that is not in the language.
    """
    flat = scan(source)
    start = len(flat) - len(flat.lstrip())
    text = flat.strip()
    if not text:
        raise ExpressionError("The expression is empty.", hint="Write a condition such as 'attempts > 0'.")
    try:
        tree = _tree(text)
    except SyntaxError as error:
        offset = max((error.offset or 1) - 1, 0) + start
        line, column = place(source, min(offset, len(source)))
        raise ExpressionError(
            "The expression cannot be read here.", line=line, column=column, hint=ALLOWED
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("The expression is too deeply nested or malformed.", hint=ALLOWED) from None
    compiler = _Compiler(source, start, types)
    kind, run = compiler.node(tree, 1)
    reads = {name: types[name] for name in compiler.names}
    expression = Expression(source, text, kind, reads, compiler.unknown_tests > 0)
    vars(expression)["step"] = run  # as the property would, which need not do it again
    return expression


def _tree(text: str) -> ast.expr:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, mode="eval").body


_REFUSED: Mapping[type[ast.AST], tuple[str, str]] = {
    ast.Call: ("Functions cannot be called.", "Use a column that holds this value already."),
    ast.Attribute: ("A name has nothing inside it to reach for.", INSTEAD["."]),
    ast.Subscript: ("Subscripts are not allowed.", INSTEAD["["]),
    ast.Lambda: ("Functions cannot be written.", ALLOWED),
    ast.IfExp: ("'if ... else' is not allowed.", "Write two outcomes, or use and/or."),
    ast.Tuple: ("A list of choices can only follow 'in' or 'not in'.", "Write NAME in ('a', 'b')."),
    ast.JoinedStr: ("Formatted text is not allowed.", ALLOWED),
}

_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_ORDER: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class _Compiler:
    """Walks the tree once; every kind of node that has no branch here is refused."""

    def __init__(self, source: str, start: int, types: Mapping[str, ColumnType]) -> None:
        self.source = source
        self.start = start
        self.types = types
        self.names: dict[str, None] = {}
        self.nodes = 0
        self.unknown_tests = 0

    def fault(self, node: ast.expr, message: str, hint: str) -> ExpressionError:
        """The error for a node, ready to be raised."""
        line, column = place(self.source, self.start + node.col_offset)
        return ExpressionError(message, line=line, column=column, hint=hint)

    def node(self, node: ast.expr, depth: int) -> tuple[ColumnType, _Step]:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self.fault(node, "The expression is too large.", "Name its parts in [let].")
        match node:
            case ast.Constant():
                value = self.literal(node)
                return type_of(value), _constant(value)
            case ast.Name():
                return self.name(node)
            case ast.BoolOp():
                return self.logic(node, depth)
            case ast.UnaryOp():
                return self.unary(node, depth)
            case ast.BinOp():
                return self.arithmetic(node, depth)
            case ast.Compare():
                return self.comparison(node, depth)
        message, hint = _REFUSED.get(type(node), ("This is not allowed in an expression.", ALLOWED))
        raise self.fault(node, message, hint)

    def literal(self, node: ast.Constant) -> bool | int | float | str:
        value = node.value
        if value is None:
            raise self.fault(
                node, "Nothing equals an unknown value.", "Write 'NAME is unknown' or 'NAME is not unknown'."
            )
        if isinstance(value, bool | str):
            return value
        if isinstance(value, int) and abs(value) <= MAX_LITERAL:
            return value
        if isinstance(value, float) and math.isfinite(value):
            return value
        raise self.fault(
            node, "This constant is not allowed.", f"Write text, or a number up to {MAX_LITERAL}."
        )

    def name(self, node: ast.Name) -> tuple[ColumnType, _Step]:
        name = node.id
        if name in CONSTANT_NAMES:
            constant = CONSTANT_NAMES[name]
            return ColumnType.BOOL, _constant(constant)
        if name == UNKNOWN:
            raise self.fault(node, "Nothing equals an unknown value.", "Write 'NAME is unknown'.")
        if name not in self.types:
            raise self.fault(node, f"Unknown name {name!r}.", did_you_mean(name, self.types))
        self.names[name] = None
        return self.types[name], _Step(lambda names: names[name], lambda columns: columns.column(name))

    def logic(self, node: ast.BoolOp, depth: int) -> tuple[ColumnType, _Step]:
        parts: list[_Step] = []
        for value in node.values:
            kind, run = self.node(value, depth + 1)
            self.want_bool(value, kind)
            parts.append(run)
        decides = isinstance(node.op, ast.Or)
        return ColumnType.BOOL, _kleene(tuple(parts), decides)

    def want_bool(self, node: ast.expr, kind: ColumnType) -> None:
        if kind is not ColumnType.BOOL:
            raise self.fault(
                node,
                f"and/or/not join yes/no values; this is {kind.spoken}.",
                "Compare it: write '> 0' or '!= \"\"' after it.",
            )

    def unary(self, node: ast.UnaryOp, depth: int) -> tuple[ColumnType, _Step]:
        kind, run = self.node(node.operand, depth + 1)
        if isinstance(node.op, ast.Not):
            self.want_bool(node.operand, kind)

            return ColumnType.BOOL, _asked(lambda value: None if value is None else not value, run)
        if not isinstance(node.op, ast.USub):
            raise self.fault(node, "This sign is not allowed.", ALLOWED)
        if not kind.numeric:
            raise self.fault(node, f"A minus needs a number; this is {kind.spoken}.", "Remove the minus.")

        return kind, _mapped(lambda value: None if value is None or isinstance(value, str) else -value, run)

    def arithmetic(self, node: ast.BinOp, depth: int) -> tuple[ColumnType, _Step]:
        apply = _ARITHMETIC.get(type(node.op))
        if apply is None:
            raise self.fault(node, "This operator is not allowed.", "Use + - * / only.")
        kinds: list[ColumnType] = []
        runs: list[_Step] = []
        for side in (node.left, node.right):
            kind, run = self.node(side, depth + 1)
            if kind is ColumnType.STR:
                raise self.fault(
                    side, "Arithmetic works on numbers; this is text.", "Compare text with == or !=."
                )
            kinds.append(kind)
            runs.append(run)
        real = ColumnType.FLOAT in kinds or isinstance(node.op, ast.Div)
        left, right = runs
        return ColumnType.FLOAT if real else ColumnType.INT, _bounded(apply, left, right)

    def comparison(self, node: ast.Compare, depth: int) -> tuple[ColumnType, _Step]:
        if isinstance(node.ops[0], ast.Is | ast.IsNot):
            return self.unknown_test(node, depth)
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            return self.membership(node, depth)
        sides = [node.left, *node.comparators]
        done = [self.node(side, depth + 1) for side in sides]
        links: list[_Step] = []
        for index, op in enumerate(node.ops):
            if not isinstance(op, ast.Eq | ast.NotEq) and type(op) not in _ORDER:
                raise self.fault(sides[index], "'in' and 'is' stand alone.", "Join two tests with 'and'.")
            (left_kind, left), (right_kind, right) = done[index], done[index + 1]
            self.comparable(sides[index + 1], left_kind, right_kind, op)
            links.append(_comparison(op, left, right))
        return ColumnType.BOOL, links[0] if len(links) == 1 else _kleene(tuple(links), False)

    def comparable(self, node: ast.expr, left: ColumnType, right: ColumnType, op: ast.cmpop) -> None:
        if left is not right and not (left.numeric and right.numeric):
            hint = "Put quotes around text, and none around numbers."
            if ColumnType.BOOL in (left, right):
                hint = "Write the yes/no name alone, or 'not' before it."
            raise self.fault(
                node,
                f"{left.spoken.capitalize()} is compared with {right.spoken}.",
                hint,
            )
        if type(op) in _ORDER and not left.numeric:
            raise self.fault(node, f"Only numbers have an order; this is {left.spoken}.", "Use == or !=.")

    def unknown_test(self, node: ast.Compare, depth: int) -> tuple[ColumnType, _Step]:
        right = node.comparators[0]
        unknown = (isinstance(right, ast.Constant) and right.value is None) or (
            isinstance(right, ast.Name) and right.id == UNKNOWN
        )
        if len(node.ops) != 1 or not unknown or not isinstance(node.left, ast.Name):
            raise self.fault(node, "'is' only asks whether a name is unknown.", "Use == to compare.")
        _, run = self.node(node.left, depth + 1)
        self.unknown_tests += 1
        wanted = isinstance(node.ops[0], ast.Is)
        return ColumnType.BOOL, _asked(lambda value: (value is None) == wanted, run)

    def membership(self, node: ast.Compare, depth: int) -> tuple[ColumnType, _Step]:
        right = node.comparators[0]
        if len(node.ops) != 1 or not isinstance(right, ast.Tuple) or not 0 < len(right.elts) <= MAX_CHOICES:
            raise self.fault(
                right,
                "After 'in' comes a list of constants in parentheses.",
                "Write NAME in ('a', 'b'); a single choice is compared with ==.",
            )
        kind, run = self.node(node.left, depth + 1)
        choices: list[bool | int | float | str] = []
        for element in right.elts:
            inner = element.operand if isinstance(element, ast.UnaryOp) else element
            if not isinstance(inner, ast.Constant):
                raise self.fault(
                    element, "Only constants can be listed after 'in'.", "Compare names with ==."
                )
            value_kind, value_run = self.node(element, depth + 1)
            self.comparable(element, kind, value_kind, ast.Eq())
            value = value_run.one({})
            assert value is not None
            choices.append(value)
        wanted = isinstance(node.ops[0], ast.In)
        options = frozenset(choices)

        return ColumnType.BOOL, _asked(
            lambda value: None if value is None else (value in options) == wanted, run
        )


def _constant(value: Value) -> _Step:
    return _Step(lambda names: value, lambda columns: Same(value, len(columns)))


def _mapped(apply: Callable[[Value], Value], part: _Step) -> _Step:
    """A calculation with one value."""
    one, every = part.one, part.every
    return _Step(lambda names: apply(one(names)), lambda columns: calculated(apply, every(columns)))


def _asked(question: Callable[[Value], Value], part: _Step) -> _Step:
    """A yes/no question about one value."""
    one, every = part.one, part.every
    return _Step(lambda names: question(one(names)), lambda columns: asked(question, every(columns)))


def _kleene(parts: tuple[_Step, ...], decides: bool) -> _Step:
    """`or` when `decides` is true, `and` when it is false: one deciding part settles the matter."""

    def one(names: Names) -> Value:
        result: Value = not decides
        for part in parts:
            value = part.one(names)
            if value is None:
                result = None
            elif value is decides:
                return decides
        return result

    def every(columns: Columns) -> Column:
        told = truths(parts[0].every(columns))
        for part in parts[1:]:
            open_rows = len(told) - told.times(decides)
            if not open_rows:
                break  # what follows can change nothing, and need not even be computed
            if open_rows * FEW < len(told):
                chosen = told.but(decides)
                answers = truths(part.every(columns.choose(chosen))).spread(chosen, told)
            else:
                answers = truths(part.every(columns))
            told = told.either(answers) if decides else told.both(answers)
        return told

    return _Step(one, every)


def _bounded(apply: Callable[[float, float], float], left: _Step, right: _Step) -> _Step:
    def run(a: Value, b: Value) -> Value:
        if a is None or b is None or isinstance(a, str) or isinstance(b, str):
            return None
        try:
            result = apply(a, b)
        except (ZeroDivisionError, OverflowError):
            return None
        if isinstance(result, int):
            return result if -MAX_RESULT <= result <= MAX_RESULT else None
        return result if math.isfinite(result) else None

    return _Step(
        lambda names: run(left.one(names), right.one(names)),
        lambda columns: calculated_of_two(run, left.every(columns), right.every(columns)),
    )


def _comparison(op: ast.cmpop, left: _Step, right: _Step) -> _Step:
    equal = operator.eq if isinstance(op, ast.Eq) else operator.ne
    known: Callable[[Any, Any], bool] = _ORDER.get(type(op), equal)

    def question(a: Value, b: Value) -> Value:
        return None if a is None or b is None else known(a, b)

    return _Step(
        lambda names: question(left.one(names), right.one(names)),
        lambda columns: asked_of_two(question, known, left.every(columns), right.every(columns)),
    )
