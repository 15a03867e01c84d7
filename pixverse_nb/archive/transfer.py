"""What a job of a bundle means beside what this home knows: pure, and never less paid than before.

A job that this home knows already stays as it is, unless the bundle knows of a payment, or has the finished video. One
that was never sent where it comes from is not sent here by itself: the other machine may still do so.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pixverse_nb.archive.archive import (
    ROWS,
    Archive,
    job_of,
    opened_archive,
    opinions_of_rows,
    rows_of_opinions,
    translated,
    upload_of,
    write_archive,
)
from pixverse_nb.atomic_files import sha256_of_file, sync_folder
from pixverse_nb.domain.jobs import FINAL_STATES, JobRecord, JobState
from pixverse_nb.errors import InvalidRequest, LedgerError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.download import is_intact
from pixverse_nb.jobs.transitions import advance, is_unsent
from pixverse_nb.ledger.jobs import ExportedJob, Ledger
from pixverse_nb.redaction import redact


def arrived(theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord:
    """Return a job of a bundle as this home keeps it: facts as they are, open questions settled from here.

    `at` is now; an open job that was paid, or may have been, is waited for until `deadline_at`.
    """
    record = replace(theirs, version=0, owner="", budget_credits=None, retry_at=None)
    if record.state in (JobState.SUBMITTING, JobState.UNKNOWN):
        # the other machine may be sending it at this moment: absence is proved from now on
        record = advance(record, events.ResponseLost(at, "sender_gone"))
    if record.state not in FINAL_STATES and record.charged != "no":
        record = advance(record, events.Resumed(at, "", deadline_at))
    return replace(record, imported=record.video_id is None and record.state is not JobState.DONE)


def merged(ours: JobRecord | None, theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord | None:
    """Return what to store for a job of a bundle, or None where what is here stays as it is."""
    if ours is None:
        return arrived(theirs, at=at, deadline_at=deadline_at)
    if ours.video_id is not None and theirs.video_id not in (None, ours.video_id):
        told = advance(ours, events.CallAccepted(at, str(theirs.video_id), theirs.account, theirs.cost_credits))
        return told if told != ours else None  # a second payment: said, and both are kept
    if not _knows_more(ours, theirs):
        return None
    taken = arrived(theirs, at=at, deadline_at=deadline_at)
    notices = tuple(dict.fromkeys((*ours.notices, *taken.notices)))
    return replace(taken, version=ours.version, budget_credits=ours.budget_credits, notices=notices)


def _knows_more(ours: JobRecord, theirs: JobRecord) -> bool:
    """Tell whether theirs has the finished video, or a payment that ours does not know of."""
    if ours.state is JobState.DONE:
        return False
    if ours.video_id is not None:
        return theirs.state is JobState.DONE
    is_same_call = ours.intent_at == theirs.intent_at
    if ours.state in (JobState.SUBMITTING, JobState.UNKNOWN) and not is_same_call:
        return False  # a call of our own is open: the vendor's list settles that first
    if theirs.video_id is not None or theirs.state is JobState.DONE:
        return True
    return theirs.charged != "no" and (theirs.intent_at or 0.0) > (ours.intent_at or 0.0)


@dataclass(frozen=True)
class Exported:
    """A bundle that was written: where, what is in it, and the jobs whose video is not whole on this disk."""

    path: Path
    jobs: int
    videos: int
    size_bytes: int
    without_video: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{_count(self.jobs, 'job')} and {_count(self.videos, 'video')}"
        text = f"{what}, {self.size_bytes / 1e6:.1f} MB in {self.path}"
        if self.without_video:
            text += (
                f"; the video of {_count(len(self.without_video), 'job')} is not whole on this disk and stayed behind"
            )
        return text

    __repr__ = __str__


@dataclass(frozen=True)
class Imported:
    """A bundle that was taken in. `jobs` and `videos` are what it holds.

    `known` counts the jobs that were there already, of which `updated` learnt something; `unsent` names those that
    were never sent where they come from, and are not sent here before `job.resume()` says so.
    """

    path: Path
    jobs: int
    videos: int
    known: int = 0
    updated: int = 0
    unsent: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{_count(self.jobs, 'job')} and {_count(self.videos, 'video')}"
        if self.known:
            text += f", {self.known} {'was' if self.known == 1 else 'were'} there already"
        if self.updated:
            text += f" ({self.updated} of them learnt more)"
        if self.unsent:
            them = "it" if len(self.unsent) == 1 else "each"
            text += f"; {len(self.unsent)} never sent: job.resume() sends {them} from here"
        return text

    __repr__ = __str__


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


__all__ = ["Exported", "Imported", "export_bundle", "import_bundle"]


def export_bundle(
    path: str | os.PathLike[str],
    *,
    ledger: Ledger,
    home: Path,
    refs: Iterable[str] | None,
    version: str,
    overwrite: bool,
) -> Exported:
    """Write the jobs named by `refs` (None: all), their videos and pictures to `path`, and return what is in it.

    Raises InvalidRequest where a ref is unknown, FileExistsError where the file is there already, OSError where it
    cannot be written, LedgerError where the ledger cannot be read.
    """
    target = Path(path).expanduser().absolute()
    wanted = None if refs is None else list(dict.fromkeys([refs] if isinstance(refs, str) else refs))
    jobs, uploads = ledger.travel.pack(wanted)
    if unknown := sorted(set(wanted or ()) - {job.record.ref for job in jobs}):
        raise InvalidRequest({"refs": f"no job {redact(unknown[0])!r} in {home / 'ledger.db'}"})
    said = ledger.opinions.pack({job.record.request.content_key for job in jobs})
    rows = json.dumps(
        {
            "jobs": [_job_row(job) for job in jobs],
            "uploads": [asdict(one) for one in uploads],
            "opinions": rows_of_opinions(said),
        },
        separators=(",", ":"),
    )
    members: dict[str, bytes | Path] = {ROWS: rows.encode()}
    without = []
    for record in (job.record for job in jobs):
        members |= _pictures(record, home)
        if record.video is None:
            continue
        if is_intact(record, home=home):
            members[record.video.name] = home / record.video.name
        else:
            without.append(record.ref)
    facts = {"package": version, "made_at": time.time(), "service": ledger.service, "jobs": len(jobs)}
    size_bytes = write_archive(target, members, facts=facts, overwrite=overwrite)
    videos = sum(name.startswith("videos/") for name in members)
    return Exported(target, len(jobs), videos, size_bytes, tuple(without))


def import_bundle(
    path: str | os.PathLike[str], *, ledger: Ledger, home: Path, at: float, deadline_at: float
) -> tuple[Imported, list[JobRecord]]:
    """Take the jobs, videos and pictures of a bundle into this home; return the summary and the records that changed.

    Nothing is sent for it: see `merging` for what becomes of each job. Everything is verified first. Raises LedgerError
    where the bundle is damaged, newer, or of another service; OSError where the disk takes it not. Nothing is changed
    then.
    """
    source = Path(path).expanduser().absolute()
    with opened_archive(source) as archive:
        if archive.service != ledger.service:
            raise LedgerError(
                f"The bundle {source} is of another service ({redact(archive.service)}) than this client "
                f"({redact(ledger.service)}): what was paid and what was not are never mixed. Nothing was changed."
            )
        with translated(source):
            rows = archive.rows()
            jobs = [job_of(row, archive) for row in rows["jobs"]]
            uploads = [upload_of(row) for row in rows["uploads"]]
            said = opinions_of_rows(rows.get("opinions", {}))
        known = {job.record.ref: ledger.load(job.record.ref) for job in jobs}
        placed = _place(archive, jobs, known, home)
        try:
            stored = ledger.travel.unpack(
                jobs,
                uploads,
                decide=lambda ours, theirs: merged(ours, theirs, at=at, deadline_at=deadline_at),
                at=at,
                kind="imported",
                data={},
            )
        except LedgerError:
            for file in placed:
                file.unlink(missing_ok=True)
            raise
        ledger.opinions.unpack(said)
        videos = sum(name.startswith("videos/") for name in archive.names)
    there = {ref for ref, record in known.items() if record is not None}
    summary = Imported(
        path=source,
        jobs=len(jobs),
        videos=videos,
        known=len(there),
        updated=sum(record.ref in there for record in stored),
        unsent=tuple(record.ref for record in stored if record.imported and is_unsent(record)),
    )
    return summary, stored


# -- inside ------------------------------------------------------------------------------------------------------


def _job_row(job: ExportedJob) -> dict[str, Any]:
    return {
        "record": job.record.to_json(),
        "events": [[one.at, one.state.value, one.kind, dict(one.data)] for one in job.events],
    }


def _pictures(record: JobRecord, home: Path) -> dict[str, Path]:
    """Return the prepared pictures of a job that are there, by their names in the bundle."""
    found: dict[str, Path] = {}
    for sha in (item.sha256 for item in record.inputs):
        for suffix in ("png", "jpg", "webp", "gif"):
            name = f"pictures/{sha}.{suffix}"
            if sha is not None and (home / name).is_file() and sha256_of_file(home / name) == sha:
                found[name] = home / name
    return found


def _place(
    archive: Archive, jobs: Iterable[ExportedJob], known: Mapping[str, JobRecord | None], home: Path
) -> list[Path]:
    """Put the files of a bundle into the home, those that are missing or altered here only; return what is new.

    All are written beside their places first, so that a full disk changes nothing.
    """
    wanted = {name for name in archive.names if name.startswith("pictures/")}
    for job in jobs:
        ours = known[job.record.ref]
        video = job.record.video
        if video is not None and video.name in archive.names and _is_ours(ours, video.sha256):
            wanted.add(video.name)
    mark = f"{os.getpid()}-{threading.get_ident()}-{secrets.token_hex(4)}"
    parts: dict[Path, Path] = {}
    try:
        for name in sorted(wanted):
            place = home / name
            if name.startswith("pictures/") and place.stem != archive.sha256_of(name):
                raise LedgerError(f"The bundle holds a picture under another's name ({name}). Nothing was changed.")
            if place.is_file() and sha256_of_file(place) == archive.sha256_of(name):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            parts[place] = place.with_name(f"{place.name}.{mark}.part")
            archive.copy(name, parts[place])
        placed = [place for place in parts if not place.exists()]
        for place, part in parts.items():
            part.replace(place)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    for folder in {place.parent for place in parts}:
        sync_folder(folder)
    return placed


def _is_ours(ours: JobRecord | None, sha256: str) -> bool:
    """Tell whether a video of a bundle may take the place of its job here: no other one is recorded."""
    return ours is None or ours.video is None or ours.video.sha256 == sha256
