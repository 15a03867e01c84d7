"""A request for one video: the operation, the model, the inputs and the parameters.

To add an operation, add one function here that names its inputs (see `frames_request`) and one to a backend.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Final, Self

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    DEFAULT_MODEL,
    MODEL_NAME,
    Catalogue,
    ModelSpec,
)
from pixverse_nb.domain.notices import Value
from pixverse_nb.domain.operations import OPERATIONS, PARAM_NAMES, Operation
from pixverse_nb.domain.validation import Integer, Rule, Text, plain, unknown_fields, validate
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.redaction import redact

REPLY_MAX: Final = 1024
REPLY_REF_MAX: Final = 960  # the vendor accepts 1024; our own reference is put in front

_LONGEST_PROBLEM: Final = 240  # characters; the value that was given comes last

DELIVERY_FIELDS: Final[Mapping[str, Rule]] = {
    "email": Text(320, default=None, what="an e-mail address"),
    "reply_url": Text(REPLY_MAX, default=None, pattern=r"https?://\S+", what="an http(s) address"),
    "reply_ref": Text(REPLY_REF_MAX, default=None),
    "max_jobs": Integer(1, 8, default=None, note=", or None for the account's own value"),
}
ANY_MODEL: Final = Catalogue(())  # every model takes every field


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
    """One video to generate. Build it with `frames_request`, which validates every field.

    `params` maps field names to values: `duration` in seconds, `seed` 1…2147483647, the rest as in the catalogue.

    >>> inputs = [Input("first", "sha256:1"), Input("last", "sha256:2")]
    >>> frames_request(inputs, {"prompt": "a slow dolly in", "seed": 7}).duration
    5
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
    def from_json(cls, values: Mapping[str, Any], *, is_trusted: bool = False) -> Self:
        """Return the request that `to_json` wrote.

        Unless `is_trusted`, its fields are validated: raises InvalidRequest. The catalogue is not asked, because a
        request was accepted once, perhaps with rows of another version or of a user.
        """
        operation = Operation(values["operation"])
        inputs = tuple(Input(str(role), str(key)) for role, key in values["inputs"])
        if not is_trusted:
            made = build_request(
                operation,
                inputs,
                {**values["params"], **values["delivery"], "model": values["model"]},
                allow_refused=True,
                catalogue=ANY_MODEL,
            )
            return cls(made.operation, made.model, made.inputs, made.params, made.delivery)
        return cls(operation, values["model"], inputs, dict(values["params"]), Delivery(**values["delivery"]))

    def _digest(self, params: Mapping[str, Value]) -> str:
        content = [self.operation.value, self.model, [[item.role, item.key] for item in self.inputs], dict(params)]
        return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def frames_request(inputs: Sequence[Input], fields: Mapping[str, Any], **options: Any) -> GenerationRequest:
    """Return a request for a video from a first to a last picture (roles "first" and "last").

    `fields` may contain `model`, the fields of that model and those of `Delivery`; `options` are those of
    `build_request`. Raises InvalidRequest, which names every wrong field.
    """
    return build_request(Operation.FRAMES, inputs, fields, roles=("first", "last"), **options)


def build_request(
    operation: Operation,
    inputs: Sequence[Input],
    fields: Mapping[str, Any],
    *,
    roles: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    allow_refused: bool = False,
    catalogue: Catalogue = CATALOGUE,
) -> GenerationRequest:
    """Return a validated request for any operation. Raises InvalidRequest, which names every wrong field.

    A field that is None takes its value from `defaults`, else the model's default; a default for a field that the model
    does not take is ignored. `roles` are the inputs that are required (None: no check). `allow_refused=True` permits
    combinations of values that the vendor's documents rule out.
    """
    fields = {name: value for name, value in fields.items() if value is not None or name in DELIVERY_FIELDS}
    model = plain(fields.get("model", OPERATIONS[operation].default_model))
    _, bad_model = validate({"model": MODEL_NAME}, {"model": model})
    spec = catalogue.spec(DEFAULT_MODEL if bad_model else model)
    rules = spec.fields(operation)
    wrong = _unavailable_fields(fields, spec, operation, catalogue)
    params, bad_params = validate(rules, {**(defaults or {}), **fields})
    delivery, bad_delivery = validate(DELIVERY_FIELDS, fields)
    wrong |= bad_model | bad_params | bad_delivery
    given_roles = {item.role for item in inputs}
    wrong |= {role: "is required" for role in roles or () if role not in given_roles}
    if not allow_refused:
        for constraint in spec.violations(params):
            for name in constraint.fields:
                wrong.setdefault(name, f"{constraint.reason} (allow_refused=True sends it anyway)")
    if wrong:
        raise InvalidRequest({name: _shown(problem) for name, problem in wrong.items()})
    given = {name: value for name, value in params.items() if value is not None}
    return GenerationRequest(operation, str(model), tuple(inputs), given, Delivery(**delivery))


def _unavailable_fields(
    given: Mapping[str, Any], spec: ModelSpec, operation: Operation, catalogue: Catalogue
) -> dict[str, str]:
    """Return a problem for each field that the model does not take, and for each name that is no field at all."""
    rules = spec.fields(operation)
    wrong = unknown_fields(given, ("model", *PARAM_NAMES, *DELIVERY_FIELDS))
    for name in given:
        if name in PARAM_NAMES and name not in rules:
            others = catalogue.names_with(name, operation)
            hint = f"leave it out, or choose model={' or '.join(map(repr, others[:3]))}" if others else "leave it out"
            wrong[name] = f"is not available with {spec.name}: {hint}"
    return wrong


def _shown(problem: str) -> str:
    text = redact(problem)  # before it is cut: half an address would stay readable
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[: _LONGEST_PROBLEM - 1]}…"


def _int_or_none(value: Value) -> int | None:
    return value if isinstance(value, int) else None


def _text_or_none(value: Value) -> str | None:
    return value if isinstance(value, str) else None
