"""What a sweep needs of the client it belongs to, in one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory
from pixverse_nb.jobs.remote_videos import Ask


@dataclass(frozen=True)
class SweepContext:
    """The client's parts: who drives jobs, who drafts and asks for them, and who hears of changes."""

    engine: Engine
    portal: EventLoopThread
    drafter: JobBuilder
    asker: JobFactory
    prices: Prices
    email: str | None = field(repr=False)
    is_sandbox: bool
    handle: Callable[[JobRecord], Job]
    ask: Ask
    subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]
