"""What a sweep needs: the parts of its client (`SweepContext`), and the options of the call (`SweepOptions`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pixverse_nb.backends.base import Backend
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory
from pixverse_nb.jobs.remote_videos import Send
from pixverse_nb.sweep.axes import MAX_CELLS


@dataclass(frozen=True)
class SweepContext:
    """The parts of a client that its sweeps use.

    `email` restricts the sweeps to one account. `handle` returns the `Job` of a record, `send` sends a free call, and
    `subscribe` registers a callback for changed jobs and returns a function that unregisters it.
    """

    engine: Engine
    loop: EventLoopThread
    builder: JobBuilder
    factory: JobFactory
    email: str | None = field(repr=False)
    is_sandbox: bool
    handle: Callable[[JobRecord], Job]
    send: Send
    backend: Backend
    subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]


@dataclass(frozen=True)
class SweepOptions:
    """The options of one sweep; `Client.sweep` documents them. Raises InvalidRequest naming every wrong option."""

    title: str | None = None
    budget_credits: int | None = None
    skip_refused: bool = False
    allow_refused: bool = False
    layout: str = "grid"
    cells: Iterable[Mapping[str, Any]] | None = field(default=None, repr=False)
    most_cells: int = MAX_CELLS

    def __post_init__(self) -> None:
        wrong = {}
        if self.budget_credits is not None and not _is_count(self.budget_credits):
            wrong["budget_credits"] = f"must be a whole number from 0 on, or None, not {self.budget_credits!r:.40}"
        if not _is_count(self.most_cells) or self.most_cells < 1:
            wrong["most_cells"] = f"must be a whole number from 1 on, not {self.most_cells!r:.40}"
        title: object = self.title
        if title is not None and not isinstance(title, str):
            wrong["title"] = f"must be a text, not {type(title).__name__}"
        for name in ("skip_refused", "allow_refused"):
            value: object = getattr(self, name)
            if value not in (True, False):
                wrong[name] = f"must be True or False, not {value!r:.40}"
        if wrong:
            raise InvalidRequest(wrong)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
