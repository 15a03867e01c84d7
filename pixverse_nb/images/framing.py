"""Which part of a picture goes up, and how large: pure geometry in upright pixels."""

import math
from dataclasses import dataclass
from typing import Final, Literal, get_args

from pixverse_nb.domain.catalogue import ASPECT_RATIOS
from pixverse_nb.domain.notices import Notice

Fit = Literal["cover", "contain"]
FITS: Final[tuple[str, ...]] = get_args(Fit)
LONGEST_PX: Final = 2048  # PixVerse does not support pictures above about 2048 px a side
GOOD_SIDE_PX: Final = 640  # below this a video looks coarse


@dataclass(frozen=True)
class Framing:
    """What is done to a picture: keep `box` of it, scale that to `inner`, and centre it on a `canvas`.

    `box` is (left, top, right, bottom); `inner` and `canvas` are (width, height). All in whole pixels. The notices
    are what a person would want to know.
    """

    box: tuple[int, int, int, int]
    inner: tuple[int, int]
    canvas: tuple[int, int]
    notices: tuple[Notice, ...] = ()

    @property
    def changes_nothing(self) -> bool:
        """True where the picture goes up pixel for pixel."""
        return self.box == (0, 0, *self.inner) and self.inner == self.canvas


def nearest_ratio(width: int, height: int) -> str:
    """Return the vendor's aspect ratio nearest to width:height, compared as ratios (2:1 is as far as 1:2)."""
    wanted = math.log(width / height)
    return min(ASPECT_RATIOS, key=lambda ratio: abs(math.log(_quotient(ratio)) - wanted))


def framing_for(width: int, height: int, *, aspect_ratio: str, fit: str | None) -> Framing:
    """Return how a picture of width × height is brought to `aspect_ratio` and to at most 2048 px a side.

    "cover" cuts evenly from both sides, "contain" adds bars, None leaves the shape alone. A picture whose shape is
    right within one pixel is neither cut nor padded.
    """
    kept, canvas = (width, height), (width, height)
    notices: list[Notice] = []
    if fit == "cover":
        kept = canvas = _largest_inside(width, height, _quotient(aspect_ratio))
        if kept != (width, height):
            notices.append(
                Notice(
                    "cropped",
                    {
                        "width": width,
                        "height": height,
                        "new_width": kept[0],
                        "new_height": kept[1],
                        "aspect_ratio": aspect_ratio,
                    },
                )
            )
        if max(kept) < min(GOOD_SIDE_PX, max(width, height)):
            notices.append(Notice("small_after_crop", {"width": kept[0], "height": kept[1], "good_px": GOOD_SIDE_PX}))
    elif fit == "contain":
        canvas = _smallest_around(width, height, _quotient(aspect_ratio))
        if canvas != (width, height):
            notices.append(Notice("padded", {"width": width, "height": height, "aspect_ratio": aspect_ratio}))
    scale = min(1.0, LONGEST_PX / max(canvas))
    inner, final = _scaled(kept, scale), _scaled(canvas, scale)
    if scale < 1:
        notices.append(
            Notice(
                "scaled_down",
                {"width": canvas[0], "height": canvas[1], "new_width": final[0], "new_height": final[1]},
            )
        )
    left, top = (width - kept[0]) // 2, (height - kept[1]) // 2
    return Framing((left, top, left + kept[0], top + kept[1]), inner, final, tuple(notices))


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
