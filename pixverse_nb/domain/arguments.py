"""The arguments of public methods: they are checked by the same rules as the fields of a request."""

import math
from collections.abc import Mapping
from typing import Any, Final, Literal

from pixverse_nb.domain.validation import Function, Integer, Number, OneOf, Rule, Text, validate
from pixverse_nb.errors import InvalidRequest

TIMEOUT: Final = Number(0, math.inf, "a number of seconds from 0 on, or None for no limit", default=None)
COUNT: Final = Integer(0, 2**53)  # what JSON and SQLite both store
BUDGET: Final = Integer(0, 2**53, default=None, note=", or None for no limit")
ANY_INTEGER: Final = Integer(-(2**53), 2**53)
Reuse = bool | Literal["any"]  # "any": also from another home of this machine
REUSE: Final = OneOf((True, False, "any"))
CALLBACK: Final = Function()
NOTE: Final = Text(10_000)
TITLE_MAX: Final = 500


def checked(given: Mapping[str, Any], rules: Mapping[str, Rule], *, sends: bool = False) -> dict[str, Any]:
    """Return arguments as plain values. Raises InvalidRequest, which names every wrong one.

    `sends` is whether the call would send something, as for InvalidRequest.

    >>> checked({"limit": True}, {"limit": Integer(1, 9)})
    Traceback (most recent call last):
    pixverse_nb.errors.InvalidRequest: 1 argument is wrong.
      limit: must be a whole number from 1 to 9, not True
    """
    valid, wrong = validate(rules, given)
    if wrong:
        raise InvalidRequest(wrong, sends=sends)
    return valid
