"""PixVerse through useapi.net v2: each endpoint is a method that returns a `Call`.

Source of every fact here: useapi.net's pages of the PixVerse API v2 and its published collection, 2024-12 to 2026.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from pixverse_nb.backends.base import Accepted, Backend, Call, CallbackIds, Reply, VideoMade
from pixverse_nb.domain.catalogue import Operation
from pixverse_nb.domain.remote import (
    AccountCapacity,
    Capacity,
    Credits,
    NamedId,
    RemoteState,
    RemoteVideo,
    RunningJob,
    UploadedFile,
)
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import ConfigError, ServerError
from pixverse_nb.redaction import Secret, redact

FRAMES_PATH: Final = "/videos/create-frames"
# Withdrawn in April 2025; the vendor does not document what it answers now. No other route takes v3.5.
FRAMES_V3_PATH: Final = "/videos/create-frames-v3"
V3_MODELS: Final = frozenset({"v3.5"})
UPSCALE_PATH: Final = "/videos/upscale/"
_UPLOADS: Final = "upload/"  # how the path of every upload begins

CreateCall = Callable[[GenerationRequest, Mapping[str, str]], tuple[str, dict[str, Any]]]


def _frames_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/create-frames, or create-frames-v3 for v3.5.

    create-frames has no `aspect_ratio`: the first picture sets it, and both were brought to it before the upload.
    """
    is_v3 = request.model in V3_MODELS
    paths = {"first_frame_path": inputs["first"], "last_frame_path": inputs["last"]}
    body = _body(request, without=() if is_v3 else ("aspect_ratio",))
    return FRAMES_V3_PATH if is_v3 else FRAMES_PATH, {**paths, **body}


def _create_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/create: from a prompt, or from one picture, which sets the aspect ratio."""
    if request.operation is Operation.TEXT:
        return "/videos/create", _body(request)
    return "/videos/create", {"first_frame_path": inputs["first"], **_body(request, without=("aspect_ratio",))}


def _transition_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/create-transition: 2 to 7 pictures, the first of which sets the aspect ratio."""
    return "/videos/create-transition", {**_frame_paths(inputs), **_body(request, without=("aspect_ratio",))}


def _fusion_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/create-fusion: the prompt names the pictures @image1, @image2 and so on."""
    return "/videos/create-fusion", {**_frame_paths(inputs), **_body(request)}


def _source_call(path: str) -> CreateCall:
    """Return the function for a route that starts from a video."""

    def make(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
        source = inputs["source_video"]
        field = "video_path" if source.startswith(_UPLOADS) else "video_id"
        return path, {field: source, **_body(request)}

    return make


def _lip_sync_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/lipsync: the sound is a file, or a prompt that a speaker speaks."""
    path, body = _source_call("/videos/lipsync/")(request, inputs)
    del body["model"]  # the route has none
    return path, {**body, "audio_path": inputs["audio"]} if "audio" in inputs else body


def _motion_call(request: GenerationRequest, inputs: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """POST videos/motion-control: a picture whose subject moves as in an uploaded video."""
    paths = {"frame_1_path": inputs["frame_1"], "video_1_path": inputs["source_video"]}
    return "/videos/motion-control", {**paths, **_body(request)}


def _body(request: GenerationRequest, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the model and the parameters; an empty prompt is left out."""
    left_out = without if request.prompt else (*without, "prompt")
    return {"model": request.model} | {name: value for name, value in request.params.items() if name not in left_out}


def _frame_paths(inputs: Mapping[str, str]) -> dict[str, str]:
    return {f"{role}_path": path for role, path in inputs.items()}


# Path and body of each operation's paid call. To add an operation, add a function and a row here.
CREATE_CALLS: Final[Mapping[Operation, CreateCall]] = {
    Operation.FRAMES: _frames_call,
    Operation.TEXT: _create_call,
    Operation.IMAGE: _create_call,
    Operation.TRANSITION: _transition_call,
    Operation.FUSION: _fusion_call,
    Operation.EXTEND: _source_call("/videos/extend"),
    Operation.MODIFY: _source_call("/videos/modify"),
    Operation.RESTYLE: _source_call("/videos/restyle"),
    Operation.UPSCALE: _source_call(UPSCALE_PATH),
    Operation.LIPSYNC: _lip_sync_call,
    Operation.MOTION: _motion_call,
}


class UseapiBackend(Backend):
    """useapi.net v2: one bearer token for one or more accounts of the PixVerse web app."""

    name = "useapi"
    base_url = "https://api.useapi.net/v2/pixverse"
    quotes = True  # for upscale
    no_accounts_text = "Configuration not found"
    create_calls: ClassVar = CREATE_CALLS

    def headers(self, token: Secret, call: Call[Any]) -> Mapping[str, str]:
        """Return the Authorization header with the bearer token."""
        return {"Authorization": f"Bearer {token.reveal()}"}

    def upload(self, data: bytes, *, media_type: str, account: str | None) -> Call[UploadedFile]:
        """POST files: the body is the raw bytes, and the content type says what they are. Free of charge."""
        parse = _parse_upload if media_type.startswith("image/") else _parse_media_upload
        return Call("POST", "/files/", parse, query=_email_query(account), content=data, content_type=media_type)

    def submit(
        self, request: GenerationRequest, *, inputs: Mapping[str, str], reply_ref: str, account: str | None
    ) -> Call[Accepted]:
        """POST videos/create-…: **spends credits**. Raises ConfigError for an operation without an endpoint here."""
        create = self.create_calls.get(request.operation)
        if create is None:
            raise ConfigError(f"{self.name} does not offer the operation {request.operation.value!r}.")
        path, body = create(request, inputs)
        delivery = request.delivery
        optional = {"email": account, "replyUrl": delivery.reply_url, "maxJobs": delivery.max_jobs}
        body |= {"replyRef": reply_ref} | {name: value for name, value in optional.items() if value is not None}
        return Call("POST", path, _parse_accepted, body=body, billable=True)

    def quote(self, request: GenerationRequest, *, inputs: Mapping[str, str], account: str | None) -> Call[int] | None:
        """POST videos/upscale with `quote`: answers the price and makes nothing. No other route has it."""
        if request.operation is not Operation.UPSCALE:
            return None
        path, body = self.create_calls[request.operation](request, inputs)
        return Call("POST", path, _parse_quote, body={**body, "quote": True, **_email_query(account)})

    def list_restyles(self, *, account: str | None) -> Call[list[NamedId]]:
        """GET videos/restyles."""
        return Call("GET", "/videos/restyles", _parse_named_ids, query=_email_query(account))

    def list_voices(self, *, account: str | None) -> Call[list[NamedId]]:
        """GET videos/voices."""
        return Call("GET", "/videos/voices", _parse_named_ids, query=_email_query(account))

    def list_videos(self, *, account: str | None, limit: int, offset: int = 0) -> Call[tuple[RemoteVideo, ...]]:
        """GET videos: the generations of one account, newest first, running ones included."""
        query = {**_email_query(account), "limit": str(limit)}
        if offset:
            query["offset"] = str(offset)
        return Call("GET", "/videos/", _parse_videos, query=query)

    def get_video(self, video_id: str) -> Call[RemoteVideo]:
        """GET videos/<id>: one generation. The vendor answers 404 while it is still processing."""
        return Call("GET", f"/videos/{video_id}", lambda reply: _parse_video(_object(reply)))

    def list_running(self) -> Call[tuple[RunningJob, ...]]:
        """GET scheduler: the jobs that useapi.net is tracking now."""
        return Call("GET", "/scheduler/", _parse_running)

    def get_capacity(self) -> Call[Capacity]:
        """GET scheduler/available: the slots of each account."""
        return Call("GET", "/scheduler/available", _parse_capacity)

    def stop_tracking(self, video_id: str) -> Call[None]:
        """DELETE scheduler/<id>: ends useapi.net's tracking; it does not stop or refund the generation."""
        return Call("DELETE", f"/scheduler/{video_id}", lambda _: None)

    def get_credits(self, *, account: str | None) -> Call[Credits]:
        """GET features: the plan and the balance of an account."""
        return Call("GET", "/features/", _parse_credits, query=_email_query(account))

    def list_accounts(self) -> Call[Mapping[str, int | None]]:
        """GET accounts: the e-mails of the configured accounts, each with its `maxJobs`."""
        return Call("GET", "/accounts", _parse_accounts)

    def account_of(self, video_id: str) -> str | None:
        """Return the account's e-mail inside a video id (`user:<n>-pixverse:<email>-video:<n>`), or None."""
        _, mark, rest = video_id.partition("-pixverse:")
        email, end, _ = rest.rpartition("-video:")
        return email if mark and end and email else None

    def parse_callback(self, body: bytes) -> CallbackIds:
        """Return the ids at the top level and under `response` of a callback; empty if it is not a JSON object."""
        try:
            decoded = json.loads(body)
        except (ValueError, RecursionError):  # not JSON, not text, or nested too deeply
            return CallbackIds()
        levels = [level for level in (decoded, _response_of(decoded)) if isinstance(level, dict)]
        return CallbackIds(
            frozenset(_texts(level.get("replyRef") for level in levels)),
            frozenset(_texts(level.get("video_id") for level in levels)),
        )


def _email_query(email: str | None) -> dict[str, str]:
    return {"email": email} if email else {}


def _object(reply: Reply) -> Mapping[str, Any]:
    decoded = reply.json()
    if not isinstance(decoded, dict):
        raise ValueError("not a JSON object")
    return decoded


def _parse_upload(reply: Reply) -> UploadedFile:
    entry = _object(reply)["result"][0]
    if entry.get("err_msg"):
        said = redact(str(entry["err_msg"]))[:300]
        raise ServerError(f"The vendor rejected the file: {said}.", status=reply.status)
    path = entry["path"]
    if not isinstance(path, str) or not path:
        raise ValueError("no path")
    return UploadedFile(
        path=path, id=_int(entry.get("id")), url=_text(entry.get("url")), size_bytes=_int(entry.get("size"))
    )


def _parse_media_upload(reply: Reply) -> UploadedFile:
    """Return the upload of a video or a sound, whose reply has no `result`."""
    row = _object(reply)
    path = row["path"]
    if not isinstance(path, str) or not path:
        raise ValueError("no path")
    return UploadedFile(path=path, url=_text(row.get("url")))


def _parse_quote(reply: Reply) -> int:
    """Return the credits of a quote; the name of the field is not documented."""
    row = _object(reply)
    if row.get("video_id"):
        raise VideoMade(Accepted(str(row["video_id"]), _int(row.get("cost_credits"))))
    for name in ("cost_credits", "credits", "cost", "price", "quote"):
        credits_ = None if isinstance(row.get(name), bool) else _int(row.get(name))
        if credits_ is not None:
            return credits_
    raise ValueError("no price")


def _parse_named_ids(reply: Reply) -> list[NamedId]:
    """Return the entries of a list of styles or speakers; the names of their fields are not documented."""
    decoded = reply.json()
    rows = decoded.get("data") if isinstance(decoded, dict) else decoded
    if not isinstance(rows, list):
        raise ValueError("no list")
    found = []
    for row in rows:
        if isinstance(row, dict):
            ids = (row.get(name) for name in ("restyle_id", "speaker_id", "id"))
            names = (row.get(name) for name in ("restyle_name", "speaker_name", "display_name", "name"))
            id_ = next((str(one) for one in ids if one is not None), None)
            if id_ is not None:
                found.append(NamedId(id_, next((str(one) for one in names if one), id_)))
    return found


def _parse_accepted(reply: Reply) -> Accepted:
    answer = _object(reply)
    video_id = answer["video_id"]
    if not isinstance(video_id, str) or not video_id.strip():
        raise ValueError("no video id")
    return Accepted(video_id=video_id, cost_credits=_int(answer.get("cost_credits")))


def _parse_videos(reply: Reply) -> tuple[RemoteVideo, ...]:
    decoded = reply.json()
    rows = decoded.get("data") if isinstance(decoded, dict) else decoded
    if not isinstance(rows, list):
        raise ValueError("no list of videos")
    return tuple(_parse_video(row) for row in rows if isinstance(row, dict))


def _parse_video(row: Mapping[str, Any]) -> RemoteVideo:
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
        input_paths={
            role: path for role in ("first", "last") if (path := _upload_path(row.get(f"{role}_frame"))) is not None
        },
        operation=_operation(row),
        switches=_switches(row),
        source_number=_int(row.get("original_video_id")) or None,  # 0: made from no video
        queue_position=position if position and position > 0 else None,
        cost_credits=_int(row.get("cost_credits")),
        status=None if row.get("video_status") is None else str(row["video_status"]),
        raw=row,
    )


def _operation(row: Mapping[str, Any]) -> Operation | None:
    """Return what made a row, judged by its marks, then its pictures; rows do not name it.

    None if it has none of the fields, or was made from a video and no mark says how.
    """
    if _int(row.get("upscaled")):
        return Operation.UPSCALE
    if _int(row.get("extended")):
        return Operation.EXTEND
    lip_sync = row.get("lip_sync")
    if isinstance(lip_sync, dict) and any(lip_sync.values()):
        return Operation.LIPSYNC
    if _int(row.get("original_video_id")):
        return None
    if row.get("first_frame") and row.get("last_frame"):
        return Operation.FRAMES
    if any(row.get(name) for name in _PICTURES):
        return Operation.IMAGE
    return Operation.TEXT if any(name in row for name in _PICTURES) else None


_PICTURES: Final = ("first_frame", "last_frame", "img_url", "img_id")


def _switches(row: Mapping[str, Any]) -> dict[str, bool]:
    watermark = _int(row.get("remove_watermark"))
    switches = {} if watermark is None else {"remove_watermark": bool(watermark)}
    return switches | ({"off_peak_mode": True} if _int(row.get("off_peak")) else {})


_STATES: Final[Mapping[int, RemoteState]] = {
    1: RemoteState.COMPLETED,
    5: RemoteState.QUEUED,  # even if video_status_final is true: a documented quirk
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
    """Return the state by number, else by name; a placeholder instead of the video means moderated.

    Otherwise `url` and `video_status_final` are ignored: both are unreliable.
    """
    status = row.get("video_status")
    number = None if isinstance(status, bool) else _int(status)
    state = _STATES.get(number) if number is not None else _NAMES.get(str(row.get("video_status_name")).upper())
    if state is RemoteState.COMPLETED and _is_placeholder(row):
        return RemoteState.MODERATED
    if failed and state is RemoteState.COMPLETED:
        return RemoteState.FAILED  # the vendor marks some failures as completed
    return state or RemoteState.UNRECOGNISED


def _is_placeholder(row: Mapping[str, Any]) -> bool:
    """Return whether a completed row has no video but the vendor's placeholder for a moderated one.

    Source: published clients that make real calls.
    """
    path = str(row.get("url") or "").partition("?")[0].replace("%2F", "/").replace("%2f", "/")
    return path.endswith("/default.mp4") or (row.get("size") is not None and _int(row["size"]) == 0)


def _failure(row: Mapping[str, Any]) -> str | None:
    for name in ("error", "errCode", "err_msg"):
        value = row.get(name)
        if value and value != "0":
            return f"{name}: {redact(str(value))[:300]}"
    return None


def _parse_running(reply: Reply) -> tuple[RunningJob, ...]:
    rows = reply.json()
    if not isinstance(rows, list):
        raise ValueError("no list of jobs")
    return tuple(
        RunningJob(
            video_id=next((id_ for name in ("video_id", "videoId", "id") if (id_ := _text(row.get(name)))), None),
            reply_ref=_text(row.get("replyRef")),
        )
        for row in rows
        if isinstance(row, dict)
    )


def _parse_capacity(reply: Reply) -> Capacity:
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


def _parse_accounts(reply: Reply) -> Mapping[str, int | None]:
    entries = _object(reply)
    if entries and not any("@" in name for name in entries):
        raise ValueError("no accounts by e-mail")  # the answer of another server
    return {
        email: _int(entry.get("maxJobs")) if isinstance(entry, dict) else None
        for email, entry in entries.items()
        if "@" in email
    }


def _parse_credits(reply: Reply) -> Credits:
    row = _object(reply)
    allowed = _int(row.get("remove_watermark"))
    return Credits(
        daily=_int(row.get("credit_daily")) or 0,
        monthly=_int(row.get("credit_monthly")) or 0,
        package=_int(row.get("credit_package")) or 0,
        plan=_text(row.get("plan_name")),
        can_remove_watermark=None if allowed is None else bool(allowed),
        off_peak_factor=_factor(row.get("off_peak_discount")),
        preview_factor=_factor(row.get("preview_mode_discount")),
        raw=row,
    )


def _factor(value: Any) -> float | None:
    """Return a factor on a price, more than 0 and at most 1, or None if it is no such number."""
    try:
        factor = float(value)
    except (TypeError, ValueError):
        return None
    return factor if not isinstance(value, bool) and 0 < factor <= 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _int(value: Any) -> int | None:
    if isinstance(value, float) and not value.is_integer():  # infinity is not an integer either
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


def _upload_path(value: Any) -> str | None:
    """Return the `upload/<name>` of a picture in a row, which holds a path or a media address with `%2F`."""
    if not isinstance(value, str) or not value:
        return None
    plain = value.replace("%2F", "/").replace("%2f", "/").partition("?")[0]
    _, mark, name = plain.rpartition("upload/")
    return f"upload/{name}" if mark else None


def _response_of(decoded: Any) -> Any:
    return decoded.get("response") if isinstance(decoded, dict) else None


def _texts(values: Any) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]
