"""Check an mp4 file without decoding it: whether it is complete, its size and duration, and whether it can stream.

An mp4 is a sequence of boxes: 4 bytes of length, 4 letters of type, then the contents (ISO/IEC 14496-12). Apart from
one streaming pass for the sha256, only headers of a few hundred bytes are read, so memory use does not grow with the
file.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pixverse_nb.errors import DownloadError

_FIRST_BOXES: Final = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid"})
_TOP_BOXES: Final = _FIRST_BOXES | {b"moof", b"mfra", b"sidx", b"ssix", b"meta", b"emsg", b"prft"}
# Complete files of another type are not damaged: downloading them again would not help.
_OTHER_FORMATS: Final = (
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
    (b"RIFF", "an AVI, WebP or WAV file"),
    (b"FLV", "a Flash video"),
    (b"OggS", "an Ogg file"),
    (b"GIF8", "a GIF"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"PK\x03\x04", "a zip archive"),
)
_STILL_BRANDS: Final = frozenset({b"heic", b"heix", b"mif1", b"avif"})
_CHUNK_BYTES: Final = 1 << 20
_FIXED_POINT_ONE: Final = 0x10000  # 1.0 as a 16.16 fixed-point number


@dataclass(frozen=True)
class Mp4Info:
    """The properties of an mp4 file.

    `width` and `height` are in pixels as displayed, after the rotation that the track asks for. `duration_s` is None
    if the file does not state it. `sha256` is in hex. `codec` is the four-letter code of the video ("avc1" is H.264).
    `is_faststart` is True if a player can start before the whole file has arrived.
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


def probe_mp4(path: Path, *, expected_bytes: int | None = None) -> Mp4Info:
    """Return the properties of the mp4 at `path`, including its sha256. No frame is decoded.

    `expected_bytes` is the length that the server announced. Raises DownloadError if the file cannot be read, is empty,
    differs from the announced length, is a web page or JSON instead of a video, is incomplete, or has no video track.

    >>> probe_mp4(Path("video.mp4")).duration_s  # doctest: +SKIP
    5.04
    """
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            _check_signature(file.read(512), size_bytes)
            if expected_bytes is not None and size_bytes != expected_bytes:
                raise _invalid(f"has {size_bytes:,} bytes, but the server announced {expected_bytes:,}")
            moov, mdat = _find_moov_and_mdat(file, size_bytes)
            track = _read_video_track(file, moov)
            duration_s = _read_duration_s(file, moov)
            file.seek(0)
            digest = hashlib.sha256()
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except (OSError, ValueError) as error:  # ValueError: a path that no file system accepts
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DownloadError(f"The video file cannot be read ({reason}). Check its path and permissions.") from error
    return Mp4Info(
        width=track.width,
        height=track.height,
        duration_s=duration_s,
        size_bytes=size_bytes,
        sha256=digest.hexdigest(),
        codec=track.codec,
        is_faststart=moov.start < mdat.start,
    )


def _invalid(problem: str, *, fix: str = "Download it again.") -> DownloadError:
    return DownloadError(f"The video file {problem}. {fix}")


def _check_signature(head: bytes, size_bytes: int) -> None:
    if size_bytes == 0:
        raise _invalid("is empty (0 bytes)")
    if head[4:8] == b"ftyp" and head[8:12] in _STILL_BRANDS:
        raise _invalid("is a HEIC or AVIF picture", fix="Choose a video.")
    if head[4:8] in _FIRST_BOXES:
        return
    for signature, name in _OTHER_FORMATS:
        if head.startswith(signature):
            raise _invalid(f"is {name}, not an mp4", fix="Convert it to mp4 (H.264), or choose another file.")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith(b"<"):
        raise _invalid("is a web page (HTML or XML) instead of a video")
    if text.startswith((b"{", b"[", b'"')):
        raise _invalid("is a JSON message instead of a video")
    raise _invalid("is not an mp4")


def _find_moov_and_mdat(file: BinaryIO, size_bytes: int) -> tuple[_Box, _Box]:
    """Return the index (moov) and the first box with media data (mdat), after checking that every box is complete."""
    moov: _Box | None = None
    mdat: _Box | None = None
    for box in _boxes(file, 0, size_bytes, kinds=_TOP_BOXES):
        if box.end > size_bytes:
            present, total = size_bytes - box.start, box.end - box.start
            raise _invalid(f"is incomplete: its {_describe(box)} has {max(0, present):,} of {total:,} bytes")
        if box.kind == b"moov":
            moov = moov or box
        elif box.kind == b"mdat" and box.end > box.start:
            mdat = mdat or box
    if moov is None:
        raise _invalid("is incomplete: it has no index (moov), so no player can open it")
    if mdat is None:
        raise _invalid("is incomplete: it has an index but no media data (mdat)")
    return moov, mdat


def _boxes(file: BinaryIO, start: int, end: int, *, kinds: frozenset[bytes] | None = None) -> Iterator[_Box]:
    """Yield the boxes between two offsets. The last one may claim to extend past `end`; the caller checks that.

    What follows the last box is ignored, as players do: fewer than 8 bytes, or, if `kinds` are given, a box of another
    kind with an impossible length.
    """
    at = start
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", _read(file, at, 8))
        contents = at + 8
        if size == 1:  # the length follows as a 64-bit number
            (size,) = struct.unpack(">Q", _read(file, contents, 8))
            contents += 8
        elif size == 0:  # the box extends to the end
            size = end - at
        if kinds is not None and kind not in kinds and not contents <= at + size <= end:
            return
        if size < contents - at:
            raise _invalid("is damaged: one of its boxes is shorter than its own header")
        yield _Box(kind, contents, at + size)
        at += size


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    data = file.read(count)
    if len(data) < count:
        raise _invalid("is incomplete: it ends inside a box header")
    return data


def _describe(box: _Box) -> str:
    return {b"mdat": "media data (mdat)", b"moov": "index (moov)"}.get(box.kind, "last box")


def _find_child(file: BinaryIO, parent: _Box, *path: bytes) -> _Box | None:
    """Return the first box at `path` below `parent`, or None."""
    for kind in path:
        found = next((box for box in _boxes(file, parent.start, parent.end) if box.kind == kind), None)
        if found is None:
            return None
        parent = _Box(found.kind, found.start, min(found.end, parent.end))
    return parent


def _read_contents(file: BinaryIO, box: _Box | None, count: int) -> bytes:
    """Return the first `count` bytes of `box`, or b"" if it is missing or shorter."""
    return b"" if box is None or box.end - box.start < count else _read(file, box.start, count)


def _read_video_track(file: BinaryIO, moov: _Box) -> _Track:
    for trak in _boxes(file, moov.start, moov.end):
        if trak.kind != b"trak":
            continue
        trak = _Box(trak.kind, trak.start, min(trak.end, moov.end))
        if _read_contents(file, _find_child(file, trak, b"mdia", b"hdlr"), 12)[8:12] != b"vide":
            continue
        entry = _read_contents(file, _find_child(file, trak, b"mdia", b"minf", b"stbl", b"stsd"), 44)
        coded_size = struct.unpack(">HH", entry[40:44]) if entry else (0, 0)
        width, height = _read_displayed_size(file, trak) or coded_size
        if width and height:
            return _Track(width, height, entry[12:16].decode("ascii", "replace") if entry else "")
    raise _invalid("has no video track", fix="Choose another file.")


def _read_displayed_size(file: BinaryIO, trak: _Box) -> tuple[int, int] | None:
    """Return the size from tkhd: 16.16 fixed-point numbers, and a matrix that may rotate them by 90°."""
    tkhd = _find_child(file, trak, b"tkhd")
    is_version_1 = _read_contents(file, tkhd, 1) == b"\x01"  # with 64-bit times
    data = _read_contents(file, tkhd, 96 if is_version_1 else 84)
    if not data:
        return None
    a, b, _, c, d = struct.unpack(">5i", data[-44:-24])
    width, height = (round(side / _FIXED_POINT_ONE) for side in struct.unpack(">II", data[-8:]))
    if not (width and height):
        return None
    return (height, width) if a == 0 and d == 0 and b and c else (width, height)


def _read_duration_s(file: BinaryIO, moov: _Box) -> float | None:
    """Return the seconds from mvhd, or from mehd if the video is fragmented."""
    mvhd = _find_child(file, moov, b"mvhd")
    timescale, duration = _parse_mvhd(_read_contents(file, mvhd, 32) or _read_contents(file, mvhd, 20))
    if duration == 0:
        mehd = _find_child(file, moov, b"mvex", b"mehd")
        data = _read_contents(file, mehd, 12) or _read_contents(file, mehd, 8)
        duration = int.from_bytes(data[4:12] if data[:1] == b"\x01" else data[4:8])
    return duration / timescale if timescale and duration else None


def _parse_mvhd(mvhd: bytes) -> tuple[int, int]:
    """Return the timescale (units per second) and the duration in units, 0 if unknown."""
    if len(mvhd) >= 32 and mvhd[0] == 1:
        timescale, duration = struct.unpack(">IQ", mvhd[20:32])
        unknown = 0xFFFFFFFFFFFFFFFF
    elif len(mvhd) >= 20 and mvhd[0] == 0:
        timescale, duration = struct.unpack(">II", mvhd[12:20])
        unknown = 0xFFFFFFFF
    else:
        return 0, 0
    return timescale, 0 if duration == unknown else duration
