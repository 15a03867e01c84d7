"""What a request to the sandbox may contain: its fields, its files, the rules between them, and its price.

To add a kind of generation, add an entry to `OPERATIONS`; `routes` serves it under its name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import cv2
import numpy as np

from pixverse_nb.sandbox.models import FIVE_RATIOS, MODELS

SEED_MAX: Final = 2_147_483_647
SOURCE: Final = "source_video"  # the role of a video that another one is made from
RESTYLES: Final = {1001: "Watercolour", 1002: "Clay", 1003: "Pencil"}  # invented names
VOICES: Final = ("alloy-1", "breeze-2", "cedar-3")
QUALITIES: Final = ("360p", "480p", "540p", "720p", "1080p")
ASPECT_RATIOS: Final = (*FIVE_RATIOS, "3:2", "2:3", "21:9")
IMAGE_TYPES: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
OTHER_TYPES: Final = {"video/mp4": "mp4", "audio/mpeg": "mp3", "audio/wav": "wav"}

_IMAGE_STARTS: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_IMAGE_ENDS: Final = {"image/png": b"IEND", "image/jpeg": b"\xff\xd9"}

Values = Mapping[str, Any]


class ApiError(Exception):
    """An error answer: the HTTP status and the vendor's message, with an optional Retry-After in seconds."""

    def __init__(self, status: int, message: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class RequestField:
    """One field of a body or a query string.

    `parse` takes the value as it was sent, JSON or text, and returns it converted. It raises ValueError with the end
    of a sentence that starts with the field's name. A missing or empty field takes `default`; `schema` describes any
    other value as JSON Schema.
    """

    name: str
    parse: Callable[[Any], Any]
    schema: Mapping[str, Any]
    default: Any = None
    required: bool = False


def text_field(
    name: str,
    *,
    max_length: int | None = None,
    pattern: str | None = None,
    default: str | None = None,
    required: bool = False,
) -> RequestField:
    """Return a field for a text of at most `max_length` characters that matches `pattern` as a whole."""

    def parse(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a text")
        if max_length is not None and len(value) > max_length:
            raise ValueError(f"is limited to {max_length} characters, got {len(value)}")
        if pattern is not None and re.fullmatch(pattern, value) is None:
            raise ValueError("has an invalid value")
        return value

    limits = {"maxLength": max_length, "pattern": None if pattern is None else f"^{pattern}$"}
    schema = {"type": "string", "minLength": 1} | {rule: limit for rule, limit in limits.items() if limit is not None}
    return RequestField(name, parse, schema, default, required)


def choice_field(name: str, choices: tuple[str, ...], *, default: str | None) -> RequestField:
    """Return a field for one of a few texts."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return RequestField(name, parse, {"enum": list(choices)}, default)


def integer_field(name: str, allowed: Iterable[int], wanted: str, *, default: int | None = None) -> RequestField:
    """Return a field for an integer in `allowed`, sent as a number or as text; `wanted` describes the range."""

    def parse(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,12}", value, re.ASCII):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise ValueError(f"must be {wanted}")
        return value

    if isinstance(allowed, range):
        return RequestField(name, parse, {"type": "integer", "minimum": allowed[0], "maximum": allowed[-1]}, default)
    return RequestField(name, parse, {"enum": list(allowed)}, default)


def flag_field(name: str, *, default: bool | None) -> RequestField:
    """Return a field for true or false, sent as a boolean or as text."""

    def parse(value: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise ValueError("must be true or false")

    return RequestField(name, parse, {"type": "boolean"}, default)


def parse_fields(fields: Iterable[RequestField], sent: Values) -> dict[str, Any]:
    """Return the value of every field in `fields`, or raise ApiError(400) that names every invalid one."""
    values, problems = _parse_all(fields, sent)
    if problems:
        raise ApiError(400, "; ".join(problems))
    return values


def _parse_all(fields: Iterable[RequestField], sent: Values) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for one in fields:
        value = sent.get(one.name)
        values[one.name] = one.default
        if value is None or value == "":
            if one.required:
                problems.append(f"Parameter {one.name} is required")
            continue
        try:
            values[one.name] = one.parse(value)
        except ValueError as error:
            problems.append(f"Parameter {one.name} {error}")
    return values, problems


@dataclass(frozen=True)
class InputField:
    """A field that names a file: an upload by its path or (`by_id`) by its id, or (`is_video`) a video by its id.

    `role` says what the file is for, such as "first". If two fields have the same role, the earlier one is used.
    """

    name: str
    role: str
    by_id: bool = False
    is_video: bool = False
    required: bool = False

    def request_field(self) -> RequestField:
        """Return the field as it is parsed."""
        if self.by_id:
            return integer_field(self.name, range(1, 10**12), "the id of an upload")
        return text_field(self.name, max_length=1024, required=self.required)


@dataclass(frozen=True)
class InputFile:
    """A file that a request uses. `path` is None until an `upload_id` or a `video_id` has been looked up.

    `seconds` and `height` (of the shorter side, in pixels) are those of a video that the sandbox made.
    """

    role: str
    field: str
    path: str | None = None
    upload_id: int | None = None
    video_id: str | None = None
    seconds: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class CreateRequest:
    """A valid create call. `operation` is the last part of its path, such as create-frames-v3.

    `params` holds the fields that describe the video, defaults included; which ones depends on the operation.
    """

    operation: str
    inputs: tuple[InputFile, ...]
    params: Mapping[str, Any]
    email: str | None = None
    reply_url: str | None = None
    reply_ref: str | None = None
    max_jobs: int | None = None

    @property
    def prompt(self) -> str:
        """The prompt, or an empty text."""
        return str(self.params.get("prompt") or "")

    @property
    def model(self) -> str:
        """The name of the model; empty if the operation has none."""
        return str(self.params.get("model", ""))

    @property
    def source(self) -> InputFile | None:
        """The video that this one is made from, or None."""
        return next((one for one in self.inputs if one.role == SOURCE), None)

    @property
    def is_off_peak(self) -> bool:
        """Whether it is generated when there is time, outside the slots."""
        return bool(self.params.get("off_peak_mode"))

    @property
    def quality(self) -> str:
        """The quality, such as 720p."""
        return str(self.params.get("quality") or "720p")

    @property
    def duration_s(self) -> int:
        """The length of the video in seconds: as requested, else that of its source, else 5 from picture to picture."""
        if "duration" in self.params:
            return int(self.params["duration"])
        if self.source is not None:
            return self.source.seconds or 5
        links = range(1, max(len(self.inputs), 2))
        return sum(int(self.params.get(f"duration_{at}_to_{at + 1}") or 5) for at in links)

    @property
    def motion_mode(self) -> str:
        """normal or fast."""
        return str(self.params.get("motion_mode", "normal"))

    @property
    def input_paths(self) -> dict[str, str]:
        """The path of the file for each role, in the order of the operation's inputs."""
        paths: dict[str, str] = {}
        for one in self.inputs:
            if one.path is not None:
                paths.setdefault(one.role, one.path)
        return paths


def price_by_model(request: CreateRequest, prices: Mapping[str, int]) -> int:
    """Return the credits of the request's model; `prices` replaces its own credits by quality, also with sound."""
    model = MODELS[request.model]
    with_sound = {quality: credits_ for quality, credits_ in model.audio_credits.items() if quality not in prices}
    model = replace(model, credits={**model.credits, **prices}, audio_credits=with_sound)
    return model.price(request.params, seconds=request.duration_s)


def fixed_price(credits_5s: int) -> Callable[[CreateRequest, Mapping[str, int]], int]:
    """Return a price that depends only on the length: `credits_5s` for up to 5 s, twice that above."""
    return lambda request, _: credits_5s * (2 if request.duration_s > 5 else 1)


@dataclass(frozen=True)
class CreateOperation:
    """One kind of generation: the files and fields it takes, the rules between them, and its price in credits.

    Each model has its own durations, qualities and switches: see `models`. `needs_one_of` are fields of which one must
    be given. `refused_combinations` are pairs of values and message; they apply if the setting `refuse_combinations` is
    on.
    """

    inputs: tuple[InputField, ...]
    fields: tuple[RequestField, ...]
    needs_prompt_or_input: bool = False
    needs_one_of: tuple[str, ...] = ()
    refused_combinations: tuple[tuple[Values, str], ...] = ()
    price: Callable[[CreateRequest, Mapping[str, int]], int] = field(default=price_by_model)


_DELIVERY: Final = (
    text_field("email", max_length=320),
    text_field("replyUrl", max_length=1024, pattern=r"https?://\S+"),
    text_field("replyRef", max_length=1024),
    integer_field("maxJobs", range(1, 9), "1…8"),
)
_PROMPT: Final = text_field("prompt", max_length=2048, default="")
_REQUIRED_PROMPT: Final = text_field("prompt", max_length=2048, required=True)
_NEGATIVE_PROMPT: Final = text_field("negative_prompt", max_length=2048, default="")
_LONG_PROMPT: Final = text_field("prompt", max_length=5000, default="")
_QUALITY: Final = choice_field("quality", QUALITIES, default=None)
_SEED: Final = integer_field("seed", range(1, SEED_MAX + 1), f"1…{SEED_MAX}")
_WATERMARK: Final = flag_field("remove_watermark", default=True)

_V35: Final = (
    choice_field("model", ("v3.5",), default="v3.5"),
    integer_field("duration", (5, 8), "5 or 8", default=5),
    choice_field("quality", ("360p", "540p", "720p", "1080p"), default="720p"),
    choice_field("motion_mode", ("normal", "fast"), default="normal"),
    choice_field("aspect_ratio", FIVE_RATIOS, default="16:9"),
    _SEED,
    _WATERMARK,
)
_DURATION: Final = integer_field("duration", range(1, 16), "1…15", default=5)
_SWITCHES: Final = (
    flag_field("audio", default=None),
    flag_field("multi_shot", default=None),
    flag_field("preview_mode", default=None),
    flag_field("off_peak_mode", default=None),
    flag_field("auto_sound", default=None),
    text_field("sound_effect_prompt", max_length=2048),
)
_V35_COMBINATIONS: Final = (
    ({"motion_mode": "fast", "duration": 8}, "motion_mode fast is not supported with duration 8"),
    ({"quality": "1080p", "duration": 8}, "quality 1080p is not supported with duration 8"),
    ({"quality": "1080p", "motion_mode": "fast"}, "quality 1080p is not supported with motion_mode fast"),
)

_BOTH_FRAMES: Final = (
    InputField("first_frame_path", "first", required=True),
    InputField("last_frame_path", "last", required=True),
)


def _model(default: str) -> RequestField:
    return choice_field("model", tuple(MODELS), default=default)


_IMAGE_BY_ID: Final = InputField("img_id", "first", by_id=True)
_CREATE: Final = CreateOperation(
    inputs=(InputField("first_frame_path", "first"), InputField("last_frame_path", "last"), _IMAGE_BY_ID),
    fields=(
        _LONG_PROMPT,
        _NEGATIVE_PROMPT,
        _model("v6"),
        _DURATION,
        _QUALITY,
        choice_field("aspect_ratio", ASPECT_RATIOS, default="16:9"),
        _SEED,
        _WATERMARK,
        *_SWITCHES,
    ),
    needs_prompt_or_input=True,
)

_SOURCE_VIDEO: Final = (
    InputField("video_id", SOURCE, is_video=True),
    InputField("video_path", SOURCE),
)
_AUDIO: Final = flag_field("audio", default=None)
_OFF_PEAK: Final = flag_field("off_peak_mode", default=None)


def _frame_fields(count: int, *, required: int) -> tuple[InputField, ...]:
    return tuple(InputField(f"frame_{at}_path", f"frame_{at}", required=at <= required) for at in range(1, count + 1))


def _link_fields() -> Iterable[RequestField]:
    for at in range(1, 7):
        yield text_field(f"prompt_{at}_to_{at + 1}", max_length=2048)
        yield integer_field(f"duration_{at}_to_{at + 1}", range(1, 9), "1…8")


OPERATIONS: Final[Mapping[str, CreateOperation]] = {
    "create-transition": CreateOperation(
        inputs=_frame_fields(7, required=2),
        fields=(_PROMPT, _model("v5"), _QUALITY, _SEED, _AUDIO, _OFF_PEAK, *_link_fields()),
    ),
    "create-fusion": CreateOperation(
        inputs=_frame_fields(9, required=1),
        fields=(
            _REQUIRED_PROMPT,
            _model("pixverse-c1"),
            _DURATION,
            _QUALITY,
            choice_field("aspect_ratio", ASPECT_RATIOS, default="16:9"),
            _SEED,
            _AUDIO,
            _OFF_PEAK,
        ),
    ),
    "extend": CreateOperation(
        inputs=_SOURCE_VIDEO,
        fields=(_PROMPT, _model("v6"), _DURATION, _QUALITY, _SEED, _AUDIO, _OFF_PEAK),
        needs_one_of=("video_id", "video_path"),
    ),
    "modify": CreateOperation(
        inputs=_SOURCE_VIDEO,
        fields=(
            _REQUIRED_PROMPT,
            _model("v5.5"),
            choice_field("quality", ("360p", "540p", "720p"), default="540p"),
            _SEED,
            _OFF_PEAK,
        ),
        needs_one_of=("video_id", "video_path"),
    ),
    "restyle": CreateOperation(
        inputs=_SOURCE_VIDEO,
        fields=(_PROMPT, _model("v4"), integer_field("restyle_id", RESTYLES, "one of GET /restyles"), _SEED, _OFF_PEAK),
        needs_one_of=("video_id", "video_path"),
        price=fixed_price(30),
    ),
    "upscale": CreateOperation(
        inputs=_SOURCE_VIDEO,
        fields=(
            _model("pixverse-upscale"),
            choice_field("quality", ("2160p",), default="2160p"),
            flag_field("quote", default=False),
        ),
        needs_one_of=("video_id", "video_path"),
        price=fixed_price(30),
    ),
    "lipsync": CreateOperation(
        inputs=(*_SOURCE_VIDEO, InputField("audio_path", "audio")),
        fields=(text_field("prompt", max_length=200, default=""), choice_field("speaker_id", VOICES, default=None)),
        needs_one_of=("video_id", "video_path"),
        price=fixed_price(20),
    ),
    "motion-control": CreateOperation(
        inputs=(
            InputField("frame_1_path", "frame_1", required=True),
            InputField("video_1_path", SOURCE, required=True),
        ),
        fields=(_PROMPT, _model("v5.6"), _QUALITY, _SEED),
    ),
    "create-frames-v3": CreateOperation(
        inputs=_BOTH_FRAMES,
        fields=(_PROMPT, *_V35),
        refused_combinations=_V35_COMBINATIONS,
    ),
    "create-frames": CreateOperation(
        inputs=_BOTH_FRAMES,
        fields=(
            _PROMPT,
            _model("v5.6"),
            _DURATION,
            _QUALITY,
            _SEED,
            _WATERMARK,
            *_SWITCHES,
        ),
    ),
    "create-v3": CreateOperation(
        inputs=(_IMAGE_BY_ID,),
        fields=(_REQUIRED_PROMPT, _NEGATIVE_PROMPT, *_V35),
        refused_combinations=_V35_COMBINATIONS,
    ),
    "create-v4": _CREATE,
    "create": _CREATE,
}


# They take the aspect ratio as a field; elsewhere the first picture sets it.
QUOTING_OPERATIONS: Final = frozenset({"upscale"})  # those whose field `quote` asks only for the price
RATIO_OPERATIONS: Final = frozenset({"create-v3", "create-frames-v3", "create-fusion"})


def create_fields(name: str) -> tuple[RequestField, ...]:
    """Return every field that the operation `name` takes."""
    operation = OPERATIONS[name]
    return (*(one.request_field() for one in operation.inputs), *operation.fields, *_DELIVERY)


def parse_create(name: str, body: Values, *, refuse_combinations: bool = False) -> CreateRequest:
    """Return the request of the operation `name` in `body`, or raise ApiError(400) that names every invalid field."""
    operation = OPERATIONS[name]
    values, problems = _parse_all(create_fields(name), body)
    params = {one.name: values[one.name] for one in operation.fields}
    problems += _check_model(name, params) + _check_choice(name, body)
    inputs = tuple(
        InputFile(
            one.role,
            one.name,
            path=None if one.by_id or one.is_video else values[one.name],
            upload_id=values[one.name] if one.by_id else None,
            video_id=values[one.name] if one.is_video else None,
        )
        for one in operation.inputs
        if values[one.name] is not None
    )
    if operation.needs_one_of and not any(values.get(one) is not None for one in operation.needs_one_of):
        problems.append(f"Parameter {' or '.join(operation.needs_one_of)} is required")
    if operation.needs_prompt_or_input and not (params["prompt"] or inputs or problems):
        problems.append("Parameter prompt is required where no frame is given")
    if refuse_combinations:
        problems += [text for pair, text in operation.refused_combinations if pair.items() <= params.items()]
    if problems:
        raise ApiError(400, "; ".join(problems))
    return CreateRequest(
        operation=name,
        inputs=inputs,
        params=params,
        email=values["email"],
        reply_url=values["replyUrl"],
        reply_ref=values["replyRef"],
        max_jobs=values["maxJobs"],
    )


def _check_model(route: str, params: dict[str, Any]) -> list[str]:
    """Fill in the model's default quality, and return what is wrong with the fields for this model."""
    if "model" not in params:
        return []
    model = MODELS[params["model"]]
    if "quality" in params:
        params["quality"] = params["quality"] or model.default_quality
    if route not in model.routes:
        return [f"Parameter model {model.name} is not supported by {route}"]
    return model.problems(params)


def _check_choice(route: str, body: Values) -> list[str]:
    """Return what is wrong with fields that depend on each other."""
    if route == "create-transition":
        return _check_transition(body)
    if route == "restyle" and bool(body.get("restyle_id")) == bool(body.get("prompt")):
        return ["Parameter restyle_id or prompt is required, and only one of them"]
    if route == "lipsync" and bool(body.get("audio_path")) == bool(body.get("prompt") and body.get("speaker_id")):
        return ["Parameter audio_path is required, or prompt and speaker_id"]
    return []


def _check_transition(body: Values) -> list[str]:
    """Return what is wrong with the pictures after the second: there may be no gap, and only v5 takes them."""
    given = [at for at in range(1, 8) if body.get(f"frame_{at}_path")]
    found = [f"Parameter frame_{at}_path is required" for at in range(3, max([2, *given])) if at not in given]
    if len(given) > 2 and (body.get("model") or "v5") != "v5":
        found.append(f"Parameter model {body['model']} is not supported with more than 2 frames")
    return found


def parse_media_type(header: str | None) -> str:
    """Return the bare media type of a Content-Type header, or raise ApiError(400) if it is missing or unknown."""
    media_type = (header or "").partition(";")[0].strip().lower()
    if media_type not in IMAGE_TYPES and media_type not in OTHER_TYPES:
        known = ", ".join((*IMAGE_TYPES, *OTHER_TYPES))
        raise ApiError(400, f"Content-Type {media_type or 'is missing'}: send raw bytes with one of {known}")
    return media_type


def check_image(data: bytes, media_type: str, *, max_side_px: int) -> None:
    """Raise ApiError(400) unless `data` is a complete image of `media_type` with sides of at most `max_side_px`."""
    if not data.startswith(_IMAGE_STARTS[media_type]) or (media_type == "image/webp" and data[8:12] != b"WEBP"):
        raise ApiError(400, f"The content is not {media_type}")
    if _IMAGE_ENDS.get(media_type, b"") not in data[-65536:]:
        raise ApiError(400, f"The {media_type} is cut off")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None:
        raise ApiError(400, f"The {media_type} cannot be decoded")
    height, width = image.shape[:2]
    if max(width, height) > max_side_px:
        raise ApiError(400, f"Image is {width}x{height}: the longest side may have at most {max_side_px} pixels")
