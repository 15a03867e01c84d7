"""What the form needs from the other side: a Maker that makes videos, and the Tasks that it hands out.

`pixverse_nb.client.Client` and `pixverse_nb.jobs.job.Job` are these; so is anything else with the same few methods.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.domain.remote import Credits


class JobHandle(Protocol):
    """One video on its way."""

    @property
    def ref(self) -> str:
        """The reference that never changes."""
        ...

    def snapshot(self) -> JobSnapshot:
        """Return everything about it as it stands now."""
        ...

    def cancel(self) -> bool:
        """Stop waiting for it; False where it was over already."""
        ...

    def resume(self) -> None:
        """Go on with it where it rests."""
        ...


class VideoClient(Protocol):
    """Whoever makes the videos. Everything may be called from any thread."""

    @property
    def is_sandbox(self) -> bool:
        """True where nothing is paid."""
        ...

    @property
    def create_frames(self) -> Callable[..., JobHandle]:
        """Begin a video from (first, last, **fields) and return at once; InvalidRequest names the wrong ones."""
        ...

    @property
    def find_paid(self) -> Callable[..., JobHandle | None]:
        """Return what is already there for the same (first, last, **fields), creating nothing."""
        ...

    @property
    def estimate(self) -> Callable[..., int | None]:
        """Return the credits that a video with these **fields probably costs."""
        ...

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes at an http(s) address; waits for them."""
        ...

    def credits(self) -> Credits:
        """Ask for the balance; waits for the answer."""
        ...

    def jobs(self) -> Sequence[JobHandle]:
        """Return what the ledger knows."""
        ...

    def subscribe(self, act: Callable[[Any], object]) -> Callable[[], object]:
        """Call `act(task)` at every change of any task; the result ends it."""
        ...
