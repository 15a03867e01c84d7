"""Checking that the videos of finished jobs are intact, and downloading lost ones again."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from pixverse_nb.atomic_files import remove_stale_parts
from pixverse_nb.errors import LedgerError, PixVerseError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs.download import VerifyReport, is_size_right, verify_videos
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job


class FileVerifier:
    """Verifies the videos of one home; usable from any thread but the client's own."""

    def __init__(self, engine: Engine, loop: EventLoopThread, *, job_of: Callable[[str], Job]) -> None:
        self._engine = engine
        self._loop = loop
        self._job_of = job_of
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Check the size of every finished video once, in the background; lost ones are downloaded again."""
        if not self._engine.ledger.is_read_only and self._engine.ledger.stored_videos(limit=1):
            self._loop.call_soon(self._start_task)

    def verify(self, *, repair: bool) -> VerifyReport:
        """Compare every finished video with its sha256; with `repair` download damaged ones again, and wait."""
        if repair:
            self._engine.ledger.check_writable()
        found = verify_videos(self._engine.ledger.finished_jobs(limit=-1), home=self._engine.home)
        return _repaired(found, [self._job_of(ref) for ref in (*found.missing, *found.modified)]) if repair else found

    # -- internal ------------------------------------------------------------------------------------------------

    def _start_task(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._resume_lost())

    async def _resume_lost(self) -> None:
        engine = self._engine
        await asyncio.to_thread(remove_stale_parts, engine.home)
        try:
            for ref in await asyncio.to_thread(self._find_lost):
                record = engine.ledger.load(ref)
                if record is not None and record.url is not None:
                    engine.resume(record)
        except LedgerError:
            return  # closed meanwhile, or locked: the next use and the next start check again

    def _find_lost(self) -> list[str]:
        """Return the jobs whose file is missing or has another size, except those that the vendor no longer has."""
        lost: list[str] = []
        mark = 0
        while page := self._engine.ledger.stored_videos(after=mark):
            lost += [ref for _, ref, name, size in page if not is_size_right(self._engine.home / name, size)]
            mark = page[-1][0]
        return lost


def _repaired(found: VerifyReport, jobs: Iterable[Job]) -> VerifyReport:
    """Wait until each of `jobs` has its file again, or is known to be lost."""
    fetched, lost = [], []
    for job in jobs:
        try:
            job.result(quiet=True)
        except PixVerseError:
            lost.append(job.ref)
        else:
            fetched.append(job.ref)
    return replace(found, fetched=tuple(fetched), lost=tuple(lost))
