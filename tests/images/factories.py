"""Builds test images: simple scenes, and files with what phones, cameras and programs write into them."""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageDraw

from pixverse_nb.images import Frame, ImagePreparer

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"


def prepare(
    source: object, *, role: str = "first", aspect_ratio: str | None = None, fit: str | None = "cover"
) -> Frame:
    """Return `source` as a Frame, without a cache."""
    return ImagePreparer(frames=0).prepare(source, role=role, aspect_ratio=aspect_ratio, fit=fit)


def prepare_pair(
    first: object, last: object, *, aspect_ratio: str | None = None, fit: str | None = "cover"
) -> tuple[Frame, Frame]:
    """Return both images as frames in one ratio, without a cache."""
    frames = ImagePreparer(frames=0).prepare_all({"first": first, "last": last}, aspect_ratio=aspect_ratio, fit=fit)
    return frames["first"], frames["last"]


def kinds(frame: Frame) -> list[str]:
    """Return the kinds of a frame's notices."""
    return [notice.kind for notice in frame.notices]


def scene(width: int = 320, height: int = 180, mode: str = "RGB") -> Image.Image:
    """Return a grey ramp with four different corners: red, green, blue and white."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    draw = ImageDraw.Draw(image)
    across, down = width // 4, height // 4
    draw.rectangle((0, 0, across, down), "#ff0000")
    draw.rectangle((width - across, 0, width, down), "#00ff00")
    draw.rectangle((0, height - down, across, height), "#0000ff")
    draw.rectangle((width - across, height - down, width, height), "#ffffff")
    return image.convert(mode)


def encoded(image: Image.Image, file_format: str, **options: Any) -> bytes:
    """Return `image` as a file of Pillow's `file_format`."""
    sink = io.BytesIO()
    image.save(sink, file_format, **options)
    return sink.getvalue()


def phone_jpeg(width: int = 320, height: int = 180, *, orientation: int = 1) -> bytes:
    """Return a JPEG with a phone's EXIF data: orientation, maker, GPS position."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRET-MAKER"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 59.0), 29: "2024:SECRET"})
    return encoded(scene(width, height), "JPEG", quality=92, exif=exif, comment=b"SECRET-COMMENT")


def decoded(data: bytes) -> Image.Image:
    """Return the loaded pixels of a file."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, depth: int, colour: int, raw: bytes) -> bytes:
    """Return a PNG built by hand; `raw` holds the rows, each with its filter byte."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = (png_chunk(b"IHDR", head), png_chunk(b"IDAT", zlib.compress(raw)), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def tiff_of(  # noqa: PLR0913 - one for each TIFF tag
    width: int,
    height: int,
    pixels: bytes,
    *,
    bits: int = 8,
    channels: int = 1,
    sample_format: int = 1,
    photometric: int | None = None,
    planar: int = 1,
    more: Mapping[int, int] = {},
) -> bytes:
    """Return an uncompressed little-endian TIFF built by hand, for kinds that Pillow cannot write.

    `sample_format` is 1 (unsigned), 2 (signed) or 3 (float); `planar=2` stores one channel after the other; `more` adds
    tags with one LONG value.
    """
    strips = channels if planar == 2 else 1
    size = len(pixels) // strips
    tags: dict[int, tuple[str, list[int]]] = {
        256: ("I", [width]),
        257: ("I", [height]),
        258: ("H", [bits] * channels),
        259: ("H", [1]),
        262: ("H", [(2 if channels == 3 else 1) if photometric is None else photometric]),
        273: ("I", [8 + size * strip for strip in range(strips)]),
        277: ("H", [channels]),
        278: ("I", [height]),
        279: ("I", [size] * strips),
        284: ("H", [planar]),
        339: ("H", [sample_format] * channels),
        **{tag: ("I", [value]) for tag, value in more.items()},
    }
    directory = 8 + len(pixels)
    extra_start = directory + 2 + 12 * len(tags) + 4
    entries, extra = b"", b""
    for tag, (code, values) in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}{code}", *values)
        if len(packed) > 4:
            place, extra = struct.pack("<I", extra_start + len(extra)), extra + packed
        else:
            place = packed.ljust(4, b"\0")
        entries += struct.pack("<HHI", tag, {"H": 3, "I": 4}[code], len(values)) + place
    return b"II*\0" + struct.pack("<I", directory) + pixels + struct.pack("<H", len(tags)) + entries + bytes(4) + extra


def srgb_profile() -> bytes:
    """Return littleCMS's own sRGB profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def adobe_rgb_profile() -> bytes:
    """Return the profile of the sample image rocket.png."""
    with Image.open(PICTURES / "rocket.png") as image:
        profile = image.info["icc_profile"]
    assert isinstance(profile, bytes)
    return profile


def display_p3_profile() -> bytes:
    """Return the sRGB profile with the primaries of Display P3, the colours of today's phones."""
    profile = bytearray(srgb_profile())
    colorants = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name in colorants:
            struct.pack_into(">3i", profile, offset + 8, *(round(value * 65536) for value in colorants[name]))
    return bytes(profile)
