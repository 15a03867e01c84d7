"""What the form needs from a client: a VideoClient that creates videos, and the JobHandles that it returns.

`pixverse_nb.client.Client` and `pixverse_nb.jobs.job.Job` satisfy these protocols. A test or another service can
supply its own classes.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import Credits


class VideoClient(Protocol):
    """Creates videos. Every method can be called from any thread."""

    @property
    def is_sandbox(self) -> bool:
        """True if the service is a sandbox, where nothing costs money."""
        ...

    @property
    def home(self) -> Path | None:
        """The folder in which settings are saved; None saves none."""
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
    def create_video(self) -> Callable[..., "JobHandle"]:
        """Start a video from **fields, and from `image` if there is one. Everything else is as in `create_frames`."""
        ...

    @property
    def create_transition(self) -> Callable[..., "JobHandle"]:
        """Start a video through a list of pictures. Everything else is as in `create_frames`."""
        ...

    @property
    def find_paid(self) -> Callable[..., "JobHandle | None"]:
        """Return the job that already exists for (first, last, **fields), or None. Creates nothing."""
        ...

    @property
    def paid_elsewhere(self) -> Callable[..., Notice | None]:
        """Return which other home has paid for (operation, images, **fields), if a call would pay again; or None."""
        ...

    @property
    def take_paid(self) -> Callable[..., "JobHandle | None"]:
        """Return the job of such a call, copied from the other home free of charge; None if it is not there now."""
        ...

    @property
    def estimate(self) -> Callable[..., int | None]:
        """Return the estimated credits of a video: (operation, **fields), or None if no price is known."""
        ...

    @property
    def price_factors(self) -> Mapping[str, float]:
        """The factors of the account that `estimate` uses, by field; without one it returns the full price."""
        ...

    @property
    def extend(self) -> Callable[..., "JobHandle"]:
        """Start a video that continues the video of a job: (job, **fields)."""
        ...

    @property
    def upscale(self) -> Callable[..., "JobHandle"]:
        """Start a larger version of the video of a job."""
        ...

    @property
    def quote_upscale(self) -> Callable[..., int]:
        """Return the price of `upscale` in credits. Raises ConfigError if the service gives none."""
        ...

    def curl(self, ref: str) -> str:
        """Return the call of a job as a curl command, without secrets."""
        ...

    def input_files(self, ref: str) -> Mapping[str, Path]:
        """Return the pictures that a job starts from, by role, as they were sent. Raises ConfigError if missing."""
        ...

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of the picture at an http(s) address. Blocks until they have arrived."""
        ...

    def credits(self) -> Credits:
        """Return the balance in credits. Blocks until the service has answered."""
        ...

    @property
    def jobs(self) -> Callable[..., Sequence["JobHandle"]]:
        """Return the newest jobs in the ledger: (limit=…, state=…), where `state` is a sequence of states."""
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

    def paid_elsewhere(self) -> str | None:
        """Return what another home has paid for the same call, if `resume` would pay for it again; or None."""
        ...

    def resume(self) -> None:
        """Continue a job that is paused, cancelled or timed out."""
        ...
