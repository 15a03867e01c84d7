"""What a sweep needs: the parts of its client (`SweepContext`), and the options of the call (`SweepOptions`)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pixverse_nb.backends.base import Backend
from pixverse_nb.domain.arguments import BUDGET, COUNT, MAX_CELLS, TITLE_MAX, checked
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.validation import Flag, Integer, OneOf, Rule, Text
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory
from pixverse_nb.jobs.protocols import Send


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


_RULES: Final[Mapping[str, Rule]] = {
    "title": Text(TITLE_MAX, default=None),
    "budget_credits": BUDGET,
    "skip_refused": Flag(),
    "allow_refused": Flag(),
    "most_cells": Integer(1, COUNT.most),
    "reuse": OneOf((True, "any")),
}


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
    reuse: Literal[True, "any"] = True
    can_skip: bool = True  # not in a chain: its videos are joined

    @property
    def refused_fix(self) -> str:
        """What to pass so that a run with refused cells starts."""
        allow = "allow_refused=True sends such cells anyway"
        return f"skip_refused=True skips such cells, {allow}" if self.can_skip else allow

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in _RULES}
        for name, value in checked(given, _RULES, sends=True).items():
            object.__setattr__(self, name, value)
