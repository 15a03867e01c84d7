"""Axes: what counts as several values, where they meet, and everything wrong named at once."""

import io
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sweep.axes import find_axes, is_several

PICTURES = {"first": "a.jpg", "last": "b.jpg"}


def wrong(**asked: Any) -> dict[str, str]:
    """Return the wrong fields of a sweep that cannot be."""
    options = {name: asked.pop(name) for name in ("layout", "cells", "most_cells") if name in asked}
    with pytest.raises(InvalidRequest) as caught:
        find_axes({**PICTURES, **asked}, **options)
    return caught.value.fields


def test_a_grid_meets_every_value_with_every_other() -> None:
    """The last axis changes fastest; what has one value is the same in every cell."""
    axes = find_axes({**PICTURES, "seed": range(1, 3), "motion_mode": ["normal", "fast"], "quality": "540p"})
    assert axes.names == ("seed", "motion_mode")
    assert [axes.varied(point) for point in axes.points] == [
        {"seed": 1, "motion_mode": "normal"},
        {"seed": 1, "motion_mode": "fast"},
        {"seed": 2, "motion_mode": "normal"},
        {"seed": 2, "motion_mode": "fast"},
    ]
    assert {axes.at(point)["quality"] for point in axes.points} == {"540p"}


def test_zip_takes_the_first_of_each_then_the_second() -> None:
    """As many cells as values; axes of another length are all named."""
    axes = find_axes({**PICTURES, "seed": [1, 2], "quality": ["360p", "720p"]}, layout="zip")
    assert [axes.varied(point) for point in axes.points] == [
        {"seed": 1, "quality": "360p"},
        {"seed": 2, "quality": "720p"},
    ]
    fields = wrong(seed=[1, 2, 3], quality=["360p"], layout="zip")
    assert set(fields) == {"seed", "quality"}
    assert "seed has 3, quality has 1" in fields["seed"]


def test_cells_may_be_named_one_by_one() -> None:
    """Each mapping is a cell; what it leaves out is as in the call."""
    cells: list[dict[str, Any]] = [{"seed": 1}, {"seed": 2, "quality": "540p"}, {"seed": 1, "quality": "540p"}]
    axes = find_axes({**PICTURES, "quality": "360p"}, cells=cells)
    assert [axes.varied(point) for point in axes.points] == [
        {"seed": 1, "quality": "360p"},
        {"seed": 2, "quality": "540p"},
        {"seed": 1, "quality": "540p"},
    ]


def test_without_an_axis_there_is_one_cell() -> None:
    """A sweep of single values is one video."""
    for layout in ("grid", "zip"):
        assert find_axes(PICTURES, layout=layout).points == ((),)


@pytest.mark.parametrize(
    ("name", "value", "several"),
    [
        ("seed", 7, False),
        ("seed", [7], True),
        ("seed", range(3), True),
        ("seed", np.arange(3), True),
        ("seed", (seed for seed in (1, 2)), True),
        ("seed", {3, 1}, True),
        ("prompt", "a cup", False),
        ("prompt", ["a cup", "a cat"], True),
        ("prompt", None, False),
        ("first", "a.jpg", False),
        ("first", Path("a.jpg"), False),
        ("first", b"bytes", False),
        ("first", np.zeros((4, 4, 3), np.uint8), False),
        ("first", Image.new("RGB", (4, 4)), False),
        ("first", io.BytesIO(b"x"), False),
        ("first", UploadedFile("upload/1.png"), False),
        ("first", ["a.jpg", "b.jpg"], True),
    ],
)
def test_what_counts_as_several(name: str, value: Any, several: bool) -> None:
    """Lists, ranges and the like are axes; texts and pictures of every kind are single values."""
    assert is_several(name, value) is several


def test_numbers_of_numpy_become_plain_ones() -> None:
    """A seed out of an array is a seed like any other."""
    axes = find_axes({**PICTURES, "seed": np.array([3, 5])})
    assert [type(axes.at(point)["seed"]) for point in axes.points] == [int, int]


def test_everything_wrong_is_named_at_once() -> None:
    """Unknown fields with what was meant, empty axes, axes that make no other video, an unknown layout."""
    fields = wrong(sede=[1], seed=[], max_jobs=[1, 2], layout="both", colour="red")
    assert set(fields) == {"sede", "seed", "max_jobs", "layout", "colour"}
    assert "did you mean 'seed'" in fields["sede"]
    assert "has no value at all" in fields["seed"]
    assert "makes no other video" in fields["max_jobs"]


def test_a_million_cells_are_asked_about_first() -> None:
    """More cells than `most_cells` are not planned: neither a large grid, nor an endless axis, nor a long list."""
    assert "make 1,000,000 cells" in wrong(seed=range(1, 1001), prompt=[str(n) for n in range(1000)])["most_cells"]
    assert set(wrong(seed=count(1))) == {"most_cells"}
    assert set(wrong(cells=({"seed": seed} for seed in count(1)))) == {"most_cells"}
    assert len(find_axes({**PICTURES, "seed": range(1, 1201)}, most_cells=1200).points) == 1200


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ([], "cells"),
        ([7], "cells"),
        ([{"seed": 1}, {"sead": 2}], "cells[1].sead"),
        ([{"seed": 1, "email": "x"}], "cells[0].email"),
    ],
)
def test_wrong_cells_are_named_by_their_place(cells: list[Any], field: str) -> None:
    """An empty list, what is no mapping, an unknown field, one that every cell shares."""
    assert set(wrong(cells=cells)) == {field}


def test_cells_and_axes_do_not_mix() -> None:
    """Several values beside `cells=` are refused by name."""
    assert set(wrong(cells=[{"seed": 1}], quality=["360p", "540p"])) == {"quality"}


@given(
    seeds=st.lists(st.integers(1, 99), min_size=1, max_size=6, unique=True),
    qualities=st.lists(st.sampled_from(["360p", "540p", "720p"]), min_size=1, max_size=3, unique=True),
)
def test_a_grid_is_every_pair_once(seeds: list[int], qualities: list[str]) -> None:
    """Whatever the values, each pair is one cell, and `cells=` with the same pairs gives the same points."""
    axes = find_axes({**PICTURES, "seed": seeds, "quality": qualities})
    pairs = [(cell["seed"], cell["quality"]) for cell in map(axes.at, axes.points)]
    assert pairs == [(seed, quality) for seed in seeds for quality in qualities]
    listed = find_axes(PICTURES, cells=[{"seed": seed, "quality": quality} for seed, quality in pairs])
    assert listed.points == axes.points


def test_numbers_of_numpy_are_numbers_anywhere() -> None:
    """As a single value, in a list and in a cell."""
    for axes in (
        find_axes({**PICTURES, "seed": np.array(5)}),
        find_axes({**PICTURES, "seed": [np.int64(5)]}),
        find_axes(PICTURES, cells=[{"seed": np.int64(5)}]),
    ):
        (point,) = axes.points
        assert type(axes.at(point)["seed"]) is int


def test_a_cell_that_names_nothing_is_the_plain_call() -> None:
    """`cells=[{}]` is one cell, as a sweep without axes is."""
    assert find_axes(PICTURES, cells=[{}]).points == ((),)


def test_a_set_of_anything_has_an_order() -> None:
    """What cannot be compared is ordered by its kind and its words, the same each time."""
    axes = find_axes({**PICTURES, "prompt": {None, "b", "a"}})
    assert axes.values == ((None, "a", "b"),)
