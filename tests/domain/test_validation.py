"""How values are judged: by their own dataclass, all that is wrong at once."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from pixverse_nb.domain.validation import validate_fields
from pixverse_nb.errors import InvalidRequest


@dataclass(frozen=True)
class Tea:
    """A value with one rule of each kind."""

    leaf: Literal["green", "black"]
    minutes: int = field(default=3, metadata={"strict": True, "ge": 1, "le": 9})
    name: str | None = field(default=None, metadata={"max_length": 4})


def mend(name: str, message: str, given: object) -> str:
    """What the person is told, here all that there is to tell."""
    return f"{name}: {message} ({given!r})"


def wrong_fields(**values: object) -> dict[str, str]:
    """The fields that are refused, with their sentences."""
    with pytest.raises(InvalidRequest) as caught:
        validate_fields(Tea, values, mend=mend)
    return dict(caught.value.fields)


def test_what_is_right_comes_back_whole() -> None:
    """Values that fit come back with the defaults of those that were left out."""
    assert validate_fields(Tea, {"leaf": "green", "name": "Oolo"}, mend=mend) == {
        "leaf": "green",
        "minutes": 3,
        "name": "Oolo",
    }


def test_every_wrong_field_is_named_at_once() -> None:
    """A choice, a bound, a length and a name that nobody knows are all told, each with what was given."""
    wrong = wrong_fields(leaf="red", minutes=0, name="Darjeeling", sugar=2)
    assert wrong.keys() == {"leaf", "minutes", "name", "sugar"}
    assert wrong["minutes"].endswith("(0)")


def test_what_is_missing_is_named() -> None:
    """A field without a default must be given."""
    assert wrong_fields().keys() == {"leaf"}


def test_a_bound_holds_for_what_may_be_none() -> None:
    """The rule of an optional field speaks of its value, and None passes."""
    assert wrong_fields(leaf="black", name="12345").keys() == {"name"}
    assert validate_fields(Tea, {"leaf": "black", "name": None}, mend=mend)["name"] is None


@pytest.mark.parametrize("minutes", ["3", 3.0, True])
def test_a_strict_field_takes_its_own_type_only(minutes: object) -> None:
    """A number in quotes, with a fraction or from a yes is no whole number."""
    assert wrong_fields(leaf="black", minutes=minutes).keys() == {"minutes"}


def test_a_traceback_does_not_hold_what_was_given() -> None:
    """The error bears no pydantic error along, whose text repeats every value."""
    with pytest.raises(InvalidRequest) as caught:
        validate_fields(Tea, {"leaf": "maria.lopez@example.org"}, mend=lambda name, *_: name)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
