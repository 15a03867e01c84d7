"""Bring a picture's colours to sRGB, which is what a video model takes every picture for."""

import importlib
import io
import re
from typing import Any, Final

from PIL import Image, ImageChops, features

from pixverse_nb.domain.notices import Notice

_LATTICE: Final = bytes(
    level
    for red in range(0, 256, 51)
    for green in range(0, 256, 51)
    for blue in range(0, 256, 51)
    for level in (red, green, blue)
)
_INVISIBLE: Final = 3  # levels of 255
_MACHINE_NAME: Final = re.compile(r"[0-9A-Fa-f]{12}")  # Chromium's: "Google/Skia/C9C8092730B14C7EA74093A63312E737"


def is_plain_srgb(mode: str, icc: bytes | None) -> bool:
    """Tell whether 8-bit RGB pixels with the ICC profile `icc` can be shown as sRGB as they are."""
    if mode != "RGB":
        return False
    transform = _transform(mode, icc)
    return transform is None or _is_identity(transform)


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Return `image` (L, RGB or CMYK) as 8-bit sRGB, and the notices of what was changed.

    A profile that cannot be read, or is made for other pixels than these, is left aside.
    """
    transform = _transform(image.mode, icc)
    if transform is None:
        notices = (Notice("converted_from_cmyk"),) if image.mode == "CMYK" else ()
        return image.convert("RGB"), notices
    if image.mode == "RGB" and _is_identity(transform):
        return image, ()
    converted = transform.apply(image)
    if image.mode == "RGB" and _most_moved(image, converted) <= _INVISIBLE:
        return converted, ()
    return converted, (Notice("colours_converted", {"profile": _profile_name(icc)}),)


def _transform(mode: str, icc: bytes | None) -> Any:
    """Return littleCMS's transform from `icc` to sRGB, or None where there is nothing to transform."""
    if not icc or not features.check("littlecms2"):
        return None
    cms: Any = importlib.import_module("PIL.ImageCms")  # a quarter of a second, and most pictures have no profile
    try:
        profile = cms.ImageCmsProfile(io.BytesIO(icc))
        return cms.buildTransform(profile, cms.createProfile("sRGB"), mode, "RGB")
    except (cms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_identity(transform: Any) -> bool:
    """Tell whether no colour of a 6 × 6 × 6 lattice is visibly moved: profiles named otherwise are often sRGB."""
    lattice = Image.frombytes("RGB", (36, 6), _LATTICE)
    return _most_moved(lattice, transform.apply(lattice)) <= _INVISIBLE


def _most_moved(before: Image.Image, after: Image.Image) -> int:
    """Return by how many levels of 255 the colour that differs most does so in any channel."""
    bands = ImageChops.difference(before, after).split()
    return max(int(band.getextrema()[1]) for band in bands)  # type: ignore[arg-type]  # one band has a number


def _profile_name(icc: bytes | None) -> str:
    cms: Any = importlib.import_module("PIL.ImageCms")
    try:
        name = cms.getProfileDescription(cms.ImageCmsProfile(io.BytesIO(icc or b""))).strip()
    except (cms.PyCMSError, OSError, ValueError, TypeError):
        name = ""
    is_name = bool(name) and name.isprintable() and not _MACHINE_NAME.search(name)
    return name[:60] if is_name else "the picture's own colour profile"
