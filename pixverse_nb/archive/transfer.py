"""Exporting jobs with their videos to an archive, and importing them into another home.

A job that this home already has stays as it is, unless the archive has its finished video or knows of a payment. A job
that was never sent is not sent from here automatically: its first machine may still do so.
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
    damage_as_ledger_error,
    is_archive,
    job_row,
    open_archive,
    ratings_rows,
    read_job,
    read_ratings,
    read_upload,
    write_archive,
)
from pixverse_nb.atomic_files import sha256_of_file, sync_folder
from pixverse_nb.domain.arguments import as_path, checked, file_errors, listed
from pixverse_nb.domain.jobs import FINAL_STATES, JobRecord, JobState, VideoFile
from pixverse_nb.domain.validation import Flag, safe_repr
from pixverse_nb.errors import InvalidRequest, LedgerError
from pixverse_nb.jobs import events
from pixverse_nb.jobs.download import is_intact
from pixverse_nb.jobs.transitions import advance, is_unsent
from pixverse_nb.ledger.jobs import ExportedJob, Ledger
from pixverse_nb.media_types import INPUT_SUFFIXES
from pixverse_nb.redaction import redact


def normalize_imported(theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord:
    """Return an imported job as this home stores it; `at` is now.

    An open job that was or may have been charged is waited for until `deadline_at`.
    """
    record = replace(theirs, version=0, owner="", budget_credits=None, retry_at=None)
    if record.state in (JobState.SUBMITTING, JobState.UNKNOWN):
        # the other machine may be sending it now: absence can be proved only from now on
        record = advance(record, events.ResponseLost(at, "sender_gone"))
    if record.state not in FINAL_STATES and record.charged != "no":
        record = advance(record, events.Resumed(at, "", deadline_at))
    return replace(record, imported=record.video_id is None and record.state is not JobState.DONE)


def merge_job(ours: JobRecord | None, theirs: JobRecord, *, at: float, deadline_at: float) -> JobRecord | None:
    """Return the record to store for an imported job, or None to keep ours."""
    if ours is None:
        return normalize_imported(theirs, at=at, deadline_at=deadline_at)
    if ours.video_id is not None and theirs.video_id not in (None, ours.video_id):
        updated = advance(ours, events.CallAccepted(at, str(theirs.video_id), theirs.account, theirs.cost_credits))
        return updated if updated != ours else None  # a second payment: both are kept, with a notice
    if not _has_more(ours, theirs):
        return None
    taken = normalize_imported(theirs, at=at, deadline_at=deadline_at)
    notices = tuple(dict.fromkeys((*ours.notices, *taken.notices)))
    return replace(taken, version=ours.version, budget_credits=ours.budget_credits, notices=notices)


def _has_more(ours: JobRecord, theirs: JobRecord) -> bool:
    """Return whether theirs has the finished video, or a payment that ours lacks."""
    if ours.state is JobState.DONE:
        return False
    if ours.video_id is not None:
        return theirs.state is JobState.DONE
    is_same_call = ours.intent_at == theirs.intent_at
    if ours.state in (JobState.SUBMITTING, JobState.UNKNOWN) and not is_same_call:
        return False  # our own call is open: the vendor's list must settle it first
    if theirs.video_id is not None or theirs.state is JobState.DONE:
        return True
    return theirs.charged != "no" and (theirs.intent_at or 0.0) > (ours.intent_at or 0.0)


@dataclass(frozen=True)
class Exported:
    """An archive that was written, its contents, and the jobs whose video is not intact on this disk."""

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
                f"; the video of {_count(len(self.without_video), 'job')} is missing or modified and was not exported"
            )
        return text

    __repr__ = __str__


@dataclass(frozen=True)
class Imported:
    """An archive that was imported. `jobs` and `videos` are its contents.

    `known` counts the jobs that this home already had, `updated` those of them that changed. `unsent` are the jobs that
    were never sent; `job.resume()` sends them from here.
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
            text += f", {self.known} {'was' if self.known == 1 else 'were'} already here"
        if self.updated:
            text += f" ({self.updated} updated)"
        if self.unsent:
            them = "it" if len(self.unsent) == 1 else "each"
            text += f"; {len(self.unsent)} never sent: job.resume() sends {them} from here"
        return text

    __repr__ = __str__


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def export_archive(
    path: str | os.PathLike[str],
    *,
    ledger: Ledger,
    home: Path,
    refs: Any,
    version: str,
    overwrite: bool,
) -> Exported:
    """Write the jobs named by `refs` (None: all), their videos and pictures to `path`, and return a summary.

    Raises InvalidRequest if a ref is unknown, FileExists if the file exists, FileError if it cannot be written,
    LedgerError if the ledger cannot be read.
    """
    overwrite = checked({"overwrite": overwrite}, {"overwrite": Flag()})["overwrite"]
    target = as_path(path).absolute()
    wanted = None if refs is None else _refs(refs)
    jobs, uploads = ledger.transfers.export_rows(wanted)
    if unknown := sorted(set(wanted or ()) - {job.record.ref for job in jobs}):
        raise InvalidRequest({"refs": f"no job {redact(unknown[0])!r} in {home / 'ledger.db'}"}, sends=False)
    ratings = ledger.ratings.export_rows({job.record.request.content_key for job in jobs})
    rows = json.dumps(
        {
            "jobs": [job_row(job) for job in jobs],
            "uploads": [asdict(one) for one in uploads],
            "ratings": ratings_rows(ratings),
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
    with file_errors(target, "written"):
        size_bytes = write_archive(target, members, facts=facts, overwrite=overwrite)
    videos = sum(name.startswith("videos/") for name in members)
    return Exported(target, len(jobs), videos, size_bytes, tuple(without))


def import_archive(
    path: str | os.PathLike[str], *, ledger: Ledger, home: Path, at: float, deadline_at: float
) -> tuple[Imported, list[JobRecord]]:
    """Import the jobs, videos and pictures of an archive; return a summary and the records that changed.

    Nothing is sent. Everything is verified first: raises InvalidRequest if it is not an archive, LedgerError if it is
    damaged, newer, or of another service, FileError if a file cannot be read or written; then nothing is changed.
    """
    source = as_path(path).absolute()
    with file_errors(source, "imported"):
        if not is_archive(source):
            problem = f"{source} is not an archive that client.export() has written; nothing was imported"
            raise InvalidRequest({"path": problem}, sends=False)
        return _import(source, ledger=ledger, home=home, at=at, deadline_at=deadline_at)


def _import(
    source: Path, *, ledger: Ledger, home: Path, at: float, deadline_at: float
) -> tuple[Imported, list[JobRecord]]:
    with open_archive(source) as archive:
        if archive.service != ledger.service:
            raise LedgerError(
                f"The archive {source} belongs to another service ({redact(archive.service)}) than this client "
                f"({redact(ledger.service)}); paid and sandbox videos are never mixed. Nothing was imported."
            )
        with damage_as_ledger_error(source):
            rows = archive.rows()
            jobs = [read_job(row, archive) for row in rows["jobs"]]
            uploads = [read_upload(row) for row in rows["uploads"]]
            ratings = read_ratings(rows["ratings"])
        known = {job.record.ref: ledger.load(job.record.ref) for job in jobs}
        placed = _place_files(archive, jobs, known, home)
        try:
            stored = ledger.transfers.import_rows(
                jobs,
                uploads,
                ratings,
                merge=lambda ours, theirs: merge_job(ours, theirs, at=at, deadline_at=deadline_at),
                at=at,
                kind="imported",
                data={},
            )
        except LedgerError:
            for file in placed:
                file.unlink(missing_ok=True)
            raise
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


# -- internal ----------------------------------------------------------------------------------------------------


def _refs(given: object) -> list[str]:
    """Return the references of jobs that are given by their refs, as jobs or as videos; each once."""
    is_list = isinstance(given, Iterable) and not isinstance(given, str | bytes | VideoFile)
    several = listed(given, name="refs", most=1_000_000) if is_list else [given]  # type: ignore[arg-type]  # see above
    refs = []
    for number, one in enumerate(several):
        ref = one if isinstance(one, str) else getattr(one, "ref", None)
        if not isinstance(ref, str) or not ref.isprintable():
            problem = f"must be a ref, a job or a video that a job has made, not {safe_repr(one):.60}"
            raise InvalidRequest({f"refs[{number}]": problem}, sends=False)
        refs.append(ref)
    return list(dict.fromkeys(refs))


def _pictures(record: JobRecord, home: Path) -> dict[str, Path]:
    """Return the stored inputs of a job that exist, by their names in the archive."""
    found: dict[str, Path] = {}
    for sha256 in filter(None, (item.sha256 for item in record.inputs)):
        for suffix in INPUT_SUFFIXES:
            name = f"pictures/{sha256}{suffix}"
            if (home / name).is_file() and sha256_of_file(home / name) == sha256:
                found[name] = home / name
    return found


def _place_files(
    archive: Archive, jobs: Iterable[ExportedJob], known: Mapping[str, JobRecord | None], home: Path
) -> list[Path]:
    """Copy the files that are missing or modified here into the home; return the new ones.

    All are written to temporary files first, so that a full disk changes nothing.
    """
    wanted = {name for name in archive.names if name.startswith("pictures/")}
    for job in jobs:
        ours = known[job.record.ref]
        video = job.record.video
        if video is not None and video.name in archive.names and _may_store_video(ours, video.sha256):
            wanted.add(video.name)
    mark = f"{os.getpid()}-{threading.get_ident()}-{secrets.token_hex(4)}"
    parts: dict[Path, Path] = {}
    try:
        for name in sorted(wanted):
            place = home / name
            if name.startswith("pictures/") and place.stem != archive.sha256_of(name):
                raise LedgerError(f"The archive contains a picture under a wrong name ({name}). Nothing was imported.")
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


def _may_store_video(ours: JobRecord | None, sha256: str) -> bool:
    """Return whether an imported video may be stored for its job: no other one is recorded here."""
    return ours is None or ours.video is None or ours.video.sha256 == sha256
