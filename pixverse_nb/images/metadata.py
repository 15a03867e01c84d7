"""Take the private parts out of a picture file without touching its pixels.

A phone writes the place, the time and the owner's camera into EXIF and XMP, and keeps small copies of the uncropped
picture beside it. None of that should leave the machine unasked, and none of it is needed to make a video. What
stays: the coded pixels, and what is needed to show them rightly (size, density, colour profile).
"""

import re
import struct
from collections.abc import Iterator
from typing import Final

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"}
)
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"})
_WEBP_PRIVATE_FLAGS: Final = 0x08 | 0x04  # EXIF and XMP, in the first byte of VP8X

_JPEG_SOS: Final = 0xDA
_JPEG_EOI: Final = 0xD9
_JPEG_MARKER: Final = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])", re.DOTALL)  # not stuffing, not a restart


def without_metadata(data: bytes, file_format: str) -> bytes | None:
    """Return the JPEG, PNG or WEBP file `data` without EXIF, XMP, comments and embedded previews.

    The coded pixels and the colour profile are kept byte for byte. None where the format is another one or the file
    is not built as its standard says: then it has to be encoded anew.
    """
    parts = {"JPEG": _jpeg_parts, "MPO": _jpeg_parts, "PNG": _png_parts, "WEBP": _webp_parts}.get(file_format)
    if parts is None:
        return None
    try:
        return b"".join(parts(data))
    except (ValueError, IndexError, struct.error):
        return None


def _jpeg_parts(data: bytes) -> Iterator[bytes]:
    """Yield the segments to keep, from SOI to the first EOI; what follows (MPO, gain maps) is left out."""
    if data[:2] != b"\xff\xd8":
        raise ValueError("no SOI")
    yield data[:2]
    at = 2
    while True:
        found = _JPEG_MARKER.match(data, at)
        if found is None:
            raise ValueError("no marker where one must be")
        marker, body = found[1][0], found.end()
        if marker == _JPEG_EOI:
            yield b"\xff\xd9"
            return
        (length,) = struct.unpack_from(">H", data, body)
        end = body + length
        if length < 2 or end > len(data):
            raise ValueError("a segment runs past the end")
        if _is_kept_in_jpeg(marker, data[body + 2 : body + 16]):
            yield b"\xff" + data[body - 1 : end]
        if marker == _JPEG_SOS:
            scan_end = _JPEG_MARKER.search(data, end)
            if scan_end is None:
                raise ValueError("the scan has no end")
            yield data[end : scan_end.start()]
            end = scan_end.start()
        at = end


def _is_kept_in_jpeg(marker: int, start: bytes) -> bool:
    """Keep JFIF, the colour profile, Adobe's colour transform and all that codes pixels; no other APPn, no comment."""
    if marker == 0xE0:
        return start.startswith(b"JFIF\x00")
    if marker == 0xE2:
        return start.startswith(b"ICC_PROFILE\x00")
    if marker == 0xEE:
        return start.startswith(b"Adobe")
    return not (0xE0 <= marker <= 0xEF or marker == 0xFE)


def _png_parts(data: bytes) -> Iterator[bytes]:
    if not data.startswith(_PNG_MAGIC):
        raise ValueError("no PNG signature")
    yield _PNG_MAGIC
    at = len(_PNG_MAGIC)
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError("a chunk runs past the end")
        if kind in _PNG_KEPT:
            yield data[at:end]
        if kind == b"IEND":
            return
        at = end


def _webp_parts(data: bytes) -> Iterator[bytes]:
    magic, size, form = struct.unpack_from("<4sI4s", data)
    if magic != b"RIFF" or form != b"WEBP" or size + 8 > len(data):
        raise ValueError("no WebP container")
    chunks = list(_webp_chunks(data[: size + 8]))
    yield struct.pack("<4sI4s", b"RIFF", 4 + sum(map(len, chunks)), b"WEBP")
    yield from chunks


def _webp_chunks(data: bytes) -> Iterator[bytes]:
    at = 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        end = at + 8 + length + length % 2
        if end > len(data):
            raise ValueError("a chunk runs past the end")
        if kind == b"VP8X":
            yield data[at : at + 8] + bytes([data[at + 8] & ~_WEBP_PRIVATE_FLAGS]) + data[at + 9 : end]
        elif kind in _WEBP_KEPT:
            yield data[at:end]
        at = end
