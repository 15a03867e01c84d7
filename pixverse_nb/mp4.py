"""Check an mp4 file without decoding it (is it complete, its size and duration, can it stream), and set its comment.

An mp4 is a sequence of boxes: 4 bytes of length, 4 letters of type, then the contents (ISO/IEC 14496-12). Apart from
one streaming pass for the sha256, only headers of a few hundred bytes are read, so memory use does not grow with the
file; setting the comment reads the index (moov) as a whole.

The comment is written here because mutagen is GPL, PyAV is an optional package, and PyAV writes the file anew, which
drops the boxes that it does not know.
"""

import hashlib
import io
import struct
from collections.abc import Callable, Iterator
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

_COMMENT: Final = b"\xa9cmt"
_MOOV_MAX_BYTES: Final = 1 << 26
_COMMENT_MAX_BYTES: Final = 1 << 20
# Fragments, and the boxes inside an index that hold offsets other than those of stco and co64, or that hide them.
_UNSUPPORTED_BOXES: Final = frozenset({b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"meta"})
_UNSUPPORTED_IN_MOOV: Final = (b"mvex", b"saio", b"iloc", b"cmov")
# The handler that says that the metadata is a list of tags: version, flags, type, manufacturer, an empty name.
_TAGS_HANDLER: Final = bytes(8) + b"mdirappl" + bytes(9)


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


@dataclass(frozen=True)
class EditedMp4:
    """The file at `path` with `data` in place of its bytes from `start` to `end`. Nothing is written."""

    path: Path
    start: int
    end: int
    data: bytes

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the edited file."""
        with self.path.open("rb") as file:
            yield from _read_chunks(file, self.start)
            yield self.data
            file.seek(self.end)
            yield from _read_chunks(file, None)

    @property
    def sha256(self) -> str:
        """The sha256 of the edited file (hex)."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def with_comment(path: Path, comment: str) -> EditedMp4:
    """Return the mp4 at `path` with this text as its comment (the tag `©cmt`); the media data stay as they are.

    Only the index changes: the comment in it and, if it comes before the media data, the offsets of the data. Raises
    DownloadError if the file cannot be read or is built in a way that is not supported, such as in fragments.
    """
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            start, end = _find_editable_moov(file, size_bytes)
            before = _read(file, start, end - start)
            after = bytearray(_edit_moov(before, comment.encode()))
            grown = len(after) - len(before)

            def shift(offset: int) -> int:
                if start <= offset < end or offset >= size_bytes:
                    raise _unsupported("its index has an offset that is not in the media data")
                return offset + grown if offset >= end else offset

            _shift_offsets(after, shift)
    except (OSError, ValueError, struct.error) as error:
        raise DownloadError(f"The video file cannot be given a comment ({type(error).__name__}).") from error
    return EditedMp4(path, start, end, bytes(after))


def read_comment(path: Path) -> str | None:
    """Return the comment (the tag `©cmt`) of the mp4 at `path`, or None. Raises DownloadError if it is not an mp4."""
    try:
        with path.open("rb") as file:
            size_bytes = path.stat().st_size
            _check_signature(file.read(512), size_bytes)
            moov, _ = _find_moov_and_mdat(file, size_bytes)
            meta = _find_child(file, moov, b"udta", b"meta")
            tags = _Box(b"meta", meta.start + 4, meta.end) if meta else None  # after version and flags
            data = _find_child(file, tags, b"ilst", _COMMENT, b"data") if tags else None
            if data is None or not 8 <= data.end - data.start <= _COMMENT_MAX_BYTES:
                return None
            return _read(file, data.start, data.end - data.start)[8:].decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DownloadError(f"The video file cannot be read ({reason}). Check its path and permissions.") from error


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


# -- setting the comment ---------------------------------------------------------------------------------------------


def _unsupported(reason: str) -> DownloadError:
    return DownloadError(f"The video file cannot be given a comment: {reason}.")


def _read_chunks(file: BinaryIO, end: int | None) -> Iterator[bytes]:
    """Yield the bytes from the current position to `end` (None: of the file)."""
    while chunk := file.read(_CHUNK_BYTES if end is None else min(_CHUNK_BYTES, end - file.tell())):
        yield chunk


def _find_editable_moov(file: BinaryIO, size_bytes: int) -> tuple[int, int]:
    """Return where the index starts (with its header) and ends."""
    _check_signature(file.read(512), size_bytes)
    _find_moov_and_mdat(file, size_bytes)  # every box is complete
    start, found = 0, []
    for box in _boxes(file, 0, size_bytes, kinds=_TOP_BOXES):
        if box.kind in _UNSUPPORTED_BOXES:
            raise _unsupported("it is fragmented, or has data outside its index")
        if box.kind == b"moov":
            found.append((start, box.end))
        start = box.end
    if len(found) != 1 or found[0][1] - found[0][0] > _MOOV_MAX_BYTES:
        raise _unsupported("it has several indexes, or a very large one")
    return found[0]


_Part = tuple[bytes, bytes]  # the type and the contents of a box


def _edit_moov(moov: bytes, comment: bytes) -> bytes:
    """Return an index with this comment among its tags; everything else in it is kept."""
    if any(kind in moov for kind in _UNSUPPORTED_IN_MOOV):
        raise _unsupported("its index is compressed, encrypted or for fragments")
    ((_, contents),) = _split(moov)
    parts = _split(contents)
    user_data = _split(_only(parts, b"udta") or b"")
    meta = _only(user_data, b"meta")
    metadata: list[_Part] = [(b"hdlr", _TAGS_HANDLER)]
    if meta is not None:
        metadata = _split(meta[4:])  # after version and flags
        if (_only(metadata, b"hdlr") or b"")[8:12] != b"mdir":
            raise _unsupported("its metadata is not a list of tags")
    tags = [part for part in _split(_only(metadata, b"ilst") or b"") if part[0] != _COMMENT]
    tags.append((_COMMENT, _joined([(b"data", struct.pack(">II", 1, 0) + comment)])))  # type 1: UTF-8
    metadata = _with(metadata, b"ilst", _joined(tags))
    user_data = _with(user_data, b"meta", bytes(4) + _joined(metadata))
    return _joined([(b"moov", _joined(_with(parts, b"udta", _joined(user_data))))])


def _split(data: bytes) -> list[_Part]:
    """Return the boxes in `data`; fewer than 8 bytes after the last one are dropped, as in `_boxes`."""
    found = list(_boxes(io.BytesIO(data), 0, len(data)))
    if any(box.end > len(data) for box in found):
        raise _unsupported("its index is damaged")
    return [(box.kind, data[box.start : box.end]) for box in found]


def _joined(parts: list[_Part]) -> bytes:
    return b"".join(struct.pack(">I4s", 8 + len(contents), kind) + contents for kind, contents in parts)


def _only(parts: list[_Part], kind: bytes) -> bytes | None:
    """Return the contents of the only box of a kind, or None if there is none."""
    found = [contents for name, contents in parts if name == kind]
    if len(found) > 1:
        raise _unsupported(f"it has several boxes of the type {kind.decode()}")
    return found[0] if found else None


def _with(parts: list[_Part], kind: bytes, contents: bytes) -> list[_Part]:
    """Return the boxes with this one in the place of the one of its kind, or at the end."""
    if _only(parts, kind) is None:
        return [*parts, (kind, contents)]
    return [(name, contents if name == kind else kept) for name, kept in parts]


def _shift_offsets(moov: bytearray, shift: Callable[[int], int]) -> None:
    """Apply `shift` to the offset of every chunk of media data (the tables stco and co64)."""
    file = io.BytesIO(bytes(moov))
    tables = 0
    for trak in _boxes(file, 8, len(moov)):
        stbl = _find_child(file, trak, b"mdia", b"minf", b"stbl") if trak.kind == b"trak" else None
        for table in _boxes(file, stbl.start, stbl.end) if stbl else ():
            if table.kind in (b"stco", b"co64"):
                code = "I" if table.kind == b"stco" else "Q"
                (count,) = struct.unpack_from(">I", moov, table.start + 4)
                layout = struct.Struct(f">{count}{code}")
                if layout.size > table.end - table.start - 8:
                    raise _unsupported("its index is damaged")
                offsets = layout.unpack_from(moov, table.start + 8)
                layout.pack_into(moov, table.start + 8, *map(shift, offsets))  # struct.error above 4 GiB
                tables += 1
    if not tables:
        raise _unsupported("its index has no offsets")
