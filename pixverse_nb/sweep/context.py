"""What a sweep needs: the parts of its client (`SweepContext`), and the options of the call (`SweepOptions`)."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pixverse_nb.backends.base import Backend
from pixverse_nb.domain.arguments import BUDGET, COUNT, MAX_CELLS, TITLE_MAX, checked
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.requests import GenerationRequest
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

    def usual_time_s(self, request: GenerationRequest, *, at_once: int) -> float:
        """Return the usual seconds from submission to completion, of a video of which `at_once` are made at a time.

        In the sandbox, before one has finished, this is its pace and a guess of how long this machine renders it.
        """
        estimate = self.engine.expectation(request)
        if estimate.samples or not self.is_sandbox:
            return estimate.typical_s
        lines_text = (request.quality or "").removesuffix("p")
        lines = int(lines_text) if lines_text.isdecimal() else _USUAL_LINES
        megapixels = lines**2 * 16 / 9 / 1e6 * (request.duration or _USUAL_DURATION_S)
        render_s = _RENDER_S + _RENDER_S_PER_MEGAPIXEL * megapixels
        return estimate.typical_s + render_s * max(1.0, at_once / (os.cpu_count() or 1))


_USUAL_LINES, _USUAL_DURATION_S = 540, 5
_RENDER_S, _RENDER_S_PER_MEGAPIXEL = 0.4, 0.6  # of one processor, for a megapixel shown for a second
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
