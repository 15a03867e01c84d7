"""The archive file: a zip with a manifest of every member's size and sha256, and the check of what it contains.

Members are `manifest.json`, `rows.json`, `videos/*.mp4` and `pictures/*`. Everything is verified before it is used.
"""

import ast
import dataclasses
import functools
import hashlib
import json
import lzma
import math
import re
import struct
import types
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pixverse_nb.atomic_files import atomic_write, fsync_file, sha256_of_file
from pixverse_nb.domain.jobs import SHA256, JobEvent, JobInput, JobRecord, JobState, StoredVideo
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.requests import check_request
from pixverse_nb.errors import FileExists, LedgerError
from pixverse_nb.jobs.messages import describe_event, describe_notice
from pixverse_nb.ledger.jobs import ExportedJob, ExportedUpload
from pixverse_nb.ledger.sweeps import ExportedRatings

FORMAT_VERSION: Final = 1
ROWS: Final = "rows.json"
_KIND: Final = "pixverse_nb archive"
_MANIFEST: Final = "manifest.json"
_MEMBER: Final = re.compile(
    r"rows\.json|videos/[A-Za-z0-9_-][\w-]*\.mp4|pictures/[0-9a-f]{64}\.(png|jpg|webp|gif|mp4|mp3|wav)", re.ASCII
)
_PIECE_BYTES: Final = 1 << 20
_MANIFEST_MAX: Final = 64 << 20
# What zipfile and json raise for a file that was cut short or modified.
_DAMAGED: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, ValueError,
    TypeError, LookupError, AttributeError, EOFError, ArithmeticError,
)  # fmt: skip


class Archive:
    """A verified archive: every member is present and matches the manifest."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        self._path = path
        self._zip = archive
        self._members: dict[str, dict[str, Any]] = manifest["members"]
        self.service = str(manifest["service"])

    @property
    def names(self) -> frozenset[str]:
        """The names of the members."""
        return frozenset(self._members)

    def sha256_of(self, name: str) -> str:
        """Return the sha256 of a member (hex)."""
        return str(self._members[name]["sha256"])

    def rows(self) -> dict[str, Any]:
        """Return the content of rows.json."""
        with damage_as_ledger_error(self._path):
            rows = json.loads(
                self._zip.read(ROWS), parse_int=_storable_int, parse_float=_finite_float, parse_constant=_finite_float
            )
            json.dumps(rows, ensure_ascii=False).encode()  # raises for half a surrogate pair, which SQLite cannot store
            if not isinstance(rows, dict):
                raise TypeError("not a JSON object")
            return rows

    def copy(self, name: str, part: Path) -> None:
        """Write a member to `part`, synced to disk; raises LedgerError if it has changed since the check."""
        with damage_as_ledger_error(self._path), part.open("wb") as sink:
            digest = hashlib.sha256()
            with self._zip.open(name) as stream:
                for piece in _chunks(stream):
                    digest.update(piece)
                    sink.write(piece)
            if digest.hexdigest() != self.sha256_of(name):
                raise ValueError(f"{name} has changed")
            sink.flush()
            fsync_file(sink.fileno())


def is_archive(path: Path) -> bool:
    """Return whether a file begins as an archive does; what is wrong with it is found by `open_archive`."""
    with path.open("rb") as file:
        return file.read(2) == b"PK"


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive and verify all of it.

    Raises LedgerError if it is not an archive, was made by a newer version, is damaged, or contains unexpected names;
    FileNotFoundError if it does not exist.
    """
    with path.open("rb") as file:
        with damage_as_ledger_error(path):
            archive = zipfile.ZipFile(file)
        with archive:
            with damage_as_ledger_error(path):
                manifest = _read_manifest(path, archive)
                _verify(archive, manifest["members"])
                verified = Archive(path, archive, manifest)
            yield verified


def write_archive(path: Path, members: Mapping[str, bytes | Path], *, facts: Mapping[str, Any], overwrite: bool) -> int:
    """Write an archive of `members` (bytes, or a file) and return its size in bytes.

    `facts` go into the manifest. The file is written atomically, readable by its owner only. Raises FileExists if
    `path` exists and `overwrite` is False, OSError if it cannot be written.
    """
    _check_free(path, overwrite=overwrite)
    listed = {name: _size_and_hash(source) for name, source in members.items()}
    manifest = {"kind": _KIND, "format_version": FORMAT_VERSION, **facts, "members": listed}
    with atomic_write(path) as part:
        with zipfile.ZipFile(part, "w") as archive:
            _add(archive, _MANIFEST, json.dumps(manifest, indent=1).encode())
            for member, source in members.items():
                _add(archive, member, source, sha256=listed[member]["sha256"])
        size_bytes = part.stat().st_size
        _check_free(path, overwrite=overwrite)
    return size_bytes


@contextmanager
def damage_as_ledger_error(path: Path) -> Iterator[None]:
    """Raise LedgerError for whatever zipfile, json and the checks raise for a damaged file."""
    try:
        yield
    except _DAMAGED as error:
        raise LedgerError(
            f"The archive {path} is damaged or incomplete ({error}). Copy it again from its source; nothing was "
            "imported."
        ) from error


# -- internal ----------------------------------------------------------------------------------------------------


def _read_manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    infos = {info.filename: info for info in archive.infolist()}
    if any(info.header_offset < 0 for info in infos.values()):
        raise ValueError("a member starts before the file")  # zipfile would raise OSError
    if _MANIFEST not in infos:
        raise LedgerError(f"{path} is not a pixverse_nb archive (no manifest.json). Nothing was imported.")
    if infos[_MANIFEST].file_size > _MANIFEST_MAX:
        raise ValueError("its manifest is too large")
    manifest = json.loads(archive.read(_MANIFEST))
    if (
        not isinstance(manifest, dict)
        or manifest.get("kind") != _KIND
        or not isinstance(manifest.get("format_version"), int)
    ):
        raise LedgerError(f"{path} is not a pixverse_nb archive. Nothing was imported.")
    if manifest["format_version"] > FORMAT_VERSION:
        raise LedgerError(
            f"The archive {path} was made by a newer pixverse_nb (format {manifest['format_version']}; this one "
            f"supports {FORMAT_VERSION}). Update pixverse_nb; nothing was imported."
        )
    members = manifest["members"]
    unexpected = sorted({*members, *infos} - {_MANIFEST} - {name for name in members if _MEMBER.fullmatch(name)})
    if unexpected:
        raise LedgerError(
            f"The archive {path} contains an unexpected file ({unexpected[0][:80]!r}); nothing was imported."
        )
    if len(infos) != len(archive.infolist()) or ROWS not in members:
        raise ValueError("duplicate or missing members")
    return manifest


def _verify(archive: zipfile.ZipFile, members: Mapping[str, Mapping[str, Any]]) -> None:
    for name, promised in members.items():
        info = archive.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size != promised["size"]:
            raise ValueError(f"{name} has an unexpected size")
        digest = hashlib.sha256()
        with archive.open(name) as stream:
            for piece in _chunks(stream):
                digest.update(piece)
        if digest.hexdigest() != promised["sha256"]:
            raise ValueError(f"checksum mismatch for {name}")


def _size_and_hash(source: bytes | Path) -> dict[str, Any]:
    if isinstance(source, bytes):
        return {"size": len(source), "sha256": hashlib.sha256(source).hexdigest()}
    return {"size": source.stat().st_size, "sha256": sha256_of_file(source)}


def _add(archive: zipfile.ZipFile, name: str, source: bytes | Path, *, sha256: str | None = None) -> None:
    """Add a member: text is compressed, videos and pictures are stored."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    if isinstance(source, bytes):
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, source)
        return
    info.file_size = source.stat().st_size  # zipfile needs it to choose the 64-bit format
    digest = hashlib.sha256()
    with source.open("rb") as stream, archive.open(info, "w") as sink:
        for piece in _chunks(stream):
            digest.update(piece)
            sink.write(piece)
    if digest.hexdigest() != sha256:
        raise LedgerError(f"{source} changed during the export; export again.")


def _chunks(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE_BYTES):
        yield piece


def _check_free(path: Path, *, overwrite: bool) -> None:
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileExists(f"{path} already exists; choose another name, or pass overwrite=True.")


def _storable_int(digits: str) -> int:
    number = int(digits)
    if abs(number) > _MAX_INTEGER:
        raise ValueError(f"a number with {len(digits)} digits")
    return number


def _finite_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:40]} is not a number")
    return number


def _is_amount(number: int) -> bool:
    return number >= 0


_MAX_INTEGER: Final = 2**53  # both SQLite and JSON store larger ones inexactly or not at all
_VIDEO_ID: Final = re.compile(r"(?!\.)[^\s/?#%\\]{1,500}")  # becomes part of request paths, unencoded
# What the fields must satisfy beyond their types: those that become file names, request paths or sums of credits.
_CHECKS: Final[Mapping[type, Mapping[str, Callable[[Any], object]]]] = {
    JobRecord: {
        "ref": re.compile(r"[A-Za-z0-9_-][\w.-]{0,199}", re.ASCII).fullmatch,
        "video_id": _VIDEO_ID.fullmatch,
        "candidate_video_id": _VIDEO_ID.fullmatch,
        "url": re.compile(r"https?://\S+").fullmatch,
        "attempt": _is_amount,
        "estimated_credits": _is_amount,
        "cost_credits": _is_amount,
    },
    JobInput: {"sha256": SHA256.fullmatch},
    StoredVideo: {"sha256": SHA256.fullmatch, "size_bytes": _is_amount},
    UploadedFile: {"sha256": SHA256.fullmatch},
}


def read_job(row: Mapping[str, Any], archive: Archive) -> ExportedJob:
    """Return the job of a row; raises ValueError, TypeError or LookupError if its values are invalid."""
    record = JobRecord.from_json(row["record"])
    record = dataclasses.replace(record, request=check_request(record.request))
    events = tuple(JobEvent(at, JobState(state), kind, data) for at, state, kind, data in row["events"])
    job = ExportedJob(record, events)
    _check(job)
    if record.service != archive.service:
        raise ValueError(f"job {record.ref} belongs to another service")
    for item in record.inputs:
        if item.source_expr and not _is_picture_expression(item.source_expr, item.role):
            raise ValueError(f"job {record.ref} has an invalid source expression")
    if record.video is not None:
        if record.video.name != f"videos/{record.ref}.mp4":
            raise ValueError(f"the video of job {record.ref} has an unexpected path")
        if record.video.name in archive.names and archive.sha256_of(record.video.name) != record.video.sha256:
            raise ValueError(f"checksum mismatch for the video of job {record.ref}")
    for notice in (record.warning, record.error, record.pending_question, *record.notices):
        if notice is not None:
            describe_notice(notice)  # raises if its data is incomplete: the job could not be displayed
    for event in events:
        describe_event(event)
    return job


def job_row(job: ExportedJob) -> dict[str, Any]:
    """Return a job as JSON values, for `read_job`."""
    events = [[event.at, event.state.value, event.kind, dict(event.data)] for event in job.events]
    return {"record": job.record.to_json(), "events": events}


def read_upload(row: Mapping[str, Any]) -> ExportedUpload:
    """Return the upload of a row; raises ValueError, TypeError or LookupError if its values are invalid."""
    exported = ExportedUpload(UploadedFile(**row["upload"]), row["account"], row["at"])
    _check(exported)
    if exported.upload.sha256 is None:
        raise ValueError("an upload without a picture")
    return exported


def read_ratings(rows: Mapping[str, Any]) -> ExportedRatings:
    """Return the ratings and votes that `ratings_rows` wrote; raises ValueError or TypeError if they are invalid."""
    ratings = tuple((key, Rating(choice, note), at) for key, choice, note, at in rows["ratings"])
    votes = tuple(PairwiseVote(*fields) for fields in rows["votes"])
    exported = ExportedRatings(ratings, votes)
    _check(exported)
    return exported


def ratings_rows(exported: ExportedRatings) -> dict[str, Any]:
    """Return ratings and votes as JSON values, for `read_ratings`."""
    return {
        "ratings": [[key, rating.choice, rating.note, at] for key, rating, at in exported.ratings],
        "votes": [[vote.left, vote.right, vote.result, vote.at, vote.is_blind] for vote in exported.votes],
    }


def _is_picture_expression(text: str, role: str) -> bool:
    """Return whether Python code only names a picture or a video: people copy the line that contains it."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pv.UploadedFile", "client.job"):
        arguments = (*node.args, *(keyword.value for keyword in node.keywords))
        return all(isinstance(argument, ast.Constant) for argument in arguments)
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id == role)


def _check(value: Any) -> None:
    """Raise TypeError or ValueError if a field of a dataclass, nested ones included, is of a wrong type or invalid."""
    checks = _CHECKS.get(type(value), {})
    for name, expected in _field_types(value.__class__).items():
        field = getattr(value, name)
        if not _has_type(field, expected):
            raise TypeError(f"{name} has an invalid type")
        if name in checks and field is not None and not checks[name](field):
            raise ValueError(f"{name} is invalid")


@functools.cache
def _field_types(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _has_type(value: Any, expected: Any) -> bool:
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return any(_has_type(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is tuple:
        of_items = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
        return len(value) == len(of_items) and all(map(_has_type, value, of_items))
    if expected is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, origin or expected) or (isinstance(value, bool) and expected is not bool):
        return False
    if dataclasses.is_dataclass(value):
        _check(value)
    return True
