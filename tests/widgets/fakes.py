"""A maker of videos for the tests of the widgets: it does at once, or when told, what the real one does over time."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.domain.remote import Credits
from tests.factories import a_request

NOW = 1_790_000_000.0


class ScriptedTask:
    """One job, whose snapshots are set from outside with `move`."""

    def __init__(self, snapshot: JobSnapshot, watchers: list[Callable[[Any], object]]) -> None:
        self._snapshot = snapshot
        self._watchers = watchers
        self.cancelled = threading.Event()
        self.resumed = threading.Event()

    @property
    def ref(self) -> str:
        """As of the real one."""
        return self._snapshot.ref

    def snapshot(self) -> JobSnapshot:
        """As of the real one."""
        return self._snapshot

    def cancel(self) -> bool:
        """End as cancelled."""
        self.move(state=JobState.CANCELLED, finished_at=NOW)
        self.cancelled.set()
        return True

    def resume(self) -> None:
        """Go on."""
        self.move(is_paused=False, can_resume=False, error=None)
        self.resumed.set()

    def move(self, **changes: Any) -> None:
        """Change the snapshot and tell the watchers."""
        self._snapshot = replace(self._snapshot, **changes)
        for act in list(self._watchers):
            act(self)


class FakeClient:
    """Records what it is asked to make in `calls`; `errors` are raised by the next calls, `paid` is found."""

    def __init__(self, *, is_sandbox: bool = True, balance: int = 1240) -> None:
        self.is_sandbox = is_sandbox
        self.balance = balance
        self.calls: list[dict[str, Any]] = []
        self.tasks: list[ScriptedTask] = []
        self.paid: ScriptedTask | None = None
        self.errors: list[Exception] = []
        self.credit_errors: list[Exception] = []
        self.pictures: dict[str, bytes] = {}
        self.balance_questions = 0
        self.creating = threading.Event()
        self.may_create = threading.Event()
        self.may_create.set()
        self.watchers: list[Callable[[Any], object]] = []

    def create_frames(self, first: Any, last: Any, *, reuse: bool = True, fit: str | None = None, **fields: Any) -> Any:
        """Record the call and return a planned job."""
        self.creating.set()
        self.may_create.wait()
        self.calls.append({"first": first, "last": last, "reuse": reuse, "fit": fit, **fields})
        if self.errors:
            raise self.errors.pop(0)
        return self.new_task(**fields)

    def new_task(self, *, state: JobState = JobState.PLANNED, **fields: Any) -> ScriptedTask:
        """Return another job, numbered."""
        number = len(self.tasks) + 1
        values = {**fields, "seed": fields.get("seed") or number, "aspect_ratio": fields.get("aspect_ratio") or "16:9"}
        request = a_request(first="sha256:a", last="sha256:b", **values)
        snapshot = JobSnapshot(
            ref=f"job-{number}",
            state=state,
            request=request,
            created_at=NOW + number,
            typical_s=58.0,
            is_sandbox=self.is_sandbox,
        )
        task = ScriptedTask(snapshot, self.watchers)
        self.tasks.append(task)
        return task

    def find_paid(self, first: Any, last: Any, **fields: Any) -> ScriptedTask | None:
        """Return what was put into `paid`."""
        return self.paid

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes put into `pictures`."""
        return self.pictures[url]

    def estimate(self, *, quality: str, duration: int, motion_mode: str) -> int | None:
        """Return the price of the default list."""
        return Prices().estimate_for(quality=quality, duration=duration, motion_mode=motion_mode)

    def credits(self) -> Credits:
        """Return the balance."""
        self.balance_questions += 1
        if self.credit_errors:
            raise self.credit_errors.pop(0)
        return Credits(daily=0, monthly=self.balance, package=0, plan="Pro")

    def jobs(self) -> Sequence[ScriptedTask]:
        """Return all jobs."""
        return list(self.tasks)

    def subscribe(self, act: Callable[[Any], object]) -> Callable[[], object]:
        """As of the real one."""
        self.watchers.append(act)
        return lambda: self.watchers.remove(act)
