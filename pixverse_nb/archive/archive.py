"""The bundle's file: a zip whose every member is named in a manifest with its size and sha256.

Members are `manifest.json`, `rows.json`, `videos/*.mp4` and `pictures/*`. What is read was verified whole before.
"""

import ast
import hashlib
import json
import lzma
import math
import os
import re
import struct
import types
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pixverse_nb.atomic_files import atomic_write, sha256_of_file
from pixverse_nb.domain.jobs import SHA256, JobEvent, JobRecord, JobState
from pixverse_nb.domain.ratings import Choice, DuelResult, PairwiseVote, Rating
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import LedgerError
from pixverse_nb.ledger import ExportedJob, ExportedRatings, ExportedUpload

FORM: Final = 1
ROWS: Final = "rows.json"
_KIND: Final = "pixverse_nb bundle"
_MANIFEST: Final = "manifest.json"
_MEMBER: Final = re.compile(
    r"rows\.json|videos/[A-Za-z0-9_-][\w-]*\.mp4|pictures/[0-9a-f]{64}\.(png|jpg|webp|gif)", re.ASCII
)
_PIECE_BYTES: Final = 1 << 20
_MANIFEST_MAX: Final = 64 << 20
# What zipfile and json raise on a file that was cut short or altered.
_BROKEN: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, RuntimeError, ValueError,
    TypeError, LookupError, AttributeError, EOFError, ArithmeticError,
)  # fmt: skip


class Archive:
    """A bundle that was verified whole: every member is there, and is what the manifest says."""

    def __init__(self, path: Path, archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
        self._path = path
        self._zip = archive
        self._members: dict[str, dict[str, Any]] = manifest["members"]
        self.service = str(manifest["service"])

    @property
    def names(self) -> frozenset[str]:
        """The members."""
        return frozenset(self._members)

    def sha256_of(self, name: str) -> str:
        """Return the sha256 of a member (hex)."""
        return str(self._members[name]["sha256"])

    def rows(self) -> dict[str, Any]:
        """Return the rows as JSON values."""
        with translated(self._path):
            rows = json.loads(self._zip.read(ROWS))
            if not isinstance(rows, dict):
                raise TypeError("no JSON object")
            return rows

    def copy(self, name: str, part: Path) -> None:
        """Write a member to `part`, synced to the disk; LedgerError where it is not what it was any more."""
        with translated(self._path), part.open("wb") as sink:
            digest = hashlib.sha256()
            with self._zip.open(name) as stream:
                for piece in _pieces(stream):
                    digest.update(piece)
                    sink.write(piece)
            if digest.hexdigest() != self.sha256_of(name):
                raise ValueError(f"{name} has changed")
            sink.flush()
            os.fsync(sink.fileno())


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Open a bundle and verify all of it.

    Raises LedgerError, before anything is written anywhere, where it is no bundle, of a newer form, cut short or
    altered, or holds names that lead elsewhere. FileNotFoundError where it is not there.
    """
    with path.open("rb") as file:
        with translated(path):
            archive = zipfile.ZipFile(file)
        with archive:
            with translated(path):
                manifest = _manifest(path, archive)
                _verify(archive, manifest["members"])
                verified = Archive(path, archive, manifest)
            yield verified


def write_archive(path: Path, members: Mapping[str, bytes | Path], *, facts: Mapping[str, Any], overwrite: bool) -> int:
    """Write a bundle of `members` (bytes, or the file that holds them) and return its size in bytes.

    `facts` go into the manifest. The file appears at `path` whole or not at all, readable by its owner only. Raises
    FileExistsError where `path` is there already and not to be overwritten, OSError where the disk takes it not.
    """
    _check_free(path, overwrite=overwrite)
    listed = {name: _measured(source) for name, source in members.items()}
    manifest = {"kind": _KIND, "form": FORM, **facts, "members": listed}
    with atomic_write(path) as part:
        with zipfile.ZipFile(part, "w") as archive:
            _add(archive, _MANIFEST, json.dumps(manifest, indent=1).encode())
            for member, source in members.items():
                _add(archive, member, source, sha256=listed[member]["sha256"])
        size_bytes = part.stat().st_size
        _check_free(path, overwrite=overwrite)
    return size_bytes


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes zipfile and json raise into one sentence."""
    try:
        yield
    except _BROKEN as error:
        raise LedgerError(
            f"The bundle {path} is damaged or incomplete ({error}). Copy it again from where it was made; nothing was "
            "changed here."
        ) from error


# -- inside ------------------------------------------------------------------------------------------------------


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    infos = {info.filename: info for info in archive.infolist()}
    if _MANIFEST not in infos:
        raise LedgerError(f"{path} is no bundle of pixverse_nb: it has no manifest. Nothing was changed.")
    if infos[_MANIFEST].file_size > _MANIFEST_MAX:
        raise ValueError("its manifest is too large")
    manifest = json.loads(archive.read(_MANIFEST))
    if not isinstance(manifest, dict) or manifest.get("kind") != _KIND or not isinstance(manifest.get("form"), int):
        raise LedgerError(f"{path} is no bundle of pixverse_nb. Nothing was changed.")
    if manifest["form"] > FORM:
        raise LedgerError(
            f"The bundle {path} was made by a newer pixverse_nb (form {manifest['form']}, this one knows {FORM}). "
            "Update pixverse_nb; nothing was changed."
        )
    members = manifest["members"]
    strange = sorted({*members, *infos} - {_MANIFEST} - {name for name in members if _MEMBER.fullmatch(name)})
    if strange:
        raise LedgerError(
            f"The bundle {path} holds what no bundle holds ({strange[0][:80]!r}): it was made by something else, and "
            "nothing of it was taken. Nothing was changed."
        )
    if len(infos) != len(archive.infolist()) or ROWS not in members:
        raise ValueError("members are doubled or missing")
    return manifest


def _verify(archive: zipfile.ZipFile, members: Mapping[str, Mapping[str, Any]]) -> None:
    for name, promised in members.items():
        info = archive.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.file_size != promised["size"]:
            raise ValueError(f"{name} has another size")
        digest = hashlib.sha256()
        with archive.open(name) as stream:
            for piece in _pieces(stream):
                digest.update(piece)
        if digest.hexdigest() != promised["sha256"]:
            raise ValueError(f"{name} was altered")


def _measured(source: bytes | Path) -> dict[str, Any]:
    if isinstance(source, bytes):
        return {"size": len(source), "sha256": hashlib.sha256(source).hexdigest()}
    return {"size": source.stat().st_size, "sha256": sha256_of_file(source)}


def _add(archive: zipfile.ZipFile, name: str, source: bytes | Path, *, sha256: str | None = None) -> None:
    """Add a member: text is packed, films and pictures are stored as they are."""
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o600 << 16
    if isinstance(source, bytes):
        info.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(info, source)
        return
    info.file_size = source.stat().st_size  # tells zipfile whether the long form is needed
    digest = hashlib.sha256()
    with source.open("rb") as stream, archive.open(info, "w") as sink:
        for piece in _pieces(stream):
            digest.update(piece)
            sink.write(piece)
    if digest.hexdigest() != sha256:
        raise LedgerError(f"{source} was changed while it was packed; export again.")


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    while piece := stream.read(_PIECE_BYTES):
        yield piece


def _check_free(path: Path, *, overwrite: bool) -> None:
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileExistsError(f"{path} is there already: choose another name, or pass overwrite=True.")


_REF: Final = re.compile(r"[A-Za-z0-9_-][\w.-]{0,199}", re.ASCII)
_VIDEO_ID: Final = re.compile(r"(?!\.)[^\s/?#%\\]{1,500}")  # it becomes a part of the vendor's addresses, as it is
_URL: Final = re.compile(r"https?://\S+")


def job_of(row: Mapping[str, Any], archive: Archive) -> ExportedJob:
    """Return the job of a row; ValueError (TypeError, LookupError) where it is none that this package has written."""
    record = JobRecord.from_json(row["record"])
    _check_kinds(record)
    if not _REF.fullmatch(record.ref) or record.service != archive.service:
        raise ValueError("a job without a name, or of another service")
    if record.attempt < 0 or not _are_names(record):
        raise ValueError(f"job {record.ref} has impossible facts")
    if record.video is not None:
        _check_kinds(record.video)
        if record.video.name != f"videos/{record.ref}.mp4" or not SHA256.fullmatch(record.video.sha256):
            raise ValueError(f"the video of job {record.ref} lies elsewhere")
        if record.video.name in archive.names and archive.sha256_of(record.video.name) != record.video.sha256:
            raise ValueError(f"the video of job {record.ref} is another one")
    events = tuple(JobEvent(float(at), JobState(state), text=str(text)) for at, state, text in row["events"])
    return ExportedJob(record, events)


def upload_of(row: Mapping[str, Any]) -> ExportedUpload:
    """Return the upload of a row; ValueError (TypeError, LookupError) where it is none."""
    upload = UploadedFile(**row["upload"])
    _check_kinds(upload)
    if upload.sha256 is None or not SHA256.fullmatch(upload.sha256):
        raise ValueError("an upload of no picture")
    return ExportedUpload(upload, str(row["account"]), float(row["at"]))


# -- inside ------------------------------------------------------------------------------------------------------


def _are_names(record: JobRecord) -> bool:
    """Tell whether what names a picture, a generation, an address or a source names just that."""
    return (
        all(sha is None or SHA256.fullmatch(sha) for sha in (record.first_sha, record.last_sha))
        and all(name is None or _VIDEO_ID.fullmatch(name) for name in (record.video_id, record.candidate_video_id))
        and (record.url is None or bool(_URL.fullmatch(record.url)))
        and all(map(_is_source, record.source_exprs))
    )


def _is_source(text: str) -> bool:
    """Tell whether a piece of Python only names a picture: people copy the line in which it stands."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "pv.UploadedFile":
        return all(isinstance(given, ast.Constant) for given in (*node.args, *(one.value for one in node.keywords)))
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in ("first", "last"))


def _check_kinds(value: Any) -> None:
    """Raise TypeError where a field of a dataclass does not hold what its type says."""
    for name, kind in get_type_hints(type(value)).items():
        if not _is_of(getattr(value, name), kind):
            raise TypeError(f"its {name} is of an impossible kind")


def _is_of(given: Any, kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_is_of(given, one) for one in inner)
    if origin is Literal:
        return given in inner
    if origin is tuple:
        kinds = inner[:1] * len(given) if inner[-1] is Ellipsis else inner
        return len(given) == len(kinds) and all(map(_is_of, given, kinds))
    if kind is float:
        return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
    return isinstance(given, kind) and (kind is bool or not isinstance(given, bool))


def rows_of_opinions(opinions: ExportedRatings) -> dict[str, Any]:
    """Return verdicts and duels as JSON values."""
    return {
        "verdicts": [[cell, verdict.choice, verdict.note, at] for cell, verdict, at in opinions.verdicts],
        "duels": [[duel.left, duel.right, duel.result, duel.at, duel.is_blind] for duel in opinions.duels],
    }


def opinions_of_rows(rows: Mapping[str, Any]) -> ExportedRatings:
    """Return what `rows_of_opinions` wrote, nothing from an older bundle; ValueError where it is damaged."""
    verdicts = tuple(
        (str(cell), _verdict(choice, note), float(at)) for cell, choice, note, at in rows.get("verdicts", ())
    )
    duels = tuple(
        _duel(str(left), str(right), result, float(at), is_blind=bool(blind))
        for left, right, result, at, blind in rows.get("duels", ())
    )
    return ExportedRatings(verdicts, duels)


def _verdict(choice: Any, note: Any) -> Rating:
    if choice not in get_args(Choice):
        raise ValueError(f"a verdict that is none: {choice!r:.40}")
    return Rating(choice, str(note))


def _duel(left: str, right: str, result: Any, at: float, *, is_blind: bool) -> PairwiseVote:
    if result not in get_args(DuelResult):
        raise ValueError(f"a judgement that is none: {result!r:.40}")
    return PairwiseVote(left, right, result, at, is_blind)
