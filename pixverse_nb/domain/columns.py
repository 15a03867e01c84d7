"""Objects as rows: `pd.DataFrame(videos)` and `dataclasses.asdict(video)` show chosen attributes and nothing else.

pandas makes rows only of mappings, tuples and dataclasses. A video or a job is neither a mapping nor a tuple, so the
decorator below gives its class the attributes by which Python recognizes a dataclass.
"""

from collections.abc import Callable
from dataclasses import InitVar, field, fields, is_dataclass, make_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def columns(*names: str) -> Callable[[C], C]:
    """Make a class show these attributes where a dataclass shows its fields.

    Without it, `asdict` copies every field of a dataclass, private ones too. `dataclasses.replace` still takes every
    field that the constructor takes. The class needs no other change, and need not be a dataclass.

    >>> from dataclasses import asdict, dataclass, replace
    >>> @columns("name", "length")
    ... @dataclass
    ... class Song:
    ...     name: str
    ...     password: str
    ...     length = 3
    >>> asdict(Song("Blue", "hunter2"))
    {'name': 'Blue', 'length': 3}
    >>> replace(Song("Blue", "hunter2"), name="Red").password
    'hunter2'
    """

    def decorate(cls: C) -> C:
        arguments = [known.name for known in fields(cls) if known.init] if is_dataclass(cls) else []
        shown = [(name, Any, field(init=name in arguments, default=None)) for name in names]
        # An InitVar is left out by `asdict` and `fields`, but `replace` copies it.
        hidden = [(name, InitVar[Any], None) for name in arguments if name not in names]
        row = make_dataclass("Row", [*shown, *hidden], init=False, repr=False, eq=False)
        cls.__dataclass_fields__ = row.__dataclass_fields__  # type: ignore[attr-defined]  # what `asdict` reads
        if "__dataclass_params__" not in vars(cls):
            cls.__dataclass_params__ = row.__dataclass_params__  # type: ignore[attr-defined]  # what `pprint` reads
        return cls

    return decorate


def utc_time(seconds: float | None) -> datetime | None:
    """Return Unix seconds as a time in UTC, which pandas takes as a timestamp; None if there is none.

    >>> utc_time(0.5).isoformat()
    '1970-01-01T00:00:00.500000+00:00'
    """
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
