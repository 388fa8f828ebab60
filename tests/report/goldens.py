"""What the renderers wrote when somebody last looked at it, and how that is written anew.

``python -m tests.report.goldens`` writes the files in tests/report/golden/ again: look at what
``git diff`` shows before it is committed. Left out are what no two runs share and what belongs to a
library: times of the run, the hash of the rules, drawings, the style sheet.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

from msgspec.structs import replace

from pcapan.model import Result
from pcapan.pipeline import analyze
from pcapan.report.clock import Clock
from pcapan.report.compare.judge import compare
from pcapan.report.compare.markdown import markdown as compare_markdown
from pcapan.report.compare.page import html as compare_html
from pcapan.report.compare.text import print_comparison
from pcapan.report.document import load_result
from pcapan.report.html import html
from pcapan.report.jsontext import json_text
from pcapan.report.markdown import markdown
from pcapan.report.story import Wanted
from tests.samples_kit import sample

FOLDER = Path(__file__).resolve().parent / "golden"
NAMES = ("sa-limit-8", "full-nat-3-clients", "healthy-dnat", "one-direction")
#: The last one is told in a local time and for one vendor.
WANTED = {"full-nat-3-clients": Wanted(Clock.of("Europe/Berlin"), "kemp")}


def fresh(name: str) -> Result:
    """A sample's result without what no two runs share."""
    made = analyze(sample(name)).result
    return replace(
        made,
        tool={"name": "pcapan", "version": "0"},
        run={
            **made.run,
            "rules_hash": "0" * 64,
            "started": "2026-01-01T00:00:00.000000000Z",
            "engine": "compiled",
        },
        inputs=[{**entry, "path": f"captures/{Path(entry['path']).name}"} for entry in made.inputs],
        findings=[
            replace(one, evidence=[replace(e, file=f"captures/{Path(e.file).name}") for e in one.evidence])
            for one in made.findings
        ],
        ladders=json.loads(
            re.sub(r'"file": "[^"]*/', '"file": "captures/', json.dumps(made.ladders)),
        ),
        problems=[replace(one, file=f"captures/{Path(one.file).name}") for one in made.problems],
    )


def stored(name: str) -> Result:
    """The result that is kept."""
    return load_result((FOLDER / f"{name}.json").read_bytes(), name)


def rendered(name: str, result: Result) -> dict[str, str]:
    """Texts by file name ending; the page without drawings and style."""
    wanted = WANTED.get(name, Wanted())
    page = html(result, wanted)
    page = re.sub(
        r"(<svg[^>]*?)( viewBox[^>]*)?>(<title.*?</desc>).*?</svg>", r"\1>\3</svg>", page, flags=re.S
    )
    return {"md": markdown(result, wanted), "html": _without_style(page)}


#: Captures before and after a change.
PAIRS = (("sa-limit-8", "healthy-dnat"), ("healthy-dnat", "one-direction"))


def compared(before: str, after: str) -> dict[str, str]:
    """The texts of a comparison by file name ending; the page without its style."""
    made = compare(stored(before), stored(after))
    clock = Clock.of("Europe/Berlin")
    stream = io.StringIO()
    print_comparison(made, stream, clock=clock, width=80)
    return {
        "txt": stream.getvalue(),
        "md": compare_markdown(made, clock),
        "html": _without_style(compare_html(made, clock)),
        "json": json_text(made.to_dict(), indent=1) + "\n",
    }


def _without_style(page: str) -> str:
    page = re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.S)
    return re.sub(r"sha256-[\w+/=]+", "sha256-", page)


def _write() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.json").write_text(json_text(fresh(name).to_dict(), indent=1) + "\n", "utf-8")
        for ending, text in rendered(name, stored(name)).items():
            (FOLDER / f"{name}.{ending}").write_text(text, "utf-8")
    for pair in PAIRS:
        for ending, text in compared(*pair).items():
            (FOLDER / f"{'-'.join(pair)}.{ending}").write_text(text, "utf-8")


if __name__ == "__main__":
    _write()
