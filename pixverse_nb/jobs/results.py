"""What a job's record means to a person: its video, its error, its attempts, and the Python call that repeats it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pixverse_nb import errors, images
from pixverse_nb.backends.base import api_error
from pixverse_nb.config import Timing
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobSnapshot, JobState, WaitingFor
from pixverse_nb.domain.notices import Value
from pixverse_nb.domain.operations import AUDIO, OPERATIONS, SOURCE_VIDEO
from pixverse_nb.domain.recipe import call_line, with_lists
from pixverse_nb.errors import JobCancelled, JobFailed, JobModerated, JobTimeout, PixVerseError
from pixverse_nb.jobs.messages import (
    describe_error,
    describe_event,
    describe_notice,
    describe_notices,
    status_detail,
    suggested_action,
)
from pixverse_nb.jobs.stored_inputs import stored_input
from pixverse_nb.jobs.transitions import can_resume
from pixverse_nb.redaction import redact
from pixverse_nb.video import Video

_JOB_ERRORS: Final[Mapping[JobState, type[errors.JobError]]] = {
    JobState.FAILED: JobFailed,
    JobState.MODERATED: JobModerated,
    JobState.CANCELLED: JobCancelled,
    JobState.TIMED_OUT: JobTimeout,
}
_OTHER_ERRORS: Final[Mapping[str, type[PixVerseError]]] = {
    "BudgetReached": errors.BudgetReached,
    "ConfigError": errors.ConfigError,
    "DownloadError": errors.DownloadError,
    "LedgerError": errors.LedgerError,
    "file_lost": errors.DownloadError,
}
_POSTER_PX: Final = 640
_TABLE_PICTURE_PX: Final = 84


def snapshot_from_record(
    record: JobRecord,
    *,
    timing: Timing | None,
    now: float,
    is_paused: bool,
    is_sandbox: bool,
    is_others: bool = False,
) -> JobSnapshot:
    """Return what the record alone says about a job: without video, queue position and typical duration.

    `timing` is that of the process that runs the job, None if unknown. `is_others`: another payer's clients run it.
    """
    return JobSnapshot(
        ref=record.ref,
        state=record.state,
        request=record.request,
        created_at=record.created_at,
        submitted_at=record.submitted_at,
        finished_at=record.finished_at,
        notices=describe_notices(record),
        warning=None if record.blocked or record.warning is None else describe_notice(record.warning),
        error=describe_error(record),
        suggested_action=suggested_action(record, is_paused=is_paused, is_others=is_others),
        status_detail=status_detail(record, timing=timing, now=now, is_paused=is_paused, is_others=is_others),
        waiting_for=_waiting_for(record),
        is_paused=is_paused and not record.state.is_final,
        can_resume=can_resume(record, is_paused=is_paused),
        is_others=is_others,
        attempt=record.attempt,
        charged=record.charged,
        estimated_credits=record.estimated_credits,
        estimate_is_limit=record.estimate_is_limit,
        cost_credits=record.cost_credits,
        refund_credits=record.refund_credits,
        is_sandbox=is_sandbox,
    )


def _waiting_for(record: JobRecord) -> WaitingFor | None:
    """Return the obstacle of a job that is not sent yet; None if nothing has rejected its call."""
    if record.state is not JobState.WAITING or record.warning is None:
        return None
    if record.warning.kind == errors.Busy.__name__:
        return "slot"
    return "network" if is_offline(record) else None


def is_offline(record: JobRecord) -> bool:
    """Return whether the job waits because the vendor cannot be reached."""
    warning = record.warning
    if record.state.is_final or warning is None:
        return False
    return warning.kind in _OFFLINE or (warning.kind == "upload_postponed" and "status" not in warning.data)


_OFFLINE: Final = frozenset({errors.NoAnswer.__name__, "poll_offline"})


def error_from_record(record: JobRecord, *, job: Any, is_paused: bool, is_others: bool = False) -> PixVerseError | None:
    """Return the error that the job's `result()` raises, or None if nothing is wrong with it."""
    action = suggested_action(record, is_paused=is_paused, is_others=is_others) or ""
    if record.pending_question is not None:
        text = f"{describe_notice(record.pending_question)} {action}"
        return errors.OutcomeUnknown(text, ref=record.ref, may_have_been_charged="unknown")
    if record.error is None:
        return None
    is_unsent = record.charged == "no" and record.state in (JobState.CANCELLED, JobState.TIMED_OUT)
    text = " ".join(filter(None, (describe_error(record), "Nothing was charged." if is_unsent else "", action)))
    details: dict[str, Any] = {
        "ref": record.ref,
        "account": redact(record.account) if record.account else None,
        "may_have_been_charged": record.charged,
    }
    kind, data = record.error.kind, record.error.data
    if kind == "EndpointGone":
        vendor_text = str(data["vendor_text"])
        return errors.EndpointGone(text, status=int(data["status"] or 0), vendor_text=vendor_text, **details)
    if (
        "vendor_text" in data and "obstacle" not in data
    ):  # first: a moderated call is the vendor's 422, not a JobModerated
        status = int(data["status"] or 0)
        vendor_error = api_error(status, str(data["vendor_text"]))
        return type(vendor_error)(text, status=status, vendor_text=vendor_error.vendor_text, **details)
    if record.state in _JOB_ERRORS:
        return _JOB_ERRORS[record.state](text, job=job, **details)
    return _OTHER_ERRORS.get(kind, PixVerseError)(text, **details)


def stopped_error(record: JobRecord, *, job: Any, is_others: bool) -> errors.JobError:
    """Return the error of waiting for a job that does not go on before somebody asks for it.

    It was never sent, or it is another payer's.
    """
    action = suggested_action(record, is_paused=True, is_others=is_others) or ""
    text = "This job was never sent; nothing was charged." if record.charged == "no" else "This job does not go on."
    return errors.JobError(f"{text} {action}".strip(), job=job, ref=record.ref, may_have_been_charged=record.charged)


def lost_error(record: JobRecord) -> errors.DownloadError:
    """Return the error of a finished video that is missing or modified and has no known address."""
    name, sha256 = (record.video.name, record.video.sha256) if record.video else ("", "")
    return errors.DownloadError(
        f"The video file {name} is missing or modified, and its address is not known. It is paid and stays in the "
        f"ledger. Restore a copy with sha256 {sha256} to that place, or import an archive that contains it with "
        "client.import_().",
        ref=record.ref,
        may_have_been_charged=record.charged,
    )


def video_of(record: JobRecord, *, home: Path, is_sandbox: bool, catalogue: Catalogue = CATALOGUE) -> Video:
    """Return the finished video of a record in state done; `catalogue` has the defaults that its call leaves out."""
    stored = record.video
    if stored is None:
        raise errors.LedgerError(f"The ledger has job {record.ref} as done, but without a file.", ref=record.ref)
    thumbnails = thumbnails_of(record, home=home, longest_px=_POSTER_PX)
    return Video(
        path=home / stored.name,
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        url=record.url,
        width=stored.width,
        height=stored.height,
        duration_s=stored.duration_s,
        request=record.request,
        ref=record.ref,
        video_id=record.video_id,
        cost_credits=record.credits,
        cost_is_estimate=record.cost_credits is None,
        made_at=record.finished_at,
        is_sandbox=is_sandbox,
        python=python_line(record, catalogue),
        call_options=_call_options(record),
        poster_jpeg=thumbnails[0] if thumbnails else None,
    )


def thumbnails_of(record: JobRecord, *, home: Path, longest_px: int) -> tuple[bytes, ...]:
    """Return the input pictures as small JPEGs; empty if any of them is not in the home folder."""
    try:
        return tuple(_thumbnail(stored_input(home, sha256), longest_px) for sha256 in _picture_hashes(record))
    except (PixVerseError, OSError):
        return ()  # a card without pictures is still a card


def table_picture(record: JobRecord, *, home: Path) -> bytes | None:
    """Return the first input picture as a very small JPEG; None if there is none in the home folder."""
    try:
        return next((_table_picture(stored_input(home, sha256)) for sha256 in _picture_hashes(record)), None)
    except (PixVerseError, OSError):
        return None


def _picture_hashes(record: JobRecord) -> list[str]:
    return [item.sha256 or "" for item in record.inputs if item.role not in (SOURCE_VIDEO, AUDIO)]


@lru_cache(maxsize=512)
def _table_picture(picture: Path) -> bytes:
    return images.thumbnail(picture, longest_px=_TABLE_PICTURE_PX)


@lru_cache(maxsize=64)
def _thumbnail(picture: Path, longest_px: int) -> bytes:
    """Return a stored picture as a small JPEG; its name is its hash, and all jobs of a sweep share the same ones."""
    return images.thumbnail(picture, longest_px=longest_px)


# Their defaults depend on the pictures, or on the catalogue of the client, which may have other rows.
_ALWAYS_NAMED: Final = frozenset({"aspect_ratio", "quality", "duration"})


def python_line(record: JobRecord, catalogue: Catalogue = CATALOGUE) -> str:
    """Return the Python call that generates this video again, with every field that is not a fixed default."""
    request = record.request
    spec = catalogue.spec(request.model)
    named: dict[str, Any] = {
        name: value
        for name, value in request.params.items()
        if name != "seed" and (name in _ALWAYS_NAMED or value != spec.default(name, request.operation))
    }
    if request.model != OPERATIONS[request.operation].default_model:
        named = {"model": request.model} | named
    named = with_lists(named, links=len(request.inputs) - 1)
    named |= _call_options(record)
    named |= {"seed": request.seed} if request.seed is not None else {}
    sources = [(item.role, item.source_expr or item.role) for item in record.inputs]
    return call_line(request.operation, sources, named)


def _call_options(record: JobRecord) -> dict[str, Value]:
    """Return the arguments that are no fields of the request, as far as they are not the default."""
    is_default = record.fit == OPERATIONS[record.request.operation].default_fit
    options: dict[str, Value] = {} if is_default else {"fit": record.fit}
    return options | ({"allow_refused": True} if record.allow_refused else {})


# -- attempts and events -----------------------------------------------------------------------------------------------


def with_texts(history: Sequence[JobEvent]) -> tuple[JobEvent, ...]:
    """Return the events of a job with their texts."""
    return tuple(replace(event, text=describe_event(event)) for event in history)


def attempts_from_events(record: JobRecord, history: Sequence[JobEvent]) -> tuple[Attempt, ...]:
    """Return every paid call that was about to be sent, oldest first; `history` has the job's events, oldest first.

    A new one is made only after proof, or a person's word, that the previous one was not accepted: so all but the last
    cost nothing.
    """
    starts = [
        at
        for at, event in enumerate(history)
        if event.state is JobState.SUBMITTING and (at == 0 or history[at - 1].state is not JobState.SUBMITTING)
    ]
    parts = [history[start:end] for start, end in pairwise([*starts, len(history)])]
    first = record.attempt - len(parts) + 1  # nobody here saw the call of an adopted job
    numbered = enumerate(parts, start=first)
    return tuple(_attempt(record, part, number, is_last=number == record.attempt) for number, part in numbered)


def _attempt(record: JobRecord, part: Sequence[JobEvent], number: int, *, is_last: bool) -> Attempt:
    outcome = next((event for event in part if event.state is not JobState.SUBMITTING), None)
    if not is_last:  # the last event before the next attempt
        outcome = next((event for event in reversed(part) if event.state is JobState.WAITING), outcome)
    charged = record.charged if is_last else "no"
    is_confirmed = charged == "no" or record.cost_credits is not None
    return Attempt(
        number=number,
        reply_ref=f"{record.ref}:{number}",
        sent_at=part[0].at,
        text=describe_event(outcome) if outcome else "waiting for its answer",
        charged=charged,
        credits=0 if charged == "no" else record.cost_credits if is_confirmed else record.estimated_credits,
        is_estimate=not is_confirmed,
        outcome=outcome.kind if outcome else "",
    )
