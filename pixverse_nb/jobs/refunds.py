"""Whether the credits of failed and moderated jobs came back, judged by the balance; unknown unless that is certain.

PixVerse refunds both, after 2 hours at the latest (its official platform's documentation), but no list or row says so.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.protocols import JobContext
from pixverse_nb.jobs.reconcile import CLOCK_SLACK_S, BalanceMonitor

_FIRST_LOOK: Final = 10  # in poll_s: half a minute after the job ended
_SECOND_LOOK: Final = 2400  # in poll_s: two hours
_ROWS: Final = 40
_LONGEST_AGO_S: Final = 86_400.0  # a job that ended earlier is left alone: too much has happened since
WITHOUT_VIDEO: Final = (JobState.FAILED, JobState.MODERATED)


def awaits_refund(record: JobRecord) -> bool:
    """Return whether an accepted job was failed or moderated and its credits are not known to have come back.

    A finished video that was moderated afterwards is one of them.
    """
    is_kept = record.state is JobState.DONE and record.moderated_afterwards_at is not None
    return (is_kept or record.state in WITHOUT_VIDEO) and record.video_id is not None and not record.refund_credits


class RefundWatcher:
    """Looks at the balance soon after a job ended without a video, and again after two hours."""

    def __init__(self, context: JobContext, balance: BalanceMonitor) -> None:
        self._context = context
        self._balance = balance
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Follow the jobs of earlier processes that have not been looked at after two hours."""
        for record in self.pending():
            self.follow(record)

    def pending(self) -> list[JobRecord]:
        """Return the jobs of the ledger whose balance is still to be compared."""
        records = self._context.ledger.awaiting_refund(ended_after=self._context.now() - _LONGEST_AGO_S)
        return [record for record in records if self._next_look_at(record) is not None]

    def follow(self, record: JobRecord) -> None:
        """Look at the balance when it is time; on the event loop."""
        if awaits_refund(record) and record.ref not in self._tasks and self._next_look_at(record) is not None:
            self._tasks[record.ref] = asyncio.get_running_loop().create_task(self._run(record.ref))

    def _next_look_at(self, record: JobRecord) -> float | None:
        if record.payer not in ("", self._context.ledger.payer):
            return None  # this client does not see that account
        poll_s = self._context.timing.poll_s
        ended_at = record.moderated_afterwards_at or record.finished_at or record.created_at
        checked_at = record.refund_checked_at
        if checked_at is None:
            return ended_at + _FIRST_LOOK * poll_s
        second_at = ended_at + _SECOND_LOOK * poll_s
        return second_at if checked_at < second_at else None

    async def _run(self, ref: str) -> None:
        try:
            while (record := self._context.ledger.load(ref)) is not None and awaits_refund(record):
                look_at = self._next_look_at(record)
                if look_at is None:
                    return
                if (wait_s := look_at - self._context.now()) > 0:
                    await asyncio.sleep(wait_s)
                    continue
                credits_back = await self._refunded(record)
                self._context.apply(record, events.RefundChecked(self._context.now(), credits_back))
        finally:
            del self._tasks[ref]

    async def _refunded(self, record: JobRecord) -> int | None:
        """Return the credits that came back (0: none yet), or None if that cannot be known.

        All jobs without a video that share the window are judged together: either all were refunded, or none.
        """
        context = self._context
        before = context.ledger.balances.last(account=record.account, before=record.intent_at or record.created_at)
        cost = record.cost_credits
        if before is None or not cost:
            return None
        since, credits_then = before
        jobs = [job for job in context.ledger.paid_or_refunded_since(since) if job.may_share_account(record)]
        if any(job.cost_credits is None or job.video_id is None for job in jobs):
            return None  # a lost call, or a price that the vendor did not say
        if await self._was_used_elsewhere(record, jobs, since=since):
            return None
        credits_now = await self._balance.read(record.account)
        if credits_now is None:
            return None
        spent = sum((job.cost_credits or 0) - (job.refund_credits or 0) for job in jobs)
        open_refunds = sum(job.cost_credits or 0 for job in jobs if awaits_refund(job))
        came_back = credits_now - (credits_then - spent)
        return {0: 0, open_refunds: cost}.get(came_back)

    async def _was_used_elsewhere(self, record: JobRecord, jobs: Sequence[JobRecord], *, since: float) -> bool:
        """Return whether the vendor lists a generation since then that is not ours, or its list cannot be read."""
        call = self._context.backend.list_videos(account=record.account, limit=_ROWS, offset=0)
        if call is None:
            return True
        try:
            rows = await self._context.transport.send(call, attempts=1)
        except PixVerseError:
            return True
        ours = {job.video_id for job in jobs}
        foreign = (row for row in rows if row.video_id not in ours)
        return any(
            (row.created_at is None or row.created_at >= since - CLOCK_SLACK_S)
            and (row.video_id is None or not self._context.ledger.knows_video(row.video_id))
            for row in foreign
        )
