"""Sentences with holes: `{name}` and `{name:format}`, and nothing else.

Knows how numbers, times and lists are written for a person. Must not know rules or verdicts, and
does not escape for any output format: that is each renderer's work. It does remove control and
direction characters from values, because parts of a capture are an attacker's text, and it never
reaches into a value: a hole holds one declared name.

Formats: none (whole numbers with thousands separators, text as it is, yes/no), `plain` (no
separators), `percent` (0.25 is 25 %), `duration` and `time` (nanoseconds), `s` (the plural s),
`plural(one,many)`, `list` (several words joined), `quoted` and `family` for display filters.
`{{` and `}}` are braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from msgspec import Struct

from pcapan.detect.issues import TextError, did_you_mean
from pcapan.detect.schema import ColumnType, Value

Shown = Value | Sequence[str]
"""What can stand in a hole: a cell, or several words."""

MAX_LENGTH = 8000
MAX_VALUE = 300
MAX_LISTED = 8
MAX_NUMBER = 10**30
UNKNOWN_WORD = "unknown"

#: Of rules that are read; those that were kept have no need of them.
_PART = r"\{\{|\}\}|\{([^{}\n]*)\}|[{}]"
_HOLE = r"([A-Za-z_][A-Za-z0-9_]*)(?::([a-z]+)(?:\(([^(),]*),([^(),]*)\))?)?"
_SAFE_IN_FILTER = re.compile(r"[A-Za-z0-9_.:/-]+", re.ASCII)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_NUMBERS = frozenset({ColumnType.INT, ColumnType.FLOAT})
#: How a hole may be written, and of which types; "" is the hole without a format.
FORMATS: Mapping[str, frozenset[ColumnType]] = {
    "": frozenset(ColumnType),
    "plain": frozenset(ColumnType),
    "percent": _NUMBERS,
    "duration": _NUMBERS,
    "time": _NUMBERS,
    "s": _NUMBERS,
    "plural": _NUMBERS,
    "list": frozenset({ColumnType.STR}),
    "quoted": frozenset({ColumnType.STR}),
    "family": frozenset({ColumnType.STR}),
}


class TemplateError(TextError):
    """A template that cannot be used, with its place inside the text."""


class _Hole(Struct, frozen=True):
    name: str
    format: str
    one: str = ""
    many: str = ""


class Template(Struct, frozen=True):
    """A checked sentence; `render` fills its holes."""

    source: str
    names: tuple[str, ...]
    parts: tuple[str | _Hole, ...]
    is_filter: bool = False

    def render(self, values: Mapping[str, Shown]) -> str:
        """The sentence with its holes filled; a missing or unknown value reads "unknown"."""
        texts = [part if isinstance(part, str) else self._show(part, values) for part in self.parts]
        return _tidy("".join(texts))

    def blank(self) -> str:
        """The sentence with <name> where a value will stand, for people who read the rule."""
        texts = []
        for part in self.parts:
            if isinstance(part, str):
                texts.append(part)
            elif part.format in ("s", "plural"):
                texts.append(part.many)
            elif part.format == "family":
                texts.append("ip")
            else:
                texts.append(f"<{part.name}>")
        return _tidy("".join(texts))

    def unknown(self, values: Mapping[str, Shown]) -> tuple[str, ...]:
        """The names it needs and does not get."""
        return tuple(name for name in self.names if values.get(name) is None)

    def _show(self, hole: _Hole, values: Mapping[str, Shown]) -> str:
        value = values.get(hole.name)
        # Written this way round, not-a-number and infinity are unknown too.
        if isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
            value = None
        if value is None:
            return UNKNOWN_WORD if hole.format not in ("s", "plural") else (hole.many or "s")
        if hole.format in ("s", "plural"):
            return hole.one if value == 1 else hole.many
        if self.is_filter and hole.format == "":
            return _for_filter(value)
        return _SHOW[hole.format](value)


def parse_template(source: str, types: Mapping[str, ColumnType], *, is_filter: bool = False) -> Template:
    """Check `source` against the declared names. With `is_filter` values are written for Wireshark.

    Raises `TemplateError` for an unknown name, an unknown format, or a lone brace.
    """
    if len(source) > MAX_LENGTH:
        raise TemplateError(f"The text has more than {MAX_LENGTH} characters.", hint="Shorten it.")
    if "{" not in source and "}" not in source:
        return Template(source, (), (source,) if source else (), is_filter)
    parts: list[str | _Hole] = []
    names: dict[str, None] = {}
    end = 0
    for match in re.finditer(_PART, source):
        parts.append(source[end : match.start()])
        end = match.end()
        if match.group() in ("{{", "}}"):
            parts.append(match.group()[0])
            continue
        if match.group(1) is None:
            raise _fault(source, match.start(), "A brace stands alone.", "Write {{ or }} for a brace.")
        hole = _hole(match.group(1), types, source, match.start())
        names[hole.name] = None
        parts.append(hole)
    parts.append(source[end:])
    return Template(source, tuple(names), tuple(part for part in parts if part), is_filter)


def _fault(source: str, at: int, message: str, hint: str) -> TemplateError:
    before = source[:at]
    line, column = before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1
    return TemplateError(message, line=line, column=column, hint=hint)


def _hole(text: str, types: Mapping[str, ColumnType], source: str, at: int) -> _Hole:
    def fail(message: str, hint: str) -> NoReturn:
        raise _fault(source, at, message, hint)

    match = re.fullmatch(_HOLE, text, re.ASCII)
    if match is None:
        fail(f"{{{text}}} is not a name in braces.", "Write {name} or {name:format}, nothing else.")
    name, kind, one, many = match.group(1), match.group(2) or "", match.group(3), match.group(4)
    if name not in types:
        fail(f"Unknown name {name!r} in a text.", did_you_mean(name, types))
    if kind not in FORMATS:
        fail(f"Unknown format {kind!r}.", did_you_mean(kind, (f for f in FORMATS if f), what="formats"))
    if (kind == "plural") != (one is not None):
        fail(f"{{{text}}} cannot be read.", "Only plural takes words: {n:plural(client,clients)}.")
    if types[name] not in FORMATS[kind]:
        fail(f"{name!r} is {types[name].spoken}; {kind!r} cannot show it.", "Use another format, or none.")
    return _Hole(name, kind, (one or "").strip(), "s" if kind == "s" else (many or "").strip())


def invisible(char: str) -> bool:
    """Whether a character shows nothing, moves the cursor or turns the direction of text."""
    from unicodedata import category  # most text is plain

    return char not in "\t\n\r" and category(char) in _INVISIBLE


def clean(text: str) -> str:
    """Text from a capture without control, direction and other invisible characters, bounded."""
    if len(text) <= MAX_VALUE and text.isprintable():
        return text
    kept = [" " if char in "\t\n\r" else char for char in text[: 4 * MAX_VALUE] if not invisible(char)]
    return "".join(kept) if len(kept) <= MAX_VALUE else "".join(kept[:MAX_VALUE]) + "…"


def _tidy(text: str) -> str:
    """Single line breaks are only how the rule file was wrapped; a blank line is a paragraph."""
    return "\n\n".join(" ".join(block.split()) for block in re.split(r"\n[ \t]*\n", text) if block.strip())


def join_words(words: Sequence[str], limit: int = MAX_LISTED) -> str:
    """Words as a person lists them: "a, b and c", or "a, b and 7 more"."""
    shown = [clean(word) for word in words]
    if len(shown) > limit:
        shown = [*shown[: limit - 1], f"{len(words) - limit + 1} more"]
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + " and " + shown[-1]


def _plain(value: Shown) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _trimmed(value)
    if isinstance(value, str):
        return clean(value)
    return UNKNOWN_WORD if value is None else join_words(value)


def _trimmed(value: float, separators: str = "") -> str:
    if abs(value) >= 1e15 or 0 < abs(value) < 1e-3:
        return f"{value:.3g}"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = f"{value:{separators}.{digits}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _default(value: Shown) -> str:
    if isinstance(value, bool):
        return _plain(value)
    if isinstance(value, int):
        return f"{value:,}"
    return _trimmed(value, ",") if isinstance(value, float) else _plain(value)


def _percent(value: Shown) -> str:
    if not isinstance(value, int | float):
        return _plain(value)
    percent = 100 * value
    return f"{percent:.1f} %" if 0 < abs(percent) < 10 and round(percent, 1) % 1 else f"{percent:.0f} %"


def _duration(value: Shown) -> str:
    if not isinstance(value, int | float):
        return _plain(value)
    sign, ns = ("-" if value < 0 else ""), abs(value)
    if ns == 0:
        return "0 s"
    if ns < 999_500_000:
        return f"{sign}{_trimmed(round(ns / 1e6, 3 if ns < 1e6 else 0))} ms"
    if ns < 59_950_000_000:
        return f"{sign}{_trimmed(round(ns / 1e9, 1))} s"
    seconds = round(ns / 1e9)
    for size, unit, small, name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // small
            return f"{sign}{seconds // size:,} {unit}" + (f" {rest} {name}" if rest else "")
    return f"{sign}{seconds} s"


def _time(value: Shown) -> str:
    if not isinstance(value, int | float):
        return _plain(value)
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(value) // 1000)
    except (OverflowError, ValueError):
        return _plain(value)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _list(value: Shown) -> str:
    if not isinstance(value, str):
        return _plain(value)
    return join_words([word.strip() for word in value.split(";" if ";" in value else ",") if word.strip()])


def _quoted(value: Shown) -> str:
    return '"' + _plain(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _family(value: Shown) -> str:
    return "ipv6" if isinstance(value, str) and ":" in value else "ip"


def _for_filter(value: Shown) -> str:
    """A value in a display filter: bare when it cannot be read as anything else, quoted otherwise."""
    if isinstance(value, bool):
        return str(int(value))
    if value is None or isinstance(value, int | float | str):
        text = _plain(value)
        return text if _SAFE_IN_FILTER.fullmatch(text) else _quoted(text)
    return ", ".join(_for_filter(word) for word in value)


_SHOW: Mapping[str, Callable[[Shown], str]] = {
    "": _default,
    "plain": _plain,
    "percent": _percent,
    "duration": _duration,
    "time": _time,
    "list": _list,
    "quoted": _quoted,
    "family": _family,
}
