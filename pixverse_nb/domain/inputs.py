"""What people pass for the inputs and choices of an operation: lists of pictures, entries of lists, styles, voices."""

import itertools
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pixverse_nb.domain.remote import NamedId


def field_value(name: str, value: Any) -> Any:
    """Return the value of a field as the vendor knows it: of an entry of `restyles()` or `voices()` its id.

    >>> field_value("restyle_id", NamedId("1002", "Clay"))
    1002
    """
    value = value.id if isinstance(value, NamedId) else value
    is_id = name == "restyle_id" and isinstance(value, str) and len(value) < 20
    return int(value) if is_id and value.isascii() and value.isdigit() else value


def listed_images(images: Any, *, at_least: int, at_most: int) -> tuple[list[Any], dict[str, str]]:
    """Return the pictures of a call, and what is wrong with their number; none if there is something wrong."""
    is_one_picture = isinstance(images, os.PathLike) or hasattr(images, "read") or getattr(images, "ndim", 1) in (2, 3)
    pictures = None if is_one_picture else as_list(images)
    if pictures is None:
        return [], {"images": f"must be a list of {at_least} to {at_most} pictures, not {type(images).__name__}"}
    if not at_least <= len(pictures) <= at_most:
        return [], {"images": f"must be {at_least} to {at_most} pictures, not {len(pictures)}"}
    return pictures, {}


def image_roles(images: Iterable[Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return listed pictures by role ("frame_1", …), and the argument that each role comes from ("images[0]", …)."""
    roles = {f"frame_{number}": image for number, image in enumerate(images, start=1)}
    return roles, {role: f"images[{at}]" for at, role in enumerate(roles)}


def link_values(prompts: Any, durations: Any, *, links: int) -> tuple[dict[str, Any], dict[str, str], dict[str, str]]:
    """Return the fields between the pictures of a transition, their arguments, and what is wrong with the lists.

    Each list has one entry for each of the `links`; None stands for a list of them.
    """
    fields: dict[str, Any] = {}
    arguments: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for argument, name, values in (("prompts", "prompt", prompts), ("durations", "duration", durations)):
        names = [f"{name}_{at}_to_{at + 1}" for at in range(1, links + 1)]
        entries = [] if values is None else as_list(values)
        if values is not None and (entries is None or len(entries) != links):
            wrong[argument] = f"must be a list with one entry for each picture but the last ({links})"
            continue
        fields |= zip(names, entries or (), strict=False)
        arguments |= {one: f"{argument}[{at}]" for at, one in enumerate(names)}
    return fields, arguments, wrong


_MOST: Final = 1000  # of a list that may be endless; no call takes more


def as_list(values: Any) -> list[Any] | None:
    """Return the entries of a list, a tuple, an array or a Series; None if it is something else."""
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable):
        return None
    return None if getattr(values, "shape", None) == () else list(itertools.islice(values, _MOST))
