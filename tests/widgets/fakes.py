"""A fake client and its jobs: the tests decide when calls return and how jobs change."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pixverse_nb.domain.catalogue import CATALOGUE, DEFAULT_MODEL, Catalogue
from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import Credits
from tests.factories import a_request

NOW = 1_790_000_000.0


class FakeJob:
    """One job, whose snapshot a test changes with `change`."""

    def __init__(self, snapshot: JobSnapshot, callbacks: list[Callable[[Any], object]]) -> None:
        self._snapshot = snapshot
        self._callbacks = callbacks
        self.cancelled = threading.Event()
        self.resumed = threading.Event()
        self.notice_elsewhere: str | None = None

    @property
    def ref(self) -> str:
        """The reference of the job."""
        return self._snapshot.ref

    def snapshot(self) -> JobSnapshot:
        """Return the current snapshot."""
        return self._snapshot

    def cancel(self) -> bool:
        """Change to cancelled."""
        self.change(state=JobState.CANCELLED, finished_at=NOW)
        self.cancelled.set()
        return True

    def paid_elsewhere(self) -> str | None:
        """Return `notice_elsewhere`."""
        return self.notice_elsewhere

    def resume(self) -> None:
        """Clear the pause and the error."""
        self.change(is_paused=False, can_resume=False, error=None)
        self.resumed.set()

    def change(self, **changes: Any) -> None:
        """Change the snapshot and notify the subscribers."""
        self._snapshot = replace(self._snapshot, **changes)
        for callback in list(self._callbacks):
            callback(self)


class FakeClient:
    """Records `create_frames` calls in `calls`; the next call raises the first of `errors`.

    `find_paid` returns `existing_job`, and a call with `reuse` returns `reused_job` if there is one. While
    `create_allowed` is cleared, `create_frames` blocks. `estimates` has the fields of every call of `estimate`.
    """

    def __init__(
        self,
        *,
        is_sandbox: bool = True,
        balance: int = 1240,
        catalogue: Catalogue = CATALOGUE,
        home: Path | None = None,
    ) -> None:
        self.is_sandbox = is_sandbox
        self.catalogue = catalogue
        self.home = home
        self.estimates: list[dict[str, Any]] = []
        self.balance = balance
        self.off_peak_factor: float | None = None
        self.calls: list[dict[str, Any]] = []
        self.created_jobs: list[FakeJob] = []
        self.existing_job: FakeJob | None = None
        self.reused_job: FakeJob | None = None
        self.notice_elsewhere: Notice | None = None
        self.job_elsewhere: FakeJob | None = None
        self.looked_up: list[dict[str, Any]] = []
        self.quote: int | Exception = 30
        self.files: dict[str, Path] = {}
        self.errors: list[Exception] = []
        self.credits_errors: list[Exception] = []
        self.credits_calls = 0
        self.fetch_picture: Callable[[str], bytes] = dict[str, bytes]().__getitem__
        self.create_started = threading.Event()
        self.create_allowed = threading.Event()
        self.create_allowed.set()
        self.callbacks: list[Callable[[Any], object]] = []

    def create_frames(self, first: Any, last: Any, *, reuse: bool = True, fit: str | None = None, **fields: Any) -> Any:
        """Record the call and return a planned job."""
        self.create_started.set()
        self.create_allowed.wait()
        self.calls.append({"first": first, "last": last, "reuse": reuse, "fit": fit, **fields})
        if self.errors:
            raise self.errors.pop(0)
        if reuse and self.reused_job is not None:
            return self.reused_job
        return self.new_job(**fields)

    def create_video(self, prompt: str | None = None, image: Any = None, **fields: Any) -> Any:
        """As `create_frames`, from a prompt and perhaps a picture."""
        return self.create_frames(image, None, prompt=prompt, **fields)

    def create_transition(self, images: Sequence[Any], *, durations: Any = None, **fields: Any) -> Any:
        """As `create_frames`, through several pictures; `durations` is in the recorded call."""
        job = self.create_frames(tuple(images), None, **fields)
        self.calls[-1]["durations"] = durations
        return job

    def extend(self, video: Any, **fields: Any) -> Any:
        """As `create_frames`, from the video of a job."""
        return self.create_frames(video, None, **fields)

    def upscale(self, video: Any) -> Any:
        """As `create_frames`, from the video of a job."""
        return self.create_frames(video, None)

    def quote_upscale(self, _video: Any) -> int:
        """Return `quote`, or raise it if it is an error."""
        if isinstance(self.quote, Exception):
            raise self.quote
        return self.quote

    def curl(self, ref: str) -> str:
        """Return a text with the reference."""
        return f"curl {ref}"

    def input_files(self, _ref: str) -> dict[str, Path]:
        """Return `files`."""
        return self.files

    def new_job(self, *, state: JobState = JobState.PLANNED, **fields: Any) -> FakeJob:
        """Add a job and return it; the references are job-1, job-2, ..."""
        number = len(self.created_jobs) + 1
        seed = fields.get("seed") or number
        takes_seed = self.catalogue.spec(fields.get("model") or DEFAULT_MODEL).takes_seed
        ratio = fields.get("aspect_ratio") or "16:9"
        values = {**fields, "seed": seed if takes_seed else None, "aspect_ratio": ratio}
        snapshot = JobSnapshot(
            ref=f"job-{number}",
            state=state,
            request=a_request(first="sha256:a", last="sha256:b", **values),
            created_at=NOW + number,
            typical_s=58.0,
            is_sandbox=self.is_sandbox,
        )
        job = FakeJob(snapshot, self.callbacks)
        self.created_jobs.append(job)
        return job

    def find_paid(self, first: Any, last: Any, **fields: Any) -> FakeJob | None:
        """Return `existing_job`."""
        return self.existing_job

    def paid_elsewhere(self, operation: Any, images: Sequence[Any], **fields: Any) -> Notice | None:
        """Return `notice_elsewhere`, and keep the call in `looked_up`."""
        self.looked_up.append({"operation": str(operation), "images": len(images), **fields})
        return self.notice_elsewhere

    def take_paid(self, operation: Any, images: Sequence[Any], **fields: Any) -> FakeJob | None:
        """Return `job_elsewhere`, and keep the call in `looked_up`."""
        self.looked_up.append({"operation": str(operation), "images": len(images), **fields})
        return self.job_elsewhere

    def estimate(self, operation: str, *, model: str = DEFAULT_MODEL, **fields: Any) -> int | None:
        """Return the price in the catalogue."""
        self.estimates.append({"model": model, **fields})
        seconds = fields.pop("durations", ())
        values = {"duration": sum(each or 5 for each in seconds), **fields}
        return self.catalogue.estimate(model, values, factors=self.price_factors)

    @property
    def price_factors(self) -> dict[str, float]:
        """The factor of off-peak mode, if there is one."""
        return {} if self.off_peak_factor is None else {"off_peak_mode": self.off_peak_factor}

    def credits(self) -> Credits:
        """Return the balance, or raise the first of `credits_errors`."""
        self.credits_calls += 1
        if self.credits_errors:
            raise self.credits_errors.pop(0)
        return Credits(daily=0, monthly=self.balance, package=0, plan="Pro", off_peak_factor=self.off_peak_factor)

    def jobs(self, limit: int = 50, *, state: Sequence[JobState] = tuple(JobState)) -> Sequence[FakeJob]:
        """Return the newest jobs in these states."""
        return [job for job in reversed(self.created_jobs) if job.snapshot().state in state][:limit]

    def subscribe(self, callback: Callable[[Any], object]) -> Callable[[], object]:
        """Add the callback; the returned function removes it."""
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)
