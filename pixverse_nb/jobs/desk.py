"""What the acts on jobs (submitting, watching) need: the vendor, and whoever drives them. Two ports, no code."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from pixverse_nb.clock import Clock
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.rhythm import Expectation
from pixverse_nb.ledger import Ledger
from pixverse_nb.models import FramesRequest
from pixverse_nb.mp4 import Mp4Info
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Timing
from pixverse_nb.wire.call import Accepted, Call, PaidOutcome

T = TypeVar("T")


class Vendor(Protocol):
    """The party that makes the videos, as `client.AsyncClient` reaches it."""

    requests_sent: int

    async def send(self, call: Call[T], *, attempts: int = 4) -> T:
        """Return the answer to a call that spends nothing."""

    async def send_paid(self, call: Call[Accepted], *, may_leave: Callable[[], bool]) -> PaidOutcome:
        """Send a paid call exactly once, if it may still leave, and return what is proven."""

    async def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an address, without credentials."""

    async def download(self, url: str, path: Path) -> Mp4Info:
        """Store a video and return what was checked."""

    async def aclose(self) -> None:
        """Close every connection."""


class Desk(Protocol):
    """The records of the open jobs, the one way to move them, and the doors to ledger and vendor."""

    ledger: Ledger
    home: Path
    timing: Timing
    owner: str
    now: Clock
    records: dict[str, JobRecord]

    @property
    def client(self) -> Vendor:
        """The vendor, connected on first use."""

    def apply(self, ref: str, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Move a job by one event and return its newest record."""

    def in_flight(self, ref: str) -> AbstractContextManager[None]:
        """Hold the right to the answer of a paid call that is under way."""

    def may_leave_late(self, ref: str) -> bool:
        """Tell whether a process that stands still may yet send this job's call."""

    @property
    def is_seated(self) -> bool:
        """True while this process may send and ask."""

    def expectation(self, request: FramesRequest) -> Expectation:
        """Return how long such a job takes."""

    async def signal(self, ref: str, *, until: float) -> None:
        """Return when the job has changed, or at `until`."""
