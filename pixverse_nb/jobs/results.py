"""What a job's record means to a person: its video, its error, and the line of Python that makes it again."""

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pixverse_nb import errors, images
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobState
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import JobCancelled, JobFailed, JobModerated, JobTimeout, PixVerseError
from pixverse_nb.jobs.messages import suggested_action
from pixverse_nb.jobs.submit import stored_picture
from pixverse_nb.redaction import redact
from pixverse_nb.video import Video

_JOB_ERRORS: Final[Mapping[JobState, type[errors.JobError]]] = {
    JobState.FAILED: JobFailed,
    JobState.MODERATED: JobModerated,
    JobState.CANCELLED: JobCancelled,
    JobState.TIMED_OUT: JobTimeout,
}
_REFUSALS: Final[Mapping[str, tuple[type[errors.APIError], int]]] = {
    "APIError": (errors.APIError, 400),
    "Unauthorized": (errors.Unauthorized, 401),
    "SubscriptionRequired": (errors.SubscriptionRequired, 402),
    "NotFound": (errors.NotFound, 404),
    "OutOfCredits": (errors.OutOfCredits, 412),
    "Moderated": (errors.Moderated, 422),
    "AccountPending": (errors.AccountPending, 596),
}
_PLAIN: Final[Mapping[str, type[PixVerseError]]] = {
    "BudgetReached": errors.BudgetReached,
    "ConfigError": errors.ConfigError,
    "DownloadError": errors.DownloadError,
    "LedgerError": errors.LedgerError,
}
_POSTER_PX: Final = 640


def error_of(record: JobRecord, *, job: Any, is_resting: bool) -> PixVerseError | None:
    """Return the error that the job's `result()` raises, or None where nothing is wrong with it."""
    if record.error is None and record.pending_question is None:
        return None
    if record.pending_question is not None:
        text = f"{record.pending_question} {suggested_action(record, is_resting=is_resting)}"
        return errors.OutcomeUnknown(text, ref=record.ref, may_have_been_charged="unknown")
    text = f"{record.error} {suggested_action(record, is_resting=is_resting) or ''}".strip()
    details: dict[str, Any] = {
        "ref": record.ref,
        "account": redact(record.account) if record.account else None,
        "may_have_been_charged": record.charged,
    }
    kind = record.error_kind or ""
    if kind in _REFUSALS:  # first: a prompt that was moderated at the paid call is the vendor's 422
        refusal, status = _REFUSALS[kind]
        return refusal(text, status=status, **details)
    if record.state in _JOB_ERRORS:
        return _JOB_ERRORS[record.state](text, job=job, **details)
    return _PLAIN.get(kind, PixVerseError)(text, **details)


def unsent_error(record: JobRecord, *, job: Any) -> errors.JobError:
    """Return what waiting for a job means that is not sent before somebody asks for it."""
    text = f"This job was never sent and nothing was paid. {suggested_action(record, is_resting=True) or ''}".strip()
    return errors.JobError(text, job=job, ref=record.ref)


def lost_error(record: JobRecord) -> errors.DownloadError:
    """Return what is known of a finished video that is not on the disk any more and has no address."""
    name, sha256 = (record.video.name, record.video.sha256) if record.video else ("", "")
    return errors.DownloadError(
        f"The video file {name} is gone or was altered, and its address is not known. It is paid and stays in the "
        f"ledger; a copy with the sha256 {sha256}, put back in its place or brought by client.import_(), is taken.",
        ref=record.ref,
        may_have_been_charged=record.charged,
    )


def video_of(record: JobRecord, *, home: Path, is_sandbox: bool) -> Video:
    """Return the finished video of a record in state done."""
    stored = record.video
    if stored is None:
        raise errors.LedgerError(f"The ledger says that job {record.ref} is done, but names no file.", ref=record.ref)
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
        python=python_line(record),
        poster_jpeg=thumbnails[0] if thumbnails else None,
    )


def thumbnails_of(record: JobRecord, *, home: Path, longest_px: int) -> tuple[bytes, bytes] | None:
    """Return both pictures as small JPEGs, or None where they are not at hand (a card without them is still one)."""
    if record.first_sha is None or record.last_sha is None:
        return None
    try:
        first, last = (_thumbnail(stored_picture(home, sha), longest_px) for sha in (record.first_sha, record.last_sha))
    except (PixVerseError, OSError):
        return None
    return first, last


@lru_cache(maxsize=64)
def _thumbnail(picture: Path, longest_px: int) -> bytes:
    """Return a stored picture as a small JPEG; its name is its hash, and all jobs of a sweep have the same two."""
    return images.thumbnail(picture, longest_px=longest_px)


def python_line(record: JobRecord) -> str:
    """Return the line of Python that makes this video again, every field that is not the default named."""
    request = record.request
    plain = FramesRequest(first=request.first, last=request.last, seed=request.seed)
    named = {
        name: value
        for name, value in vars(request).items()
        if name not in ("first", "last", "seed", "email", "reply_url", "reply_ref", "max_jobs")
        and (name == "aspect_ratio" or value != getattr(plain, name))
    }
    named |= {"fit": record.fit} if record.fit != "cover" else {}
    named |= {"allow_refused": True} if record.allow_refused else {}
    fields = ", ".join(f"{name}={value!r}" for name, value in {**named, "seed": request.seed}.items())
    first, last = record.source_exprs
    return f"client.create_frames({first}, {last}, {fields})"


def reuse_notice(record: JobRecord) -> str:
    """Return the sentence that goes with a job that an earlier call made."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.submitted_at or record.created_at))
    if record.charged == "no":
        return f"This call was made before ({when}) and nothing has been paid for it so far."
    if record.charged == "unknown":
        return f"This call was sent before ({when}); whether it was paid is being settled, and it is not sent again."
    cost = record.credits
    about = "" if record.cost_credits is not None else "about "
    price = f", {about}{cost} credits" if cost is not None else ""
    return f"Already paid for on {when}{price}: given back, not paid again. reuse=False pays for a new one."


def attempts_from_events(record: JobRecord, events: Sequence[JobEvent]) -> tuple[Attempt, ...]:
    """Return every paid call that was about to leave, oldest first; `events` are the job's, oldest first.

    A new one is made only after proof, or a person's word, that the one before was not accepted: so all but the last
    cost nothing.
    """
    starts = [
        at
        for at, event in enumerate(events)
        if event.state is JobState.SUBMITTING and (at == 0 or events[at - 1].state is not JobState.SUBMITTING)
    ]
    parts = [events[start:end] for start, end in pairwise([*starts, len(events)])]
    first = record.attempt - len(parts) + 1  # an adopted job has a call that nobody here saw leaving
    numbered = enumerate(parts, start=first)
    return tuple(_attempt(record, part, number, is_last=number == record.attempt) for number, part in numbered)


def _attempt(record: JobRecord, part: Sequence[JobEvent], number: int, *, is_last: bool) -> Attempt:
    outcome = next((event for event in part if event.state is not JobState.SUBMITTING), None)
    if not is_last:  # the last word on it before the next one
        outcome = next((event for event in reversed(part) if event.state is JobState.WAITING), outcome)
    charged = record.charged if is_last else "no"
    is_told = charged == "no" or record.cost_credits is not None
    return Attempt(
        number=number,
        reply_ref=f"{record.ref}:{number}",
        sent_at=part[0].at,
        text=outcome.text if outcome else "its answer is waited for",
        charged=charged,
        credits=0 if charged == "no" else record.cost_credits if is_told else record.estimated_credits,
        is_estimate=not is_told,
    )
