"""What a sweep needs of the client it belongs to, in one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.event_loop import Portal
from pixverse_nb.job_builder import Drafter
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Asker, Job
from pixverse_nb.jobs.remote_videos import Ask


@dataclass(frozen=True)
class Bench:
    """The client's parts: who drives jobs, who drafts and asks for them, and who hears of changes."""

    engine: Engine
    portal: Portal
    drafter: Drafter
    asker: Asker
    prices: Prices
    email: str | None = field(repr=False)
    is_sandbox: bool
    handle: Callable[[JobRecord], Job]
    ask: Ask
    subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]
