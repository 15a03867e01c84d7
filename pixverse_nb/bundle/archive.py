"""The bundle's file: a zip whose every member is named in a manifest with its size and sha256.

Members are `manifest.json`, `rows.json`, `videos/*.mp4` and `pictures/*`. What is read was verified whole before.
"""

import hashlib
import json
import lzma
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from pixverse_nb.disk import sha256_of_file, written_whole
from pixverse_nb.errors import LedgerError

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
    with written_whole(path) as part:
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
