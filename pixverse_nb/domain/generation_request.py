"""The value of a request for one video: the operation, the model, the inputs and the parameters."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Self

from pixverse_nb.domain.notices import Value
from pixverse_nb.domain.operations import Operation
from pixverse_nb.redaction import redact


@dataclass(frozen=True)
class Input:
    """One picture, video or sound that a generation starts from.

    `role` is its part in the operation ("first", "last", "frame_3", "source_video", "audio"). `key` identifies its
    content: a sha256 with the framing, or the vendor's name for an uploaded file.
    """

    role: str
    key: str


@dataclass(frozen=True)
class Delivery:
    """How a request is sent; none of this changes the video.

    `email` selects the account, `reply_url` receives callbacks, `reply_ref` is the user's own reference, and `max_jobs`
    (1…8) limits how many generations the account runs at once. None leaves each to the vendor.
    """

    email: str | None = field(default=None, repr=False)
    reply_url: str | None = field(default=None, repr=False)
    reply_ref: str | None = field(default=None, repr=False)
    max_jobs: int | None = None


@dataclass(frozen=True, repr=False, eq=True)
class GenerationRequest:
    """One video to generate, as `job.request` and `video.request` have it; the methods of a client build and check it.

    `params` maps field names to values: `duration` in seconds, `seed` 1…2147483647, the rest as in the catalogue.
    """

    operation: Operation
    model: str
    inputs: tuple[Input, ...]
    params: Mapping[str, Value] = field(hash=False)
    delivery: Delivery = Delivery()

    @cached_property
    def content_key(self) -> str:
        """The sha256 (hex) of everything that affects the video, including the seed. Equal keys mean the same video."""
        return self._digest(self.params)

    @cached_property
    def seedless_key(self) -> str:
        """Like `content_key`, but without the seed: identifies a call that leaves the seed to chance."""
        return self._digest({name: value for name, value in self.params.items() if name != "seed"})

    @property
    def prompt(self) -> str:
        """The prompt; "" if there is none."""
        return str(self.params.get("prompt") or "")

    @property
    def seed(self) -> int | None:
        """The seed, or None if the model takes none."""
        return _int_or_none(self.params.get("seed"))

    @property
    def duration(self) -> int | None:
        """Seconds of video, or None if the operation does not choose them."""
        return _int_or_none(self.params.get("duration"))

    @property
    def quality(self) -> str | None:
        """The vertical resolution ("720p"), or None."""
        return _text_or_none(self.params.get("quality"))

    @property
    def motion_mode(self) -> str | None:
        """ "normal" or "fast", or None if the model has no such field."""
        return _text_or_none(self.params.get("motion_mode"))

    @property
    def is_off_peak(self) -> bool:
        """Whether it costs less and is made within 24 hours; then it uses no slot and is not in the scheduler."""
        return self.params.get("off_peak_mode") is True

    @property
    def aspect_ratio(self) -> str | None:
        """Width to height ("16:9"), or None."""
        return _text_or_none(self.params.get("aspect_ratio"))

    @property
    def remove_watermark(self) -> bool | None:
        """Whether the watermark is removed, or None if the model has no such field."""
        value = self.params.get("remove_watermark")
        return value if isinstance(value, bool) else None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.params.items())
        return redact(f"GenerationRequest({self.operation.value}, model={self.model!r}, {shown})")

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON values."""
        return {
            "operation": self.operation.value,
            "model": self.model,
            "inputs": [[item.role, item.key] for item in self.inputs],
            "params": dict(self.params),
            "delivery": asdict(self.delivery),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the request that `to_json` wrote. Its fields are not checked: see `requests.check_request`."""
        inputs = tuple(Input(str(role), str(key)) for role, key in values["inputs"])
        delivery = Delivery(**values["delivery"])
        return cls(Operation(values["operation"]), values["model"], inputs, dict(values["params"]), delivery)

    def _digest(self, params: Mapping[str, Value]) -> str:
        content = [self.operation.value, self.model, [[item.role, item.key] for item in self.inputs], dict(params)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _int_or_none(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _text_or_none(value: Value) -> str | None:
    return value if isinstance(value, str) else None
