"""Rules for the fields of a request, as values: what a field takes, its default, and how that reads in an error."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Protocol


class _Required:
    """The default of a field that must be given."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


class Rule(Protocol):
    """What one field takes. `default` is REQUIRED if the field must be given."""

    @property
    def default(self) -> Any:
        """The value of a field that was not given."""

    def accepts(self, value: object) -> bool:
        """Return whether `value`, already a plain Python value, is valid."""

    def __str__(self) -> str:
        """Return what is accepted, to follow "must be"."""


@dataclass(frozen=True)
class Choice:
    """One of several values of the same type; `note` is added to the list in errors."""

    values: tuple[str | int, ...]
    default: Any = REQUIRED
    note: str = ""

    def accepts(self, value: object) -> bool:
        """Return whether `value` is one of the choices, with their type."""
        return any(type(value) is type(choice) and value == choice for choice in self.values)

    def __str__(self) -> str:
        words = [str(value) for value in self.values]
        listed = " or ".join(words) if len(words) < 3 else "one of " + ", ".join(words)
        return listed + self.note


@dataclass(frozen=True)
class Integer:
    """A whole number from `least` to `most`; None is accepted if that is the default."""

    least: int
    most: int
    default: Any = REQUIRED
    note: str = ""

    def accepts(self, value: object) -> bool:
        """Return whether `value` is an int (not a bool) in the range."""
        if value is None:
            return self.default is None
        return isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most

    def __str__(self) -> str:
        return f"a whole number from {self.least} to {self.most}{self.note}"


@dataclass(frozen=True)
class Text:
    """A text of at most `longest` characters that matches `pattern`, if there is one; None if that is the default."""

    longest: int
    default: Any = REQUIRED
    pattern: str | None = None
    what: str = "a text"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such a text."""
        if value is None:
            return self.default is None
        fits = isinstance(value, str) and len(value) <= self.longest
        return fits and (self.pattern is None or re.match(self.pattern, str(value)) is not None)

    def __str__(self) -> str:
        return f"{self.what} of at most {self.longest} characters"


@dataclass(frozen=True)
class Flag:
    """True or False; None if that is the default."""

    default: Any = REQUIRED

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a bool."""
        return isinstance(value, bool) or (value is None and self.default is None)

    def __str__(self) -> str:
        return "True or False"


def validate(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the plain values with defaults filled in, and the problem of every field that is wrong or missing.

    `values` must hold no name without a rule; see `unknown_fields`.
    """
    valid: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, rule in rules.items():
        value = plain(values[name]) if name in values else rule.default
        if value is REQUIRED:
            wrong[name] = f"is required: {rule}"
        elif rule.accepts(value):
            valid[name] = value
        else:
            wrong[name] = _problem(rule, value)
    return valid, wrong


def unknown_fields(given: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Return a problem for each name that is not in `known`, with the nearest known name or all of them."""
    wrong: dict[str, str] = {}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the fields are {', '.join(known)}"
            wrong[name] = f"is not a valid field: {hint}"
    return wrong


def plain(value: object) -> Any:
    """Return numpy scalars, enum members and whole Decimals as the plain Python value they stand for."""
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value


def _problem(rule: Rule, value: object) -> str:
    if isinstance(rule, Text) and isinstance(value, str) and len(value) > rule.longest:
        return f"must be {rule}; this one has {len(value)}"
    return f"must be {rule}, not {value!r}"
