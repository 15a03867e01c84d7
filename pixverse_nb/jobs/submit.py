"""Uploading the inputs of a job and making its paid call, exactly once per attempt."""

import asyncio
import contextlib
import hashlib
import random
from dataclasses import replace
from typing import Final

from pixverse_nb.backends.base import (
    Accepted,
    Call,
    Indeterminate,
    PaidOutcome,
    Rejected,
    VideoMade,
    may_be_carried_out,
)
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import (
    APIError,
    BudgetReached,
    Busy,
    ConfigError,
    EndpointGone,
    NoAnswer,
    PixVerseError,
    ServerError,
)
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.error_notices import endpoint_gone_notice, error_notice
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.protocols import JobContext
from pixverse_nb.jobs.reconcile import BalanceMonitor
from pixverse_nb.jobs.slots import AccountPool
from pixverse_nb.jobs.stored_inputs import stored_input
from pixverse_nb.media_types import media_type_of

_LOOK_AGAIN_S: Final = 5.0  # a waiting job looks again unasked: the wall clock may have been set
_SHORTEST_RETRY_AFTER: Final = 0.1  # of the shortest wait: a Retry-After of 0 must not hammer the paid endpoint
_LONGEST_RETRY_AFTER: Final = 20  # of the longest busy wait (10 minutes): a huge one must not end the day


class Submitter:
    """Uploads and submits the jobs of one home, as many at a time as there are slots."""

    def __init__(self, context: JobContext, balance: BalanceMonitor) -> None:
        self._context = context
        self._balance = balance
        self.accounts = AccountPool(context)
        self._gives_quotes = context.backend.quotes  # until the vendor has made a video in place of one
        self._lost_quotes: dict[str, float] = {}  # by content key: when a price was asked for whose answer was lost
        self._slot_event = asyncio.Event()
        self._upload_locks: dict[str, asyncio.Lock] = {}
        self._background_tasks: set[asyncio.Task[None]] = set()  # asyncio keeps only weak references

    def slot_may_be_free(self) -> None:
        """Let the waiting jobs look again."""
        self._slot_event.set()

    def cancel_tracking(self, video_id: str) -> None:
        """Ask the vendor to stop tracking a cancelled job, in the background; failures are ignored."""
        task = asyncio.get_running_loop().create_task(self._stop_tracking(video_id))
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def upload(self, record: JobRecord) -> None:
        """Upload every input of a job, each one once per account."""
        context = self._context
        record = context.apply(record, events.UploadStarted(context.now()))
        account = record.account or record.request.delivery.email
        try:
            account = await self.accounts.choose(record)
            remotes = {
                item.role: item.remote or await self._upload_once(item.sha256, account) for item in record.inputs
            }
        except (NoAnswer, Busy, ServerError) as error:
            reached = {"status": error.status} if isinstance(error, APIError) else {}  # else there is no connection
            warning = Notice("upload_postponed", {**error_notice(error).data, **reached})
            context.apply(record, events.CallPostponed(context.now(), self._retry_at(error), warning))
        except PixVerseError as error:
            assigned = replace(record, account=account)
            self.accounts.record_error(error, assigned)
            if self.accounts.can_fail_over(assigned, after=error):
                context.apply(record, self._retry_later(error))
            else:
                context.apply(record, self._refusal(error))
        else:
            context.apply(record, events.InputsUploaded(context.now(), remotes, account))

    async def quote(self, record: JobRecord) -> int:
        """Upload the inputs of a request and return the vendor's price for it in credits."""
        context = self._context
        if not self._gives_quotes:
            raise ConfigError(f"The service {context.backend.name} gives no price before a call.")
        account = record.account or await self.accounts.choose(record)
        inputs = {item.role: item.remote or await self._upload_once(item.sha256, account) for item in record.inputs}
        call = context.backend.quote(record.request, inputs=inputs, account=account)
        if call is None:
            raise ConfigError(f"The service {context.backend.name} gives no price before this call.")
        return await self._send_quote(call, record)

    def accepted_as_quote(self, error: VideoMade) -> events.CallAccepted:
        """Return the event of a call that was made although its price was asked for; no more prices are asked for."""
        self._gives_quotes = False
        context, made = self._context, error.made
        account = context.backend.account_of(made.video_id)
        return events.CallAccepted(context.now(), made.video_id, account, made.cost_credits, is_quote=True)

    async def submit(self, record: JobRecord) -> None:
        """Make the paid call when a slot is free; returns after one attempt, or if the job has changed meanwhile.

        An unknown job (only with a backend that de-duplicates) has the same attempt sent again.
        """
        context = self._context
        is_repeat = record.state is JobState.UNKNOWN
        if not is_repeat:
            with contextlib.suppress(PixVerseError):  # if the accounts cannot be listed, the paid call will tell
                await self.accounts.load()
            if not await self._ask_price(record):
                return
            await self._balance.snapshot(record)
            self._apply_factors(record)
            if not await self._wait_for_slot(record):
                return
        try:
            with context.sending(record) as is_sent_elsewhere:
                now = context.now()  # after the wait for other homes
                send_deadline, payer = now + context.timing.answer_timeout_s, context.ledger.payer
                intent = events.IntentRecorded(now, send_deadline, context.owner, is_repeat, payer)
                if is_sent_elsewhere:
                    context.apply(record, events.Withdrawn(now))
                    return
                record = context.apply(record, intent, is_intent=True)
        except BudgetReached as error:
            context.apply(record, self._refusal(error))
            return
        if record.state is not JobState.SUBMITTING or record.owner != context.owner or record.intent_at != now:
            return  # another process has this job
        try:
            call = context.backend.submit(
                record.request, inputs=record.remotes, reply_ref=record.reply_ref, account=record.account
            )
        except PixVerseError as error:
            context.apply(record, self._refusal(error, attempt=record.attempt))
            return

        def before_send() -> bool:
            """Check again just before the first byte: the machine may have slept, the job may have been cancelled."""
            newest = context.newest(record)
            return newest.attempt == record.attempt and transitions.may_be_sent(newest, now=context.now())

        with context.in_flight(record):
            outcome = await context.transport.send_once(call, before_send=before_send)
            context.apply(record, self._event_of(outcome, record, is_repeat=is_repeat))

    # -- internal ------------------------------------------------------------------------------------------------

    async def _ask_price(self, record: JobRecord) -> bool:
        """Store the vendor's quote for the paid call, if it gives one; False if the call must not be sent.

        The quote is free. Without one, the estimate of the price list stays. If its answer is lost, the
        vendor's list first has to show that no video was made in place of it.
        """
        context = self._context
        if record.request.content_key in self._lost_quotes:
            return self._settle_lost_quote(record)
        if not self._gives_quotes or record.estimate_source == "quote" or record.attempt > 0:
            return True
        call = context.backend.quote(record.request, inputs=record.remotes, account=record.account)
        if call is None:
            return True
        try:
            quoted = await self._send_quote(call, record)
        except (APIError, NoAnswer):
            return self._settle_lost_quote(record)
        except VideoMade as error:  # it is this very call, so it is the video of this job
            self.accounts.on_accepted(record)
            context.apply(record, self.accepted_as_quote(error))
            return False
        except ConfigError as error:
            context.apply(record, self._refusal(error))
            return False
        context.apply(record, events.PriceQuoted(context.now(), quoted))
        return True

    async def _send_quote(self, call: Call[int], record: JobRecord) -> int:
        """Ask for a price, and remember if the answer is lost: the vendor may have made the video instead."""
        asked_at = self._context.now()
        try:
            return await self._context.transport.send(call, attempts=1)
        except (APIError, NoAnswer) as error:
            if may_be_carried_out(error):
                self._lost_quotes.setdefault(record.request.content_key, asked_at)
                error.may_have_been_charged = "unknown"
            raise

    def _settle_lost_quote(self, record: JobRecord) -> bool:
        """Treat a lost answer to the question for the price as one to the paid call; True if none was lost."""
        context = self._context
        asked_at = self._lost_quotes.get(record.request.content_key)
        if asked_at is None:
            return True
        now, payer = context.now(), context.ledger.payer
        intent = events.IntentRecorded(asked_at, now, context.owner, payer=payer)
        try:
            recorded = context.apply(record, intent, is_intent=True)
        except BudgetReached as error:
            context.apply(record, self._refusal(error))
            return False
        if recorded.state is JobState.SUBMITTING and recorded.owner == context.owner:
            del self._lost_quotes[record.request.content_key]
            context.apply(recorded, events.ResponseLost(now, "quote_lost"))
        return False

    def _apply_factors(self, record: JobRecord) -> None:
        """Store the price of a cheaper mode with the account's factors, so that a budget is checked with it."""
        if record.estimate_is_limit and (credits_ := self._balance.discounted(record)) is not None:
            self._context.apply(record, events.PriceDiscounted(self._context.now(), credits_))

    async def _wait_for_slot(self, record: JobRecord) -> bool:
        """Wait for a free slot; False if the job was cancelled, timed out, moved or rejected meanwhile."""
        context, accounts = self._context, self.accounts
        while True:
            record = context.newest(record)
            if record.state is not JobState.WAITING or not context.is_leader or context.now() >= record.deadline_at:
                return False
            blocking = accounts.blocking_error(record)
            if blocking is None and accounts.may_send(record):
                return True
            other = accounts.failover_account(record)
            if other is not None:
                context.apply(record, events.AccountSwitched(context.now(), other))
                return False
            if blocking is not None and not accounts.can_fail_over(record):
                context.apply(record, self._refusal(blocking))
                return False
            self._slot_event.clear()
            pause_s = accounts.pause_s(record)
            try:
                async with asyncio.timeout(min(pause_s, _LOOK_AGAIN_S) if pause_s > 0 else _LOOK_AGAIN_S):
                    await self._slot_event.wait()
            except TimeoutError:
                continue

    def _event_of(self, outcome: PaidOutcome, record: JobRecord, *, is_repeat: bool) -> Event:
        now = self._context.now()
        if is_repeat and isinstance(outcome, Rejected):
            # the rejection of a repeated call proves nothing about the first one
            outcome = Indeterminate("no_answer", str(outcome.error))
        match outcome:
            case Accepted(video_id=video_id, cost_credits=cost):
                self.accounts.on_accepted(record)
                return events.CallAccepted(now, video_id, self._context.backend.account_of(video_id), cost)
            case Indeterminate(reason=reason, detail=detail):
                retry_at = now + self._pause_s(self._context.timing.retry_s)
                can_repeat = self._context.backend.dedupes_by_key
                return events.ResponseLost(now, reason, detail, retry_at=retry_at if can_repeat else None)
            case Rejected(error=error) if isinstance(error, NoAnswer | Busy):
                retry_at = self._retry_at(error)
                if isinstance(error, Busy):
                    self.accounts.on_busy(record, retry_at=retry_at)
                return events.CallPostponed(now, retry_at, error_notice(error), attempt=record.attempt)
            case Rejected(error=error):
                self.accounts.record_error(error, record)
                if self.accounts.can_fail_over(record, after=error):
                    return self._retry_later(error, attempt=record.attempt)
                if isinstance(error, EndpointGone):
                    notice = endpoint_gone_notice(error, record.request, self._context.catalogue)
                    return events.CallRefused(now, notice, attempt=record.attempt)
                if isinstance(error, APIError) and error.status == 400:
                    self._forget_uploads(record)  # the vendor may have deleted an upload
                return self._refusal(error, attempt=record.attempt)

    async def _stop_tracking(self, video_id: str) -> None:
        call = self._context.backend.stop_tracking(video_id)
        if call is not None:
            with contextlib.suppress(PixVerseError):
                await self._context.transport.send(call, attempts=1)

    def _refusal(self, error: PixVerseError, *, attempt: int | None = None) -> events.CallRefused:
        return events.CallRefused(self._context.now(), error_notice(error), attempt=attempt)

    def _retry_later(self, error: PixVerseError, *, attempt: int | None = None) -> events.CallPostponed:
        """Return the event for an account that has stopped while another may take the job, after a short pause."""
        now = self._context.now()
        return events.CallPostponed(now, now + self._context.timing.retry_s[0], error_notice(error), attempt=attempt)

    def _retry_at(self, error: PixVerseError) -> float:
        """Return when to try again: after the vendor's Retry-After within limits, else after a wait with jitter."""
        timing = self._context.timing
        retry_after_s = error.retry_after_s if isinstance(error, Busy | ServerError) else None
        wait_s = timing.busy_wait_s if isinstance(error, Busy) else timing.retry_s
        if retry_after_s is None:
            return self._context.now() + self._pause_s(wait_s)
        shortest, longest = wait_s[0] * _SHORTEST_RETRY_AFTER, timing.busy_wait_s[1] * _LONGEST_RETRY_AFTER
        return self._context.now() + min(max(retry_after_s, shortest), longest)

    @staticmethod
    def _pause_s(wait_s: tuple[float, float]) -> float:
        return random.uniform(*wait_s)  # noqa: S311 - jitter

    async def _upload_once(self, sha256: str | None, account: str | None) -> str:
        """Return the vendor's name of the prepared input with this hash, uploading it if it is new to the account."""
        if sha256 is None:
            raise ConfigError("The job has neither an uploaded input nor a stored one.")
        context = self._context
        async with self._upload_locks.setdefault(f"{account}:{sha256}", asyncio.Lock()):
            known = context.ledger.find_upload(sha256, account=account)
            if known is not None:
                return known.path
            picture = stored_input(context.home, sha256)
            data = await asyncio.to_thread(picture.read_bytes)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ConfigError("The stored picture of this job is damaged; nothing was sent. Make the call again.")
            call = context.backend.upload(data, media_type=media_type_of(picture), account=account)
            sent = await context.transport.send(call)
            upload = UploadedFile(path=sent.path, id=sent.id, url=sent.url, size_bytes=len(data), sha256=sha256)
            context.ledger.add_upload(upload, account=account, at=context.now())
            return upload.path

    def _forget_uploads(self, record: JobRecord) -> None:
        for remote in record.remotes.values():
            self._context.ledger.forget_upload(remote)
