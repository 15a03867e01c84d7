"""A recipe: how a video was generated, as JSON inside its file and as the Python call that generates it again."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn, Self

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.domain.catalogue import MODEL_NAME
from pixverse_nb.domain.notices import Value
from pixverse_nb.domain.operations import PARAM_NAMES, Operation
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.domain.validation import did_you_mean, safe_repr
from pixverse_nb.errors import InvalidRequest, UnknownItem

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
_LIST_NAMES: Final = {Operation.TRANSITION: "", Operation.FUSION: "images="}
_INPUT_NAMES: Final = {(Operation.IMAGE, "first"): "image=", (Operation.LIPSYNC, "audio"): "audio="}
_WITHOUT_MODEL: Final = frozenset({Operation.LIPSYNC})  # their methods have no such argument

CALL_OPTIONS: Final = ("fit", "allow_refused")  # of a call, beside the fields of its request
_GENERATOR: Final = "pixverse_nb"
_VERSION: Final = 1
_ROLE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_MOST_ROLES: Final = 16


@public_class(hides=("of", "from_json", "to_json"))
@dataclass(frozen=True, repr=False)
class Recipe:
    """How a video was generated; it displays as the Python call that generates it again.

    `params` are the fields of the request, with `fit` and `allow_refused` if they were not the default. `roles` name
    the inputs, which are not part of it. It can be used as keyword arguments of the method in the call.

    >>> Recipe(Operation.FRAMES, "v5.6", {"duration": 5, "seed": 7}, ("first", "last"))
    client.create_frames(first, last, model='v5.6', duration=5, seed=7)
    >>> client.create_frames("a.jpg", "b.jpg", **pv.recipe("x.mp4"))  # doctest: +SKIP
    """

    operation: Operation
    model: str
    params: Mapping[str, Value] = field(hash=False)
    roles: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: GenerationRequest, options: Mapping[str, Value]) -> Self:
        """Return the recipe of a request that was made with these `CALL_OPTIONS`."""
        roles = tuple(item.role for item in request.inputs)
        return cls(request.operation, request.model, {**request.params, **options}, roles)

    def keys(self) -> Iterable[str]:
        """Return the names of the keyword arguments."""
        return self._arguments().keys()

    def __getitem__(self, name: str) -> Any:
        arguments = self._arguments()
        if not isinstance(name, str) or name not in arguments:
            hint = did_you_mean(str(name), tuple(arguments), plural="arguments") if isinstance(name, str) else ""
            raise UnknownItem({"name": f"this recipe has no argument {safe_repr(name):.60}; {hint}"}, sends=False)
        return arguments[name]

    def __str__(self) -> str:
        sources = [(role, role) for role in self.roles]
        return call_line(self.operation, sources, self._arguments())

    __repr__ = __str__

    def to_json(self) -> str:
        """Return the recipe as JSON text."""
        values = {
            "generator": _GENERATOR,
            "recipe": _VERSION,
            "operation": self.operation.value,
            "model": self.model,
            "inputs": list(self.roles),
            "params": dict(self.params),
        }
        text = json.dumps(values, ensure_ascii=False)
        return text if _is_encodable(text) else json.dumps(values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the recipe that `to_json` wrote. Raises InvalidRequest, with the reason, for any other text."""
        problem = "is no recipe"
        try:
            values = json.loads(text, parse_constant=_reject_constant)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequest({"text": problem}, sends=False) from error
        if isinstance(values, dict) and values.get("generator") == _GENERATOR:
            if values.get("recipe") != _VERSION:
                problem = "is a recipe of another version of pixverse_nb"
            elif _is_valid(values):
                return cls(
                    Operation(values["operation"]), values["model"], dict(values["params"]), tuple(values["inputs"])
                )
            else:
                problem = "is a damaged recipe"
        raise InvalidRequest({"text": problem}, sends=False)

    def _arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of the call, with the seed last."""
        given = {
            name: value for name, value in self.params.items() if name != "seed" and (name, value) != ("prompt", "")
        }
        named: dict[str, Any] = {} if self.operation in _WITHOUT_MODEL else {"model": self.model}
        named |= with_lists(given, links=len(self.roles) - 1)
        return named | {name: value for name, value in self.params.items() if name == "seed"}


def call_line(operation: Operation, sources: Sequence[tuple[str, str]], named: Mapping[str, Any]) -> str:
    """Return the Python call for inputs, given as roles and expressions, and keyword arguments."""
    arguments = [f"{_INPUT_NAMES.get((operation, role), '')}{expression}" for role, expression in sources]
    if operation in _LIST_NAMES:
        arguments = [f"{_LIST_NAMES[operation]}[{', '.join(arguments)}]"]
    arguments += [f"{name}={value!r}" for name, value in named.items()]
    return f"client.{_METHODS[operation]}({', '.join(arguments)})"


def with_lists(named: Mapping[str, Any], *, links: int) -> dict[str, Any]:
    """Return the arguments with the prompts and seconds between the pictures of a transition as lists."""
    joined = {name: value for name, value in named.items() if "_to_" not in name}
    for argument, field_name in (("prompts", "prompt"), ("durations", "duration")):
        values = [named.get(f"{field_name}_{at}_to_{at + 1}") for at in range(1, links + 1)]
        if any(value is not None for value in values):
            joined[argument] = values
    return joined


def _is_encodable(text: str) -> bool:
    """Return whether the text is valid UTF-8; half a surrogate pair is not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _is_valid(values: Mapping[str, Any]) -> bool:
    """Return whether these are the values of a recipe.

    Its names are shown as part of a Python call, which people run: nothing but the names of inputs and fields passes.
    """
    roles, params, model = values.get("inputs"), values.get("params"), values.get("model")
    if values.get("operation") not in list(Operation) or not isinstance(model, str) or not MODEL_NAME.accepts(model):
        return False
    if not isinstance(roles, list) or len(roles) > _MOST_ROLES or not isinstance(params, dict):
        return False
    known = {*PARAM_NAMES, *CALL_OPTIONS}
    are_roles = all(isinstance(role, str) and _ROLE.fullmatch(role) for role in roles)
    return are_roles and all(
        name in known and (value is None or isinstance(value, str | int | float)) for name, value in params.items()
    )
