"""How many jobs each account may run at once, learned from its settings and from 429 answers.

A 429 lowers the limit to the number of running jobs. A job of ours that ends frees a slot at once. After a pause one
job above the limit is tried; if it is accepted, the limit rises again. So a full account rejects one call per pause,
not one for each waiting job.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

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

Account = str | None  # None: the only account of the token, or the vendor chooses


@dataclass
class AccountLimit:
    """One account: it accepts `limit` jobs at once as far as is known, never more than `configured`.

    Until `retry_at` (Unix seconds) no job above the limit is tried.
    """

    configured: int
    limit: int
    retry_at: float = 0.0


@dataclass
class ConcurrencyLimiter:
    """The limits of all accounts; an unknown account has the vendor's maximum `max_jobs`."""

    max_jobs: int
    _limits: dict[Account, AccountLimit] = field(default_factory=dict, repr=False)  # the keys are e-mails

    def configure(self, account: Account, max_jobs: int) -> None:
        """Record that the account is configured for `max_jobs` at once."""
        limit = self._limit(account)
        most = min(self.max_jobs, max(1, max_jobs))
        if most != limit.configured:
            limit.configured = limit.limit = most

    def set_available(self, account: Account, *, taken: int, available: int, retry_at: float) -> None:
        """Record that `available` more may run besides our `taken` ones; others may use the account too."""
        limit = self._limit(account)
        if taken + available < limit.limit:
            limit.limit, limit.retry_at = taken + available, max(limit.retry_at, retry_at)

    def on_busy(self, account: Account, *, taken: int, retry_at: float) -> None:
        """Record that a call was rejected for want of a slot while `taken` others of ours ran."""
        limit = self._limit(account)
        limit.limit = min(limit.limit, taken)
        limit.retry_at = max(limit.retry_at, retry_at)

    def on_accepted(self, account: Account, *, taken: int) -> None:
        """Record that a call was accepted, so that `taken` of ours run now."""
        limit = self._limit(account)
        limit.limit = min(limit.configured, max(limit.limit, taken))

    def reset(self) -> None:
        """Reset the back-off for all accounts after an explicit retry."""
        for limit in self._limits.values():
            limit.retry_at = 0.0

    def may_send(self, account: Account, *, taken: int, now: float, most: int | None = None) -> bool:
        """Return whether one more call may be sent while `taken` of ours run; `most` is the request's own limit."""
        limit = self._limit(account)
        one_more = int(now >= limit.retry_at)
        return taken < min(limit.configured, limit.limit + one_more, most or self.max_jobs)

    def retry_at(self, account: Account) -> float:
        """Return when one job above the limit may be tried (Unix seconds)."""
        return self._limit(account).retry_at

    def capacity(self, account: Account) -> int:
        """Return how many jobs the account accepts at once as far as is known; at least one."""
        return max(1, self._limit(account).limit)

    def least_loaded(self, taken: Mapping[Account, int]) -> Account:
        """Return the account with the most free slots; `taken` maps each account to our jobs on it."""
        return max(taken, key=lambda account: self._limit(account).limit - taken[account])

    def _limit(self, account: Account) -> AccountLimit:
        return self._limits.setdefault(account, AccountLimit(self.max_jobs, self.max_jobs))


_TOKEN_ERRORS: Final = (Unauthorized, SubscriptionRequired)
_ACCOUNT_ERRORS: Final = (OutOfCredits, AccountPending)
# These errors are about the account, not the request: every further call there would fail too.
BLOCKING_ERRORS: Final = (*_TOKEN_ERRORS, *_ACCOUNT_ERRORS)
_ASSIGNED: Final = frozenset({JobState.UPLOADING, JobState.WAITING})  # to an account, waiting for a slot


class AccountPool:
    """The accounts behind one token; belongs to the engine's event loop."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._limiter = ConcurrencyLimiter(context.backend.max_jobs)
        self._emails: tuple[str, ...] | None = None
        self._load_lock = asyncio.Lock()
        self._unavailable_until = 0.0
        self._failure: tuple[PixVerseError | None, float] = (None, 0.0)
        self._capacity_at = float("-inf")
        self._blocked: dict[Account, tuple[PixVerseError, float]] = {}
        self._token_error: tuple[PixVerseError, float] | None = None

    async def choose(self, record: JobRecord) -> Account:
        """Return the account for a job: the one it names, else the only one, else the one with the most free slots.

        None if the vendor does not report its accounts.
        """
        await self.load()
        bound = record.account or record.request.delivery.email
        if bound is not None or not self._alternatives():
            return bound or next(iter(self._emails or ()), None)
        await self._load_capacity()
        candidates = [email for email in self._alternatives() if not self._is_blocked(email, record)] or list(
            self._alternatives()
        )
        return self._limiter.least_loaded({email: self._assigned(email, except_ref=record.ref) for email in candidates})

    async def load(self) -> None:
        """Fetch the accounts and their numbers of slots, once."""
        async with self._load_lock:
            if self._emails is not None or self._context.now() < self._unavailable_until:
                return
            error, at = self._failure
            if error is not None and self._context.now() - at < self._context.timing.retry_s[0]:
                raise error  # callers that waited for the same request share its result
            try:
                self._emails = await self._fetch_accounts()
            except PixVerseError as failed:
                self._failure = (failed, self._context.now())
                raise

    def may_send(self, record: JobRecord) -> bool:
        """Return whether one more call may be sent to this job's account now; an off-peak job needs no slot."""
        if record.request.is_off_peak:
            return True
        most = record.request.delivery.max_jobs
        taken = self._taken(record.account)
        return self._limiter.may_send(record.account, taken=taken, now=self._context.now(), most=most)

    def can_fail_over(self, record: JobRecord, *, after: PixVerseError | None = None) -> bool:
        """Return whether another account that is not blocked may take this job, now or when it has a free slot.

        `after` is the error that the job got: only one about the account leaves it to another.
        """
        if after is not None and not isinstance(after, _ACCOUNT_ERRORS):
            return False
        is_pinned = record.request.delivery.email is not None or not record.can_upload_again
        return not is_pinned and any(
            email != record.account and not self._is_blocked(email, record) for email in self._alternatives()
        )

    def failover_account(self, record: JobRecord) -> Account:
        """Return another account with a free slot for this waiting job, or None."""
        if not self.can_fail_over(record):
            return None
        now = self._context.now()
        for email in self._alternatives():
            is_other = email != record.account and not self._is_blocked(email, record)
            if is_other and self._limiter.may_send(email, taken=self._assigned(email, except_ref=record.ref), now=now):
                return email
        return None

    def pause_s(self, record: JobRecord) -> float:
        """Return the seconds until one job above the known limit may be tried; 0 or less means now."""
        return self._limiter.retry_at(record.account) - self._context.now()

    def capacity(self, email: str | None) -> int:
        """Return how many jobs run at once on the account `email` (None: on all), as far as is known."""
        names: tuple[Account, ...] = (email,) if email is not None else self._emails or (None,)
        return sum(self._limiter.capacity(name) for name in names if name not in self._blocked) or 1

    def on_busy(self, record: JobRecord, *, retry_at: float) -> None:
        """Record that the account of this job's rejected call had no free slot."""
        if record.request.is_off_peak:
            return  # it needs none: this says nothing about the slots
        others = self._taken(record.account, except_ref=record.ref)
        self._limiter.on_busy(record.account, taken=others, retry_at=retry_at)

    def on_accepted(self, record: JobRecord) -> None:
        """Record that this job's call was accepted, so its account is not blocked."""
        self._blocked.pop(record.account, None)
        if record.request.is_off_peak:
            return
        self._limiter.on_accepted(record.account, taken=self._taken(record.account))

    def record_error(self, error: PixVerseError, record: JobRecord) -> None:
        """Record a rejection of this job if it is about the account or the token, so that others are not sent."""
        at = self._context.now()
        if isinstance(error, _TOKEN_ERRORS):
            self._token_error = (error, at)
        elif isinstance(error, _ACCOUNT_ERRORS):
            self._blocked[record.account] = (error, at)

    def blocking_error(self, record: JobRecord) -> PixVerseError | None:
        """Return the error that blocks this job's account for jobs created before it occurred, or None."""
        for blocked in (self._token_error, self._blocked.get(record.account)):
            if blocked is not None and record.created_at <= blocked[1]:
                return blocked[0]
        return None

    def reset(self) -> None:
        """Forget that accounts were blocked or full, after an explicit retry."""
        self._limiter.reset()
        self._blocked.clear()
        self._token_error = None

    # -- internal ------------------------------------------------------------------------------------------------

    def _is_blocked(self, email: str, record: JobRecord) -> bool:
        blocked = self._blocked.get(email)
        return blocked is not None and record.created_at <= blocked[1]

    def _alternatives(self) -> tuple[str, ...]:
        """Return the accounts to choose from; empty if the token has only one, or if that is not known yet."""
        return self._emails if self._emails is not None and len(self._emails) > 1 else ()

    def _taken(self, account: Account, *, except_ref: str = "") -> int:
        # if the vendor chooses, the account is known only after the acceptance: any job may share it with this one
        return sum(
            transitions.holds_slot(other)
            and (None in (other.account, account) or other.account == account)
            and other.ref != except_ref
            for other in self._context.open_records
        )

    def _assigned(self, account: Account, *, except_ref: str) -> int:
        """Count the jobs that hold a slot of an account or wait for one."""
        return sum(
            (transitions.holds_slot(other) or (other.state in _ASSIGNED and not other.request.is_off_peak))
            and other.account == account
            and other.ref != except_ref
            for other in self._context.open_records
        )

    async def _fetch_accounts(self) -> tuple[str, ...] | None:
        call = self._context.backend.list_accounts()
        if call is None:
            return ()
        try:
            accounts = await self._context.transport.send(call, attempts=2)
        except BLOCKING_ERRORS:
            raise
        except (Busy, ServerError):  # try again later; until then the vendor chooses
            self._unavailable_until = self._context.now() + self._context.timing.busy_wait_s[0]
            return None
        except APIError:
            return ()  # this API does not report its accounts
        configured = {email: max_jobs for email, max_jobs in accounts.items() if max_jobs is not None}
        for email, max_jobs in configured.items():
            self._limiter.configure(email, max_jobs)
            if len(accounts) == 1:
                self._limiter.configure(None, max_jobs)  # a job of the only account need not name it
        return tuple(accounts)

    async def _load_capacity(self) -> None:
        """Fetch the free slots of each account, at most once per busy wait."""
        now, pause_s = self._context.now(), self._context.timing.busy_wait_s[1]
        call = self._context.backend.get_capacity()
        if call is None or now - self._capacity_at < pause_s:
            return
        self._capacity_at = now
        try:
            capacity = await self._context.transport.send(call, attempts=2)
        except BLOCKING_ERRORS:
            raise
        except APIError:
            return
        for slots in capacity.accounts:
            self._limiter.configure(slots.account, slots.max_jobs or 1)
            taken = self._taken(slots.account)
            self._limiter.set_available(slots.account, taken=taken, available=slots.available, retry_at=now + pause_s)
