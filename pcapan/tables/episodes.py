"""Tables `episodes` (one source unanswered), `silences` (everybody unanswered) and `probes`."""

from __future__ import annotations

from pcapan.tables.declare import Table
from pcapan.track.episodes import Episode, Silence
from pcapan.track.probes import ProbeSeries

EPISODES = Table("episodes", "run of unanswered IKE_SA_INIT requests of one source")
SILENCES = Table("silences", "run of IKE_SA_INIT requests that a server answered to nobody")
PROBES = Table("probes", "series of periodic probes from one address")


@EPISODES.column()
def address(episode: Episode) -> str:
    """Source address."""
    return episode.source.address


@EPISODES.column()
def server(episode: Episode) -> str:
    """The server's address."""
    return episode.server


@EPISODES.column("ns since 1970-01-01 UTC")
def onset_ns(episode: Episode) -> int:
    """Time of the first unanswered request."""
    return episode.onset


@EPISODES.column("ns since 1970-01-01 UTC")
def end_ns(episode: Episode) -> int:
    """When answers resumed, else the last unanswered request."""
    return episode.end


@EPISODES.column("ns")
def duration_ns(episode: Episode) -> int:
    """From the first unanswered request to the end of the episode."""
    return episode.end - episode.onset


@EPISODES.column("requests")
def requests(episode: Episode) -> int:
    """Unanswered requests."""
    return len(episode.asked)


@EPISODES.column("attempts")
def attempts(episode: Episode) -> int:
    """Attempts (initiator SPIs) with unanswered requests."""
    return len(episode.attempts)


@EPISODES.column("attempts")
def attempts_lost(episode: Episode) -> int:
    """Attempts that were never answered at all."""
    return len(episode.lost)


@EPISODES.column("requests")
def answered_before(episode: Episode) -> int:
    """Requests of this source answered before the episode."""
    return episode.answered_before


@EPISODES.column()
def resumed(episode: Episode) -> bool:
    """A request of this source was answered after the episode."""
    return episode.resumed_ts is not None


@EPISODES.column("SAs")
def sas_at_onset(episode: Episode) -> int:
    """Established IKE SAs of the source at the first unanswered request (a lower bound: see older)."""
    return episode.source.live_at(episode.onset)


@EPISODES.column("SAs")
def sas_older(episode: Episode) -> int:
    """IKE SAs of the source that were there before the capture began: others may be invisible."""
    return episode.source.older


@EPISODES.column("SAs")
def half_open_at_onset(episode: Episode) -> int:
    """Answered IKE_SA_INITs without IKE_AUTH at the first unanswered request."""
    return episode.source.half_open_at(episode.onset)


@EPISODES.column("SAs")
def sas_at_resume(episode: Episode) -> int | None:
    """Established IKE SAs when answers resumed."""
    return episode.source.live_at(episode.resumed_ts) if episode.resumed_ts is not None else None


@EPISODES.column("SAs")
def half_open_at_resume(episode: Episode) -> int | None:
    """Answered IKE_SA_INITs without IKE_AUTH when answers resumed."""
    return episode.source.half_open_at(episode.resumed_ts) if episode.resumed_ts is not None else None


@EPISODES.column("SAs")
def sas_released(episode: Episode) -> int:
    """Established IKE SAs of the source that ended during the episode (or just before it)."""
    return episode.released


@EPISODES.column("requests")
def answered_at_more(episode: Episode) -> int:
    """Later requests of this source answered while at least as many SAs were live as at the onset."""
    return episode.answered_at_more


@EPISODES.column("requests")
def others_answered(episode: Episode) -> int:
    """Requests of other sources that the server answered during the episode."""
    return episode.others_answered


@EPISODES.column("sources")
def others_answered_sources(episode: Episode) -> int:
    """Other sources that the server answered during the episode."""
    return episode.others_answered_sources


@EPISODES.column("sources")
def others_unanswered_sources(episode: Episode) -> int:
    """Other sources with unanswered requests during the episode."""
    return episode.others_unanswered_sources


@EPISODES.column("signs")
def still_working(episode: Episode) -> int:
    """ESP flows of the source that went on, and exchanges of its SAs answered, during the episode."""
    return episode.working_flows


@SILENCES.column()
def silent_server(silence: Silence) -> str:
    """The server's address."""
    return silence.server


@SILENCES.column("ns since 1970-01-01 UTC")
def from_ns(silence: Silence) -> int:
    """Time of the first unanswered request."""
    return silence.asked[0].ts


@SILENCES.column("ns since 1970-01-01 UTC")
def to_ns(silence: Silence) -> int:
    """When answers resumed, else the last unanswered request."""
    return silence.resumed_ts if silence.resumed_ts is not None else silence.asked[-1].ts


@SILENCES.column("ns")
def silence_ns(silence: Silence) -> int:
    """How long nobody was answered, at least."""
    return to_ns(silence) - silence.asked[0].ts


@SILENCES.column("requests")
def silent_requests(silence: Silence) -> int:
    """Requests in that time, none of them answered."""
    return len(silence.asked)


@SILENCES.column("attempts")
def silent_attempts(silence: Silence) -> int:
    """Attempts (initiator SPIs) in that time."""
    return len({one.attempt.spi_i for one in silence.asked})


@SILENCES.column("sources")
def silent_sources(silence: Silence) -> int:
    """Sources that asked in that time."""
    return len(silence.sources)


@SILENCES.column("sources")
def fresh_sources(silence: Silence) -> int:
    """Of them, sources with fewer than three live SAs: no per-source limit explains their silence."""
    return len(silence.fresh_sources)


@SILENCES.column("requests")
def heard_before(silence: Silence) -> int:
    """Requests that this server answered before the silence, to anybody."""
    return silence.answered_before


@SILENCES.column()
def silence_ended(silence: Silence) -> bool:
    """The server answered again in this capture."""
    return silence.resumed_ts is not None


@SILENCES.column("flows")
def esp_working(silence: Silence) -> int:
    """ESP flows with this server that went on during the silence."""
    return silence.working_flows


@PROBES.column()
def prober(series: ProbeSeries) -> str:
    """Source address of the probes."""
    return series.src


@PROBES.column()
def probed_server(series: ProbeSeries) -> str:
    """The server's address."""
    return series.server


@PROBES.column()
def kind(series: ProbeSeries) -> str:
    """What is sent."""
    return series.kind


@PROBES.column("ns")
def period_ns(series: ProbeSeries) -> int:
    """Median interval between two probes."""
    return series.period


@PROBES.column("probes")
def probes(series: ProbeSeries) -> int:
    """Probes in this capture."""
    return len(series.sends)


@EPISODES.column()
def server_heard(episode: Episode) -> bool:
    """Both directions of this server were captured, so that an answer could be seen."""
    return episode.server_heard


@SILENCES.column()
def silent_server_heard(silence: Silence) -> bool:
    """Both directions of this server were captured, so that an answer could be seen."""
    return silence.server_heard
