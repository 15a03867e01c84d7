"""Objects as rows: `pd.DataFrame(videos)` and `dataclasses.asdict(video)` show chosen attributes and nothing else."""

from collections.abc import Callable
from dataclasses import InitVar, field, fields, is_dataclass, make_dataclass
from typing import Any, TypeVar

C = TypeVar("C", bound=type)


def columns(*names: str) -> Callable[[C], C]:
    """Make a class show these attributes where a dataclass shows its fields.

    pandas makes a row of a dataclass with `asdict`, which copies every field, whatever is private in it.
    `dataclasses.replace` still takes every field of the class.

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

    def decorate(one: C) -> C:
        taken = [known.name for known in fields(one) if known.init] if is_dataclass(one) else []
        shown = ((name, Any, field(init=name in taken, default=None)) for name in names)
        # `replace` copies what an InitVar is called, `asdict` and `fields` leave it out
        hidden = ((name, InitVar[Any], None) for name in taken if name not in names)
        rows = make_dataclass("Row", (*shown, *hidden), init=False, repr=False, eq=False)
        one.__dataclass_fields__ = rows.__dataclass_fields__  # type: ignore[attr-defined]  # what `asdict` reads
        if "__dataclass_params__" not in vars(one):
            one.__dataclass_params__ = rows.__dataclass_params__  # type: ignore[attr-defined]  # what `pprint` reads
        return one

    return decorate
