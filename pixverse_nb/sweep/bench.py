"""The parts of a client that its sweeps use, in one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pixverse_nb.backends.base import Backend
from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory
from pixverse_nb.jobs.remote_videos import Send


@dataclass(frozen=True)
class SweepContext:
    """The parts of a client that a sweep uses."""

    engine: Engine
    loop: EventLoopThread
    builder: JobBuilder
    factory: JobFactory
    prices: Prices
    email: str | None = field(repr=False)
    is_sandbox: bool
    handle: Callable[[JobRecord], Job]
    send: Send
    backend: Backend
    subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]
