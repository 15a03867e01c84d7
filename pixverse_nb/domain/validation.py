"""What the fields of a value may hold, judged by pydantic against the value's own dataclass: each rule is said once.

A field's type says most of it, and its `metadata` the rest, in the words of `pydantic.Field` (`ge`, `max_length`, …).
pydantic is loaded when the first value is judged: that takes longer than all else that a Client needs to open.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import cache
from typing import Any

from pixverse_nb.errors import InvalidRequest

FixMessage = Callable[
    [str, str, object], str
]  # (field, pydantic's words, what was given) -> what is wanted, in a sentence


def validate_fields(kind: type[Any], values: Mapping[str, Any], *, mend: FixMessage) -> dict[str, Any]:
    """Return `values` as the dataclass `kind` holds them: in their plain form, its defaults filled in.

    Raises InvalidRequest with every field named that is wrong, missing or unknown.
    """
    from pydantic import ValidationError

    try:
        return dict(_model_of(kind)(**values))  # type: ignore[arg-type]  # mypy holds that classes have no hash
    except ValidationError as error:
        wrong: dict[str, str] = {}
        for problem in error.errors(include_url=False, include_context=False):
            name = str(problem["loc"][0]) if problem["loc"] else "request"
            wrong.setdefault(name, mend(name, problem["msg"], problem.get("input")))
        raise InvalidRequest(wrong) from None  # pydantic's error prints what was given: an account, a prompt


def unknown_fields(asked: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Return a sentence for each name that is none of the fields: the nearest one, else all that there are."""
    wrong: dict[str, str] = {}
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            wrong[name] = f"is no field of a request: {meant}"
    return wrong


@cache
def _model_of(kind: Any) -> Any:
    from pydantic import ConfigDict, Field, create_model

    rules: dict[str, Any] = {
        item.name: (item.type, Field(... if item.default is MISSING else item.default, **item.metadata))
        for item in fields(kind)
    }
    return create_model(kind.__name__, __config__=ConfigDict(extra="forbid"), **rules)
