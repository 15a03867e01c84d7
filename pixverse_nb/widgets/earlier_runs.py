"""What the runs of a cell have shown, so that running the cell again closes what it replaces."""

import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeVar

from pixverse_nb.render.display import running_cell


class Closable(Protocol):
    """A view that can be closed."""

    def close(self) -> None:
        """Remove the view from the page."""


T = TypeVar("T", bound=Closable)
_Runs = dict[tuple[str, str], tuple[int, list["weakref.ref[Any]"]]]  # cell and kind -> its latest run and its views
_shown: Final[_Runs] = {}
_lock: Final = threading.Lock()


def close_earlier(view: T, *, is_same: Callable[[T], bool] = lambda _: True) -> None:
    """Close the views of the kind of `view` that an earlier run of this cell has shown, unless another cell shows them.

    `is_same` says which of them `view` takes the place of. Without ids of cells (and in a script) nothing is known
    about the cell but its source.
    """
    running = running_cell()
    if running is None or not running.cell:  # a script, a terminal, a callback
        return
    key = (running.cell, type(view).__name__)
    with _lock:
        earlier_run, earlier = _shown.get(key, (running.number, []))
        is_same_run = earlier_run == running.number
        _shown[key] = (running.number, [*(earlier if is_same_run else ()), weakref.ref(view)])
        elsewhere = {id(other()) for _, others in _shown.values() for other in others}
    for each in () if is_same_run else [reference() for reference in earlier]:
        if each is not None and id(each) not in elsewhere and is_same(each):
            each.close()
