"""What the acts on jobs (submitting, watching) need of whoever drives them."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from pixverse_nb.client import AsyncClient
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.rhythm import Expectation
from pixverse_nb.ledger import Ledger
from pixverse_nb.models import FramesRequest
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Timing


class Desk(Protocol):
    """The records of the open jobs, the one way to move them, and the doors to ledger and vendor."""

    ledger: Ledger
    client: AsyncClient
    home: Path
    timing: Timing
    owner: str
    now: Callable[[], float]
    records: dict[str, JobRecord]

    def apply(self, ref: str, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Move a job by one event and return its newest record."""

    def expectation(self, request: FramesRequest) -> Expectation:
        """Return how long such a job takes."""

    async def signal(self, ref: str, *, until: float) -> None:
        """Return when the job has changed, or at `until`."""
