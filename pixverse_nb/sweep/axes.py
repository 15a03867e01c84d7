"""Axes: the fields of a sweep that have several values, and the points where they meet. Pure.

A list, a tuple, a range, a one-dimensional array, a Series or any other iterable is an axis; texts, bytes, pictures and
videos are single values. One error names every wrong field, before anything is prepared.
"""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from pixverse_nb.domain.arguments import MAX_CELLS
from pixverse_nb.domain.catalogue import CATALOGUE, Catalogue
from pixverse_nb.domain.inputs import field_value
from pixverse_nb.domain.operations import OPERATIONS, PARAM_NAMES, Operation
from pixverse_nb.domain.remote import NamedId, UploadedFile
from pixverse_nb.domain.validation import REQUIRED, OneOf, plain, safe_repr, unknown_fields, validate
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.job_builder import DEADLINE
from pixverse_nb.redaction import printable, redact
from pixverse_nb.render.formatting import shorten
from pixverse_nb.render.tiles import caption_from_values

SHARED_FIELDS: Final = ("email", "reply_url", "max_jobs", "deadline_s")  # do not affect the video: one value each
_OPTIONS: Final = (  # of sweep()
    "operation",
    "title",
    "budget_credits",
    "skip_refused",
    "allow_refused",
    "layout",
    "cells",
    "most_cells",
    "reuse",
)

LAYOUT: Final = OneOf(("grid", "zip"))
_CHOSEN_LATER: Final = ("seed", "aspect_ratio", "prompt")  # None until the request of a cell is built
_NONE_LABELS: Final = {
    "aspect_ratio": "original ratio",
    "fit": "original framing",
    "prompt": "no prompt",
    "restyle_id": "no style",
    "speaker_id": "no speaker",
}
_FILE_NAME_LENGTH: Final = 40

Point = tuple[int, ...]  # one cell: for each axis the index of its value


@dataclass(frozen=True)
class Axes:
    """The fields with several values (`names`, each with its `values`) and the `points` that become cells.

    `fixed` holds the other given fields. `sources` names those that are pictures, videos or sounds.
    """

    sources: tuple[str, ...]
    names: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...] = field(repr=False)
    points: tuple[Point, ...] = field(repr=False)
    fixed: Mapping[str, Any] = field(repr=False)

    def at(self, point: Point) -> dict[str, Any]:
        """Return the given fields of one cell, sources included."""
        given = {**self.fixed, **self.varied(point)}
        return {name: value if name in self.sources else field_value(name, value) for name, value in given.items()}

    def varied(self, point: Point) -> dict[str, Any]:
        """Return the fields of one cell that vary."""
        return {name: values[index] for name, values, index in zip(self.names, self.values, point, strict=True)}

    def labels(self, point: Point) -> dict[str, Any]:
        """Return the position of a cell on each axis: plain values, names of files and styles, labels for None."""
        return {
            name: source_label(value, name=name, index=index) if name in self.sources else _label(name, value)
            for (name, value), index in zip(self.varied(point).items(), point, strict=True)
        }


def find_axes(
    sources: Mapping[str, Any],
    fields: Mapping[str, Any],
    *,
    operation: Operation = Operation.FRAMES,
    layout: str = "grid",
    cells: Iterable[Mapping[str, Any]] | None = None,
    most_cells: int = MAX_CELLS,
    catalogue: Catalogue = CATALOGUE,
) -> Axes:
    """Return the axes of a sweep and their points.

    `sources` (pictures, videos and sounds by name) and `fields` hold one value or several. The layout "grid" combines
    every value with every other, the last axis changing fastest; "zip" combines the first values of all axes, then the
    second ones, and so on. `cells` lists the cells explicitly, each as a mapping of the fields that differ.

    Raises InvalidRequest naming everything that is wrong: unknown fields, empty axes, axes of different lengths under
    "zip", an axis that does not affect the video, more than `most_cells` cells.
    """
    given = {**sources, **fields}
    names = tuple(sources)
    wrong: dict[str, str] = {}
    layout = plain(layout)
    if not LAYOUT.accepts(layout):
        wrong["layout"] = f"must be {LAYOUT}, not {safe_repr(layout):.40}"
        layout = "grid"
    if cells is not None:
        defaults = _Defaults(names, operation, catalogue)
        return _axes_of_list(given, cells, defaults, most_cells=most_cells, wrong=wrong)
    several = {
        name: _values(value, is_source=name in names, most=most_cells)
        for name, value in given.items()
        if has_several_values(value, is_source=name in names)
    }
    wrong |= _wrong_axes(given, several, sources=names, layout=layout, most_cells=most_cells)
    if wrong:
        raise InvalidRequest(wrong)
    indices = [range(len(values)) for values in several.values()]
    points = tuple(zip(*indices, strict=True)) if layout == "zip" and indices else tuple(itertools.product(*indices))
    return Axes(
        names,
        tuple(several),
        tuple(tuple(values) for values in several.values()),
        points,
        {name: value if name in names else plain(value) for name, value in given.items() if name not in several},
    )


def has_several_values(value: object, *, is_source: bool = False) -> bool:
    """Return whether a value is an axis.

    Of sources only a list, a tuple, or a one-dimensional array or Series is one: pictures are iterable too.
    """
    if value is None or isinstance(value, str | bytes | bytearray | memoryview | os.PathLike | Mapping | UploadedFile):
        return False
    if getattr(value, "shape", None) == ():  # a numpy scalar claims to be iterable
        return False
    if is_source:
        return isinstance(value, list | tuple) or getattr(value, "ndim", None) == 1
    return isinstance(value, Iterable)


def source_label(source: Any, *, name: str, index: int) -> str:
    """Return the name of a source on an axis: its file name without the ending, else its position ("first 2")."""
    if isinstance(source, UploadedFile):
        source = source.path
    if isinstance(source, str | os.PathLike):
        text = os.fsdecode(source)
        stem = PurePath(urlsplit(text).path if "://" in text else text).stem
        if stem and redact(stem) == stem:  # a video id has the account in it
            return shorten(printable(stem), max_length=_FILE_NAME_LENGTH)
    return f"{name} {index + 1}"


def cell_caption(labels: Mapping[str, Any]) -> str:
    """Return the caption of a cell with these labels; "the only cell" if there is no axis."""
    return printable(caption_from_values(labels)) or "the only cell"


# -- one value or several --------------------------------------------------------------------------------------------


def _values(value: Any, *, is_source: bool, most: int) -> Sequence[Any]:
    """Return the values of an axis; of an endless iterator one more than `most`, which is then refused."""
    if isinstance(value, set | frozenset):  # sorted, so that the same call gives the same cells
        return sorted(map(plain, value), key=_sort_key)
    values = value if isinstance(value, Sequence) else list(itertools.islice(value, most + 1))
    return values if is_source or isinstance(values, range) else [plain(one) for one in values]


def _wrong_axes(
    given: Mapping[str, Any],
    several: Mapping[str, Sequence[Any]],
    *,
    sources: Sequence[str],
    layout: str,
    most_cells: int,
) -> dict[str, str]:
    wrong = unknown_fields(map(str, given), _known_names(sources), others=_OPTIONS) | _wrong_deadline(given)
    for name, values in several.items():
        if name in SHARED_FIELDS:
            wrong[name] = "does not affect the video and cannot be swept; pass one value"
        elif not values:
            wrong[name] = "is empty: pass at least one value, or leave it out"
    lengths = [len(values) for values in several.values()]
    if layout == "zip" and len(set(lengths)) > 1:
        listed = ", ".join(f"{name}: {length}" for name, length in zip(several, lengths, strict=True))
        for name in several:
            wrong.setdefault(name, f"must have as many values as the other axes with layout='zip' ({listed})")
    count = max(lengths, default=1) if layout == "zip" else math.prod(lengths)
    if not wrong and count > most_cells:
        wrong["most_cells"] = _too_many(f"{count:,}", most_cells)
    return wrong


def _sort_key(value: Any) -> tuple[str, float, str]:
    number = float(value) if isinstance(value, int | float) else 0.0
    return type(value).__name__, number, repr(value)


def _known_names(sources: Sequence[str]) -> tuple[str, ...]:
    """Return the name of every field that a sweep takes; which of them a model takes is checked in each cell."""
    return (*sources, *PARAM_NAMES, "model", "fit", *SHARED_FIELDS)


def _wrong_deadline(given: Mapping[str, Any]) -> dict[str, str]:
    return validate({"deadline_s": DEADLINE}, given)[1]


def _too_many(count: str, most: int) -> str:
    return f"is {most:,}, but there are {count} cells; raise most_cells if you want them all"


def _label(name: str, value: Any) -> Any:
    if isinstance(value, NamedId):
        return value.name or value.id
    return _NONE_LABELS.get(name, value) if value is None or value == "" else value


# -- cells that are listed one by one --------------------------------------------------------------------------------


def _axes_of_list(
    given: Mapping[str, Any],
    cells: Any,
    defaults: "_Defaults",
    *,
    most_cells: int,
    wrong: dict[str, str],
) -> Axes:
    """Return the axes of cells that are listed one by one."""
    if not isinstance(cells, Iterable) or getattr(cells, "shape", None) == ():
        raise InvalidRequest(
            {**wrong, "cells": f"must be a list of mappings such as {{'seed': 7}}, not {safe_repr(cells):.40}"}
        )
    sources = defaults.sources
    listed = list(itertools.islice(_rows(cells), most_cells + 1))
    wrong |= _wrong_cells(given, listed, sources=sources, most_cells=most_cells)
    if wrong:
        raise InvalidRequest(wrong)
    names = tuple(dict.fromkeys(name for cell in listed for name in cell))
    columns = [[defaults.value(name, {**given, **cell}) for cell in listed] for name in names]
    values = [_distinct(column) for column in columns]
    indices = [[_index(one, known) for one in column] for column, known in zip(columns, values, strict=True)]
    return Axes(
        sources,
        names,
        tuple(tuple(known) for known in values),
        tuple(zip(*indices, strict=True)) if names else ((),) * len(listed),
        {name: value if name in sources else plain(value) for name, value in given.items() if name not in names},
    )


def _rows(cells: Any) -> Any:
    """Return the cells; of a DataFrame (pandas or polars) its rows, without what is missing in them."""
    if not hasattr(cells, "columns"):
        return iter(cells)
    rows = cells.to_dicts() if hasattr(cells, "to_dicts") else cells.to_dict("records")
    return ({name: value for name, value in row.items() if not _is_missing(value)} for row in rows)


def _is_missing(value: object) -> bool:
    is_nan = isinstance(value, float) and math.isnan(value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")  # of pandas, which is optional


def _wrong_cells(
    given: Mapping[str, Any], listed: Sequence[Any], *, sources: Sequence[str], most_cells: int
) -> dict[str, str]:
    known = _known_names(sources)
    wrong = unknown_fields(map(str, given), known, others=_OPTIONS) | _wrong_deadline(given)
    if not listed:
        wrong["cells"] = "is empty: list at least one cell, such as {'seed': 7}"
    if len(listed) > most_cells:
        wrong["most_cells"] = _too_many(f"more than {most_cells:,}", most_cells)
    for index, cell in enumerate(listed):
        if not isinstance(cell, Mapping):
            wrong.setdefault(
                "cells", f"cell {index + 1} must be a mapping such as {{'seed': 7}}, not {safe_repr(cell):.40}"
            )
            continue
        wrong |= {f"cells[{index}].{name}": why for name, why in unknown_fields(map(str, cell), known).items()}
        wrong |= {
            f"cells[{index}].{name}": "applies to every cell: pass it to sweep() itself"
            for name in cell
            if name in SHARED_FIELDS
        }
    for name, value in given.items():
        if has_several_values(value, is_source=name in sources):
            wrong.setdefault(name, "has several values, which cannot be combined with cells=: put them into the cells")
    return wrong


@dataclass(frozen=True)
class _Defaults:
    """The names of the sources, and what the values of an operation's other fields are if none is given."""

    sources: tuple[str, ...]
    operation: Operation
    catalogue: Catalogue

    def value(self, name: str, fields: Mapping[str, Any]) -> Any:
        """Return the value of a field in one listed cell; the default if neither the cell nor the call gives one."""
        if name in fields:
            return fields[name] if name in self.sources else plain(fields[name])
        made = OPERATIONS[self.operation]
        if name == "fit":
            return made.default_fit
        if name == "model":
            return made.default_model
        default = self.catalogue.spec_for(fields, made.default_model).default(name, self.operation)
        return None if name in _CHOSEN_LATER or default is REQUIRED else default


def _distinct(column: Iterable[Any]) -> list[Any]:
    known: list[Any] = []
    for one in column:
        if not any(_is_same(one, other) for other in known):
            known.append(one)
    return known


def _index(value: Any, known: Sequence[Any]) -> int:
    return next(index for index, other in enumerate(known) if _is_same(value, other))


def _is_same(one: Any, other: Any) -> bool:
    """Compare plain values by value, and sources in memory by identity."""
    if one is other:
        return True
    is_plain = isinstance(one, str | int | float | os.PathLike | UploadedFile | NamedId)
    return is_plain and type(one) is type(other) and bool(one == other)
