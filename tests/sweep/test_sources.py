"""Tests of `sweep.sources`: the operation of a sweep, and its sources by role."""

from typing import Any

import numpy as np
import pytest

from pixverse_nb.domain.operations import Operation
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.sweep.sources import SweepSources, find_sources


def sources_of(given: dict[str, Any], operation: Any = None, **fields: Any) -> SweepSources:
    """Return the sources of a call."""
    return find_sources(given, fields, operation=operation)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"first": "a", "last": "b"}, Operation.FRAMES),
        ({"first": "a"}, Operation.IMAGE),
        ({"first": None, "last": None}, Operation.TEXT),
        ({"images": ["a", "b", "c"]}, Operation.TRANSITION),
        ({"first": "a", "video": "v"}, Operation.MOTION),
    ],
)
def test_the_sources_decide_the_operation(given: dict[str, Any], expected: Operation) -> None:
    """Two pictures, one, none, a list of them, or a picture and a video; what is None is missing."""
    assert sources_of(given).operation is expected


@pytest.mark.parametrize("name", ["lip_sync", "lipsync", Operation.LIPSYNC, np.str_("lipsync")])
def test_an_operation_has_its_own_name_and_that_of_its_method(name: Any) -> None:
    """The value of the enum, the enum itself and the name of the client's method are the same."""
    assert sources_of({"video": "v"}, name).operation is Operation.LIPSYNC


@pytest.mark.parametrize(
    ("given", "operation", "wrong"),
    [
        ({"video": "v"}, None, {"operation"}),
        ({"last": "b"}, None, {"first"}),
        ({"first": "a"}, "extend", {"first", "video"}),
        ({}, "motion", {"first", "video"}),
        ({"first": "a", "last": "b"}, "text", {"first", "last"}),
        ({"images": ["a", "b"], "first": "a"}, None, {"first"}),
        ({"images": ["a"]}, None, {"images"}),
        ({"images": "a.jpg"}, "fusion", {"images"}),
        ({}, "film", {"operation"}),
        ({}, ["text"], {"operation"}),
    ],
)
def test_missing_and_superfluous_sources_are_named(given: dict[str, Any], operation: Any, wrong: set[str]) -> None:
    """The error names each argument that the operation lacks or does not use."""
    with pytest.raises(InvalidRequest) as caught:
        sources_of(given, operation)
    assert caught.value.fields.keys() == wrong


def test_each_operation_has_its_roles() -> None:
    """The sources get the roles of the operation; the names of the arguments stay the names of the axes."""
    motion = sources_of({"first": "a", "video": "v"})
    assert (motion.images, motion.media) == ({"frame_1": "a"}, {"source_video": "v"})
    assert motion.names == {"frame_1": "first", "source_video": "video"}
    spoken = sources_of({"video": "v"}, "lip_sync", audio=["a.mp3", "b.mp3"], seed=1)
    assert spoken.media == {"source_video": "v", "audio": ["a.mp3", "b.mp3"]}
    assert spoken.fields == {"seed": 1}
    assert sources_of({"video": "v"}, "extend", audio=True).fields == {"audio": True}


def test_prompts_and_durations_of_a_transition_are_lists() -> None:
    """One entry for each picture but the last, as in `create_transition`; an entry that is a list is an axis."""
    found = sources_of({"images": ["a", ["b", "c"], "d"]}, durations=[2, [3, 4]], prompts=[None, "pan"])
    assert found.images == {"frame_1": "a", "frame_2": ["b", "c"], "frame_3": "d"}
    assert found.fields == {"duration_1_to_2": 2, "duration_2_to_3": [3, 4], "prompt_2_to_3": "pan"}
    with pytest.raises(InvalidRequest) as caught:
        sources_of({"images": ["a", "b", "c"]}, durations=[2], prompts="pan")
    assert caught.value.fields.keys() == {"durations", "prompts"}
