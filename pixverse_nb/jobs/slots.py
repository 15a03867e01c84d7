"""How many jobs each account may run at once: what it is told to take, what a 429 taught, and when to try one more.

Pure but for its own memory: counts and moments in, a word out. A 429 lowers the limit to what runs; a job of ours that
ends makes room at once, without another try at the door; after the pause one more is tried, and while that is
accepted the limit rises again. So a full account sees one refused call in a pause, not one for each waiting job.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pixverse_nb.backends import useapi
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    OutOfCredits,
    PixVerseError,
    ServerError,
    SubscriptionRequired,
    Unauthorized,
)
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.protocols import JobContext

MOST_AT_ONCE: Final = 8  # what one account runs at most, by the vendor's page of maxJobs

Account = str | None  # None: the token reaches one account, or the vendor chooses


@dataclass
class AccountLimit:
    """One account: it takes `limit` jobs at once as far as is known, never more than `told`."""

    told: int = MOST_AT_ONCE
    limit: int = MOST_AT_ONCE
    cools_until: float = 0.0


@dataclass
class ConcurrencyLimiter:
    """The lanes of all accounts; one that was never heard of takes what the vendor allows at most."""

    _lanes: dict[Account, AccountLimit] = field(default_factory=dict, repr=False)  # its keys are e-mails

    def told(self, account: Account, max_jobs: int) -> None:
        """The account is configured for `max_jobs` at once."""
        lane = self._lane(account)
        most = min(MOST_AT_ONCE, max(1, max_jobs))
        if most != lane.told:
            lane.told = lane.limit = most

    def free(self, account: Account, *, taken: int, available: int, retry_at: float) -> None:
        """The account says that `available` more may run beside the `taken` ones of ours: others may use it too."""
        lane = self._lane(account)
        if taken + available < lane.limit:
            lane.limit, lane.cools_until = taken + available, max(lane.cools_until, retry_at)

    def was_full(self, account: Account, *, taken: int, retry_at: float) -> None:
        """A call was refused because every slot is in use, while `taken` others of ours ran."""
        lane = self._lane(account)
        lane.limit = min(lane.limit, taken)
        lane.cools_until = max(lane.cools_until, retry_at)

    def was_accepted(self, account: Account, *, taken: int) -> None:
        """A call was accepted, so that `taken` of ours run now."""
        lane = self._lane(account)
        lane.limit = min(lane.told, max(lane.limit, taken))

    def forgive(self) -> None:
        """Let one more than the limit be tried everywhere at once: a person asks again."""
        for lane in self._lanes.values():
            lane.cools_until = 0.0

    def may_send(self, account: Account, *, taken: int, now: float, most: int | None = None) -> bool:
        """Tell whether one more call may leave while `taken` of ours run; `most` is the request's own limit."""
        lane = self._lane(account)
        one_more = int(now >= lane.cools_until)
        return taken < min(lane.told, lane.limit + one_more, most or MOST_AT_ONCE)

    def retry_at(self, account: Account) -> float:
        """Return the moment from which one more than the limit may be tried."""
        return self._lane(account).cools_until

    def room(self, account: Account) -> int:
        """Return how many jobs the account takes at once, as far as is known; at least one, so that work goes on."""
        return max(1, self._lane(account).limit)

    def roomiest(self, taken: Mapping[Account, int]) -> Account:
        """Return the account of `taken` (the jobs of ours on each) that has most room left, the first of equals."""
        return max(taken, key=lambda account: self._lane(account).limit - taken[account])

    def _lane(self, account: Account) -> AccountLimit:
        return self._lanes.setdefault(account, AccountLimit())


_OF_THE_TOKEN: Final = (Unauthorized, SubscriptionRequired)
_OF_THE_ACCOUNT: Final = (OutOfCredits, AccountPending)
# An error of these kinds speaks of the account, not of the request: every further call there would meet it too.
STOPPING: Final = (*_OF_THE_TOKEN, *_OF_THE_ACCOUNT)
_BOUND: Final = frozenset({JobState.UPLOADING, JobState.WAITING})  # to an account, and on the way to its slots


class AccountPool:
    """The accounts behind one token, as the engine's process knows them; lives on its loop."""

    def __init__(self, desk: JobContext) -> None:
        self._desk = desk
        self._lanes = ConcurrencyLimiter()
        self._emails: tuple[str, ...] | None = None
        self._asking = asyncio.Lock()
        self._untold_until = 0.0
        self._failure: tuple[PixVerseError | None, float] = (None, 0.0)
        self._capacity_at = float("-inf")
        self._stops: dict[Account, tuple[PixVerseError, float]] = {}
        self._token_stop: tuple[PixVerseError, float] | None = None

    async def choose(self, record: JobRecord) -> Account:
        """Return the account for a job: the one it names, else the only one, else the roomiest of several.

        None where the vendor does not tell which there are.
        """
        await self.know()
        bound = record.account or record.request.email
        if bound is not None or not self._several():
            return bound or next(iter(self._emails or ()), None)
        await self._ask_capacity()
        going = [email for email in self._several() if not self._is_stopped(email, record)] or list(self._several())
        return self._lanes.roomiest({email: self._bound(email, except_ref=record.ref) for email in going})

    async def know(self) -> None:
        """Ask once which accounts there are, and how many jobs each may run."""
        async with self._asking:
            if self._emails is not None or self._desk.now() < self._untold_until:
                return
            error, at = self._failure
            if error is not None and self._desk.now() - at < self._desk.timing.retry_s[0]:
                raise error  # those who waited for the same question share its answer
            try:
                self._emails = await self._ask_accounts()
            except PixVerseError as failed:
                self._failure = (failed, self._desk.now())
                raise

    def may_send(self, record: JobRecord) -> bool:
        """Tell whether one more call may leave for this job's account now."""
        most = record.request.max_jobs
        taken = self._taken(record.account)
        return self._lanes.may_send(record.account, taken=taken, now=self._desk.now(), most=most)

    def can_fail_over(self, record: JobRecord) -> bool:
        """Tell whether another account that has not stopped may take this job, now or when it has room."""
        is_bound = record.request.email is not None or record.first_sha is None or record.last_sha is None
        return not is_bound and any(
            email != record.account and not self._is_stopped(email, record) for email in self._several()
        )

    def failover_account(self, record: JobRecord) -> Account:
        """Return another account that has room for this waiting job now, or None where it stays where it is."""
        if not self.can_fail_over(record):
            return None
        now = self._desk.now()
        for email in self._several():
            is_other = email != record.account and not self._is_stopped(email, record)
            if is_other and self._lanes.may_send(email, taken=self._bound(email, except_ref=record.ref), now=now):
                return email
        return None

    def pause_s(self, record: JobRecord) -> float:
        """Return how long no more than known may be tried on this job's account; 0.0 or less where one may."""
        return self._lanes.retry_at(record.account) - self._desk.now()

    def room(self, email: str | None) -> int:
        """Return how many jobs run at once on the account `email`, or on all where it is None, as far as is known."""
        names: tuple[Account, ...] = (email,) if email is not None else self._emails or (None,)
        return sum(self._lanes.room(name) for name in names if name not in self._stops) or 1

    def was_busy(self, record: JobRecord, *, retry_at: float) -> None:
        """The account of this job's refused call had no slot free."""
        others = self._taken(record.account, except_ref=record.ref)
        self._lanes.was_full(record.account, taken=others, retry_at=retry_at)

    def was_accepted(self, record: JobRecord) -> None:
        """This job's call was accepted, so its account is no longer stopped."""
        self._stops.pop(record.account, None)
        self._lanes.was_accepted(record.account, taken=self._taken(record.account))

    def stopped_by(self, error: PixVerseError, record: JobRecord) -> bool:
        """Note what an error says of the account or the token; tell whether another account may still take the job."""
        at = self._desk.now()
        if isinstance(error, _OF_THE_TOKEN):
            self._token_stop = (error, at)
        elif isinstance(error, _OF_THE_ACCOUNT):
            self._stops[record.account] = (error, at)
            return self.can_fail_over(record)
        return False

    def blocking_error(self, record: JobRecord) -> PixVerseError | None:
        """Return why this job's account takes no more of what was asked for before it stopped, or None."""
        for stop in (self._token_stop, self._stops.get(record.account)):
            if stop is not None and record.created_at <= stop[1]:
                return stop[0]
        return None

    def forgive(self) -> None:
        """Forget that accounts were stopped or full: a person asks again."""
        self._lanes.forgive()
        self._stops.clear()
        self._token_stop = None

    # -- inside --------------------------------------------------------------------------------------------------

    def _is_stopped(self, email: str, record: JobRecord) -> bool:
        stop = self._stops.get(email)
        return stop is not None and record.created_at <= stop[1]

    def _several(self) -> tuple[str, ...]:
        """The accounts to choose from; none where the token reaches one, or where that is not known yet."""
        return self._emails if self._emails is not None and len(self._emails) > 1 else ()

    def _taken(self, account: Account, *, except_ref: str = "") -> int:
        # where the vendor chooses, the account is known after the acceptance only: then any job may be beside this one
        return sum(
            transitions.holds_slot(other)
            and (None in (other.account, account) or other.account == account)
            and other.ref != except_ref
            for other in self._desk.records.values()
        )

    def _bound(self, account: Account, *, except_ref: str) -> int:
        """Count the jobs that hold a slot of an account or are on their way to one."""
        return sum(
            (transitions.holds_slot(other) or other.state in _BOUND)
            and other.account == account
            and other.ref != except_ref
            for other in self._desk.records.values()
        )

    async def _ask_accounts(self) -> tuple[str, ...] | None:
        try:
            accounts = await self._desk.client.send(useapi.list_accounts(), attempts=2)
        except STOPPING:
            raise
        except (Busy, ServerError):  # it may tell later; till then the vendor chooses
            self._untold_until = self._desk.now() + self._desk.timing.busy_wait_s[0]
            return None
        except APIError:
            return ()  # an API that does not tell
        told = {email: max_jobs for email, max_jobs in accounts.items() if max_jobs is not None}
        for email, max_jobs in told.items():
            self._lanes.told(email, max_jobs)
            if len(accounts) == 1:
                self._lanes.told(None, max_jobs)  # a job of the only account need not name it
        return tuple(accounts)

    async def _ask_capacity(self) -> None:
        """Learn now and then what others leave free on each account."""
        now, pause_s = self._desk.now(), self._desk.timing.busy_wait_s[1]
        if now - self._capacity_at < pause_s:
            return
        self._capacity_at = now
        try:
            capacity = await self._desk.client.send(useapi.get_capacity(), attempts=2)
        except STOPPING:
            raise
        except APIError:
            return
        for slots in capacity.accounts:
            self._lanes.told(slots.account, slots.max_jobs or 1)
            taken = self._taken(slots.account)
            self._lanes.free(slots.account, taken=taken, available=slots.available, retry_at=now + pause_s)
