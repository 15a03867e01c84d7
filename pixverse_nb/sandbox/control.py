"""Control of a running sandbox: faults, time, accounts and jobs, and an audit of what it accepted."""

from collections import Counter
from dataclasses import replace
from typing import Any

from pixverse_nb.sandbox.faults import ArmedFault
from pixverse_nb.sandbox.middleware import AppState
from pixverse_nb.sandbox.simulation import moderate_finished_job
from pixverse_nb.sandbox.state import (
    COMPLETED,
    CREDIT_POOLS,
    FAILED,
    GENERATING,
    MODERATED,
    QUEUED,
    Account,
    GenerationJob,
    GenerationRecord,
    LogEntry,
    SandboxSettings,
)


class Control:
    """Controls one sandbox, from any thread. `Sandbox.control` is an instance.

    >>> box.control.arm("lost_answer", times=1, route="create-frames")   # doctest: +SKIP
    >>> box.control.advance(70)                                          # doctest: +SKIP
    """

    def __init__(self, app: AppState) -> None:
        self._app = app
        self._simulator = app.simulator
        self._state = app.simulator.state

    # faults

    def arm(
        self,
        fault: str,
        *,
        times: int | None = 1,
        probability: float | None = None,
        route: str | None = None,
        **options: Any,
    ) -> ArmedFault:
        """Arm a fault of `faults.KINDS` for the next `times` matching calls (None: until it is disarmed).

        `probability` (0…1) is the chance that a matching call triggers it; `route` is a name or pattern such as
        "create*". Raises ValueError for an unknown fault or option.
        """
        with self._simulator.lock:
            return self._simulator.faults.arm(fault, times=times, probability=probability, route=route, **options)

    def disarm(self, fault_id: int | None = None) -> None:
        """Remove the armed fault with this `id`, or all."""
        with self._simulator.lock:
            self._simulator.faults.disarm(fault_id)

    @property
    def faults(self) -> list[ArmedFault]:
        """The faults that can still fire."""
        with self._simulator.lock:
            return self._simulator.faults.armed

    # time

    @property
    def speed(self) -> float:
        """Virtual seconds per real second; at 0 only `advance` moves the clock."""
        return self._simulator.clock.speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._simulator.clock.speed = value
        self._simulator.wake()

    def now(self) -> float:
        """Return the virtual time in Unix seconds."""
        return self._simulator.clock.now()

    def advance(self, seconds: float = 0.0) -> None:
        """Move the clock forward by `seconds`; return when everything due is done, videos and webhooks included."""
        self._simulator.clock.advance(seconds)
        self._simulator.run_until_idle()

    # accounts and credits

    @property
    def settings(self) -> SandboxSettings:
        """How the sandbox behaves where the documentation is silent. Set its attributes at any time."""
        return self._state.settings

    @property
    def accounts(self) -> dict[str, Account]:
        """Copies of the accounts, by e-mail."""
        with self._simulator.lock:
            return {email: replace(one, credits=dict(one.credits)) for email, one in self._state.accounts.items()}

    def add_account(self, account: Account | str) -> None:
        """Add an account, or replace the one with the same e-mail."""
        with self._simulator.lock:
            self._state.add_account(Account(account) if isinstance(account, str) else account)

    def remove_account(self, email: str) -> None:
        """Remove an account. Raises KeyError if there is none."""
        with self._simulator.lock:
            del self._state.accounts[email]

    def set_pending(self, email: str | None = None, *, pending: bool = True) -> None:
        """Make every call for the account (None: the only one) answer 596 until the account is posted again."""
        with self._simulator.lock:
            self._state.account(email).pending = pending
            self._state.version += 1

    def set_credits(self, email: str | None = None, **pools: int) -> None:
        """Set the credits of the account (None: the only one). Omitted pools (daily, monthly, package) become 0.

        Raises ValueError for an unknown pool and for what is not a whole number of 0 or more.
        """
        if unknown := sorted(pools.keys() - set(CREDIT_POOLS)):
            raise ValueError(f"unknown pool {', '.join(unknown)}; the pools are {', '.join(CREDIT_POOLS)}")
        if not all(isinstance(amount, int) and amount >= 0 for amount in pools.values()):
            raise ValueError("credits are whole numbers of 0 or more")
        with self._simulator.lock:
            self._state.account(email).credits = {pool: pools.get(pool, 0) for pool in CREDIT_POOLS}
            self._state.version += 1

    def balance(self, email: str | None = None) -> int:
        """Return the sum of the credits of the account (None: the only one)."""
        with self._simulator.lock:
            return self._state.account(email).balance

    # jobs

    def fail(self, video_id: str) -> None:
        """End an open job as FAILED. Raises ValueError if no open job has this video_id."""
        self._end(video_id, FAILED)

    def moderate(self, video_id: str) -> None:
        """End a job, open or finished, as MODERATED and refund it. Raises ValueError for an unknown video_id."""
        with self._simulator.lock:
            job = self._state.find_job(video_id)
            if job is not None and job.status == COMPLETED:
                moderate_finished_job(self._state, job)
                return
        self._end(video_id, MODERATED)

    def release(self, video_id: str) -> None:
        """Let a stuck job continue. Raises ValueError if no open job has this video_id."""
        with self._simulator.lock:
            self._open_job(video_id).stuck = False
        self._simulator.run_until_idle()

    def _end(self, video_id: str, outcome: str) -> None:
        with self._simulator.lock:
            job = self._open_job(video_id)
            job.outcome, job.stuck = outcome, False
            job.starts_at = job.due_at = self._simulator.clock.now()
        self._simulator.run_until_idle()

    def _open_job(self, video_id: str) -> GenerationJob:
        for job in self._state.jobs.values():
            if job.video_id == video_id and job.status in (QUEUED, GENERATING):
                return job
        raise ValueError(f"no open job has the video_id {video_id!r}")

    # audit

    @property
    def generations(self) -> list[GenerationRecord]:
        """Every accepted create call, oldest first."""
        with self._simulator.lock:
            return list(self._state.generations)

    def due_at(self, video_id: str) -> float:
        """Return when a generation ends, in virtual Unix seconds. Raises ValueError for an unknown video_id."""
        with self._simulator.lock:
            for job in self._state.jobs.values():
                if job.video_id == video_id:
                    return job.due_at
        raise ValueError(f"no generation has the video_id {video_id!r}")

    @property
    def requests(self) -> Counter[str]:
        """The number of requests received, by route name."""
        with self._simulator.lock:
            return Counter(self._app.request_counts)

    @property
    def leaked_credentials(self) -> list[str]:
        """The names of headers with credentials that were sent to the media host. Must stay empty."""
        return list(self._app.leaked_credentials)

    @property
    def log(self) -> list[LogEntry]:
        """What went wrong in the background: webhooks that were not delivered, videos that could not be rendered."""
        return list(self._simulator.log)
