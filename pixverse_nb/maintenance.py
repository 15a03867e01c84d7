"""Who looks after the files of a home: lost videos are fetched again, bundles are written and taken in."""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from pixverse_nb import __version__
from pixverse_nb.archive.transfer import Exported, Imported, export_bundle, import_bundle
from pixverse_nb.atomic_files import remove_stale_parts
from pixverse_nb.errors import LedgerError, PixVerseError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.jobs.download import VerifyReport, is_size_right, verify_videos
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job

Path = str | os.PathLike[str]


class KeepsFiles:
    """What a Client does with the files of its home; it is one."""

    _keeper: "FileVerifier"

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Compare every finished video with its sha256; return which are missing or altered.

        `repair=True` fetches those again (an altered one is kept as `*.altered.mp4`) and waits; nothing is paid. What
        the vendor has no more is in `.lost`: its job stays, with all that is known.
        """
        return self._keeper.verify(repair=repair)

    def export(self, path: Path, refs: Iterable[str] | None = None, *, overwrite: bool = False) -> Exported:
        """Write the jobs named by `refs` (None: all) with history, pictures and videos into one zip at `path`.

        **It is a private file**: the vendor's ids hold the account's e-mail, and prompts and pictures are in clear; the
        token is never in it. It appears whole or not at all. Raises FileExistsError where `path` is there already and
        `overwrite` is False, InvalidRequest where a ref is unknown, OSError where the disk takes it not.
        """
        return self._keeper.export(path, refs=refs, overwrite=overwrite)

    def import_(self, path: Path) -> Imported:
        """Take in what `export` wrote, here or on another machine, and return what came.

        All of it is verified before anything is changed: LedgerError where the bundle is damaged, newer than this
        version, or of another service. Jobs that are here already stay, unless the bundle has their video or knows of a
        payment. Open jobs are watched from here too; what was never sent is not sent from here before `job.resume()`,
        because the machine it comes from may still do so.
        """
        return self._keeper.take_in(path)


class FileVerifier:
    """Looks after the files of one home; usable from any thread but the portal's own."""

    def __init__(self, engine: Engine, portal: EventLoopThread, *, job_of: Callable[[str], Job]) -> None:
        self._engine = engine
        self._portal = portal
        self._job_of = job_of
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look once, beside everything else, at the size of every finished video; what is lost is fetched again."""
        if self._engine.ledger.stored_videos(limit=1):
            self._portal.call_soon(self._begin)

    def verify(self, *, repair: bool) -> VerifyReport:
        """Compare every finished video with its sha256; with `repair` fetch again what is not whole, and wait."""
        found = verify_videos(self._engine.ledger.durations_of(limit=-1), home=self._engine.home)
        return _repaired(found, [self._job_of(ref) for ref in (*found.missing, *found.modified)]) if repair else found

    def export(self, path: Path, *, refs: Iterable[str] | None, overwrite: bool) -> Exported:
        """Write a bundle: see `bundle.export_bundle`."""
        engine = self._engine
        return export_bundle(
            path,
            ledger=engine.ledger,
            home=engine.home,
            refs=refs,
            version=__version__,
            overwrite=overwrite,
        )

    def take_in(self, path: Path) -> Imported:
        """Take a bundle in (see `bundle.import_bundle`) and watch what is open in it."""
        self._portal.check_open()
        engine, now = self._engine, self._engine.now()
        deadline_at = now + engine.timing.deadline_s
        summary, changed = import_bundle(path, ledger=engine.ledger, home=engine.home, at=now, deadline_at=deadline_at)

        async def follow() -> None:
            for record in changed:
                engine.on_external_change(record)
            engine.start()

        self._portal.call(follow())
        return summary

    # -- inside --------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        engine = self._engine
        await asyncio.to_thread(remove_stale_parts, engine.home)
        try:
            for ref in await asyncio.to_thread(self._lost):
                record = engine.ledger.load(ref)
                if record is not None and record.url is not None:
                    engine.resume(record)
        except LedgerError:
            return  # closed meanwhile, or in use: they are looked at again when they are used, and at the next start

    def _lost(self) -> list[str]:
        """Return the jobs whose file is missing or has another size; what the vendor has no more is left alone."""
        lost: list[str] = []
        mark = 0
        while page := self._engine.ledger.stored_videos(after=mark):
            lost += [ref for _, ref, name, size in page if not is_size_right(self._engine.home / name, size)]
            mark = page[-1][0]
        return lost


def _repaired(found: VerifyReport, jobs: Iterable[Job]) -> VerifyReport:
    """Wait until each of `jobs` has its file again, or the vendor is known to have it no more."""
    fetched, lost = [], []
    for job in jobs:
        try:
            job.result()
        except PixVerseError:
            lost.append(job.ref)
        else:
            fetched.append(job.ref)
    return replace(found, fetched=tuple(fetched), lost=tuple(lost))
