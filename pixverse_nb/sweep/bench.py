"""What a sweep needs of the client it belongs to, in one value."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pixverse_nb.drafting import Drafter
from pixverse_nb.jobs.adoption import Ask
from pixverse_nb.jobs.asking import Asker
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job
from pixverse_nb.portal import Portal
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Prices


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
