"""A picture as a film needs it: cropped to the film's shape, in the two planes that H.264 works on."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["FilmError", "Picture", "read_picture", "to_planes"]

Pixels = NDArray[np.uint8]

# BT.709, limited range, for blue, green, red in 0…255: ITU-R BT.709-6, section 3.
_LUMA = np.array([0.0722, 0.7152, 0.2126])
_TO_Y = np.append(_LUMA * 219 / 255, 16.0)
_TO_CB = np.append((np.array([1, 0, 0]) - _LUMA) / 1.8556 * 224 / 255, 128.0)
_TO_CR = np.append((np.array([0, 0, 1]) - _LUMA) / 1.5748 * 224 / 255, 128.0)
# A chroma sample of H.264 lies on the left one of its two pixels, and between its two rows.
_CHROMA_ACROSS = np.array([0.25, 0.5, 0.25])


class FilmError(Exception):
    """No film can be made of what was given; the sentence says why."""


@dataclass(frozen=True)
class Picture:
    """One picture as NV12: the brightness of every pixel, the colour of every second one in both directions."""

    y: Pixels
    """Height × width."""
    uv: Pixels
    """Half the height × half the width × 2."""


def read_picture(encoded: bytes, *, width: int, height: int, which: str) -> Picture:
    """Decode a PNG, JPEG, WebP or GIF and cut its middle to the shape, scaled to `width` × `height` pixels.

    `which` names the picture in the sentence of the FilmError that is raised for bytes that are no such picture.
    """
    return to_planes(_fill(_decode(encoded, which), width, height))


def to_planes(bgr: Pixels) -> Picture:
    """Convert blue, green, red (even sides) to NV12 by BT.709, limited range."""
    y = np.asarray(cv2.transform(bgr, _TO_Y[None, :]), np.uint8)
    rows = cv2.resize(bgr, (bgr.shape[1], bgr.shape[0] // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    colour = cv2.transform(rows, np.stack([_TO_CB, _TO_CR]))
    colour = cv2.filter2D(colour, -1, _CHROMA_ACROSS[None, :], borderType=cv2.BORDER_REPLICATE)[:, ::2]
    return Picture(y=y, uv=np.clip(np.rint(colour), 16, 240).astype(np.uint8))


def _decode(encoded: bytes, which: str) -> Pixels:
    pixels = _read(encoded, cv2.IMREAD_COLOR)
    if pixels is None:
        given = f"its {len(encoded)} bytes are no whole PNG, JPEG, WebP or GIF"
        raise FilmError(f"The {which} picture cannot be decoded: {given}.")
    # The upright reading above drops transparency; a JPEG has none and is not decoded twice.
    full = None if encoded.startswith(b"\xff\xd8") else _read(encoded, cv2.IMREAD_UNCHANGED)
    if full is None or full.ndim != 3 or full.shape[2] != 4 or full.dtype != np.uint8:
        return pixels.astype(np.uint8, copy=False)
    alpha = full[..., 3:].astype(np.float32) / 255
    return np.rint(full[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _read(encoded: bytes, flags: int) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error:  # nothing at all, or larger than OpenCV is willing to read
        return None


def _fill(pixels: Pixels, width: int, height: int) -> Pixels:
    given_height, given_width = pixels.shape[:2]
    scale = max(width / given_width, height / given_height)
    keep_width = min(given_width, max(1, round(width / scale)))
    keep_height = min(given_height, max(1, round(height / scale)))
    left, top = (given_width - keep_width) // 2, (given_height - keep_height) // 2
    cut = pixels[top : top + keep_height, left : left + keep_width]
    if (keep_width, keep_height) == (width, height):
        return cut
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(cut, (width, height), interpolation=way).astype(np.uint8, copy=False)
