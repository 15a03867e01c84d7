"""Axes: which fields of a sweep have several values, and the points where they meet. Pure; nothing is looked at twice.

A value that is a list, a tuple, a range, a numpy array of one dimension or anything else that can be iterated is an
axis; texts, bytes and pictures are single values. Every wrong field is named at once, before anything is prepared.
"""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.validation import unknown_fields
from pixverse_nb.errors import InvalidRequest

Layout = Literal["grid", "zip"]

PICTURES: Final = ("first", "last")
# What makes another video, in the order in which a caption names it, with what is taken where it is not given.
DEFAULTS: Final[Mapping[str, Any]] = {
    "seed": None,
    "motion_mode": "normal",
    "quality": "720p",
    "duration": 5,
    "aspect_ratio": None,
    "fit": "cover",
    "model": "v3.5",
    "prompt": None,
    "remove_watermark": True,
}
# What a call may carry too, the same for every cell: it makes no other video.
CARRIED: Final = ("email", "reply_url", "max_jobs", "deadline_s")
_KNOWN: Final = (*PICTURES, *DEFAULTS, *CARRIED)
MOST_CELLS: Final = 1000  # more are planned only where somebody says so

Point = tuple[int, ...]  # one cell: for each axis the place of its value


@dataclass(frozen=True)
class Axes:
    """The fields with several values (`names`, each with its `values`) and the `points` that are cells.

    `fixed` holds every other field with its one value.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(repr=False)
    points: tuple[Point, ...] = field(repr=False)
    fixed: Mapping[str, Any] = field(repr=False)

    def at(self, point: Point) -> dict[str, Any]:
        """Return the fields of one cell."""
        return {**self.fixed, **self.varied(point)}

    def varied(self, point: Point) -> dict[str, Any]:
        """Return only what differs between cells."""
        return {name: values[place] for name, values, place in zip(self.names, self.values, point, strict=True)}


def find_axes(
    asked: Mapping[str, Any],
    *,
    layout: str = "grid",
    cells: Iterable[Mapping[str, Any]] | None = None,
    most_cells: int = MOST_CELLS,
) -> Axes:
    """Return the axes of `asked` (field name to one value or several) and their points.

    "grid" meets every value with every other one, the last axis changing fastest; "zip" takes the first of each, the
    second of each, and so on. `cells` names every cell itself, each a mapping of what differs. Raises InvalidRequest
    with everything that is wrong: an unknown field, an empty axis, axes of different length under "zip", an axis that
    makes no other video, more than `most_cells` cells.
    """
    wrong = unknown_fields(map(str, asked), _KNOWN)
    if layout not in ("grid", "zip"):
        wrong["layout"] = f"must be grid or zip, not {layout!r:.40}"
    if cells is not None:
        return _listed(asked, cells, most_cells=most_cells, wrong=wrong)
    several = {name: _values(name, value, most=most_cells) for name, value in asked.items()}
    axes = {name: values for name, values in several.items() if values is not None}
    for name, values in axes.items():
        if name in CARRIED:
            wrong[name] = "makes no other video, so it cannot have several values: give it one"
        elif not values:
            wrong[name] = "has no value at all: give at least one, or leave it out"
    if layout == "zip" and len({len(values) for values in axes.values()}) > 1:
        sizes = ", ".join(f"{name} has {len(values)}" for name, values in axes.items())
        for name in axes:
            wrong.setdefault(name, f"must have as many values as the other axes under layout='zip' ({sizes})")
    sizes_of = [len(values) for values in axes.values()]
    count = (sizes_of[0] if sizes_of else 1) if layout == "zip" else math.prod(sizes_of)
    if not wrong and count > most_cells:
        wrong["most_cells"] = _too_many(f"{count:,}", most_cells)
    if wrong:
        raise InvalidRequest(wrong)
    places = [range(size) for size in sizes_of]
    points = tuple(zip(*places, strict=True)) if layout == "zip" and places else tuple(itertools.product(*places))
    fixed = {**DEFAULTS, **{name: _plain(value) for name, value in asked.items() if name not in axes}}
    return Axes(
        tuple(axes),
        tuple(tuple(values) for values in axes.values()),
        points,
        {name: value for name, value in fixed.items() if name not in axes},
    )


def is_several(name: str, value: object) -> bool:
    """Tell whether a value is an axis: several values in place of one."""
    if value is None or isinstance(value, str | bytes | bytearray | memoryview | os.PathLike | Mapping | UploadedFile):
        return False
    if getattr(value, "shape", None) == ():  # a number of numpy, which says that it can be iterated
        return False
    if name in PICTURES:  # numpy arrays, PIL images and open files can be iterated, and are one picture
        return isinstance(value, list | tuple)
    return isinstance(value, Iterable)


# -- inside ------------------------------------------------------------------------------------------------------------


def _values(name: str, value: Any, *, most: int) -> Sequence[Any] | None:
    """Return the values of an axis, or None where `value` is a single one; an endless one is cut above `most`."""
    if not is_several(name, value):
        return None
    if isinstance(value, set | frozenset):  # without an order of their own, so that the same line gives the same cells
        return sorted(value, key=_in_order)
    taken = value if isinstance(value, Sequence) else list(itertools.islice(value, most + 1))
    return taken if name in PICTURES or isinstance(taken, range) else [_plain(one) for one in taken]


def _in_order(value: Any) -> tuple[str, float, str]:
    number = float(value) if isinstance(value, int | float) else 0.0
    return type(value).__name__, number, repr(value)


def _plain(value: Any) -> Any:
    """Return numpy's and pandas' numbers as Python's own."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value


def _too_many(count: str, most: int) -> str:
    return f"is {most:,} and these axes make {count} cells: raise it if that is meant"


def _listed(asked: Mapping[str, Any], cells: Any, *, most_cells: int, wrong: dict[str, str]) -> Axes:
    """Return the axes of cells that are each named by themselves."""
    if not isinstance(cells, Iterable):
        raise InvalidRequest({**wrong, "cells": f"must be a list of mappings such as {{'seed': 7}}, not {cells!r:.40}"})
    listed = list(itertools.islice(cells, most_cells + 1))
    if not listed:
        wrong["cells"] = "is empty: name at least one cell, such as {'seed': 7}"
    if len(listed) > most_cells:
        wrong["most_cells"] = _too_many(f"more than {most_cells:,}", most_cells)
    for number, cell in enumerate(listed, start=1):
        if not isinstance(cell, Mapping):
            wrong.setdefault("cells", f"cell {number} must be a mapping such as {{'seed': 7}}, not {cell!r:.40}")
            continue
        wrong.update(
            {f"cells[{number - 1}].{name}": why for name, why in unknown_fields(map(str, cell), _KNOWN).items()}
        )
        carried = [name for name in cell if name in CARRIED]
        wrong.update({f"cells[{number - 1}].{name}": "is the same for every cell" for name in carried})
    for name, value in asked.items():
        if is_several(name, value):
            wrong.setdefault(name, "has several values and cells= is given too: name them in the cells")
    if wrong:
        raise InvalidRequest(wrong)
    fixed = {**DEFAULTS, **asked}
    names = tuple(dict.fromkeys(name for cell in listed for name in cell))
    columns = [[_plain(cell.get(name, fixed.get(name))) for cell in listed] for name in names]
    values = [_distinct(column) for column in columns]
    places = [[_place(one, known) for one in column] for column, known in zip(columns, values, strict=True)]
    return Axes(
        names,
        tuple(tuple(known) for known in values),
        tuple(zip(*places, strict=True)) if names else ((),) * len(listed),
        {name: value for name, value in fixed.items() if name not in names},
    )


def _distinct(column: Iterable[Any]) -> list[Any]:
    known: list[Any] = []
    for one in column:
        if not any(_is_same(one, other) for other in known):
            known.append(one)
    return known


def _place(value: Any, known: Sequence[Any]) -> int:
    return next(place for place, other in enumerate(known) if _is_same(value, other))


def _is_same(one: Any, other: Any) -> bool:
    """Compare plain values by what they are, pictures in memory by being the same object."""
    if one is other:
        return True
    is_plain = isinstance(one, str | int | float | os.PathLike | UploadedFile)
    return is_plain and type(one) is type(other) and bool(one == other)
