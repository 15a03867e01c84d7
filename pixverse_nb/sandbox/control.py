"""What tests and notebooks hold to steer a sandbox and to look behind its counter."""

from collections import Counter
from dataclasses import replace
from typing import Any

from pixverse_nb.sandbox.accounts import POOLS, Account
from pixverse_nb.sandbox.faults import Armed
from pixverse_nb.sandbox.gate import Desk
from pixverse_nb.sandbox.switches import Switches
from pixverse_nb.sandbox.work import COMPLETED, FAILED, MODERATED, Work
from pixverse_nb.sandbox.world import Generation


class Control:
    """Steers one sandbox from any thread; `box.control` is the one of a `Sandbox`.

    >>> box.control.arm("lost_answer", times=1, route="create-frames-v3")   # doctest: +SKIP
    >>> box.control.advance(70)                                             # doctest: +SKIP
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stage = desk.stage

    # faults

    def arm(
        self,
        fault: str,
        *,
        times: int | None = 1,
        probability: float | None = None,
        route: str | None = None,
        **options: Any,
    ) -> Armed:
        """Arm a fault of `faults.KINDS`; `times=None` strikes until disarmed. ValueError names what is unknown."""
        with self._stage.lock:
            return self._stage.faults.arm(fault, times=times, probability=probability, route=route, **options)

    def disarm(self, fault_id: int | None = None) -> None:
        """Take away one armed fault by its `id`, or all."""
        with self._stage.lock:
            self._stage.faults.disarm(fault_id)

    @property
    def faults(self) -> list[Armed]:
        """What is still armed."""
        with self._stage.lock:
            return self._stage.faults.armed

    # time

    @property
    def speed(self) -> float:
        """Virtual seconds in a real one; 0: only `advance` moves time."""
        return self._stage.clock.speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._stage.clock.speed = value
        self._stage.wake()

    def now(self) -> float:
        """Return the virtual time, in Unix seconds."""
        return self._stage.clock.now()

    def advance(self, seconds: float = 0.0) -> None:
        """Let `seconds` of virtual time pass; return when all that was due has happened, films and callbacks too."""
        self._stage.clock.advance(seconds)
        self._stage.settle()

    # accounts and credits

    @property
    def switches(self) -> Switches:
        """What the documentation leaves open; set its attributes."""
        return self._stage.world.switches

    @property
    def accounts(self) -> dict[str, Account]:
        """The accounts by e-mail, as copies."""
        with self._stage.lock:
            return {email: replace(one, credits=dict(one.credits)) for email, one in self._stage.world.accounts.items()}

    def add_account(self, account: Account | str) -> None:
        """Configure one more account, or replace the one with its e-mail."""
        with self._stage.lock:
            self._stage.world.add_account(Account(account) if isinstance(account, str) else account)

    def remove_account(self, email: str) -> None:
        """Take an account away."""
        with self._stage.lock:
            del self._stage.world.accounts[email]

    def set_pending(self, email: str | None = None, *, pending: bool = True) -> None:
        """Let the account (None: the only one) answer 596 until it is posted again."""
        with self._stage.lock:
            self._stage.world.account(email).pending = pending
            self._stage.world.changes += 1

    def set_credits(self, email: str | None = None, **pools: int) -> None:
        """Set the credits of the account (None: the only one); pools not named (daily, monthly, package) become 0."""
        if strange := sorted(pools.keys() - set(POOLS)):
            raise ValueError(f"there is no pool {', '.join(strange)}; there are {', '.join(POOLS)}")
        with self._stage.lock:
            self._stage.world.account(email).credits = {pool: pools.get(pool, 0) for pool in POOLS}
            self._stage.world.changes += 1

    def balance(self, email: str | None = None) -> int:
        """Return the credits that the account (None: the only one) can spend."""
        with self._stage.lock:
            return self._stage.world.account(email).balance

    # jobs

    def fail(self, video_id: str) -> None:
        """End an open job as FAILED."""
        self._end(video_id, FAILED)

    def moderate(self, video_id: str) -> None:
        """End an open job as MODERATED, with its credits given back."""
        self._end(video_id, MODERATED)

    def release(self, video_id: str) -> None:
        """Let a stuck job go on."""
        with self._stage.lock:
            self._work(video_id).stuck = False
        self._stage.settle()

    def _end(self, video_id: str, outcome: str) -> None:
        with self._stage.lock:
            work = self._work(video_id)
            work.outcome, work.stuck = outcome, False
            work.starts_at = work.due_at = self._stage.clock.now()
        self._stage.settle()

    def _work(self, video_id: str) -> Work:
        for work in self._stage.world.works.values():
            if work.video_id == video_id and work.status != COMPLETED:
                return work
        raise ValueError("there is no open job with this video_id")

    # audit

    @property
    def generations(self) -> list[Generation]:
        """Every create that was ever accepted, oldest first."""
        with self._stage.lock:
            return list(self._stage.world.generations)

    def due_at(self, video_id: str) -> float:
        """Return when a generation was, or is, due to end, in virtual Unix seconds; ValueError for an unknown one."""
        with self._stage.lock:
            for work in self._stage.world.works.values():
                if work.video_id == video_id:
                    return work.due_at
        raise ValueError("there is no generation with this video_id")

    @property
    def requests(self) -> Counter[str]:
        """How many requests came, by route name."""
        with self._stage.lock:
            return Counter(self._desk.requests)

    @property
    def leaks(self) -> list[str]:
        """Requests to the media host that carried a credential; must stay empty."""
        return list(self._desk.leaks)

    @property
    def notes(self) -> list[str]:
        """What went on aside: callbacks that were refused or failed, films that could not be made."""
        return list(self._stage.notes)
