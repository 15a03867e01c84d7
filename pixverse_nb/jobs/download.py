"""Are the videos of finished jobs on the disk as they were recorded? Looked at cheaply, or by their sha256."""

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Final

from pixverse_nb.atomic_files import sha256_of_file
from pixverse_nb.backends import useapi
from pixverse_nb.domain.jobs import JobRecord, StoredVideo
from pixverse_nb.errors import DownloadError, NoAnswer, PixVerseError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.protocols import JobContext


@dataclass(frozen=True)
class VerifyReport:
    """What became of the videos: refs of those whose file is missing or altered, and what a repair did.

    `fetched` names the jobs whose video was fetched again, `lost` those that the vendor has no more.
    """

    checked: int
    missing: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()
    fetched: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """True where every video is on the disk as it was recorded, now that a repair is over."""
        return set(self.missing) | set(self.altered) <= set(self.fetched)

    def __str__(self) -> str:
        parts = [f"{self.checked} video{'' if self.checked == 1 else 's'} checked"]
        for refs, word in (
            (self.missing, "missing"),
            (self.altered, "altered"),
            (self.fetched, "fetched again"),
            (self.lost, "not to be had again"),
        ):
            if refs:
                parts.append(f"{len(refs)} {word} ({', '.join(refs[:3])}{', …' if len(refs) > 3 else ''})")
        return ", ".join(parts) if len(parts) > 1 else f"{parts[0]}, all whole"

    __repr__ = __str__


def stat_signature(video: StoredVideo, *, home: Path) -> tuple[int, ...] | None:
    """Return what changes with every writing of the file (inode, size, time), or None where it is not there."""
    try:
        facts = (home / video.name).stat()
    except OSError:
        return None
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def is_size_right(path: Path, size_bytes: int) -> bool:
    """Tell whether the file is there with its size; costs one look at the folder."""
    return _size(path) == size_bytes


def is_intact(record: JobRecord, *, home: Path) -> bool:
    """Tell whether the video of a finished job is there, byte for byte; reads the whole file."""
    video = record.video
    if video is None or not is_size_right(home / video.name, video.size_bytes):
        return False
    try:
        return sha256_of_file(home / video.name) == video.sha256
    except OSError:
        return False


def examine(records: Iterable[JobRecord], *, home: Path) -> VerifyReport:
    """Look at the videos of finished jobs, several at a time, and say which are missing or altered."""
    finished = [record for record in records if record.video is not None]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        good = list(pool.map(lambda record: is_intact(record, home=home), finished))
    bad = [record for record, is_ok in zip(finished, good, strict=True) if not is_ok]
    missing = {record.ref for record in bad if record.video and _size(home / record.video.name) is None}
    return VerifyReport(
        checked=len(finished),
        missing=tuple(record.ref for record in bad if record.ref in missing),
        altered=tuple(record.ref for record in bad if record.ref not in missing),
    )


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


_MOST_AT_ONCE: Final = 8  # a home whose files were all lost must not open a thousand connections
_PATIENCE: Final = 20  # longest busy waits (10 minutes) in which a media host may still come to have the file


class Downloader:
    """Fetches the videos of one home."""

    def __init__(self, desk: JobContext) -> None:
        self._desk = desk
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._refused_since: dict[str, float] = {}

    async def fetch(self, ref: str) -> None:
        """Bring the finished video of a job to the disk, or say what stands in the way; returns after one go."""
        record = self._desk.records[ref]
        path = self._desk.home / "videos" / f"{ref}.mp4"
        if record.video is not None and await asyncio.to_thread(is_intact, record, home=self._desk.home):
            self._desk.apply(ref, events.Downloaded(self._desk.now(), record.video))  # it was put back meanwhile
            return
        try:
            async with self._turns:
                with _kept_aside(path) if record.video else contextlib.nullcontext():
                    info = await self._desk.client.download(record.url or "", path)
        except NoAnswer as error:
            text = f"{error} The video is finished and paid; its download goes on when the network is back."
            self._desk.apply(ref, events.WarningRaised(self._desk.now(), text))
            if not await self._renew_url(ref):
                await self._desk.signal(ref, until=self._desk.now() + self._desk.timing.retry_s[1])
            return
        except DownloadError as error:
            if not await self._renew_url(ref):
                await self._wait_or_give_up(ref, error)
            return
        except OSError as error:
            text = f"The video cannot be stored in {path.parent} ({error.strerror or error})."
            self._park(ref, DownloadError(text, ref=ref, may_have_been_charged="yes"))
            return
        self._refused_since.pop(ref, None)
        video = StoredVideo(
            name=f"videos/{path.name}",
            sha256=info.sha256,
            size_bytes=info.size_bytes,
            width=info.width,
            height=info.height,
            duration_s=info.duration_s,
        )
        self._desk.apply(ref, events.Downloaded(self._desk.now(), video))

    async def _renew_url(self, ref: str) -> bool:
        """Ask for the video's newest address once; True where it is another one than before."""
        record = self._desk.records[ref]
        if record.video_id is None:
            return False
        try:
            row = await self._desk.client.send(useapi.get_video(record.video_id))
        except PixVerseError:
            return False
        if row.url is None or row.url == record.url:
            return False
        self._desk.records[ref] = replace(record, url=row.url)
        return True

    async def _wait_or_give_up(self, ref: str, error: DownloadError) -> None:
        """A host without the file may get it: a first download is tried for some minutes; what was here is not."""
        now, wait_s = self._desk.now(), self._desk.timing.busy_wait_s[1]
        since = self._refused_since.setdefault(ref, now)
        if self._desk.records[ref].video is not None or now - since >= _PATIENCE * wait_s:
            del self._refused_since[ref]
            self._give_up(ref, error)
            return
        text = f"{error} The video is finished and paid; its download is tried again every half minute."
        troubled = self._desk.apply(ref, events.WarningRaised(now, text))
        while self._desk.now() < now + wait_s and self._desk.records[ref] == troubled and self._desk.is_leader:
            await self._desk.signal(ref, until=now + wait_s)

    def _give_up(self, ref: str, error: DownloadError) -> None:
        """The vendor has no file: a first one is waited for by hand, one that was here once is said to be lost."""
        record = self._desk.records[ref]
        if record.video is None:
            self._park(ref, error)
            return
        cost = record.credits
        price = f", {cost} credits" if cost is not None else ""
        text = (
            f"The video file {record.video.name} is gone or was altered, and the vendor gives it no more ({error}) "
            f"It is paid{price} and stays in the ledger; a copy with the sha256 {record.video.sha256}, put back in its "
            "place or brought by client.import_(), is taken as it was."
        )
        self._desk.apply(ref, events.FileLost(self._desk.now(), text))

    def _park(self, ref: str, error: DownloadError) -> None:
        self._desk.apply(ref, events.WarningRaised(self._desk.now(), str(error), parks=True, kind=type(error).__name__))


@contextlib.contextmanager
def _kept_aside(path: Path) -> Iterator[None]:
    """Keep what lies at `path` as `*.altered.mp4` while another file takes its place: it may hold work."""
    aside = _quarantine(path) if path.is_file() else None
    try:
        yield
    except BaseException:
        if aside is not None:
            aside.unlink(missing_ok=True)
        raise


def _quarantine(path: Path) -> Path | None:
    """Give a file a second name that nothing has yet, and return that; None where it has one, or can have none."""
    for mark in chain([""], map("-{}".format, count(2))):
        aside = path.with_suffix(f".altered{mark}.mp4")
        try:
            os.link(path, aside)
        except FileExistsError:
            if aside.samefile(path):
                return None  # a process that was killed has kept it already
        except OSError:
            return None  # a file system without links: then there is nothing to be kept
        else:
            return aside
    return None
