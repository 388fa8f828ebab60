"""``pcapan analyze``: read, judge, print, and choose the exit status.

Knows the pipeline and the renderers. Must not know rules or packets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from pcapan.commands.guard import say, tell
from pcapan.commands.options import check_captures, make_options
from pcapan.commands.output import to_terminal, write_out
from pcapan.commands.progress import progress_bar
from pcapan.commands.render import Look, check_format, make_wanted, print_text, rendered
from pcapan.commands.request import AnalyzeRequest
from pcapan.crew import cores
from pcapan.errors import ExitCode, UsageError
from pcapan.memory import without_collection
from pcapan.model import Result, Severity, Verdict
from pcapan.pipeline import Analysis, Options, SearchProgress, analyze, built_in_rules
from pcapan.reading import Progress, Reading

#: What --fail-on may name besides rules, and the verdicts it stands for.
_VERDICTS = {
    "confirmed": (Verdict.CONFIRMED,),
    "suspected": (Verdict.CONFIRMED, Verdict.SUSPECTED),
}


#: The last analysis stays until the next one: taking a million objects apart takes a tenth of the run, and
#: then the process ends.
_last: list[Analysis] = []


@without_collection
def run(request: AnalyzeRequest, begun: Reading | None = None) -> ExitCode:
    """Analyse and print; raises PcapanError when nothing can be said.

    `begun` is a reading of the captures that has begun already.
    """
    check_captures(request.captures)
    options = make_options(
        servers=request.servers,
        vips=request.vips,
        balancers=request.balancers,
        limit=request.limit,
        rules=request.rules,
        overrides=request.overrides,
        recover_seconds=request.budget if request.recover else None,
        redactor=request.redaction.redactor(request.captures, request.folder),
    )
    wanted = [word.strip() for text in request.fail_on for word in text.split(",") if word.strip()]
    _check_fail_on(wanted, options)
    look = Look(request.format, request.quiet, request.verbose, make_wanted(request.vendor, request.zone))
    check_format(look.format)
    if request.folder is not None:
        analysis = _into_folder(request.folder, request, options, look, begun)
    else:
        if look.format == "html":
            from pcapan.report.pages import preload

            preload()
        analysis = _analysed(request, options, begun)
    _last[:] = [analysis]
    request.redaction.write_mapping(options.redactor, request.captures)
    if look.format == "text":
        print_text(analysis.result, look, sys.stdout, color=not request.no_color)
    else:
        write_out(rendered(analysis.result, look, ascii_only=to_terminal()))
    if failed(analysis.result, wanted):
        return ExitCode.FINDINGS
    if analysis.partial:
        if not request.quiet:
            say("pcapan: part of the input was cut, damaged or could not be read; the result covers the rest")
        return ExitCode.PARTIAL
    return ExitCode.OK


def _analysed(
    request: AnalyzeRequest,
    options: Options,
    begun: Reading | None,
    watch: Callable[[Progress | None], Progress | None] | None = None,
) -> Analysis:
    """The result, with progress shown and inputs told of that could not be read."""
    with progress_bar(quiet=request.quiet) as progress:
        analysis = analyze(
            list(request.captures),
            options,
            progress=progress if watch is None else watch(progress),
            search_progress=_searching(progress),
            keep=request.folder is not None,
            jobs=request.jobs or cores(),
            hash_all=request.hash_all or request.folder is not None,
            begun=begun,
        )
    for error in analysis.unreadable:
        tell(error)
    return analysis


def _into_folder(
    folder: str, request: AnalyzeRequest, options: Options, look: Look, begun: Reading | None
) -> Analysis:
    """The result, when everything about it has been written."""
    from pcapan.commands.aside import page_maker
    from pcapan.commands.folder import check_folder, write_folder

    check_folder(folder, request.tables, force=request.force)
    with page_maker(request.captures, request.jobs or cores()) as pages:
        analysis = _analysed(request, options, begun, pages.watch)
        try:
            write_folder(
                folder,
                analysis,
                look.wanted,
                pages,
                request.tables,
                request.captures,
                force=request.force,
                redactor=options.redactor,
            )
        finally:
            analysis.forget()
    return analysis


def _searching(progress: Progress | None) -> SearchProgress | None:
    """Shows the address search in the same bar as the reading of files."""
    if progress is None:
        return None
    return lambda done, units: progress("searching NAT detection hashes", done, units)


def _check_fail_on(wanted: Sequence[str], options: Options) -> None:
    """A mistyped id would never fail: refuse it before reading anything."""
    ids = [word for word in wanted if word not in _VERDICTS]
    if not ids:
        return
    known = {rule.id for rule in built_in_rules(options)}
    for word in ids:
        if word not in known:
            raise UsageError(
                f"there is no rule {word!r}",
                where=f"--fail-on {word}",
                hint=f"name confirmed, suspected, or ids out of: {', '.join(sorted(known))}",
            )


def failed(result: Result, wanted: Sequence[str]) -> bool:
    """Whether a finding was made that the user asked to fail on; information is no failure by itself."""
    for finding in result.findings:
        if not finding.verdict.reported:
            continue
        if finding.id in wanted:
            return True
        grave = finding.severity is not Severity.INFO
        if grave and any(finding.verdict in _VERDICTS[word] for word in wanted if word in _VERDICTS):
            return True
    return False
