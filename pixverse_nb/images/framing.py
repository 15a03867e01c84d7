"""Which part of a picture goes up, and how large: pure geometry in upright pixels."""

import math
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from pixverse_nb.domain.requests import ASPECT_RATIOS, AspectRatio

Fit = Literal["cover", "contain"]
FITS: Final[tuple[str, ...]] = get_args(Fit)
LONGEST_PX: Final = 2048  # PixVerse does not support pictures above about 2048 px a side
GOOD_SIDE_PX: Final = 640  # below this a video looks coarse


@dataclass(frozen=True)
class Framing:
    """What is done to a picture: keep `box` of it, scale that to `inner`, and centre it on a `canvas`.

    `box` is (left, top, right, bottom); `inner` and `canvas` are (width, height). All in whole pixels. The notices
    say in words what a person would want to know; `caution` is the one that makes the video worse.
    """

    box: tuple[int, int, int, int]
    inner: tuple[int, int]
    canvas: tuple[int, int]
    notices: tuple[str, ...] = ()
    caution: str = ""

    @property
    def changes_nothing(self) -> bool:
        """True where the picture goes up pixel for pixel."""
        return self.box == (0, 0, *self.inner) and self.inner == self.canvas


def nearest_ratio(width: int, height: int) -> AspectRatio:
    """Return the vendor's aspect ratio nearest to width:height, compared as ratios (2:1 is as far as 1:2)."""
    wanted = math.log(width / height)
    return cast("AspectRatio", min(ASPECT_RATIOS, key=lambda ratio: abs(math.log(_quotient(ratio)) - wanted)))


def framing_for(width: int, height: int, *, aspect_ratio: str, fit: str | None) -> Framing:
    """Return how a picture of width × height is brought to `aspect_ratio` and to at most 2048 px a side.

    "cover" cuts evenly from both sides, "contain" adds bars, None leaves the shape alone. A picture whose shape is
    right within one pixel is neither cut nor padded.
    """
    kept, canvas = (width, height), (width, height)
    notices = []
    caution = ""
    if fit == "cover":
        kept = canvas = _largest_inside(width, height, _quotient(aspect_ratio))
        if kept != (width, height):
            notices.append(f"cut from {width}×{height} to {kept[0]}×{kept[1]}, which is {aspect_ratio}")
        if max(kept) < min(GOOD_SIDE_PX, max(width, height)):
            caution = f"only {kept[0]}×{kept[1]} pixels of it are sent; {GOOD_SIDE_PX} or more a side make a good video"
            notices.append(caution)
    elif fit == "contain":
        canvas = _smallest_around(width, height, _quotient(aspect_ratio))
        if canvas != (width, height):
            notices.append(f"black bars added to the {width}×{height} picture to make it {aspect_ratio}")
    scale = min(1.0, LONGEST_PX / max(canvas))
    inner, final = _scaled(kept, scale), _scaled(canvas, scale)
    if scale < 1:
        notices.append(f"scaled down from {canvas[0]}×{canvas[1]} to {final[0]}×{final[1]}")
    left, top = (width - kept[0]) // 2, (height - kept[1]) // 2
    return Framing((left, top, left + kept[0], top + kept[1]), inner, final, tuple(notices), caution)


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
