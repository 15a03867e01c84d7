"""Text about jobs and videos: states, times, parameters and credits. No HTML."""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from pixverse_nb.domain.jobs import JobSnapshot, JobState, WaitingFor
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import Charge

StateSeverity = Literal["run", "wait", "warn", "bad", "good", "off"]  # the stylesheet has a class for each

STATE_LABELS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.PLANNED: "Planned",
        JobState.UPLOADING: "Uploading",
        JobState.SUBMITTING: "Sending the request",
        JobState.WAITING: "Waiting to be sent",
        JobState.UNKNOWN: "Checking whether the request was accepted",
        JobState.QUEUED: "Queued",
        JobState.GENERATING: "Generating",
        JobState.DOWNLOADING: "Downloading the video",
        JobState.DONE: "Done",
        JobState.FAILED: "Failed",
        JobState.MODERATED: "Rejected by moderation",
        JobState.REFUSED: "Refused",
        JobState.CANCELLED: "Cancelled",
        JobState.TIMED_OUT: "Timed out",
    }
)

# For table columns and tiles, where space is short.
SHORT_STATE_LABELS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        **STATE_LABELS,
        JobState.SUBMITTING: "Sending",
        JobState.UNKNOWN: "Checking",
        JobState.DOWNLOADING: "Downloading",
        JobState.MODERATED: "Moderated",
    }
)

_WAITING_LABELS: Final[Mapping[WaitingFor, str]] = MappingProxyType(
    {"slot": "Waiting for a free slot", "network": "Waiting for the network"}
)
_SHORT_WAITING_LABELS: Final[Mapping[WaitingFor, str]] = MappingProxyType(
    {"slot": "Waiting for a slot", "network": "No network"}
)

CHARGE_LABELS: Final[Mapping[Charge, str]] = MappingProxyType(
    {"no": "not charged", "yes": "charged", "unknown": "may have been charged"}
)

SANDBOX_EXPLANATION: Final = "made by the built-in sandbox, not by PixVerse; no real credits are spent"

_SHOWN_BY_PICTURES: Final = frozenset({Operation.TEXT, Operation.IMAGE, Operation.FRAMES})
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})  # classes of Unicode's bidirectional algorithm

_OFF_PEAK: Final = "Off-peak: PixVerse may take up to 24 hours. It uses no slot."

_EXPLANATIONS: Final[Mapping[JobState, str]] = MappingProxyType(
    {
        JobState.PLANNED: "Nothing has been sent yet.",
        JobState.UPLOADING: "Uploads are free.",
        JobState.SUBMITTING: "This request is charged if it is accepted.",
        JobState.WAITING: "The job is sent as soon as a slot is free. Nothing is charged until then.",
        JobState.UNKNOWN: "The response was lost. Nothing is sent again until this is settled.",
        JobState.DONE: "The video is finished.",
    }
)
_WAITING_EXPLANATIONS: Final[Mapping[WaitingFor, str]] = MappingProxyType(
    {
        "slot": "All slots are in use. The job is sent automatically; nothing is charged until then.",
        "network": "There is no connection. The job is sent automatically; nothing is charged until then.",
    }
)

_SEVERITIES: Final[Mapping[JobState, StateSeverity]] = MappingProxyType(
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

_STATES_WITH_CHARGE_SENTENCE: Final = frozenset(
    {JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED, JobState.TIMED_OUT, JobState.UNKNOWN}
)


# -- states --------------------------------------------------------------------------------------------------------


def severity(state: JobState) -> StateSeverity:
    """Return the severity that decides the colour of `state`; states in progress are "run"."""
    return _SEVERITIES.get(state, "run")


def job_severity(snapshot: JobSnapshot) -> StateSeverity:
    """Return the severity of a job: that of its state, but a paused job is never shown as running."""
    if not snapshot.is_paused:
        return severity(snapshot.state)
    return "off" if snapshot.error is None else "warn"


def state_label(snapshot: JobSnapshot) -> str:
    """Return the state of a job as text; a paused job is not described as in progress."""
    if not snapshot.is_paused or snapshot.state is JobState.PLANNED:
        return _label(snapshot, STATE_LABELS, _WAITING_LABELS)
    if snapshot.state is JobState.DOWNLOADING:
        return "Download stopped"
    return "Not sent" if snapshot.state in (JobState.UPLOADING, JobState.WAITING) else "Stopped"


def short_state_label(snapshot: JobSnapshot) -> str:
    """Return the state of a job in one to three words, for a table column."""
    if snapshot.is_paused:
        return state_label(snapshot)
    return _label(snapshot, SHORT_STATE_LABELS, _SHORT_WAITING_LABELS)


def _label(snapshot: JobSnapshot, labels: Mapping[JobState, str], waiting_labels: Mapping[WaitingFor, str]) -> str:
    return labels[snapshot.state] if snapshot.waiting_for is None else waiting_labels[snapshot.waiting_for]


def state_explanation(snapshot: JobSnapshot) -> str:
    """Return a sentence that explains the state, including the queue position; empty if the state says enough."""
    if snapshot.is_paused:
        return ""
    if snapshot.state is JobState.QUEUED:
        if snapshot.request.is_off_peak:
            return _OFF_PEAK
        position = snapshot.queue_position
        return f"Position {position}." if position is not None else "Accepted by PixVerse, not started yet."
    if snapshot.error is not None:
        return ""
    if snapshot.waiting_for is not None:
        return _WAITING_EXPLANATIONS[snapshot.waiting_for]
    if snapshot.state is JobState.GENERATING and snapshot.request.is_off_peak:
        return _OFF_PEAK
    return _EXPLANATIONS.get(snapshot.state, "")


def next_step(snapshot: JobSnapshot) -> str:
    """Return what the user can do now, or why a lost call is still being checked; may be empty."""
    if snapshot.state is JobState.UNKNOWN and snapshot.status_detail:
        return snapshot.status_detail
    return snapshot.suggested_action or ""


# -- time ----------------------------------------------------------------------------------------------------------


def elapsed_s(snapshot: JobSnapshot, *, now: float) -> float:
    """Return the seconds from submission (or creation, if not submitted) to the end of the job or `now`."""
    start = snapshot.created_at if snapshot.submitted_at is None else snapshot.submitted_at
    end = now if snapshot.finished_at is None else snapshot.finished_at
    return max(0.0, end - start)


def typical_duration(snapshot: JobSnapshot, *, now: float) -> str:
    """Return "usually about 58 s" or "longer than usual (about 58 s)"; empty if unknown or not running."""
    if snapshot.typical_s is None or snapshot.submitted_at is None or snapshot.state.is_final or snapshot.is_paused:
        return ""
    usual = format_duration(snapshot.typical_s)
    is_late = elapsed_s(snapshot, now=now) > 1.5 * snapshot.typical_s
    return f"longer than usual (about {usual})" if is_late else f"usually about {usual}"


def format_clock(seconds: float) -> str:
    """Return `seconds` as a running clock: "0:07", "12:30", "1:02:03"."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def format_duration(seconds: float) -> str:
    """Return `seconds` with units: "0.4 s", "58 s", "3 min", "3 min 20 s", "1 h 5 min"."""
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


# -- requests ------------------------------------------------------------------------------------------------------


def format_parameters(request: GenerationRequest) -> tuple[str, ...]:
    """Return the parameters that the video depends on as short texts, without prompt and seed.

    Parameters that the operation does not have (None) are omitted.
    """
    watermark = "with watermark" if request.remove_watermark is False else None
    return _without_empty(
        request.quality,
        _with_unit("{} s", request.duration),
        request.aspect_ratio,
        _with_unit("{} motion", request.motion_mode),
        request.model,
        watermark,
        "off-peak" if request.is_off_peak else None,
    )


def format_row_parameters(request: GenerationRequest) -> tuple[str, ...]:
    """Return the parameters for a row of a list; normal motion is omitted.

    An operation that its pictures do not show, such as "extend", comes first.
    """
    return _without_empty(
        request.operation.value if request.operation not in _SHOWN_BY_PICTURES else None,
        request.quality,
        _with_unit("{} s", request.duration),
        request.aspect_ratio,
        request.motion_mode if request.motion_mode != "normal" else None,
        request.model,
        "off-peak" if request.is_off_peak else None,
    )


def format_seed(request: GenerationRequest) -> str:
    """Return "seed 42", or an empty string if the operation has no seed."""
    return _with_unit("seed {}", request.seed) or ""


def _with_unit(template: str, value: object) -> str | None:
    return None if value is None else template.format(value)


def _without_empty(*texts: str | None) -> tuple[str, ...]:
    return tuple(text for text in texts if text)


# -- credits -------------------------------------------------------------------------------------------------------


def format_credits(count: int | None, *, is_estimate: bool, is_sandbox: bool, is_limit: bool = False) -> str:
    """Return "60 credits", "about 1,060 credits (estimate)" or "60 sandbox credits"; empty if `count` is None.

    `is_limit`: an estimate that does not include a discount, "at most 60 credits (estimate)".
    """
    if count is None:
        return ""
    unit = "sandbox credit" if is_sandbox else "credit"
    amount = f"{count:,} {unit}{'' if count == 1 else 's'}"
    if not is_estimate:
        return amount
    return f"{'at most' if is_limit else 'about'} {amount} (estimate)"


def known_cost(snapshot: JobSnapshot) -> tuple[int | None, bool]:
    """Return the credits of a job (None if unknown), and whether they are an estimate."""
    is_known = snapshot.cost_credits is not None
    return (snapshot.cost_credits if is_known else snapshot.estimated_credits), not is_known


def format_cost(snapshot: JobSnapshot, *, allow_estimate: bool) -> str:
    """Return what a job costs, "price unknown", or nothing if nothing was charged.

    `allow_estimate=False`: only a price that the vendor has reported.
    """
    if snapshot.charged == "no" and charge_sentence(snapshot):
        return ""  # the card already says that nothing was charged
    cost, is_estimate = known_cost(snapshot)
    if is_estimate and not allow_estimate:
        return ""
    if cost is None:
        return "price unknown"
    is_limit = snapshot.estimate_is_limit
    return format_credits(cost, is_estimate=is_estimate, is_sandbox=snapshot.is_sandbox, is_limit=is_limit)


def charge_sentence(snapshot: JobSnapshot) -> str:
    """Return whether a job without a video, or with a lost call, was charged; empty for other jobs."""
    if snapshot.error is None and snapshot.state not in _STATES_WITH_CHARGE_SENTENCE:
        return ""
    if snapshot.state in (JobState.FAILED, JobState.MODERATED) and snapshot.submitted_at is not None:
        return _refund_sentence(snapshot)
    match snapshot.charged:
        case "no":
            return "Nothing was charged."
        case "unknown":
            return "It is not known whether you were charged."
        case "yes":
            cost, is_estimate = known_cost(snapshot)
            amount = format_credits(cost, is_estimate=is_estimate, is_sandbox=snapshot.is_sandbox)
            return f"Charged: {amount}." if amount else "You were charged."


def _refund_sentence(snapshot: JobSnapshot) -> str:
    """Return what an accepted job without a video was charged, and whether that came back."""
    cost, is_estimate = known_cost(snapshot)
    amount = format_credits(cost, is_estimate=is_estimate, is_sandbox=snapshot.is_sandbox)
    charge = f"Charged: {amount}" if amount else "It was charged"
    if snapshot.refund_credits is None:
        return f"{charge}; it is not known whether the credits came back."
    return f"{charge}; {'refunded' if snapshot.refund_credits else 'not refunded yet'}."


# -- text ----------------------------------------------------------------------------------------------------------


def with_direction_marks(text: str) -> str:
    """Return `text` so that its writing direction does not reorder what follows on the same line.

    Text with right-to-left letters, such as Arabic or Hebrew, is put between Unicode's left-to-right marks; other text
    is returned unchanged.

    >>> with_direction_marks("a slow dolly")
    'a slow dolly'
    """
    is_mixed = any(unicodedata.bidirectional(letter) in _RIGHT_TO_LEFT for letter in text)
    return f"\u200e{text}\u200e" if is_mixed else text


def shorten(text: str, *, max_length: int) -> str:
    """Return `text` on one line, cut at a word boundary to at most `max_length` characters with "…" at the end."""
    line = " ".join(text.split())
    if len(line) <= max_length:
        return line
    head = line[: max_length - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[max_length // 2 :] else head).rstrip(" ,.;:") + "…"
