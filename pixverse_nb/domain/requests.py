"""Building requests: every field is validated by the rules of its model and operation.

An operation is a row of `operations.OPERATIONS`, and `operation_request` builds its requests. Rules about combinations
of inputs and fields are in `_unfit_fields`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

from pixverse_nb.domain.catalogue import (
    CATALOGUE,
    DEFAULT_MODEL,
    MODEL_NAME,
    Catalogue,
    ModelSpec,
)
from pixverse_nb.domain.generation_request import Delivery as Delivery
from pixverse_nb.domain.generation_request import GenerationRequest as GenerationRequest
from pixverse_nb.domain.generation_request import Input as Input
from pixverse_nb.domain.operations import AUDIO, OPERATIONS, PARAM_NAMES, PICTURE_NAME, Operation
from pixverse_nb.domain.validation import Integer, Rule, Text, is_blank, plain, unknown_fields, validate
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


def operation_request(
    operation: Operation,
    inputs: Sequence[Input],
    fields: Mapping[str, Any],
    *,
    catalogue: Catalogue = CATALOGUE,
    wrong: Mapping[str, str] = MappingProxyType({}),
    **options: Any,
) -> GenerationRequest:
    """Return the request of `build_request` if its inputs and fields also fit together, as the operation needs them.

    With `ANY_MODEL` that is not checked either. Raises InvalidRequest, which names every wrong field.
    """
    unfit = {} if catalogue is ANY_MODEL else _unfit_fields(operation, inputs, fields, catalogue)
    return build_request(operation, inputs, fields, catalogue=catalogue, wrong={**unfit, **wrong}, **options)


def build_request(  # noqa: PLR0913 - every part has a name
    operation: Operation,
    inputs: Sequence[Input],
    fields: Mapping[str, Any],
    *,
    roles: Sequence[str] | None = None,
    defaults: Mapping[str, Any] | None = None,
    allow_refused: bool = False,
    catalogue: Catalogue = CATALOGUE,
    wrong: Mapping[str, str] = MappingProxyType({}),
) -> GenerationRequest:
    """Return a validated request for any operation. Raises InvalidRequest, which names every wrong field.

    `fields` may contain `model`, the fields of that model and those of `Delivery`. A field that is None takes its value
    from `defaults`, else the model's default; a default for a field that the model does not take is ignored. `roles`
    are the inputs that are required (None: no check). `allow_refused=True` permits combinations of values that the
    vendor's documents rule out. `wrong` holds problems that were found before.

    >>> inputs = [Input("first", "sha256:1"), Input("last", "sha256:2")]
    >>> build_request(Operation.FRAMES, inputs, {"prompt": "a slow dolly in", "seed": 7}).duration
    5
    """
    fields = {name: value for name, value in fields.items() if value is not None or name in DELIVERY_FIELDS}
    model = plain(fields.get("model", OPERATIONS[operation].default_model))
    _, bad_model = validate({"model": MODEL_NAME}, {"model": model})
    spec = catalogue.spec(DEFAULT_MODEL if bad_model else model)
    rules = spec.fields(operation)
    problems = _unavailable_fields(fields, spec, operation, catalogue)
    params, bad_params = validate(rules, {**(defaults or {}), **fields})
    delivery, bad_delivery = validate(DELIVERY_FIELDS, fields)
    problems |= bad_model | bad_params | bad_delivery
    given_roles = {item.role for item in inputs}
    problems |= {role: "is required" for role in roles or () if role not in given_roles} | dict(wrong)
    if plain(allow_refused) is not True:
        for constraint in catalogue.violations(spec.name, operation, params):
            for name in constraint.fields:
                problems.setdefault(name, f"{constraint.reason} (allow_refused=True sends it anyway)")
    if problems:
        raise InvalidRequest({name: _shown(problem) for name, problem in problems.items()})
    given = {name: value for name, value in params.items() if value is not None}
    return GenerationRequest(operation, str(model), tuple(inputs), given, Delivery(**delivery))


def check_request(request: GenerationRequest) -> GenerationRequest:
    """Return a request that was read from a file, with its fields validated. Raises InvalidRequest.

    The catalogue is not asked: the request was accepted once, perhaps with rows of another version or of a user.
    """
    fields = {**request.params, **asdict(request.delivery), "model": request.model}
    return build_request(request.operation, request.inputs, fields, allow_refused=True, catalogue=ANY_MODEL)


def _unfit_fields(
    operation: Operation, inputs: Sequence[Input], fields: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, str]:
    """Return the problems of inputs and fields that are right in themselves and wrong together."""
    given = {name for name, value in fields.items() if not is_blank(plain(value))} | {item.role for item in inputs}
    names: tuple[str, ...]
    alternatives: tuple[set[str], ...]
    match operation:
        case Operation.RESTYLE:
            names, alternatives = ("restyle_id", "prompt"), ({"restyle_id"}, {"prompt"})
            problem = "give either a restyle_id (see client.restyles()) or a prompt"
        case Operation.LIPSYNC:
            names, alternatives = (AUDIO, "prompt", "speaker_id"), ({AUDIO}, {"prompt", "speaker_id"})
            problem = "give either audio, or a prompt with a speaker_id (see client.voices())"
        case Operation.FUSION:
            return _unknown_pictures(plain(fields.get("prompt")), count=len(inputs))
        case Operation.TRANSITION:
            model = plain(fields.get("model"))
            is_wrong = len(inputs) > 2 and isinstance(model, str) and model in catalogue.names and model != "v5"
            return {"model": "must be v5 for more than 2 pictures"} if is_wrong else {}
        case _:
            return {}
    return {} if given.intersection(names) in alternatives else dict.fromkeys(names, problem)


def _unknown_pictures(prompt: object, *, count: int) -> dict[str, str]:
    """Return the problem with a prompt that names a picture of a fusion which is not there."""
    if not isinstance(prompt, str):
        return {}
    names = [name.group() for name in PICTURE_NAME.finditer(prompt) if not 1 <= int(name["number"]) <= count]
    if not names or not count:
        return {}
    known = "@image1" if count == 1 else f"@image1 to @image{count}"
    return {"prompt": f"names {names[0]:.20}, but the pictures are {known}"}


def _unavailable_fields(
    given: Mapping[str, Any], spec: ModelSpec, operation: Operation, catalogue: Catalogue
) -> dict[str, str]:
    """Return a problem for each field that the model does not take, and for each name that is no field at all."""
    rules = spec.fields(operation)
    wrong = unknown_fields(given, ("model", *PARAM_NAMES, *DELIVERY_FIELDS))
    for name, value in given.items():
        # With a model without this field the account's plan decides, as it does by default.
        asks_for_nothing = name == "remove_watermark" and plain(value) is True
        if name in PARAM_NAMES and name not in rules and not asks_for_nothing:
            others = catalogue.names_with(name, operation)
            hint = f"leave it out, or choose model={' or '.join(map(repr, others[:3]))}" if others else "leave it out"
            wrong[name] = f"is not available with {spec.name}: {hint}"
    return wrong


def _shown(problem: str) -> str:
    text = redact(problem)  # before it is cut: half an address would stay readable
    return text if len(text) <= _LONGEST_PROBLEM else f"{text[: _LONGEST_PROBLEM - 1]}…"
