"""The values that people and modules hand to each other. All are frozen; a change is a new value.

The words are ours (`duration`, `motion_mode`); the vendor's JSON names (`video_status`, `first_frame_path`) stay
inside `wire/`. Ranges and choices are those of useapi.net's page "POST videos/create-frames-v3".
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, get_args

from pixverse_nb.domain.validation import validate_fields
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.redaction import redact

Duration = Literal[5, 8]
Quality = Literal["360p", "540p", "720p", "1080p"]
MotionMode = Literal["normal", "fast"]
AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4"]

DURATIONS: Final[tuple[int, ...]] = get_args(Duration)
QUALITIES: Final[tuple[str, ...]] = get_args(Quality)
MOTION_MODES: Final[tuple[str, ...]] = get_args(MotionMode)
ASPECT_RATIOS: Final[tuple[str, ...]] = get_args(AspectRatio)
DEFAULT_MODEL: Final = "v3.5"
PROMPT_MAX: Final = 2048
SEED_MAX: Final = 2_147_483_647
REPLY_MAX: Final = 1024
REPLY_REF_MAX: Final = 960  # the vendor's 1024, less the room for our own reference in front


@dataclass(frozen=True, kw_only=True, repr=False)
class FramesRequest:
    """One video to be made from a first and a last picture; frozen and valid.

    `first` and `last` name the pictures by content (see `images.Frame.key`). `duration` is in seconds. `seed` is
    1…2147483647 and always set. `reply_url`, `reply_ref` and `max_jobs` (1…8) travel to the vendor but do not make
    another video, and neither does the account in `email`. Raises InvalidRequest with every wrong field named; what
    `metadata` allows is judged in `rules`.
    """

    first: str
    last: str
    prompt: str = field(default="", metadata={"max_length": PROMPT_MAX})
    model: str = field(default=DEFAULT_MODEL, metadata={"pattern": r"^v\d+(\.\d+)?$"})
    duration: Duration = 5
    quality: Quality = "720p"
    motion_mode: MotionMode = "normal"
    aspect_ratio: AspectRatio = "16:9"
    seed: int = field(metadata={"strict": True, "ge": 1, "le": SEED_MAX})
    remove_watermark: bool = field(default=True, metadata={"strict": True})
    email: str | None = None
    reply_url: str | None = field(default=None, metadata={"max_length": REPLY_MAX, "pattern": r"^https?://\S+$"})
    reply_ref: str | None = field(default=None, metadata={"max_length": REPLY_REF_MAX})
    max_jobs: int | None = field(default=None, metadata={"strict": True, "ge": 1, "le": 8})

    def __post_init__(self) -> None:
        """Judge every field, and keep the values as they are judged to be."""
        for name, value in validate_fields(FramesRequest, vars(self), mend=_mend).items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_trusted(cls, values: Mapping[str, Any]) -> "FramesRequest":
        """Return a request that was judged when it was made, as our own ledger keeps it: nothing is judged again.

        Where fields are missing or unknown, as in a ledger of another version, it is judged like any other.
        """
        if values.keys() != {item.name for item in fields(cls)}:
            return cls(**values)
        made = object.__new__(cls)
        vars(made).update(values)
        return made

    @property
    def cell(self) -> str:
        """The sha256 of everything that decides what the video looks like, the seed included (hex)."""
        return _digest(self._without(*_WAYS))

    @property
    def seedless_key(self) -> str:
        """As `cell` without the seed: what a call that lets the seed be drawn asks for (hex)."""
        return _digest(self._without("seed", *_WAYS))

    def __repr__(self) -> str:
        shown = self._without("first", "last", "reply_url", "reply_ref").items()
        return redact(f"FramesRequest({', '.join(f'{name}={value!r}' for name, value in shown if value is not None)})")

    def _without(self, *names: str) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in names}


_WAYS: Final = ("email", "reply_url", "reply_ref", "max_jobs")  # other ways to the same video


@dataclass(frozen=True)
class Constraint:
    """A combination of fields that the vendor refuses, and why."""

    fields: Mapping[str, object]
    reason: str

    def applies(self, values: Mapping[str, object]) -> bool:
        """Tell whether `values` (field name to value) holds the whole combination."""
        return all(values.get(name) == value for name, value in self.fields.items())


# PixVerse's own documents of the v3.5 era; useapi.net's page states no rule.
CONSTRAINTS: Final = (
    Constraint(
        {"motion_mode": "fast", "duration": 8},
        "fast motion is made in 5 s only: choose duration=5 or motion_mode='normal'",
    ),
    Constraint({"quality": "1080p", "duration": 8}, "1080p is made in 5 s only: choose duration=5 or quality='720p'"),
    Constraint(
        {"quality": "1080p", "motion_mode": "fast"},
        "1080p has no fast motion: choose motion_mode='normal' or quality='720p'",
    ),
)


def violations(values: Mapping[str, object]) -> tuple[Constraint, ...]:
    """Return every vendor rule that `values` (field name to value) would break; empty where it is accepted."""
    return tuple(rule for rule in CONSTRAINTS if rule.applies(values))


def build_request(values: Mapping[str, Any], *, allow_refused: bool = False) -> FramesRequest:
    """Return the validated request, or raise InvalidRequest with every wrong field named.

    With `allow_refused=True` a combination in `REFUSALS` is let through, for the vendor to decide.
    """
    wrong: dict[str, str] = {}
    request: FramesRequest | None = None
    try:
        request = _made(values)
    except InvalidRequest as error:
        wrong = dict(error.fields)
    if request is not None and request.model != DEFAULT_MODEL and request.motion_mode != "normal":
        wrong["motion_mode"] = f"must be 'normal' with model {request.model}: only {DEFAULT_MODEL} knows another"
    if not allow_refused:
        for rule in violations(values):
            for name in rule.fields:
                wrong.setdefault(name, f"{rule.reason} (allow_refused=True sends it all the same)")
    if wrong or request is None:
        raise InvalidRequest(wrong)
    return request


def _made(values: Mapping[str, Any]) -> FramesRequest:
    try:
        return FramesRequest(**values)
    except TypeError:  # a name that is missing or unknown, which the judge says in words
        return FramesRequest(**validate_fields(FramesRequest, values, mend=_mend))


_CHOICES: Final[dict[str, str]] = {
    "duration": "5 or 8 (seconds, a whole number)",
    "quality": "one of " + ", ".join(QUALITIES),
    "motion_mode": "normal or fast",
    "aspect_ratio": "one of " + ", ".join(ASPECT_RATIOS) + ", or None for the first picture's own",
    "seed": f"a whole number 1…{SEED_MAX}, or None to have one drawn",
    "max_jobs": "a whole number 1…8, or None for the account's own value",
    "remove_watermark": "True or False",
    "model": "a model name such as v3.5",
    "prompt": f"a text of at most {PROMPT_MAX} characters",
    "reply_url": f"an http(s) address of at most {REPLY_MAX} characters",
    "reply_ref": f"a text of at most {REPLY_REF_MAX} characters",
}


def _mend(name: str, message: str, given: object) -> str:
    """Return one sentence that says what was given and what is wanted."""
    size = (
        f"; this one has {len(given)}"
        if isinstance(given, str) and name in {"prompt", "reply_ref", "reply_url"}
        else ""
    )
    shown = "" if size else f", not {redact(repr(given))[:60]}"
    return f"must be {_CHOICES[name]}{size}{shown}" if name in _CHOICES else message


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
