"""Rules for fields and arguments: which values each one accepts, its default, and the wording of its errors."""

import difflib
import inspect
import math
import numbers
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Protocol


class _Required:
    """The default of a field that must be given."""

    def __repr__(self) -> str:
        return "REQUIRED"

    def __reduce__(self) -> str:
        return "REQUIRED"  # a copy is the same object, since it is compared with `is`


REQUIRED: Final = _Required()


class Rule(Protocol):
    """What one field accepts. `default` is REQUIRED if the field must be given."""

    @property
    def default(self) -> Any:
        """The value of a field that is not given."""

    def accepts(self, value: object) -> bool:
        """Return whether `value`, already a plain Python value, is valid."""

    def __str__(self) -> str:
        """Return what is accepted, in words that follow "must be"."""


@dataclass(frozen=True)
class OneOf:
    """One of several values of the same type; `note` is added to the list in errors.

    None is accepted if that is the default.
    """

    values: tuple[str | int, ...]
    default: Any = REQUIRED
    note: str = ""

    def accepts(self, value: object) -> bool:
        """Return whether `value` is one of the choices, with their type."""
        if value is None:
            return self.default is None
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
class Number:
    """A number from `least` to `most`, whole or not; `what` describes it. None is accepted if that is the default."""

    least: float
    most: float
    what: str
    default: Any = REQUIRED

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a real number (not a bool, not nan) in the range."""
        if value is None:
            return self.default is None
        return self.least <= as_float(value) <= self.most

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True)
class Function:
    """A function, not a coroutine function, that can be called with `count` positional arguments (None: unknown).

    None is accepted if that is the default.
    """

    count: int | None = None
    default: Any = REQUIRED

    def accepts(self, value: object) -> bool:
        """Return whether `value` can be called so."""
        if value is None or not callable(value):
            return value is None and self.default is None
        return not inspect.iscoroutinefunction(value) and (self.count is None or _takes(value, self.count))

    def __str__(self) -> str:
        takes = "" if self.count is None else f" of {self.count} {'argument' if self.count == 1 else 'arguments'}"
        return f"a function{takes}" + (" or None" if self.default is None else "")


@dataclass(frozen=True)
class Text:
    """A text of at most `longest` characters that matches the whole of `pattern`, if one is given.

    Halves of surrogate pairs are refused, because no encoding can send or store them. None is accepted if that is the
    default. `what` names the text in errors.
    """

    longest: int
    default: Any = REQUIRED
    pattern: str | None = None
    what: str = "a text"

    def accepts(self, value: object) -> bool:
        """Return whether `value` is such a text."""
        if value is None:
            return self.default is None
        fits = isinstance(value, str) and len(value) <= self.longest and not _SURROGATE.search(value)
        return fits and (self.pattern is None or re.fullmatch(self.pattern, str(value)) is not None)

    def __str__(self) -> str:
        return f"{self.what} of at most {self.longest} characters"


@dataclass(frozen=True)
class Flag:
    """True or False; None is accepted if that is the default."""

    default: Any = REQUIRED

    def accepts(self, value: object) -> bool:
        """Return whether `value` is a bool."""
        return isinstance(value, bool) or (value is None and self.default is None)

    def __str__(self) -> str:
        return "True or False"


def validate(rules: Mapping[str, Rule], values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the valid fields as plain values, with defaults filled in, and the problem with each invalid field.

    Names without a rule are ignored; `unknown_fields` finds those.

    >>> validate({"seed": Integer(1, 9), "quality": OneOf(("540p", "720p"), default="720p")}, {"seed": 0})
    ({'quality': '720p'}, {'seed': 'must be a whole number from 1 to 9, not 0'})
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


def unknown_fields(
    given: Iterable[str],
    known: Sequence[str],
    *,
    others: Sequence[str] = (),
    what: str = "a valid field",
    plural: str = "fields",
) -> dict[str, str]:
    """Return a problem for each name that is not in `known`: it suggests the closest known name, or lists them all.

    `others` are names that are valid elsewhere in the same call, so they may have been meant too. If one of
    them is given here, the problem is that it cannot be used in this call.
    """
    return {
        name: "cannot be used in this call"
        if name in others
        else f"is not {what}: {did_you_mean(name, known, others=others, plural=plural)}"
        for name in given
        if name not in known
    }


def did_you_mean(name: str, known: Sequence[str], *, others: Sequence[str] = (), plural: str) -> str:
    """Return a suggestion for a name that is not known: the closest name, or all of them.

    >>> did_you_mean("sed", ["seed", "prompt"], plural="fields")
    "did you mean 'seed'?"
    """
    lower = {one.lower(): one for one in (*others, *known)}
    near = difflib.get_close_matches(name.lower(), lower, n=1)
    if near:
        return f"did you mean {lower[near[0]]!r}?"
    return f"the {plural} are {', '.join(known)}" if known else f"there are no {plural}"


def _takes(function: Callable[..., object], count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True


def plain(value: object) -> Any:
    """Return the plain Python value of a numpy scalar, an enum member or a Decimal, and other values as they are."""
    if type(value) in _PLAIN_TYPES:
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Decimal):
        if not value.is_finite() or value.adjusted() > _MOST_DIGITS:
            return math.nan if value.is_nan() else float(value)
        return int(value) if value == value.to_integral_value() else float(value)
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return value.item()
    if isinstance(value, str) and type(value) is not str:
        return str(value)
    return value


def is_blank(value: object) -> bool:
    """Return whether a value is None or a text without a visible character."""
    return value is None or (isinstance(value, str) and not value.strip())


_PLAIN_TYPES: Final = frozenset({str, int, bool, float, type(None)})  # nearly every value of a large sweep
_MOST_DIGITS: Final = 300  # an int of a million digits takes seconds
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


def as_float(value: Any) -> float:
    """Return any real number (numpy's, Decimal, an enum of numbers) as a float, everything else as nan."""
    try:
        value = plain(value)
        is_number = isinstance(value, numbers.Real | Decimal) and not isinstance(value, bool)
        return float(value) if is_number else math.nan
    except (TypeError, ValueError, OverflowError):  # a complex number, a signalling nan, 10**400
        return math.nan


def safe_repr(value: object) -> str:
    """Return the repr of a value for an error, also if it has none (an int of 5,000 digits, a broken class)."""
    try:
        return repr(value)
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        return f"a {type(value).__name__}"


def _problem(rule: Rule, value: object) -> str:
    if isinstance(rule, Text) and isinstance(value, str):
        if len(value) > rule.longest:
            return f"must be {rule}; this one has {len(value)}"
        if _SURROGATE.search(value):
            return f"contains half of a character (a surrogate), which cannot be sent or stored: {safe_repr(value)}"
    return f"must be {rule}, not {safe_repr(value)}"
