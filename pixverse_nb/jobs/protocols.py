"""What submitting, polling and downloading need from the engine: the transport and the job context. No code."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeVar

from pixverse_nb.backends.base import Accepted, Backend, Call, PaidOutcome
from pixverse_nb.config import Clock, Timing
from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.poll_schedule import DurationEstimate
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.mp4 import Mp4Info

T = TypeVar("T")


class Transport(Protocol):
    """Sends calls; `backends.http.HttpTransport` is one."""

    requests_sent: int

    async def send(self, call: Call[T], *, attempts: int = 4) -> T:
        """Send a free call and return its value."""

    async def send_once(self, call: Call[Accepted], *, before_send: Callable[[], bool]) -> PaidOutcome:
        """Send a billable call exactly once, unless `before_send` returns False, and return what is proven."""

    async def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an address, without credentials."""

    async def download(self, url: str, path: Path) -> Mp4Info:
        """Store a video and return what was checked."""

    async def aclose(self) -> None:
        """Close every connection."""


class JobContext(Protocol):
    """The open jobs, the one way to change them, and access to ledger and vendor."""

    backend: Backend
    ledger: Ledger
    home: Path
    timing: Timing
    owner: str
    now: Clock
    catalogue: Catalogue

    @property
    def transport(self) -> Transport:
        """The connection to the vendor, opened on first use."""

    @property
    def open_records(self) -> tuple[JobRecord, ...]:
        """The newest record of every job that this process drives or follows."""

    def find_open(self, ref: str) -> JobRecord | None:
        """Return the newest record of an open job, or None."""

    def newest(self, record: JobRecord) -> JobRecord:
        """Return the newest version of a record."""

    def apply(self, record: JobRecord, event: Event, *, is_intent: bool = False) -> JobRecord:
        """Apply an event to the newest version of a record, store the result and return it."""

    def renew_url(self, record: JobRecord, url: str) -> JobRecord:
        """Replace the address of a finished video in memory."""

    def sending(self, record: JobRecord) -> AbstractContextManager[bool]:
        """Store the intent of a job inside this; gives whether another home of this machine has sent it."""

    def in_flight(self, record: JobRecord) -> AbstractContextManager[None]:
        """Own the answer of a paid call that is under way, even if another process becomes the leader."""

    def sender_may_be_stalled(self, record: JobRecord) -> bool:
        """Return whether a suspended process may still send this job's call."""

    @property
    def is_leader(self) -> bool:
        """Whether this process may submit and poll."""

    @property
    def is_slot_wanted(self) -> bool:
        """Whether a job waits for a slot."""

    def expectation(self, request: GenerationRequest) -> DurationEstimate:
        """Return how long such a job takes."""

    async def wait_for_change(self, record: JobRecord, *, until: float) -> None:
        """Return when the job has changed, or at `until` (Unix seconds)."""


class Send(Protocol):
    """A callable that sends a free call."""

    def __call__(self, call: Call[T], /) -> T:
        """Return the value of the call, or raise what the transport raises."""
