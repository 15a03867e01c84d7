"""Pictures made for the tests: photographs-like pixels, and files with what phones and programs put into them."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms, ImageDraw

from pixverse_nb.images import Frame, ImagePreparer

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"


def prepare(
    source: object, *, role: str = "first", aspect_ratio: str | None = None, fit: str | None = "cover"
) -> Frame:
    """Return `source` as a Frame from a darkroom that remembers nothing."""
    return ImagePreparer(frames=0).prepare(source, role=role, aspect_ratio=aspect_ratio, fit=fit)


def prepare_pair(
    first: object, last: object, *, aspect_ratio: str | None = None, fit: str | None = "cover"
) -> tuple[Frame, Frame]:
    """Return both pictures in one ratio from a darkroom that remembers nothing."""
    frames = ImagePreparer(frames=0).prepare_all({"first": first, "last": last}, aspect_ratio=aspect_ratio, fit=fit)
    return frames["first"], frames["last"]


def scene(width: int = 320, height: int = 180, mode: str = "RGB") -> Image.Image:
    """Return a picture whose four corners differ: red, green, blue and white, on a grey ramp."""
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
    """Return a JPEG with the EXIF of a phone: orientation, maker, and the place where it was taken."""
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


def png_of(width: int, height: int, depth: int, colour: int, raw: bytes) -> bytes:
    """Return a PNG built by hand; `raw` holds the rows, each with its filter byte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def srgb_profile() -> bytes:
    """Return littleCMS's own sRGB profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


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
