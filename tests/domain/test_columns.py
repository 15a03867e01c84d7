"""What a class shows of itself as a row, and that it stays a dataclass for everything else."""

import copy
import pickle
import pprint
from dataclasses import asdict, dataclass, fields, replace

import pytest

from pixverse_nb.domain.columns import columns


@columns("name", "length")
@dataclass(frozen=True)
class Song:
    """A value with a secret that no row shows."""

    name: str
    password: str = "hunter2"

    @property
    def length(self) -> int:
        """What is shown but cannot be given."""
        return 3


@columns("name")
class Band:
    """A class that is no dataclass."""

    name = "Blue"


def test_a_row_has_the_chosen_attributes() -> None:
    """`asdict` and `fields` name the chosen attributes, of a dataclass and of any other class."""
    assert asdict(Song("Red")) == {"name": "Red", "length": 3}
    assert [field.name for field in fields(Song("Red"))] == ["name", "length"]
    assert asdict(Band()) == {"name": "Blue"}  # type: ignore[call-overload]  # a dataclass only at run time


def test_a_changed_copy_keeps_what_is_not_shown() -> None:
    """`replace` takes and keeps every field of the class, shown or not, and refuses what is only computed."""
    song = Song("Red", "secret")
    assert replace(song, name="Green") == Song("Green", "secret")
    assert replace(song, password="other") == Song("Red", "other")
    with pytest.raises((TypeError, ValueError)):
        replace(song, length=4)  # type: ignore[call-arg]  # the fact tested


def test_copies_are_equal() -> None:
    """`copy`, `deepcopy` and `pickle` give equal values with the hidden fields, and `pprint` prints both kinds."""
    song = Song("Red", "secret")
    for same in (copy.copy(song), copy.deepcopy(song), pickle.loads(pickle.dumps(song))):  # noqa: S301  our own bytes
        assert same == song
    assert pprint.pformat(song) == repr(song)
    assert "Band" in pprint.pformat(Band())
