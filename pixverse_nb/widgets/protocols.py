"""What the form needs from a client: a VideoClient that creates videos, and the JobHandles that it returns.

`pixverse_nb.client.Client` and `pixverse_nb.jobs.job.Job` satisfy these protocols. A test or another service can
supply its own classes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.domain.remote import Credits


class VideoClient(Protocol):
    """Creates videos. Every method can be called from any thread."""

    @property
    def is_sandbox(self) -> bool:
        """True if the service is a sandbox, where nothing costs money."""
        ...

    @property
    def catalogue(self) -> Catalogue:
        """The models with their fields and prices."""
        ...

    @property
    def create_frames(self) -> Callable[..., "JobHandle"]:
        """Start a video from (first, last, **fields) and return at once. Raises InvalidRequest for wrong fields."""
        ...

    @property
    def find_paid(self) -> Callable[..., "JobHandle | None"]:
        """Return the job that already exists for (first, last, **fields), or None. Creates nothing."""
        ...

    @property
    def estimate(self) -> Callable[..., int | None]:
        """Return the estimated price in credits of a video with these **fields, or None if it is not known."""
        ...

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of the picture at an http(s) address. Blocks until they have arrived."""
        ...

    def credits(self) -> Credits:
        """Return the balance in credits. Blocks until the service has answered."""
        ...

    def jobs(self) -> Sequence["JobHandle"]:
        """Return the jobs in the ledger."""
        ...

    def subscribe(self, callback: Callable[[Any], object]) -> Callable[[], object]:
        """Call `callback(job)` at every change of any job. The returned function ends the subscription."""
        ...


class JobHandle(Protocol):
    """One video that is being created, or has been."""

    @property
    def ref(self) -> str:
        """The reference of the job, which never changes."""
        ...

    def snapshot(self) -> JobSnapshot:
        """Return the current state of the job."""
        ...

    def cancel(self) -> bool:
        """Stop waiting for the job. Returns False if it had already ended."""
        ...

    def resume(self) -> None:
        """Continue a job that is paused, cancelled or timed out."""
        ...
