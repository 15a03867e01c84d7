"""The rules for fields: what each kind accepts, and how problems are reported."""

import math
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction

import numpy as np
import pytest

from pixverse_nb.domain.validation import REQUIRED, Flag, Integer, OneOf, Rule, Text, plain, unknown_fields, validate

RULES: dict[str, Rule] = {
    "leaf": OneOf(("green", "black")),
    "minutes": Integer(1, 9, default=3),
    "name": Text(4, default=None),
    "iced": Flag(default=False),
}


class Size(IntEnum):
    """An enum of whole numbers."""

    SMALL = 5


class Grade(StrEnum):
    """An enum of texts."""

    HD = "720p"


class Wrapped(Enum):
    """An enum whose value is a numpy number."""

    EIGHT = np.int64(8)


def wrong_fields(**values: object) -> dict[str, str]:
    """The problems of `values`."""
    return validate(RULES, values)[1]


def test_defaults_are_filled_in() -> None:
    """Valid values come back together with the defaults of the fields that were not given."""
    assert validate(RULES, {"leaf": "green", "name": "Oolo"}) == (
        {"leaf": "green", "minutes": 3, "name": "Oolo", "iced": False},
        {},
    )


def test_every_wrong_field_is_named() -> None:
    """Each wrong field has its own problem, and the valid ones are still returned."""
    valid, wrong = validate(RULES, {"leaf": "red", "minutes": 0, "name": "Darjeeling", "iced": True})
    assert valid == {"iced": True}
    assert wrong.keys() == {"leaf", "minutes", "name"}


def test_a_missing_required_field_is_named() -> None:
    """A field whose default is REQUIRED must be given."""
    assert wrong_fields().keys() == {"leaf"}
    assert RULES["leaf"].default is REQUIRED


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (OneOf((5, 8)), 5),
        (OneOf(("a", "b")), "b"),
        (Integer(1, 9), 1),
        (Integer(1, 9), 9),
        (Integer(1, 9, default=None), None),
        (Text(3), ""),
        (Text(3), "abc"),
        (Text(3, default=None), None),
        (Text(9, pattern=r"v\d+"), "v12"),
        (Flag(), False),
        (Flag(default=None), None),
    ],
)
def test_a_rule_accepts(rule: Rule, value: object) -> None:
    """Choices, both ends of a range and None as the default are accepted."""
    assert rule.accepts(value)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (OneOf((5, 8)), 6),
        (OneOf((5, 8)), "5"),
        (OneOf((5, 8)), 5.0),
        (OneOf((1, 2)), True),
        (OneOf((5, 8)), None),
        (OneOf((5, 8)), [5]),
        (OneOf((5, 8)), np.array([5, 8])),
        (Integer(1, 9), 0),
        (Integer(1, 9), 10),
        (Integer(1, 9), "3"),
        (Integer(1, 9), 3.0),
        (Integer(1, 9), True),
        (Integer(1, 9), None),
        (Text(3), "abcd"),
        (Text(3), 7),
        (Text(3), None),
        (Text(9, pattern=r"v\d+"), "xv12"),
        (Text(9, pattern=r"v\d+"), "v12\n"),
        (Flag(), 1),
        (Flag(), "yes"),
        (Flag(), None),
    ],
)
def test_a_rule_rejects(rule: Rule, value: object) -> None:
    """Other values and other types are rejected, and a pattern must match the whole text."""
    assert not rule.accepts(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.int64(5), 5),
        (np.uint8(5), 5),
        (np.float64(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("720p"), "720p"),
        (np.array(5), 5),
        (Size.SMALL, 5),
        (Grade.HD, "720p"),
        (Wrapped.EIGHT, 8),
        (Decimal(8), 8),
        (Decimal("8.0"), 8),
        (Decimal("8.5"), 8.5),
        (Decimal("inf"), math.inf),
        (Decimal("-1e400"), -math.inf),
        (5, 5),
        ("a", "a"),
        (None, None),
        (True, True),
    ],
)
def test_a_scalar_becomes_a_plain_value(value: object, expected: object) -> None:
    """Numpy scalars, enum members and Decimals become the plain Python value that they stand for."""
    result = plain(value)
    assert type(result) is type(expected)
    assert result == expected


@pytest.mark.parametrize("value", [Decimal("nan"), Decimal("snan")])
def test_no_number_becomes_a_float(value: Decimal) -> None:
    """A Decimal that is no number becomes a nan, which every rule refuses and every comparison takes."""
    assert math.isnan(plain(value))


@pytest.mark.parametrize("value", [Fraction(5), np.arange(2), [5], {}])
def test_other_values_are_unchanged(value: object) -> None:
    """A value without a plain equivalent is returned as it is."""
    assert plain(value) is value


def test_validate_returns_plain_values() -> None:
    """A numpy number or an enum member is stored as the plain value, so that it can be written as JSON."""
    valid, wrong = validate(RULES, {"leaf": Wrapped.EIGHT, "minutes": np.int64(5), "iced": np.bool_(True)})
    assert wrong.keys() == {"leaf"}
    assert {name: type(value) for name, value in valid.items()} == {"minutes": int, "name": type(None), "iced": bool}


def test_a_problem_names_what_was_given() -> None:
    """The problem shows the wrong value, but of a text that is too long only its length."""
    wrong = wrong_fields(leaf="red", minutes=77, name="x" * 3000)
    assert "77" in wrong["minutes"]
    assert "3000" in wrong["name"]
    assert "xxxxx" not in wrong["name"]
    assert "'red'" in wrong["leaf"]


def test_an_unknown_field_gets_a_suggestion() -> None:
    """An unknown name is reported with the closest known name, or with all of them if none is close."""
    wrong = unknown_fields(["leef", "zzz", "name"], list(RULES))
    assert wrong.keys() == {"leef", "zzz"}
    assert "'leaf'" in wrong["leef"]
    assert "minutes" not in wrong["leef"]
    assert all(name in wrong["zzz"] for name in RULES)
