"""Drawings for a page: SVG that needs no style of its own, has unique ids and follows the page's colours.

Knows SVG. Must not know what is drawn. `adapt` takes what the plotting library wrote; `Drawing` is a
small writer for diagrams that are no plots.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from pcapan.report.safe import clean

#: What a colour means; the page says which colour that is, by day and by night.
COLOURS = ("ink", "muted", "grid", "answered", "unanswered", "live", "limit", "gap", "paper")

#: Stand-ins that the plotting library can draw with; none of them is ever shown.
STAND_INS = {name: f"#0102{number:02x}" for number, name in enumerate(COLOURS, 16)}
_REAL = {code: f"var(--{name})" for name, code in STAND_INS.items()}

_KEPT = {
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-dashoffset", "stroke-linecap",
    "stroke-linejoin", "stroke-opacity", "fill-opacity", "opacity", "font-size", "font-weight",
    "text-anchor",
}  # fmt: skip
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_LINK = re.compile(r"url\(#([^)]+)\)")


def adapt(text: str, key: str, title: str, description: str) -> str:
    """An `<svg>` element for a page out of a whole SVG file; `key` keeps its ids apart from others'."""
    root = ET.fromstring(text)
    used = set(_LINK.findall(text)) | set(re.findall(r'xlink:href="#([^"]+)"', text))
    names = {name: f"{key}-{number}" for number, name in enumerate(sorted(used))}
    box = root.get("viewBox", "0 0 1 1")
    body = "".join(_element(child, names) for child in root)
    return _frame(key, box, title, description, body)


def _frame(key: str, box: str, title: str, description: str, body: str) -> str:
    width = box.split()[2]
    return (
        f'<svg role="img" aria-labelledby="{key}-title {key}-desc" viewBox="{box}" width="{width}">'
        f'<title id="{key}-title">{escape(clean(title))}</title>'
        f'<desc id="{key}-desc">{escape(clean(description))}</desc>{body}</svg>'
    )


def _element(element: ET.Element, names: Mapping[str, str]) -> str:
    tag = element.tag.rpartition("}")[2]
    if tag in ("metadata", "style", "title", "desc"):
        return ""
    found: dict[str, str] = {}
    for name, value in element.attrib.items():
        name = name.rpartition("}")[2]
        if name == "style":
            for part in value.split(";"):
                key, _, said = part.partition(":")
                if key.strip() in _KEPT:
                    found[key.strip()] = said.strip()
        elif name == "id":
            if value in names:
                found["id"] = names[value]
        elif name == "href":
            found["href"] = "#" + names[value.removeprefix("#")]
        elif name != "type":
            found[name] = value
    attributes = "".join(f" {name}={quoteattr(_value(value, names))}" for name, value in found.items())
    inner = escape(element.text.strip()) if element.text else ""
    inner += "".join(_element(child, names) for child in element)
    if not inner and tag in ("g", "defs"):
        return ""
    return f"<{tag}{attributes}>{inner}</{tag}>" if inner else f"<{tag}{attributes}/>"


def _value(value: str, names: Mapping[str, str]) -> str:
    value = _REAL.get(value, value)
    value = _LINK.sub(lambda link: f"url(#{names[link[1]]})", value)
    return " ".join(_LONG_NUMBER.sub(_short, value).split())


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


class Drawing:
    """Lines, texts and arrow heads at given places."""

    def __init__(self, width: int, height: int) -> None:
        self._size = width, height
        self._parts: list[str] = []

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = ""
    ) -> None:
        """A straight line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="var(--{colour})" '
            f'stroke-width="{width:g}"{dashes}/>'
        )

    def head(self, x: float, y: float, to_right: bool, colour: str) -> None:
        """The head of an arrow whose tip is at (x, y)."""
        back = -8 if to_right else 8
        self._parts.append(
            f'<path d="M{x:g} {y:g}l{back} -4v8z" fill="var(--{colour})"/>',
        )

    def text(
        self, x: float, y: float, text: str, *, colour: str = "ink", anchor: str = "start", size: float = 12,
        bold: bool = False,
    ) -> None:  # fmt: skip
        """A text; anchor start, middle or end."""
        weight = ' font-weight="600"' if bold else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" '
            f'fill="var(--{colour})"{weight}>{escape(clean(text))}</text>'
        )

    def finish(self, key: str, title: str, description: str) -> str:
        """The `<svg>` element."""
        return _frame(key, f"0 0 {self._size[0]} {self._size[1]}", title, description, "".join(self._parts))
