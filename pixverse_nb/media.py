"""Look into an mp4 without decoding it: is it whole, how large and how long is the picture, can it start at once.

An mp4 is a row of boxes: 4 bytes length, 4 letters, contents (ISO/IEC 14496-12). Only headers of a few hundred bytes
are read besides one streaming pass for the sha256, so memory stays small however long the film is.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pixverse_nb.errors import DownloadError

_FIRST_BOXES: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_PIECE_BYTES: Final = 1 << 20
_UNITY: Final = 0x10000  # 1.0 in 16.16 fixed point


@dataclass(frozen=True)
class Mp4Info:
    """What an mp4 says of itself: pixels as shown (a turned track is turned), seconds, bytes.

    `duration_s` is None where the file does not tell; `codec` is the four letters of its video ("avc1" is H.264).
    `is_faststart` tells that a player can start before the whole file is there. `sha256` is hex.
    """

    width: int
    height: int
    duration_s: float | None
    size_bytes: int
    sha256: str
    codec: str
    is_faststart: bool


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of the contents
    end: int


@dataclass(frozen=True)
class _Track:
    width: int
    height: int
    codec: str


def check_mp4(path: Path, *, expected_bytes: int | None = None) -> Mp4Info:
    """Return what the mp4 at `path` holds, its sha256 included; no pixel is decoded.

    `expected_bytes` is the length that the server announced. Raises DownloadError where the file is empty, a web page
    or a message instead of a video, of another length, cut short, or without a video track.
    """
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            _check_kind(file.read(512), size_bytes)
            if expected_bytes is not None and size_bytes != expected_bytes:
                raise _broken(f"has {size_bytes:,} bytes where the server announced {expected_bytes:,}")
            moov, mdat = _film_boxes(file, size_bytes)
            track = _video_track(file, moov)
            duration_s = _duration_s(file, moov)
            file.seek(0)
            digest = hashlib.sha256()
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DownloadError(f"The video file cannot be read ({reason}). Fetch it again.") from error
    return Mp4Info(
        width=track.width,
        height=track.height,
        duration_s=duration_s,
        size_bytes=size_bytes,
        sha256=digest.hexdigest(),
        codec=track.codec,
        is_faststart=moov.start < mdat.start,
    )


def _broken(what: str) -> DownloadError:
    return DownloadError(f"The downloaded video {what}. Fetch it again.")


def _check_kind(head: bytes, size_bytes: int) -> None:
    if size_bytes == 0:
        raise _broken("is empty (0 bytes)")
    if head[4:8] in _FIRST_BOXES:
        return
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        raise _broken("is a web page (HTML or XML) instead of a video")
    if text.startswith((b"{", b"[", b'"')):
        raise _broken("is a JSON message instead of a video")
    raise _broken("is not an mp4")


def _film_boxes(file: BinaryIO, size_bytes: int) -> tuple[_Box, _Box]:
    """Return the index (moov) and the first box of pictures (mdat), once every box has been seen to be whole."""
    moov: _Box | None = None
    mdat: _Box | None = None
    for box in _boxes(file, 0, size_bytes):
        if box.end > size_bytes:
            there, whole = size_bytes - box.start, box.end - box.start
            raise _broken(f"is cut short: its {_name(box)} part has {max(0, there):,} of {whole:,} bytes")
        if box.kind == b"moov":
            moov = moov or box
        elif box.kind == b"mdat" and box.end > box.start:
            mdat = mdat or box
    if moov is None:
        raise _broken("has no index (moov), so no player can open it; it is cut short")
    if mdat is None:
        raise _broken("has an index but no pictures (mdat); it is cut short")
    return moov, mdat


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes between two offsets; the last may claim to run past `end`, which is for the caller to judge.

    Fewer than 8 bytes at the end are no box: players ignore them, and so does this.
    """
    at = start
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", _read(file, at, 8))
        contents = at + 8
        if size == 1:  # the length did not fit into 32 bits
            (size,) = struct.unpack(">Q", _read(file, contents, 8))
            contents += 8
        elif size == 0:  # to the end
            size = end - at
        if size < contents - at:
            raise _broken("is damaged: one of its parts is shorter than its own header")
        yield _Box(kind, contents, at + size)
        at += size


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise _broken("is cut short inside one of its headers")
    return data


def _name(box: _Box) -> str:
    return {b"mdat": "picture (mdat)", b"moov": "index (moov)"}.get(box.kind, "last")


def _child(file: BinaryIO, parent: _Box, *path: bytes) -> _Box | None:
    """Return the first box at `path` below `parent`, or None."""
    for kind in path:
        found = next((box for box in _boxes(file, parent.start, parent.end) if box.kind == kind), None)
        if found is None:
            return None
        parent = _Box(found.kind, found.start, min(found.end, parent.end))
    return parent


def _contents(file: BinaryIO, box: _Box | None, count: int) -> bytes:
    """Return the first `count` bytes of `box`, or nothing where it is missing or shorter."""
    return b"" if box is None or box.end - box.start < count else _read(file, box.start, count)


def _video_track(file: BinaryIO, moov: _Box) -> _Track:
    for trak in _boxes(file, moov.start, moov.end):
        if trak.kind != b"trak":
            continue
        trak = _Box(trak.kind, trak.start, min(trak.end, moov.end))
        if _contents(file, _child(file, trak, b"mdia", b"hdlr"), 12)[8:12] != b"vide":
            continue
        entry = _contents(file, _child(file, trak, b"mdia", b"minf", b"stbl", b"stsd"), 44)
        coded = struct.unpack(">HH", entry[40:44]) if entry else (0, 0)
        width, height = _shown_size(file, trak) or coded
        if width and height:
            return _Track(width, height, entry[12:16].decode("ascii", "replace") if entry else "")
    raise _broken("has no video track")


def _shown_size(file: BinaryIO, trak: _Box) -> tuple[int, int] | None:
    """Return the size that a player shows, from tkhd: 16.16 numbers behind a matrix that may turn by 90°."""
    tkhd = _child(file, trak, b"tkhd")
    is_long = _contents(file, tkhd, 1) == b"\x01"  # version 1 has 64-bit times
    data = _contents(file, tkhd, 96 if is_long else 84)
    if not data:
        return None
    a, b, _, c, d = struct.unpack(">5i", data[-44:-24])
    width, height = (round(side / _UNITY) for side in struct.unpack(">II", data[-8:]))
    if not (width and height):
        return None
    return (height, width) if a == 0 and d == 0 and b and c else (width, height)


def _duration_s(file: BinaryIO, moov: _Box) -> float | None:
    """Return the seconds from mvhd, or from mehd where the film comes in fragments."""
    mvhd = _child(file, moov, b"mvhd")
    timescale, duration = _timescale_and_duration(_contents(file, mvhd, 32) or _contents(file, mvhd, 20))
    if duration == 0:
        mehd = _child(file, moov, b"mvex", b"mehd")
        data = _contents(file, mehd, 12) or _contents(file, mehd, 8)
        duration = int.from_bytes(data[4:12] if data[:1] == b"\x01" else data[4:8])
    return duration / timescale if timescale and duration else None


def _timescale_and_duration(mvhd: bytes) -> tuple[int, int]:
    if len(mvhd) >= 32 and mvhd[0] == 1:
        timescale, duration = struct.unpack(">IQ", mvhd[20:32])
        unknown = 0xFFFFFFFFFFFFFFFF
    elif len(mvhd) >= 20 and mvhd[0] == 0:
        timescale, duration = struct.unpack(">II", mvhd[12:20])
        unknown = 0xFFFFFFFF
    else:
        return 0, 0
    return timescale, 0 if duration == unknown else duration
