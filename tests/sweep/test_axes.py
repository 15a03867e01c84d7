"""Tests of `sweep.axes`."""

import enum
import io
import itertools
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sweep.axes import Axes, cell_caption, find_axes, has_several_values, source_label

IMAGES = {"first": "a.jpg", "last": "b.jpg"}


def axes_of(images: dict[str, Any] | None = None, **fields: Any) -> Axes:
    """Return the axes of a call; options of `find_axes` may be among the fields."""
    options = {name: fields.pop(name) for name in ("layout", "cells", "most_cells") if name in fields}
    return find_axes(images or IMAGES, fields, **options)


def wrong_fields(**fields: Any) -> dict[str, str]:
    """Return the fields that the error of an invalid call names."""
    with pytest.raises(InvalidRequest) as caught:
        axes_of(**fields)
    return caught.value.fields


def test_grid_combines_every_value_with_every_other() -> None:
    """The last axis changes fastest, and fields with one value are the same in every cell."""
    axes = axes_of(seed=range(1, 3), motion_mode=["normal", "fast"], quality="540p")
    assert axes.names == ("seed", "motion_mode")
    assert [axes.varied(point) for point in axes.points] == [
        {"seed": 1, "motion_mode": "normal"},
        {"seed": 1, "motion_mode": "fast"},
        {"seed": 2, "motion_mode": "normal"},
        {"seed": 2, "motion_mode": "fast"},
    ]
    assert {axes.at(point)["quality"] for point in axes.points} == {"540p"}


def test_zip_combines_values_of_the_same_position() -> None:
    """There are as many cells as values, and the error names every axis if their lengths differ."""
    axes = axes_of(seed=[1, 2], quality=["360p", "720p"], layout="zip")
    assert [axes.varied(point) for point in axes.points] == [
        {"seed": 1, "quality": "360p"},
        {"seed": 2, "quality": "720p"},
    ]
    assert set(wrong_fields(seed=[1, 2, 3], quality=["360p"], layout="zip")) == {"seed", "quality"}


def test_cells_can_be_listed() -> None:
    """Each mapping is a cell; fields that it omits have the value of the call, or the default."""
    cells: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2, "quality": "540p"}, {"seed": 1, "quality": "540p"}]
    given: list[tuple[dict[str, Any], str]] = [
        ({"quality": "360p"}, "360p"),
        ({}, "540p"),
        ({"model": "v6"}, "720p"),
        ({"model": "v3.5"}, "720p"),
    ]
    for fields, quality in given:
        axes = axes_of(**fields, cells=cells)
        assert [axes.varied(point) for point in axes.points] == [
            {"seed": 1, "quality": quality},
            {"seed": 2, "quality": "540p"},
            {"seed": 1, "quality": "540p"},
        ]


def test_the_rows_of_a_data_frame_are_cells() -> None:
    """A DataFrame is its rows; a missing value is as a field that the cell omits."""
    frame = pd.DataFrame([{"seed": 1}, {"seed": 2, "quality": "360p"}, {"seed": 3, "quality": None}])
    listed = [{"seed": 1}, {"seed": 2, "quality": "360p"}, {"seed": 3}]
    assert axes_of(cells=frame) == axes_of(cells=frame.convert_dtypes()) == axes_of(cells=listed)
    assert set(wrong_fields(cells=frame.rename(columns={"seed": "sed"}))) == {f"cells[{row}].sed" for row in range(3)}
    assert set(wrong_fields(cells=frame[:0])) == {"cells"}


@pytest.mark.parametrize("options", [{"layout": "grid"}, {"layout": "zip"}, {"cells": [{}]}])
def test_without_an_axis_there_is_one_cell(options: dict[str, Any]) -> None:
    """A sweep of single values has one cell, in both layouts and as a list of one empty cell."""
    assert axes_of(**options).points == ((),)


@pytest.mark.parametrize("images", [{}, {"image": ["a.jpg", "b.jpg"]}, {f"frame_{n}": "a.jpg" for n in range(1, 8)}])
def test_any_number_of_pictures_can_be_swept(images: dict[str, Any]) -> None:
    """The axes take pictures of any roles, from none to seven."""
    axes = find_axes(images, {"seed": [1, 2]})
    assert axes.sources == tuple(images)
    assert all({*images, "seed"} == set(axes.at(point)) for point in axes.points)


@pytest.mark.parametrize(
    ("value", "is_source", "expected"),
    [
        (7, False, False),
        ([7], False, True),
        (range(3), False, True),
        (np.arange(3), False, True),
        ((seed for seed in (1, 2)), False, True),
        ({3, 1}, False, True),
        ("a cup", False, False),
        (["a cup", "a cat"], False, True),
        (None, False, False),
        ("a.jpg", True, False),
        (Path("a.jpg"), True, False),
        (b"bytes", True, False),
        (np.zeros((4, 4, 3), np.uint8), True, False),
        (Image.new("RGB", (4, 4)), True, False),
        (io.BytesIO(b"x"), True, False),
        (UploadedFile("upload/1.png"), True, False),
        (["a.jpg", "b.jpg"], True, True),
        (np.array(["a.jpg", "b.jpg"]), True, True),
        (pd.Series(["a.jpg"]), True, True),
    ],
)
def test_lists_and_iterables_are_axes(value: Any, is_source: bool, expected: bool) -> None:
    """Texts and pictures of every kind are single values."""
    assert has_several_values(value, is_source=is_source) is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": np.array(5)},
        {"seed": np.array([5])},
        {"seed": [np.int64(5)]},
        {"cells": [{"seed": np.int64(5)}]},
    ],
)
def test_numpy_numbers_become_plain_ones(fields: dict[str, Any]) -> None:
    """A numpy number is converted as a single value, in an array, in a list and in a listed cell."""
    axes = axes_of(**fields)
    (point,) = axes.points
    assert type(axes.at(point)["seed"]) is int


def test_one_error_names_everything_that_is_wrong() -> None:
    """Unknown fields, empty axes, axes that do not affect the video and an unknown layout are named together."""
    fields = wrong_fields(sede=[1], seed=[], max_jobs=[1, 2], layout="both", colour="red", deadline_s=-5)
    assert set(fields) == {"sede", "seed", "max_jobs", "layout", "colour", "deadline_s"}
    assert "'seed'" in fields["sede"]


def test_more_than_most_cells_are_refused() -> None:
    """A large grid, an endless axis and an endless list are refused; `most_cells` raises the limit."""
    assert set(wrong_fields(seed=range(1, 1001), prompt=[str(n) for n in range(1000)])) == {"most_cells"}
    assert set(wrong_fields(seed=count(1))) == {"most_cells"}
    assert set(wrong_fields(cells=({"seed": seed} for seed in count(1)))) == {"most_cells"}
    assert len(axes_of(seed=range(1, 1201), most_cells=1200).points) == 1200


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (5, "cells"),
        ([], "cells"),
        ([7], "cells"),
        ([{1: 2}], "cells[0].1"),
        ([{"seed": 1}, {"sead": 2}], "cells[1].sead"),
        ([{"seed": 1, "email": "x"}], "cells[0].email"),
    ],
)
def test_wrong_listed_cells_are_named_by_index(cells: Any, field: str) -> None:
    """No list, an empty list, no mapping, an unknown field and a field that applies to every cell are errors."""
    assert set(wrong_fields(cells=cells)) == {field}


def test_listed_cells_cannot_be_combined_with_axes() -> None:
    """Several values beside `cells=` are an error that names the field."""
    assert set(wrong_fields(cells=[{"seed": 1}], quality=["360p", "540p"])) == {"quality"}


@given(
    seeds=st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True),
    qualities=st.lists(st.sampled_from(["360p", "540p", "720p"]), min_size=1, max_size=3, unique=True),
)
def test_a_grid_equals_the_list_of_its_pairs(seeds: list[int], qualities: list[str]) -> None:
    """Every pair of values is one cell, and `cells=` with the same pairs gives the same points."""
    axes = axes_of(seed=seeds, quality=qualities)
    pairs = [(cell["seed"], cell["quality"]) for cell in map(axes.at, axes.points)]
    assert pairs == [(seed, quality) for seed in seeds for quality in qualities]
    assert axes_of(cells=[{"seed": seed, "quality": quality} for seed, quality in pairs]).points == axes.points


def test_a_set_has_a_fixed_order() -> None:
    """Values that cannot be compared are ordered by type and text."""
    assert axes_of(prompt={None, "b", "a"}).values == ((None, "a", "b"),)
    assert axes_of(seed={np.int64(10), np.int64(9), np.int64(100)}).values == ((9, 10, 100),)


class Quality(enum.Enum):
    """Qualities as a person's own enum."""

    SMALL = "360p"
    LARGER = "540p"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pd.Series([1, 2], index=[7, 9]), (1, 2)),
        (pd.Index(["360p", "540p"]), ("360p", "540p")),
        (pd.Categorical(["v6", "v5"]), ("v6", "v5")),
        (np.arange(3), (0, 1, 2)),
        (np.array([True, False]), (True, False)),
        (Quality, ("360p", "540p")),
        ([Quality.LARGER], ("540p",)),
        ({"360p": 1, "540p": 2}.keys(), ("360p", "540p")),
        (map(str, range(2)), ("0", "1")),
        (itertools.islice(count(1), 2), (1, 2)),
    ],
    ids=str,
)
def test_values_of_other_libraries_become_plain_ones(given: Any, expected: tuple[Any, ...]) -> None:
    """Series, arrays, enums, views and iterators are axes of plain Python values."""
    (values,) = axes_of(seed=given).values
    assert values == expected
    assert [type(value) for value in values] == [type(value) for value in expected]


def test_labels_name_pictures_by_file_or_position() -> None:
    """A path or an address gives its file name; a picture in memory gives its role and position."""
    assert source_label(Path("pictures/cup.jpg"), name="first", index=0) == "cup"
    assert source_label("https://example.com/cup.png?size=1", name="first", index=0) == "cup"
    assert source_label(UploadedFile("upload/7.png"), name="last", index=0) == "7"
    assert source_label(b"bytes", name="last", index=1) == "last 2"
    assert source_label("user:1-pixverse:a@example.com-video:5", name="video", index=1) == "video 2"


def test_a_caption_lists_what_sets_a_cell_apart() -> None:
    """The caption has one part for each axis, with a label for None."""
    axes = axes_of(seed=[7], motion_mode=["fast"], prompt=[None])
    (point,) = axes.points
    assert len(cell_caption(axes.labels(point)).split(" · ")) == 3
    assert cell_caption({"seed": 7, "motion_mode": "fast"}) == "seed 7 · fast"
