"""What a sweep starts from: the operation that a call with these pictures, videos and sounds makes, and their roles."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from pixverse_nb.domain.inputs import as_list, image_roles, link_values, listed_images
from pixverse_nb.domain.operations import AUDIO, FUSION_MAX, SOURCE_VIDEO, TRANSITION_MAX, Operation
from pixverse_nb.domain.validation import plain, safe_repr
from pixverse_nb.errors import InvalidRequest

_METHOD_NAMES: Final = {  # as the client has them
    "create_frames": Operation.FRAMES,
    "create_transition": Operation.TRANSITION,
    "create_fusion": Operation.FUSION,
    "lip_sync": Operation.LIPSYNC,
    "motion_control": Operation.MOTION,
}
_NEEDED: Final[Mapping[Operation, tuple[str, ...]]] = {  # the arguments that an operation starts from
    Operation.FRAMES: ("first", "last"),
    Operation.TEXT: (),
    Operation.IMAGE: ("first",),
    Operation.TRANSITION: ("images",),
    Operation.FUSION: ("images",),
    Operation.MOTION: ("first", "video"),
}
_PICTURES: Final[Mapping[Operation, tuple[str, ...]]] = {  # as the sweep and the client's methods name them
    Operation.FRAMES: ("first", "last"),
    Operation.IMAGE: ("first", "image"),
    Operation.MOTION: ("first", "image"),
}
NUMBER_OF_IMAGES: Final = {Operation.TRANSITION: (2, TRANSITION_MAX), Operation.FUSION: (1, FUSION_MAX)}


@dataclass(frozen=True)
class SweepSources:
    """The operation of a sweep, and its pictures (`images`) and videos and sounds (`media`) by role, one or several.

    `fields` are the fields of the call. `names` maps a role to the name of its axis, if they differ. `arguments` maps
    the name of an axis or field to the argument that it was passed in ("images[1]"), if they differ.
    """

    operation: Operation
    images: Mapping[str, Any] = field(repr=False)
    media: Mapping[str, Any] = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    names: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)


def find_sources(given: Mapping[str, Any], fields: Mapping[str, Any], *, operation: Any = None) -> SweepSources:
    """Return the sources of a call; those of `given` ("first", "last", "images", "video") that are None are missing.

    Without an `operation` the sources decide: two pictures make "frames", one "image", none "text", a list of pictures
    "transition", a picture and a video "motion". Raises InvalidRequest naming every argument that is wrong.
    """
    sources = {name: source for name, source in given.items() if source is not None}
    chosen = _choose_operation(operation, sources)
    needed = _NEEDED.get(chosen, ("video",))
    wrong = {name: f"is required by operation={chosen.value!r}" for name in needed if name not in sources}
    wrong |= {name: f"is not used by operation={chosen.value!r}" for name in sources if name not in needed}
    if wrong:
        raise InvalidRequest(wrong)
    fields = dict(fields)
    if chosen in NUMBER_OF_IMAGES:
        return _with_images(chosen, sources["images"], fields)
    images: dict[str, Any] = {name: sources[name] for name in ("first", "last") if name in sources}
    media = {SOURCE_VIDEO: sources["video"]} if "video" in sources else {}
    names = {SOURCE_VIDEO: "video"}
    if chosen is Operation.MOTION:
        images, names = {"frame_1": images["first"]}, {**names, "frame_1": "first"}
    if chosen is Operation.LIPSYNC and fields.get("audio") is not None:
        media[AUDIO] = fields.pop("audio")
    return SweepSources(chosen, images, media, fields, names)


def sources_to_estimate(operation: Any, given: Mapping[str, Any], fields: Mapping[str, Any]) -> SweepSources:
    """Return the sources of a call of which only the price is asked: what is missing in `given` is made up.

    A transition without `images` has as many as its `prompts` or `durations` ask for. Raises InvalidRequest.
    """
    chosen = find_operation(operation)
    pictures = _PICTURES.get(chosen, ())
    unused = [name for name in ("first", "last", "image") if fields.get(name) is not None and name not in pictures]
    if unused:
        raise InvalidRequest(dict.fromkeys(unused, f"is not used by operation={chosen.value!r}"), sends=False)
    lists = (fields.get(name) for name in ("durations", "prompts"))
    links = next((len(entries) for one in lists if (entries := as_list(one)) is not None), 1)
    made_up: dict[str, Any] = dict.fromkeys(_NEEDED.get(chosen, ("video",)), "")
    if chosen in NUMBER_OF_IMAGES:
        made_up["images"] = [""] * (links + 1)
    return find_sources(
        made_up | {name: one for name, one in given.items() if one is not None}, fields, operation=chosen
    )


def find_operation(name: Any) -> Operation:
    """Return an operation by its name or that of the client's method. Raises InvalidRequest."""
    name = plain(name)
    if isinstance(name, str):  # another object may raise anything when it is compared
        with suppress(ValueError):
            return _METHOD_NAMES.get(name) or Operation(name)
    problem = f"must be one of {', '.join(Operation)}, or None, not {safe_repr(name):.40}"
    raise InvalidRequest({"operation": problem})


def _choose_operation(operation: Any, sources: Mapping[str, Any]) -> Operation:
    """Return the operation that was asked for, or that the sources suggest."""
    if operation is not None:
        return find_operation(operation)
    match sources:
        case {"images": _}:
            return Operation.TRANSITION
        case {"video": _, "first": _}:
            return Operation.MOTION
        case {"video": _}:
            others = ", ".join(one for one in Operation if one not in _NEEDED)
            raise InvalidRequest({"operation": f"is required with a video: one of {others}"})
        case {"last": _}:
            return Operation.FRAMES
        case {"first": _}:
            return Operation.IMAGE
    return Operation.TEXT


def _with_images(operation: Operation, images: Any, fields: dict[str, Any]) -> SweepSources:
    least, most = NUMBER_OF_IMAGES[operation]
    pictures, wrong = listed_images(images, at_least=least, at_most=most)
    roles, arguments = image_roles(pictures)
    if operation is Operation.TRANSITION and not wrong:
        links, link_arguments, wrong = link_values(
            fields.pop("prompts", None), fields.pop("durations", None), links=len(pictures) - 1
        )
        links = {name: value for name, value in links.items() if value is not None}
        arguments |= {name: argument for name, argument in link_arguments.items() if name in links}
        fields |= links
    if wrong:
        raise InvalidRequest(wrong)
    return SweepSources(operation, roles, {}, fields, arguments=arguments)
