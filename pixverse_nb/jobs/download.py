"""Downloading finished videos, and verifying that those on disk are intact."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Final

from pixverse_nb.atomic_files import sha256_of_file
from pixverse_nb.config import OTHER_HOME
from pixverse_nb.domain.jobs import JobRecord, StoredVideo
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import ConfigError, DownloadError, NoAnswer, PixVerseError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.error_notices import error_notice
from pixverse_nb.jobs.protocols import JobContext

LARGE_VIDEO_BYTES: Final = 10_000_000  # so much must be free before a video is paid for


@dataclass(frozen=True)
class VerifyReport:
    """The refs of the jobs whose video is missing or modified, and the result of a repair.

    `fetched` are the jobs whose video was downloaded again, `lost` those that the vendor no longer has.
    """

    checked: int
    missing: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether every video is intact, after the repair if there was one."""
        return set(self.missing) | set(self.modified) <= set(self.fetched)

    def __str__(self) -> str:
        parts = [f"{self.checked} video{'' if self.checked == 1 else 's'} checked"]
        for refs, word in (
            (self.missing, "missing"),
            (self.modified, "modified"),
            (self.fetched, "downloaded again"),
            (self.lost, "no longer available"),
        ):
            if refs:
                parts.append(f"{len(refs)} {word} ({', '.join(refs[:3])}{', …' if len(refs) > 3 else ''})")
        return ", ".join(parts) if len(parts) > 1 else f"{parts[0]}, all intact"

    __repr__ = __str__


def stat_signature(video: StoredVideo, *, home: Path) -> tuple[int, ...] | None:
    """Return (inode, size, mtime), or None if the file does not exist."""
    try:
        facts = (home / video.name).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def is_size_right(path: Path, size_bytes: int) -> bool:
    """Return whether the file exists with this size; reads only its metadata."""
    return _size(path) == size_bytes


def is_intact(record: JobRecord, *, home: Path) -> bool:
    """Return whether the video of a finished job is unchanged; reads the whole file."""
    video = record.video
    if video is None or not is_size_right(home / video.name, video.size_bytes):
        return False
    try:
        return sha256_of_file(home / video.name) == video.sha256
    except OSError:
        return False


def verify_videos(records: Iterable[JobRecord], *, home: Path) -> VerifyReport:
    """Check the videos of finished jobs in parallel and report which are missing or modified."""
    finished = [record for record in records if record.video is not None]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        good = list(pool.map(lambda record: is_intact(record, home=home), finished))
    bad = [record for record, is_ok in zip(finished, good, strict=True) if not is_ok]
    missing = {record.ref for record in bad if record.video and _size(home / record.video.name) is None}
    return VerifyReport(
        checked=len(finished),
        missing=tuple(record.ref for record in bad if record.ref in missing),
        modified=tuple(record.ref for record in bad if record.ref not in missing),
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def check_can_store(home: Path) -> None:
    """Raise ConfigError if a video could not be stored in `home`: its folder is read-only, or the disk is full."""
    folder = home / "videos"
    existing = folder if folder.exists() else home
    problem = "" if os.access(existing, os.W_OK) else "it is not writable"
    with contextlib.suppress(OSError):  # not known: the download will tell
        free_bytes = shutil.disk_usage(existing).free
        if free_bytes < LARGE_VIDEO_BYTES:
            problem = problem or f"only {free_bytes / 1e6:.1f} MB are free"
    if problem:
        raise ConfigError(
            f"Videos cannot be stored in {folder} ({problem}). Make it writable, free some space, or {OTHER_HOME}. "
            "Nothing was sent and nothing was charged."
        )


_MOST_AT_ONCE: Final = 8  # a home that lost all its files must not open a thousand connections
_PATIENCE: Final = 20  # longest busy waits (10 minutes) in which a media host may still receive the file


class Downloader:
    """Downloads the videos of one home."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._limit = asyncio.Semaphore(_MOST_AT_ONCE)
        self._refused_since: dict[str, float] = {}
        self._renewed: set[str] = set()  # jobs whose newest address has not led to a video yet

    async def fetch(self, record: JobRecord) -> None:
        """Store the finished video of a job, or record the obstacle; returns after one attempt."""
        context = self._context
        path = context.home / "videos" / f"{record.ref}.mp4"
        if record.video is not None and await asyncio.to_thread(is_intact, record, home=context.home):
            context.apply(record, events.Downloaded(context.now(), record.video))  # it was restored meanwhile
            return
        try:
            async with self._limit:
                with _kept_aside(path) if record.video else contextlib.nullcontext():
                    info = await context.transport.download(record.url or "", path)
        except NoAnswer as error:
            if not await self._renew_url(record):
                await self._pause(record, _warning("download_postponed", error), context.timing.retry_s[1])
            return
        except DownloadError as error:
            since = self._refused_since.setdefault(record.ref, context.now())
            if not await self._renew_url(record):
                await self._retry_or_give_up(record, error, since)
            return
        except OSError as error:
            text = f"The video cannot be stored in {path.parent} ({error.strerror or error})."
            self._block(record, DownloadError(text, ref=record.ref, may_have_been_charged="yes"))
            return
        self._forget_failures(record)
        video = StoredVideo(
            name=f"videos/{path.name}",
            sha256=info.sha256,
            size_bytes=info.size_bytes,
            width=info.width,
            height=info.height,
            duration_s=info.duration_s,
        )
        context.apply(record, events.Downloaded(context.now(), video))

    async def _renew_url(self, record: JobRecord) -> bool:
        """Ask for the current address of the video; return whether it has changed and may be tried at once.

        A vendor may sign the address anew each time: only the first new one in a row is tried without a wait.
        """
        record = self._context.newest(record)
        if record.video_id is None:
            return False
        try:
            row = await self._context.transport.send(self._context.backend.get_video(record.video_id))
        except PixVerseError:
            return False
        if row.url is None or row.url == record.url:
            return False
        self._context.renew_url(record, row.url)
        is_first = record.ref not in self._renewed
        self._renewed.add(record.ref)
        return is_first

    async def _retry_or_give_up(self, record: JobRecord, error: DownloadError, since: float) -> None:
        """Retry a first download for some minutes: the host may still receive the file. Give up on a repeated one."""
        context = self._context
        wait_s = context.timing.busy_wait_s[1]
        if record.video is not None or context.now() - since >= _PATIENCE * wait_s:
            self._forget_failures(record)
            self._give_up(record, error)
            return
        await self._pause(record, _warning("download_retried", error), wait_s)

    async def _pause(self, record: JobRecord, warning: Notice, wait_s: float) -> None:
        """Record why the download waits, and return after `wait_s` or when the job has changed."""
        context, now = self._context, self._context.now()
        waiting = context.apply(record, events.WarningRaised(now, warning))
        while context.now() < now + wait_s and context.newest(record) == waiting and context.is_leader:
            await context.wait_for_change(record, until=now + wait_s)

    def _forget_failures(self, record: JobRecord) -> None:
        self._refused_since.pop(record.ref, None)
        self._renewed.discard(record.ref)

    def _give_up(self, record: JobRecord, error: DownloadError) -> None:
        """Block a first download until a person resumes it; record a video that was here before as lost."""
        if record.video is None:
            self._block(record, error)
            return
        lost = Notice(
            "file_lost",
            {
                "name": record.video.name,
                "sha256": record.video.sha256,
                "credits": record.credits,
                "detail": str(error),
            },
        )
        self._context.apply(record, events.FileLost(self._context.now(), lost))

    def _block(self, record: JobRecord, error: DownloadError) -> None:
        self._context.apply(record, events.WarningRaised(self._context.now(), error_notice(error), blocks=True))


def _warning(kind: str, error: PixVerseError) -> Notice:
    return Notice(kind, error_notice(error).data)


@contextlib.contextmanager
def _kept_aside(path: Path) -> Iterator[None]:
    """Keep the file at `path` as `*.modified.mp4` while another one replaces it: it may be somebody's work."""
    aside = _quarantine(path) if path.is_file() else None
    try:
        yield
    except BaseException:
        if aside is not None:
            aside.unlink(missing_ok=True)
        raise


def _quarantine(path: Path) -> Path | None:
    """Give a file a second, unused name and return it; None if it has one already or cannot have one."""
    for mark in chain([""], map("-{}".format, count(2))):
        aside = path.with_suffix(f".modified{mark}.mp4")
        try:
            os.link(path, aside)
        except FileExistsError:
            if aside.samefile(path):
                return None  # an earlier process, killed since, has kept it
        except OSError:
            return None  # a file system without links
        else:
            return aside
    return None
