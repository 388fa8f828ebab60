"""One handshake as a ladder: client left, server right, time downwards.

Knows the ladders of the result document. Must not know why an answer is missing.
"""

from __future__ import annotations

from typing import Any

from pcapan.report.svg import Drawing
from pcapan.report.words import spoken_duration

_WIDTH, _LEFT, _RIGHT = 460, 78, 404
_TOP, _ROW = 52, 30

_FAILED = {
    "unanswered": "No answer in this capture",
    "challenged": "A cookie was asked for, and no answer followed",
    "rejected": "The server refused; no SA came of it",
    "half-open": "Nothing more of this client in this capture",
    "authenticating": "IKE_AUTH was not answered in this capture",
    "failed": "Authentication did not lead to a tunnel",
}


def ladder_caption(ladder: dict[str, Any]) -> str:
    """What the drawing shows, in a sentence."""
    where = f"{ladder['client']}:{ladder['client_port']}"
    if ladder["kind"] == "healthy":
        return f"A handshake that worked, from {where}"
    end = _FAILED.get(ladder["outcome"], ladder["outcome"])
    return f"An attempt that failed, from {where}: {end[:1].lower()}{end[1:]}"


def ladder_svg(ladder: dict[str, Any], key: str) -> str:
    """The drawing."""
    steps = ladder["steps"]
    height = _TOP + _ROW * (len(steps) + 1) + 34
    drawing = Drawing(_WIDTH, height)
    drawing.text(_LEFT, 16, "client", anchor="middle", bold=True)
    drawing.text(_LEFT, 31, _short(ladder["client"]), anchor="middle", colour="muted", size=11)
    drawing.text(_RIGHT - 6, 16, "server", anchor="middle", bold=True)
    drawing.text(_RIGHT - 6, 31, _short(ladder["server"]), anchor="middle", colour="muted", size=11)
    for x in (_LEFT, _RIGHT):
        drawing.line(x, 38, x, height - 26, "muted")
    y = float(_TOP)
    for step in steps:
        y += _ROW
        _step(drawing, y, step)
    _end(drawing, y + _ROW, ladder)
    return drawing.finish(key, ladder_caption(ladder), ladder_words(ladder))


def _step(drawing: Drawing, y: float, step: dict[str, Any]) -> None:
    colour = ("unanswered" if step["repeat"] else "live") if step["by_client"] else "answered"
    begin, end = (_LEFT, _RIGHT) if step["by_client"] else (_RIGHT, _LEFT)
    drawing.line(begin, y, end, y, colour, width=1.6, dash="6 4" if step["repeat"] else "")
    drawing.head(end, y, step["by_client"], colour)
    what = f"{step['what']} (repeated)" if step["repeat"] else step["what"]
    drawing.text((_LEFT + _RIGHT) / 2, y - 6, what[:60], anchor="middle")
    drawing.text(_LEFT - 8, y + 4, spoken_after(step["after_ns"]), anchor="end", colour="muted", size=11)
    drawing.text(_RIGHT + 8, y + 4, f"#{step['frame']}", colour="muted", size=11)


def _end(drawing: Drawing, y: float, ladder: dict[str, Any]) -> None:
    left = ladder["steps_left_out"]
    if left:
        drawing.text((_LEFT + _RIGHT) / 2, y, f"... and {left} more", anchor="middle", colour="muted")
    elif ladder["kind"] == "healthy":
        drawing.text(
            (_LEFT + _RIGHT) / 2, y, "✓ the tunnel is up", anchor="middle", colour="answered", bold=True
        )
    else:
        said = f"✕ {_FAILED.get(ladder['outcome'], ladder['outcome'])}"
        drawing.text((_LEFT + _RIGHT) / 2, y, said, anchor="middle", colour="unanswered", bold=True)
        watched = f"watched for {spoken_duration(ladder['watched_ns'])} from the first step"
        drawing.text((_LEFT + _RIGHT) / 2, y + 17, watched, anchor="middle", colour="muted", size=11)


def ladder_words(ladder: dict[str, Any]) -> str:
    """The drawing in words."""
    told = [
        f"{spoken_after(step['after_ns'])} {'client' if step['by_client'] else 'server'}: {step['what']}"
        f"{' (repeated)' if step['repeat'] else ''}, frame {step['frame']}"
        for step in ladder["steps"]
    ]
    if ladder["steps_left_out"]:
        told.append(f"{ladder['steps_left_out']} more steps")
    return "; ".join(told)


def spoken_after(ns: int) -> str:
    """``+1.00 s``."""
    return "0 s" if ns == 0 else f"+{spoken_duration(ns)}"


def _short(address: str) -> str:
    return address if len(address) <= 24 else f"{address[:22]}..."
