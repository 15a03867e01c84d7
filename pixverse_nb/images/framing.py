"""Geometry of cropping, padding and scaling, in upright pixels. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from pixverse_nb.domain.catalogue import ALL_ASPECT_RATIOS, ASPECT_RATIOS
from pixverse_nb.domain.notices import Notice

Fit = Literal["cover", "contain"]
FITS: Final[tuple[str, ...]] = get_args(Fit)
LONGEST_PX: Final = 2048  # PixVerse does not support images above about 2048 px a side
GOOD_SIDE_PX: Final = 640  # below this a video looks coarse


@dataclass(frozen=True)
class Framing:
    """How to frame an image: crop it to `box`, scale that to `inner`, and centre it on a `canvas`.

    `box` is (left, top, right, bottom); `inner` and `canvas` are (width, height); all in whole pixels. The
    notice "small_after_crop" warns that the video may look coarse.
    """

    box: tuple[int, int, int, int]
    inner: tuple[int, int]
    canvas: tuple[int, int]
    notices: tuple[Notice, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """True if every pixel is sent as it is."""
        return self.box == (0, 0, *self.inner) and self.inner == self.canvas


def validate_framing(*, aspect_ratio: object, fit: object, ratios: Sequence[str] = ()) -> dict[str, str]:
    """Return what is wrong with the two fields and how to fix it, by field name; {} if both are valid.

    `ratios` are those of the model, which may have others than the catalogue.
    """
    wrong = {}
    known = tuple(dict.fromkeys((*ALL_ASPECT_RATIOS, *ratios)))
    if aspect_ratio is not None and not (isinstance(aspect_ratio, str) and aspect_ratio in known):
        wrong["aspect_ratio"] = f"must be one of {', '.join(known)}, or None for the first picture's own"
    if fit is not None and not (isinstance(fit, str) and fit in FITS):
        wrong["fit"] = 'must be "cover" (crop to the ratio), "contain" (add bars) or None (keep the shape)'
    return wrong


def nearest_ratio(width: int, height: int, *, among: Sequence[str] = ASPECT_RATIOS) -> str:
    """Return the aspect ratio nearest to width:height, compared as ratios (2:1 is as far as 1:2)."""
    wanted = math.log(width / height)
    return min(among, key=lambda ratio: abs(math.log(_quotient(ratio)) - wanted))


def framing_for(width: int, height: int, *, aspect_ratio: str, fit: str | None) -> Framing:
    """Return how to bring an image of width × height to `aspect_ratio` and to at most 2048 px a side.

    "cover" crops evenly from both sides, "contain" adds bars, None keeps the shape. An image whose shape is right
    within one pixel is neither cropped nor padded.
    """
    kept, canvas = (width, height), (width, height)
    notices = []
    if fit == "cover":
        kept = canvas = _largest_inside(width, height, _quotient(aspect_ratio))
        if kept != (width, height):
            notices.append(_resized("cropped", (width, height), kept, aspect_ratio=aspect_ratio))
        if max(kept) < min(GOOD_SIDE_PX, max(width, height)):
            notices.append(Notice("small_after_crop", {"width": kept[0], "height": kept[1], "good_px": GOOD_SIDE_PX}))
    elif fit == "contain":
        canvas = _smallest_around(width, height, _quotient(aspect_ratio))
        if canvas != (width, height):
            notices.append(_resized("padded", (width, height), canvas, aspect_ratio=aspect_ratio))
    scale = min(1.0, LONGEST_PX / max(canvas))
    inner, final = _scaled(kept, scale), _scaled(canvas, scale)
    if scale < 1:
        notices.append(_resized("scaled_down", canvas, final))
    left, top = (width - kept[0]) // 2, (height - kept[1]) // 2
    return Framing((left, top, left + kept[0], top + kept[1]), inner, final, tuple(notices))


def _resized(kind: str, before: tuple[int, int], after: tuple[int, int], **more: str) -> Notice:
    sizes = {"width": before[0], "height": before[1], "new_width": after[0], "new_height": after[1]}
    return Notice(kind, {**sizes, **more})


def _quotient(ratio: str) -> float:
    across, down = ratio.split(":")
    return int(across) / int(down)


def _largest_inside(width: int, height: int, quotient: float) -> tuple[int, int]:
    across, down = min(width, round(height * quotient)), min(height, round(width / quotient))
    return (width, height) if max(width - across, height - down) <= 1 else (max(1, across), max(1, down))


def _smallest_around(width: int, height: int, quotient: float) -> tuple[int, int]:
    across, down = max(width, round(height * quotient)), max(height, round(width / quotient))
    return (width, height) if _largest_inside(width, height, quotient) == (width, height) else (across, down)


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
