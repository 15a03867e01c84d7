"""What an upload must be: bytes that are the picture their Content-Type says, and not too large."""

from typing import Final

import cv2
import numpy as np

from pixverse_nb.sandbox.orders import Refused

PICTURES: Final = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
OTHER_KINDS: Final = {"video/mp4": "mp4", "audio/mpeg": "mp3", "audio/wav": "wav"}
_SIGNATURES: Final = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
_ENDS: Final = {"image/png": b"IEND", "image/jpeg": b"\xff\xd9"}


def media_type(header: str | None) -> str:
    """Return the bare media type of a Content-Type header; Refused(400) where it is missing or not served."""
    kind = (header or "").partition(";")[0].strip().lower()
    if kind not in PICTURES and kind not in OTHER_KINDS:
        known = ", ".join((*PICTURES, *OTHER_KINDS))
        raise Refused(400, f"Content-Type {kind or 'is missing'}: send raw bytes with one of {known}")
    return kind


def check_picture(data: bytes, kind: str, *, side_max: int) -> None:
    """Return where `data` decodes as the picture type `kind` within `side_max` pixels a side, else Refused(400)."""
    if not data.startswith(_SIGNATURES[kind]) or (kind == "image/webp" and data[8:12] != b"WEBP"):
        raise Refused(400, f"The content is not {kind}")
    if _ENDS.get(kind, b"") not in data[-65536:]:
        raise Refused(400, f"The {kind} is cut off")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise Refused(400, f"The {kind} cannot be decoded")
    height, width = picture.shape[:2]
    if max(width, height) > side_max:
        raise Refused(400, f"Image is {width}x{height}: the longest side may have at most {side_max} pixels")


def gradient(seed: int) -> bytes:
    """Return a PNG of two soft colours that `seed` decides, for jobs without a picture."""
    draw = np.random.default_rng(seed)
    one, other = draw.integers(30, 226, (2, 3))
    across, down = np.meshgrid(np.linspace(0, 1, 640), np.linspace(0, 1, 640))
    mix = (across * draw.random() + down * draw.random())[..., None] / 2
    ok, png = cv2.imencode(".png", (one * (1 - mix) + other * mix).astype(np.uint8))
    if not ok:
        raise RuntimeError("OpenCV could not write a PNG")
    return bytes(png)
