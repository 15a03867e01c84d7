"""What a job's record means to a person: its video, its error, its attempts, and the Python call that repeats it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from pixverse_nb import errors, images
from pixverse_nb.backends.base import api_error
from pixverse_nb.domain.catalogue import CATALOGUE
from pixverse_nb.domain.jobs import Attempt, JobEvent, JobRecord, JobState
from pixverse_nb.domain.operations import AUDIO, OPERATIONS, SOURCE_VIDEO, Operation
from pixverse_nb.errors import JobCancelled, JobFailed, JobModerated, JobTimeout, PixVerseError
from pixverse_nb.jobs.messages import describe_error, describe_event, describe_notice, suggested_action
from pixverse_nb.jobs.submit import stored_picture
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


def error_from_record(record: JobRecord, *, job: Any, is_paused: bool) -> PixVerseError | None:
    """Return the error that the job's `result()` raises, or None if nothing is wrong with it."""
    action = suggested_action(record, is_paused=is_paused) or ""
    if record.pending_question is not None:
        text = f"{describe_notice(record.pending_question)} {action}"
        return errors.OutcomeUnknown(text, ref=record.ref, may_have_been_charged="unknown")
    if record.error is None:
        return None
    text = f"{describe_error(record)} {action}".strip()
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


def unsent_error(record: JobRecord, *, job: Any) -> errors.JobError:
    """Return the error of waiting for a job that is not sent before somebody asks for it."""
    action = suggested_action(record, is_paused=True) or ""
    return errors.JobError(f"This job was never sent; nothing was charged. {action}".strip(), job=job, ref=record.ref)


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


def video_of(record: JobRecord, *, home: Path, is_sandbox: bool) -> Video:
    """Return the finished video of a record in state done."""
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
        python=python_line(record),
        poster_jpeg=thumbnails[0] if thumbnails else None,
    )


def thumbnails_of(record: JobRecord, *, home: Path, longest_px: int) -> tuple[bytes, ...]:
    """Return the input pictures as small JPEGs; empty if any of them is not in the home folder."""
    hashes = [item.sha256 for item in record.inputs if item.role not in (SOURCE_VIDEO, AUDIO)]
    try:
        return tuple(_thumbnail(stored_picture(home, sha256 or ""), longest_px) for sha256 in hashes)
    except (PixVerseError, OSError):
        return ()  # a card without pictures is still a card


@lru_cache(maxsize=64)
def _thumbnail(picture: Path, longest_px: int) -> bytes:
    """Return a stored picture as a small JPEG; its name is its hash, and all jobs of a sweep share the same ones."""
    return images.thumbnail(picture, longest_px=longest_px)


# The method of Client that makes a request of each operation. Its inputs come first, one by one or as a list.
_METHODS: Final[Mapping[Operation, str]] = {
    Operation.FRAMES: "create_frames",
    Operation.TEXT: "create_video",
    Operation.IMAGE: "create_video",
    Operation.TRANSITION: "create_transition",
    Operation.EXTEND: "extend",
    Operation.UPSCALE: "upscale",
    Operation.RESTYLE: "restyle",
    Operation.MODIFY: "modify",
    Operation.FUSION: "create_fusion",
    Operation.LIPSYNC: "lip_sync",
    Operation.MOTION: "motion_control",
}
_TAKES_LIST: Final = frozenset({Operation.TRANSITION, Operation.FUSION})
_INPUT_NAMES: Final = {(Operation.IMAGE, "first"): "image=", (Operation.LIPSYNC, AUDIO): "audio="}
_LIST_NAMES: Final = {Operation.FUSION: "images="}  # its first argument is the prompt


def python_line(record: JobRecord) -> str:
    """Return the Python call that generates this video again, with every field that is not the default."""
    request = record.request
    spec = CATALOGUE.spec(request.model)
    named: dict[str, Any] = {
        name: value
        for name, value in request.params.items()
        if name != "seed" and (name == "aspect_ratio" or value != spec.default(name, request.operation))
    }
    if request.model != OPERATIONS[request.operation].default_model:
        named = {"model": request.model} | named
    named = _with_lists(named, links=len(request.inputs) - 1)
    named |= {"fit": record.fit} if record.fit != OPERATIONS[request.operation].default_fit else {}
    named |= {"allow_refused": True} if record.allow_refused else {}
    named |= {"seed": request.seed} if request.seed is not None else {}
    sources = [
        f"{_INPUT_NAMES.get((request.operation, item.role), '')}{item.source_expr or item.role}"
        for item in record.inputs
    ]
    if request.operation in _TAKES_LIST:
        sources = [f"{_LIST_NAMES.get(request.operation, '')}[{', '.join(sources)}]"]
    arguments = [*sources, *(f"{name}={value!r}" for name, value in named.items())]
    method = _METHODS.get(request.operation, f"create_{request.operation.value}")
    return f"client.{method}({', '.join(arguments)})"


def _with_lists(named: Mapping[str, Any], *, links: int) -> dict[str, Any]:
    """Return the arguments with the prompts and seconds between the pictures of a transition as lists."""
    joined = {name: value for name, value in named.items() if "_to_" not in name}
    for argument, field in (("prompts", "prompt"), ("durations", "duration")):
        values = [named.get(f"{field}_{at}_to_{at + 1}") for at in range(1, links + 1)]
        if any(value is not None for value in values):
            joined[argument] = values
    return joined


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
