"""What a person reads about a job or a video, in words: state, time, parameters and money. No HTML."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.domain.requests import GenerationRequest

Tone = Literal["run", "wait", "warn", "bad", "good", "off"]

STATE_WORDS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.PLANNED: "Planned",
        JobState.UPLOADING: "Uploading the pictures",
        JobState.SUBMITTING: "Sending the request",
        JobState.WAITING: "Waiting for a free slot",
        JobState.UNKNOWN: "Checking whether the paid call arrived",
        JobState.QUEUED: "In the queue",
        JobState.GENERATING: "Generating",
        JobState.DOWNLOADING: "Downloading the video",
        JobState.DONE: "Done",
        JobState.FAILED: "Failed",
        JobState.MODERATED: "Stopped by the moderator",
        JobState.REFUSED: "Refused",
        JobState.CANCELLED: "Cancelled",
        JobState.TIMED_OUT: "Not finished in time",
    }
)

# For a table, where the column says that it is a state.
SHORT_WORDS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        **STATE_WORDS,
        JobState.UPLOADING: "Uploading",
        JobState.SUBMITTING: "Sending",
        JobState.WAITING: "Waiting for a slot",
        JobState.UNKNOWN: "Checking the call",
        JobState.DOWNLOADING: "Downloading",
        JobState.MODERATED: "Moderated",
        JobState.TIMED_OUT: "Timed out",
    }
)

# One short sentence under the state, where the state alone leaves a question open.
_MEANINGS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.PLANNED: "Nothing has been sent yet.",
        JobState.UPLOADING: "Nothing is charged for an upload.",
        JobState.SUBMITTING: "This is the call that is paid for.",
        JobState.WAITING: "All slots are taken. It is tried again by itself; nothing is charged until then.",
        JobState.UNKNOWN: "Its answer was lost. Nothing is sent again before this is settled.",
        JobState.DONE: "The video is finished.",
        JobState.TIMED_OUT: "The generation may still finish at PixVerse.",
    }
)

_TONES: Final[Mapping[JobState, Tone]] = MappingProxyType(
    {
        JobState.PLANNED: "off",
        JobState.WAITING: "wait",
        JobState.UNKNOWN: "warn",
        JobState.DONE: "good",
        JobState.FAILED: "bad",
        JobState.MODERATED: "bad",
        JobState.REFUSED: "bad",
        JobState.CANCELLED: "off",
        JobState.TIMED_OUT: "warn",
    }
)

SANDBOX_MEANING: Final = "made by the built-in sandbox, not by PixVerse; no real credits are spent"


def severity(state: JobState) -> Tone:
    """Return how a state is coloured: running, waiting, warning, bad, good, or off."""
    return _TONES.get(state, "run")


def state_words(snapshot: JobSnapshot) -> str:
    """Return where a job stands, in words; one that does not move until a person asks is not called under way."""
    if not snapshot.is_paused or snapshot.state is JobState.PLANNED:
        return STATE_WORDS[snapshot.state]
    if snapshot.state is JobState.DOWNLOADING:
        return "Download stopped"
    return "Not sent" if snapshot.state in (JobState.UPLOADING, JobState.WAITING) else "Stopped"


def short_words(snapshot: JobSnapshot) -> str:
    """Return where a job stands in one or two words, for a column of a table."""
    return state_words(snapshot) if snapshot.is_paused else SHORT_WORDS[snapshot.state]


def job_tone(snapshot: JobSnapshot) -> Tone:
    """Return how a job is coloured: as its state, but what rests is never coloured as running."""
    if not snapshot.is_paused:
        return severity(snapshot.state)
    return "off" if snapshot.error is None else "warn"


def meaning(snapshot: JobSnapshot) -> str:
    """Return what the state means for the person, the place in the queue included; empty where it says itself."""
    if snapshot.is_paused:
        return ""
    if snapshot.state is JobState.QUEUED:
        place = snapshot.queue_position
        return f"Position {place}." if place is not None else "PixVerse has accepted it and has not begun."
    if snapshot.error is not None:
        return ""
    return _MEANINGS.get(snapshot.state, "")


def elapsed_s(snapshot: JobSnapshot, *, now: float) -> float:
    """Return the seconds since the submission (before it: since the creation), up to the end or `now`."""
    start = snapshot.created_at if snapshot.submitted_at is None else snapshot.submitted_at
    end = now if snapshot.finished_at is None else snapshot.finished_at
    return max(0.0, end - start)


def typical_words(snapshot: JobSnapshot, *, now: float) -> str:
    """Return "usually about 58 s", or that it takes longer than usual; empty where nothing is known or it is over."""
    if snapshot.typical_s is None or snapshot.submitted_at is None or snapshot.state.is_final or snapshot.is_paused:
        return ""
    usual = duration_words(snapshot.typical_s)
    longer = elapsed_s(snapshot, now=now) > 1.5 * snapshot.typical_s
    return f"longer than usual (about {usual})" if longer else f"usually about {usual}"


def clock_words(seconds: float) -> str:
    """Return `seconds` as a running clock: "0:07", "12:30", "1:02:03"."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def duration_words(seconds: float) -> str:
    """Return `seconds` in words: "0.4 s", "58 s", "3 min", "3 min 20 s", "1 h 5 min"."""
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, second = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {second} s" if second else f"{minutes} min"
    hours, minute = divmod(minutes, 60)
    return f"{hours} h {minute} min" if minute else f"{hours} h"


def parameter_words(request: GenerationRequest) -> tuple[str, ...]:
    """Return the parameters that decide what the video looks like, shortest first to read, without the prompt."""
    words = (
        request.quality,
        f"{request.duration} s" if request.duration is not None else None,
        request.aspect_ratio,
        f"{request.motion_mode} motion" if request.motion_mode is not None else None,
        request.model,
        "with watermark" if request.remove_watermark is False else None,
    )
    return tuple(word for word in words if word is not None)


def credit_words(count: int | None, *, is_estimate: bool, is_sandbox: bool) -> str:
    """Return "60 credits", "about 1,060 credits (estimate)" or "60 sandbox credits"; empty where nothing is known."""
    if count is None:
        return ""
    unit = "sandbox credit" if is_sandbox else "credit"
    amount = f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"about {amount} (estimate)" if is_estimate else amount


def cost_words(snapshot: JobSnapshot, *, may_estimate: bool) -> str:
    """Return what a job costs; empty where nothing is known, and where nothing was charged."""
    if snapshot.charged == "no" and charge_words(snapshot):
        return ""  # "Nothing was charged." stands beside it
    is_known = snapshot.cost_credits is not None
    cost = snapshot.cost_credits if is_known or not may_estimate else snapshot.estimated_credits
    return credit_words(cost, is_estimate=not is_known, is_sandbox=snapshot.is_sandbox)


def charge_words(snapshot: JobSnapshot) -> str:
    """Return whether a job that ended without a video, or whose paid call was lost, was charged; else empty."""
    if snapshot.error is None and snapshot.state not in _NAMES_ITS_CHARGE:
        return ""
    match snapshot.charged:
        case "no":
            return "Nothing was charged."
        case "unknown":
            return "It is not known whether it was charged."
        case "yes":
            known = snapshot.cost_credits is not None
            cost = snapshot.cost_credits if known else snapshot.estimated_credits
            amount = credit_words(cost, is_estimate=not known, is_sandbox=snapshot.is_sandbox)
            return f"Charged: {amount}." if amount else "It was charged."


_NAMES_ITS_CHARGE: Final = frozenset(
    {JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED, JobState.TIMED_OUT, JobState.UNKNOWN}
)


def next_step_words(snapshot: JobSnapshot) -> str:
    """Return what the person can do now, or why a lost call waits; else how a timed-out job is taken up again."""
    if snapshot.state is JobState.UNKNOWN and snapshot.status_detail:
        return snapshot.status_detail
    if snapshot.suggested_action:
        return snapshot.suggested_action
    if snapshot.state is JobState.TIMED_OUT:
        return f'client.job("{snapshot.ref}") takes it up again.'
    return ""


def shortened(text: str, *, longest: int) -> str:
    """Return `text` on one line, cut at a word to at most `longest` characters with "…" at the end."""
    line = " ".join(text.split())
    if len(line) <= longest:
        return line
    head = line[: longest - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[longest // 2 :] else head).rstrip(" ,.;:") + "…"
