"""Objects as rows: `pd.DataFrame(videos)` and `dataclasses.asdict(video)` show chosen attributes and nothing else."""

from collections.abc import Callable
from dataclasses import make_dataclass
from typing import TypeVar

C = TypeVar("C", bound=type)


def columns(*names: str) -> Callable[[C], C]:
    """Make a class show these attributes where a dataclass shows its fields.

    pandas makes a row of a dataclass with `asdict`, which copies every field, whatever is private in it.

    >>> from dataclasses import asdict
    >>> @columns("name", "length")
    ... class Song:
    ...     name, length, password = "Blue", 3, "hunter2"
    >>> asdict(Song())
    {'name': 'Blue', 'length': 3}
    """
    rows = make_dataclass("Row", names, init=False, repr=False, eq=False)

    def decorate(one: C) -> C:
        for name in ("__dataclass_fields__", "__dataclass_params__"):
            setattr(one, name, getattr(rows, name))
        return one

    return decorate
