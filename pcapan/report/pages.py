"""HTML pages that need nothing but themselves: one style sheet inside, no script, no address outside.

Knows the template engine, the style sheet and the policy that a browser is told. Must not know what a
page says. Every text passes `clean` and is escaped by the template engine; only drawings and the style
sheet of pcapan itself go in as they are. What only a page needs is imported when one is made: every run
imports this module.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pcapan.errors import UsageError
from pcapan.report import words
from pcapan.report.safe import clean

if TYPE_CHECKING:
    from jinja2 import Environment

#: Longest text in one place; a longer one is cut, and it is told.
_LONGEST = 3000

#: What a page needs and what takes long to import.
_SLOW_TO_IMPORT = (
    "matplotlib.backends.backend_svg",
    "matplotlib.figure",
    "jinja2",
    "pcapan.report.html",
    "pcapan.report.charts",
    "pcapan.report.ladder",
)

#: The colour of a verdict.
_TONES = {
    "confirmed": "bad",
    "suspected": "warn",
    "inconclusive": "open",
    "not observed": "good",
    "no problem observed": "good",
    "not applicable": "calm",
    "not asked": "calm",
}
#: Shapes, so that nothing hangs on colour.
_SIGNS = {
    "confirmed": "■",
    "suspected": "◆",
    "inconclusive": "?",
    "not observed": "○",
    "no problem observed": "✓",
    "not applicable": "–",
    "not asked": "–",
}


def check_libraries() -> None:
    """Raise UsageError where the libraries of the HTML report are missing."""
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"the HTML report needs {words.listed(missing)}, which {'is' if len(missing) == 1 else 'are'} "
            "not installed",
            where="HTML report",
            hint='install with: pip install "pcapan[report]"; Markdown, JSON and text need nothing more',
        )


def preload() -> None:
    """Import the plotting library on a thread of its own, while the capture is still being read.

    It takes half a second to import. Whatever fails here fails again, and is told, where it is used.
    """
    threading.Thread(target=load_libraries, daemon=True).start()


def load_libraries() -> None:
    """Import what pages need; whatever fails here fails again, and is told, where it is used."""
    with contextlib.suppress(Exception):
        for name in _SLOW_TO_IMPORT:
            import_module(name)


def render_page(
    name: str, filters: Mapping[str, Callable[[Any], Any]], *, package: str = "pcapan.report", **values: Any
) -> str:
    """The page that the template `name` of a package makes of `values`, with further filters of its own."""
    import base64
    import hashlib

    css = _file("page.css")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    environment = _environment(package)
    environment.filters |= filters
    environment.globals |= {"tones": _TONES, "signs": _SIGNS}
    return environment.get_template(name).render(css=css, policy=policy, **values)


def _file(name: str, package: str = "pcapan.report") -> str:
    from importlib import resources

    return resources.files(package).joinpath(name).read_text("utf-8").replace("\r\n", "\n")


def _environment(package: str) -> Environment:
    from importlib import resources

    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def template(name: str) -> str:
        own = resources.files(package).joinpath(name).is_file()
        return _file(name, package) if own else _file(name)

    def inert(value: Any) -> Any:
        if isinstance(value, Markup) or not isinstance(value, str):
            return value
        cut = value if len(value) <= _LONGEST else f"{value[:_LONGEST]} ... ({len(value) - _LONGEST} more)"
        return clean(cut)

    environment = Environment(
        loader=FunctionLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=inert,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "drawn": Markup,
        "pieces": words.commands_apart,
        "addresses": lambda addresses: words.listed(addresses, most=20),
        "few": lambda addresses: words.listed(addresses, most=3),
    }
    return environment
