"""Checking the arguments of public methods."""

import enum
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from pixverse_nb.domain.arguments import BUDGET, CALLBACK, COUNT, NOTE, TIMEOUT, checked
from pixverse_nb.domain.validation import Flag, Function, Integer, as_float, safe_repr
from pixverse_nb.errors import InvalidRequest

HUGE = pytest.param(10**5000, id="huge")  # Python refuses to print it


class Size(enum.IntEnum):
    """An enum of numbers."""

    SMALL = 5


class Choice(enum.Enum):
    """An enum whose members are no numbers themselves."""

    FIVE = 5
    YES = True


@pytest.mark.parametrize("five", [5, np.int64(5), np.uint8(5), np.array(5), Decimal(5), Size.SMALL, Choice.FIVE])
def test_a_whole_number_of_any_kind_is_an_int(five: object) -> None:
    """numpy's integers, Decimals and enums are accepted wherever a whole number is, and become an int."""
    for rule in (COUNT, BUDGET, Integer(1, 9)):
        value = checked({"number": five}, {"number": rule})["number"]
        assert (value, type(value)) == (5, int)


@pytest.mark.parametrize("wrong", [True, np.True_, -1, 1.5, math.nan, math.inf, "5", Decimal("1e999999"), HUGE, [5]])
def test_what_is_not_a_whole_number_is_named(wrong: object) -> None:
    """A bool, a fraction, nan, infinity, a text and a number beyond the range raise InvalidRequest with the name."""
    with pytest.raises(InvalidRequest) as caught:
        checked({"number": wrong}, {"number": COUNT})
    assert set(caught.value.fields) == {"number"}


@pytest.mark.parametrize("half", [0.5, np.float32(0.5), Decimal("0.5"), Fraction(1, 2), np.array(0.5)])
def test_a_timeout_is_any_number_from_zero_on(half: object) -> None:
    """A timeout is a real number of any kind, infinity or None."""
    assert as_float(checked({"timeout": half}, {"timeout": TIMEOUT})["timeout"]) == 0.5
    for value in (None, 0, math.inf):
        assert checked({"timeout": value}, {"timeout": TIMEOUT}) == {"timeout": value}


@pytest.mark.parametrize("wrong", [True, np.True_, -1, math.nan, np.float64("nan"), Decimal("sNaN"), "1", HUGE, 1j])
def test_other_timeouts_are_refused(wrong: object) -> None:
    """A bool, a negative number, nan, a text and a number without an end raise InvalidRequest."""
    with pytest.raises(InvalidRequest):
        checked({"timeout": wrong}, {"timeout": TIMEOUT})


@pytest.mark.parametrize("true", [True, np.True_, np.array(True), Choice.YES])
def test_a_flag_of_any_kind_is_a_bool(true: object) -> None:
    """numpy's bools and enums of bools are accepted as flags; numbers and texts are not."""
    assert checked({"flag": true}, {"flag": Flag()})["flag"] is True
    for wrong in (1, 0, "no", None, np.array([True, False])):
        with pytest.raises(InvalidRequest):
            checked({"flag": wrong}, {"flag": Flag()})


def test_every_wrong_argument_is_named() -> None:
    """One error names all of them, and the message mentions payment only if the call would send something."""
    for sends in (False, True):
        with pytest.raises(InvalidRequest) as caught:
            checked({"timeout": "1", "note": 5}, {"timeout": TIMEOUT, "note": NOTE}, sends=sends)
        assert set(caught.value.fields) == {"timeout", "note"}
        assert ("charged" in str(caught.value)) is sends


async def _async_rule(_sweep: object) -> bool:
    return True


@pytest.mark.parametrize("wrong", ["enough", 3, lambda: True, lambda one, two: True, _async_rule, sum(())])
def test_a_function_must_take_the_arguments(wrong: Any) -> None:
    """What cannot be called with the arguments, and what returns a coroutine, is refused."""
    with pytest.raises(InvalidRequest):
        checked({"rule": wrong}, {"rule": Function(1)})


@pytest.mark.parametrize("right", [bool, print, lambda one: one, lambda one, two=2: one, {}.get, [].append])
def test_functions_methods_and_classes_are_accepted(right: Callable[..., object]) -> None:
    """Anything that can be called with one argument is accepted."""
    assert checked({"rule": right}, {"rule": Function(1)}) == {"rule": right}
    assert checked({"rule": right}, {"rule": CALLBACK}) == {"rule": right}


def test_half_a_character_is_refused() -> None:
    """A text with half of a surrogate pair, which no encoding has, is refused; other control characters are kept."""
    with pytest.raises(InvalidRequest):
        checked({"note": "a\ud800"}, {"note": NOTE})
    assert checked({"note": "a\x1b[31m\0\n"}, {"note": NOTE}) == {"note": "a\x1b[31m\0\n"}


def test_a_value_without_a_repr_is_named_by_its_class() -> None:
    """An int with too many digits, or an object whose repr fails, can be shown in an error."""

    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert [safe_repr(value) for value in (7, 10**5000, Broken())] == ["7", "a int", "a Broken"]
