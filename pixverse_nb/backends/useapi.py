"""PixVerse through useapi.net v2: each endpoint as a pure function that returns a `Call`.

Source of every fact here: useapi.net's pages of the PixVerse API v2 and its published collection, 2024-12 to 2026.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pixverse_nb.backends.base import Accepted, Call, Reply
from pixverse_nb.domain.remote import (
    AccountCapacity,
    Capacity,
    Credits,
    RemoteState,
    RemoteVideo,
    RunningJob,
    UploadedFile,
)
from pixverse_nb.domain.requests import FramesRequest
from pixverse_nb.errors import ServerError
from pixverse_nb.redaction import redact

# Whether -v3 is still served is not documented: v3.5 goes there, later models to the newer route.
FRAMES_V3_PATH: Final = "/videos/create-frames-v3"
FRAMES_PATH: Final = "/videos/create-frames"
V3_MODELS: Final = frozenset({"v3.5"})


def upload_picture(data: bytes, *, media_type: str, email: str | None) -> Call[UploadedFile]:
    """POST files: store a picture (raw bytes in the body; the type decides the kind). Free of charge."""
    return Call("POST", "/files/", _read_upload, query=_email_query(email), content=data, content_type=media_type)


def create_frames(
    request: FramesRequest, *, first_path: str, last_path: str, reply_ref: str, email: str | None
) -> Call[Accepted]:
    """POST videos/create-frames-v3 (or create-frames for a model after v3.5): **spends credits**."""
    body: dict[str, Any] = {
        "first_frame_path": first_path,
        "last_frame_path": last_path,
        "model": request.model,
        "duration": request.duration,
        "quality": request.quality,
        "seed": request.seed,
        "replyRef": reply_ref,
    }
    if request.prompt:
        body["prompt"] = request.prompt
    is_v3 = request.model in V3_MODELS
    if is_v3:
        body["motion_mode"] = request.motion_mode
        body["aspect_ratio"] = request.aspect_ratio
        body["remove_watermark"] = request.remove_watermark
    optional = {"email": email, "replyUrl": request.reply_url, "maxJobs": request.max_jobs}
    body.update({name: value for name, value in optional.items() if value is not None})
    return Call("POST", FRAMES_V3_PATH if is_v3 else FRAMES_PATH, _read_accepted, body=body, billable=True)


def list_videos(*, email: str | None, limit: int, offset: int = 0) -> Call[tuple[RemoteVideo, ...]]:
    """GET videos: the generations of one account, newest first, running ones included."""
    query = {**_email_query(email), "limit": str(limit)}
    if offset:
        query["offset"] = str(offset)
    return Call("GET", "/videos/", _read_videos, query=query)


def get_video(video_id: str) -> Call[RemoteVideo]:
    """GET videos/<id>: one generation; 404 also while it is still processing."""
    return Call("GET", f"/videos/{video_id}", lambda reply: _read_video(_object(reply)))


def list_running() -> Call[tuple[RunningJob, ...]]:
    """GET scheduler: the jobs that useapi.net tracks just now."""
    return Call("GET", "/scheduler/", _read_running)


def get_capacity() -> Call[Capacity]:
    """GET scheduler/available: slots by account."""
    return Call("GET", "/scheduler/available", _read_capacity)


def stop_tracking(video_id: str) -> Call[None]:
    """DELETE scheduler/<id>: ends useapi.net's tracking; nothing says that it stops or refunds the generation."""
    return Call("DELETE", f"/scheduler/{video_id}", lambda _: None)


def get_credits(*, email: str | None) -> Call[Credits]:
    """GET features: the plan and the balance."""
    return Call("GET", "/features/", _read_credits, query=_email_query(email))


def list_accounts() -> Call[Mapping[str, int | None]]:
    """GET accounts: the e-mails of the configured accounts, each with its `maxJobs` (None where it is not told)."""
    return Call("GET", "/accounts", _read_accounts)


def account_of(video_id: str) -> str | None:
    """Return the account's e-mail inside a video id (`user:<n>-pixverse:<email>-video:<n>`), or None."""
    _, mark, rest = video_id.partition("-pixverse:")
    email, end, _ = rest.rpartition("-video:")
    return email if mark and end and email else None


def _email_query(email: str | None) -> dict[str, str]:
    return {"email": email} if email else {}


def _object(reply: Reply) -> Mapping[str, Any]:
    decoded = reply.json()
    if not isinstance(decoded, dict):
        raise ValueError("not a JSON object")
    return decoded


def _read_upload(reply: Reply) -> UploadedFile:
    entry = _object(reply)["result"][0]
    if entry.get("err_msg"):
        said = redact(str(entry["err_msg"]))[:300]
        raise ServerError(f"The vendor did not take the picture: {said}.", status=reply.status)
    path = entry["path"]
    if not isinstance(path, str) or not path:
        raise ValueError("no path")
    return UploadedFile(
        path=path, id=_int(entry.get("id")), url=_text(entry.get("url")), size_bytes=_int(entry.get("size"))
    )


def _read_accepted(reply: Reply) -> Accepted:
    answer = _object(reply)
    video_id = answer["video_id"]
    if not isinstance(video_id, str) or not video_id.strip():
        raise ValueError("no video id")
    return Accepted(video_id=video_id, cost_credits=_int(answer.get("cost_credits")))


def _read_videos(reply: Reply) -> tuple[RemoteVideo, ...]:
    decoded = reply.json()
    rows = decoded.get("data") if isinstance(decoded, dict) else decoded
    if not isinstance(rows, list):
        raise ValueError("no list of videos")
    return tuple(_read_video(row) for row in rows if isinstance(row, dict))


def _read_video(row: Mapping[str, Any]) -> RemoteVideo:
    queue = row.get("queue_data")
    position = _int(queue.get("queue_count")) if isinstance(queue, dict) else None
    failure = _failure(row)
    return RemoteVideo(
        video_id=_text(row.get("video_id")),
        state=_state(row, failed=failure is not None),
        url=_text(row.get("url")),
        error=failure,
        created_at=_unix(row.get("created_at")),
        reply_ref=_text(row.get("replyRef")),
        prompt=_text(row.get("prompt")),
        seed=_int(row.get("seed")),
        quality=_text(row.get("quality")),
        duration=_int(row.get("duration") if row.get("duration") is not None else row.get("video_duration")),
        motion_mode=_text(row.get("motion_mode")),
        model=_text(row.get("model")),
        aspect_ratio=_text(row.get("aspect_ratio")),
        first_path=_picture_path(row.get("first_frame")),
        last_path=_picture_path(row.get("last_frame")),
        queue_position=position if position and position > 0 else None,
        cost_credits=_int(row.get("cost_credits")),
        status=None if row.get("video_status") is None else str(row["video_status"]),
        raw=row,
    )


_STATES: Final[Mapping[int, RemoteState]] = {
    1: RemoteState.COMPLETED,
    5: RemoteState.QUEUED,  # also where video_status_final says true: a documented quirk
    7: RemoteState.MODERATED,
    8: RemoteState.FAILED,
    9: RemoteState.GENERATING,
    10: RemoteState.GENERATING,
}
_NAMES: Final[Mapping[str, RemoteState]] = {
    "COMPLETED": RemoteState.COMPLETED,
    "QUEUED": RemoteState.QUEUED,
    "MODERATED": RemoteState.MODERATED,
    "FAILED": RemoteState.FAILED,
    "GENERATING": RemoteState.GENERATING,
    "PROCESSING": RemoteState.GENERATING,
}


def _state(row: Mapping[str, Any], *, failed: bool) -> RemoteState:
    """Return the state by number, else by name; `url` and `video_status_final` are never believed."""
    status = row.get("video_status")
    number = None if isinstance(status, bool) else _int(status)
    state = _STATES.get(number) if number is not None else _NAMES.get(str(row.get("video_status_name")).upper())
    if failed and state is RemoteState.COMPLETED:
        return RemoteState.FAILED  # a finished row can carry an error
    return state or RemoteState.UNRECOGNISED


def _failure(row: Mapping[str, Any]) -> str | None:
    for name in ("error", "errCode", "err_msg"):
        value = row.get(name)
        if value and value != "0":
            return f"{name}: {redact(str(value))[:300]}"
    return None


def _read_running(reply: Reply) -> tuple[RunningJob, ...]:
    rows = reply.json()
    if not isinstance(rows, list):
        raise ValueError("no list of jobs")
    return tuple(
        RunningJob(
            video_id=_text(row.get("video_id")) or _text(row.get("id")),
            reply_ref=_text(row.get("replyRef")),
        )
        for row in rows
        if isinstance(row, dict)
    )


def _read_capacity(reply: Reply) -> Capacity:
    return Capacity(
        tuple(
            AccountCapacity(
                account=row["email"],
                max_jobs=_int(row.get("maxJobs")) or 0,
                executing=_int(row.get("executing")) or 0,
                available=_int(row.get("available")) or 0,
            )
            for row in _object(reply)["available"]
            if isinstance(row, dict) and _text(row.get("email"))
        )
    )


def _read_accounts(reply: Reply) -> Mapping[str, int | None]:
    return {
        email: _int(entry.get("maxJobs")) if isinstance(entry, dict) else None
        for email, entry in _object(reply).items()
    }


def _read_credits(reply: Reply) -> Credits:
    row = _object(reply)
    allowed = _int(row.get("remove_watermark"))
    return Credits(
        daily=_int(row.get("credit_daily")) or 0,
        monthly=_int(row.get("credit_monthly")) or 0,
        package=_int(row.get("credit_package")) or 0,
        plan=_text(row.get("plan_name")),
        can_remove_watermark=None if allowed is None else bool(allowed),
        raw=row,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _int(value: Any) -> int | None:
    if isinstance(value, float) and not value.is_integer():  # nor is an endless one
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _unix(value: Any) -> float | None:
    """Return Unix seconds of "2024-11-11T12:34:56Z"; a time without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _picture_path(value: Any) -> str | None:
    """Return `upload/<name>` of a row's picture, which may be a path or a media address with `%2F`."""
    if not isinstance(value, str) or not value:
        return None
    plain = value.replace("%2F", "/").replace("%2f", "/").partition("?")[0]
    _, mark, name = plain.rpartition("upload/")
    return f"upload/{name}" if mark else None


@dataclass(frozen=True)
class CallbackIds:
    """The references and the ids that a body names, as they came."""

    reply_refs: frozenset[str] = frozenset()
    video_ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.reply_refs or self.video_ids)


def parse_callback(body: bytes) -> CallbackIds:
    """Return what `body` names at its top level and under `response`; nothing where it is no JSON object."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no text, or brackets piled up to break the reader
        return CallbackIds()
    levels = [level for level in (decoded, _under(decoded)) if isinstance(level, dict)]
    return CallbackIds(
        frozenset(_texts(level.get("replyRef") for level in levels)),
        frozenset(_texts(level.get("video_id") for level in levels)),
    )


def _under(decoded: Any) -> Any:
    return decoded.get("response") if isinstance(decoded, dict) else None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
