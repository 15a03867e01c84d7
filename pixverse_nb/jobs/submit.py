"""Uploading the pictures and making the paid call: once, with its intent on the disk first.

Nothing here repeats a paid call. Every outcome becomes one event for the state table: accepted, refused, postponed
(proof that nothing was accepted), or lost (nobody knows; the watcher settles it from the vendor's list).
"""

import asyncio
import contextlib
import hashlib
import random
from dataclasses import replace
from pathlib import Path
from typing import Final

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import Accepted, Indeterminate, PaidOutcome, Rejected
from pixverse_nb.domain.jobs import SHA256, JobRecord, JobState
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import (
    APIError,
    BudgetReached,
    Busy,
    ConfigError,
    Moderated,
    NoAnswer,
    PixVerseError,
    ServerError,
)
from pixverse_nb.jobs import events, transitions
from pixverse_nb.jobs.events import Event
from pixverse_nb.jobs.protocols import JobContext
from pixverse_nb.jobs.reconcile import BalanceMonitor
from pixverse_nb.jobs.slots import AccountPool

_SHORTEST_NAMED: Final = 0.1  # of the least wait: a vendor that says "at once" is not hammered
_LONGEST_NAMED: Final = 20  # of the longest busy wait (10 minutes): one senseless figure must not end a day's work
_LOOKS_AGAIN_S: Final = 5.0  # a waiting job looks again without being told: the wall clock may have been set


class Submitter:
    """Sends the paid calls of one service, at most as many at once as slots are free."""

    def __init__(self, desk: JobContext, witness: BalanceMonitor) -> None:
        self._desk = desk
        self._witness = witness
        self.accounts = AccountPool(desk)
        self._may_be_free = asyncio.Event()
        self._uploads: dict[str, asyncio.Lock] = {}
        self._background_tasks: set[asyncio.Task[None]] = set()  # a task that nobody holds may be lost

    def slot_may_be_free(self) -> None:
        """Let the waiting jobs look again."""
        self._may_be_free.set()

    def cancel_tracking(self, video_id: str) -> None:
        """Have the vendor's tracking of a cancelled job ended; a courtesy, whose failure is no matter."""
        courtesy = asyncio.get_running_loop().create_task(self._stop_tracking(video_id))
        self._background_tasks.add(courtesy)
        courtesy.add_done_callback(self._background_tasks.discard)

    async def upload(self, ref: str) -> None:
        """Bring both pictures to the vendor, each one once for each account."""
        desk = self._desk
        record = desk.apply(ref, events.UploadStarted(desk.now()))
        account = record.account or record.request.email
        try:
            account = await self.accounts.choose(record)
            first = record.first_path or await self._upload_once(record.first_sha, account)
            last = record.last_path or await self._upload_once(record.last_sha, account)
        except (NoAnswer, Busy, ServerError) as error:
            text = f"{error} The pictures are uploaded when the vendor can be reached; nothing is paid so far."
            desk.apply(ref, events.CallPostponed(desk.now(), self._retry_at(error), text))
        except PixVerseError as error:
            if self.accounts.stopped_by(error, replace(record, account=account)):
                desk.apply(ref, self._retry_later(error))
            else:
                desk.apply(ref, self._refusal(error))
        else:
            desk.apply(ref, events.PicturesUploaded(desk.now(), first, last, account))

    async def submit(self, ref: str) -> None:
        """Make the paid call when a slot is free; returns after one try, or when the job has moved otherwise."""
        desk = self._desk
        with contextlib.suppress(PixVerseError):  # who cannot be asked is tried, and says it then
            await self.accounts.know()
        await self._witness.look(desk.records[ref])
        if not await self._turn(ref):
            return
        now = desk.now()
        intent = events.IntentRecorded(now, send_deadline=now + desk.timing.answer_timeout_s, owner=desk.owner)
        try:
            record = desk.apply(ref, intent, is_intent=True)
        except BudgetReached as error:
            desk.apply(ref, self._refusal(error))
            return
        if record.state is not JobState.SUBMITTING or record.owner != desk.owner or record.intent_at != now:
            return  # another process has this job
        call = useapi.create_frames(
            record.request,
            first_path=str(record.first_path),
            last_path=str(record.last_path),
            reply_ref=record.reply_ref,
            email=record.account,
        )

        def before_send() -> bool:
            """Look when the first byte is about to go: the machine may have slept, the job may have been cancelled."""
            newest = desk.records.get(ref, record)
            return newest.attempt == record.attempt and transitions.may_be_sent(newest, now=desk.now())

        with desk.in_flight(ref):
            outcome = await desk.client.send_once(call, before_send=before_send)
            desk.apply(ref, self._event_of(outcome, record))

    # -- inside --------------------------------------------------------------------------------------------------

    async def _turn(self, ref: str) -> bool:
        """Wait for a free slot; False where the job was cancelled, timed out, moved or refused meanwhile."""
        desk, accounts = self._desk, self.accounts
        while True:
            record = desk.records[ref]
            if record.state is not JobState.WAITING or not desk.is_leader:
                return False
            if desk.now() >= record.deadline_at:
                return False
            stop = accounts.blocking_error(record)
            if stop is None and accounts.may_send(record):
                return True
            other = accounts.failover_account(record)
            if other is not None:
                desk.apply(ref, events.AccountSwitched(desk.now(), other))
                return False
            if stop is not None and not accounts.can_fail_over(record):
                desk.apply(ref, self._refusal(stop))
                return False
            self._may_be_free.clear()
            pause_s = accounts.pause_s(record)
            try:
                async with asyncio.timeout(min(pause_s, _LOOKS_AGAIN_S) if pause_s > 0 else _LOOKS_AGAIN_S):
                    await self._may_be_free.wait()
            except TimeoutError:
                continue

    def _event_of(self, outcome: PaidOutcome, record: JobRecord) -> Event:
        now = self._desk.now()
        match outcome:
            case Accepted(video_id=video_id, cost_credits=cost):
                self.accounts.was_accepted(record)
                return events.CallAccepted(now, video_id, useapi.account_of(video_id), cost)
            case Indeterminate(reason=reason):
                return events.ResponseLost(now, reason)
            case Rejected(error=error) if isinstance(error, NoAnswer | Busy):
                retry_at = self._retry_at(error)
                if isinstance(error, Busy):
                    self.accounts.was_busy(record, retry_at=retry_at)
                return events.CallPostponed(now, retry_at, str(error), attempt=record.attempt)
            case Rejected(error=error):
                if self.accounts.stopped_by(error, record):
                    return self._retry_later(error, attempt=record.attempt)
                if isinstance(error, APIError) and error.status == 400:
                    self._forget_uploads(record)  # it may be a picture that the vendor has dropped
                return self._refusal(error, attempt=record.attempt)

    async def _stop_tracking(self, video_id: str) -> None:
        with contextlib.suppress(PixVerseError):
            await self._desk.client.send(useapi.stop_tracking(video_id), attempts=1)

    def _refusal(self, error: PixVerseError, *, attempt: int | None = None) -> events.CallRefused:
        now, is_moderation = self._desk.now(), isinstance(error, Moderated)
        return events.CallRefused(now, type(error).__name__, str(error), is_moderation=is_moderation, attempt=attempt)

    def _retry_later(self, error: PixVerseError, *, attempt: int | None = None) -> events.CallPostponed:
        """The account is stopped, and another one may take the job: soon, but never in a circle without a pause."""
        now = self._desk.now()
        return events.CallPostponed(now, now + self._desk.timing.retry_s[0], str(error), attempt=attempt)

    def _retry_at(self, error: PixVerseError) -> float:
        """Return when to try again: at the pace the vendor names, within reason, else after the wait, with jitter."""
        timing = self._desk.timing
        named = error.retry_after_s if isinstance(error, Busy | ServerError) else None
        least, most = timing.busy_wait_s if isinstance(error, Busy) else timing.retry_s
        if named is None:
            return self._desk.now() + random.uniform(least, most)  # noqa: S311 - jitter
        shortest, longest = least * _SHORTEST_NAMED, timing.busy_wait_s[1] * _LONGEST_NAMED
        return self._desk.now() + min(max(named, shortest), longest)

    async def _upload_once(self, sha256: str | None, account: str | None) -> str:
        """Return the vendor's path of the prepared picture with this hash, uploading it where that is new."""
        if sha256 is None:
            raise ConfigError("The job has neither an uploaded picture nor a stored one.")
        desk = self._desk
        async with self._uploads.setdefault(f"{account}:{sha256}", asyncio.Lock()):
            known = desk.ledger.find_upload(sha256, account=account)
            if known is not None:
                return known.path
            picture = stored_picture(desk.home, sha256)
            data = await asyncio.to_thread(picture.read_bytes)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise ConfigError(
                    "The stored picture of this job was damaged on the disk; nothing was sent. Make the call again."
                )
            media_type = (
                "image/png" if picture.suffix == ".png" else f"image/{picture.suffix[1:].replace('jpg', 'jpeg')}"
            )
            sent = await desk.client.send(useapi.upload_picture(data, media_type=media_type, email=account))
            upload = UploadedFile(path=sent.path, id=sent.id, url=sent.url, size_bytes=len(data), sha256=sha256)
            desk.ledger.add_upload(upload, account=account, at=desk.now())
            return upload.path

    def _forget_uploads(self, record: JobRecord) -> None:
        for path in (record.first_path, record.last_path):
            if path is not None:
                self._desk.ledger.forget_upload(path)


def stored_picture(home: Path, sha256: str) -> Path:
    """Return the file of a prepared picture in the home folder; ConfigError where it is gone."""
    names = [f"{sha256}{suffix}" for suffix in (".png", ".jpg", ".webp", ".gif") if SHA256.fullmatch(sha256)]
    for path in (home / "pictures" / name for name in names):
        if path.is_file():
            return path
    raise ConfigError(
        "The stored picture of this job is gone from the home folder; make the call again with the pictures."
    )
