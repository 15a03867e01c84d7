"""The small mark in the lower right corner that tells a sandbox film from a real one."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.picture import Picture, Pixels, to_planes

__all__ = ["Box", "Label", "label_box"]

_SHARPER = 8  # drawn so many times larger, then averaged: even, smooth edges at every size
_DARK, _DARK_COVER, _WHITE_COVER = 18, 0.52, 0.94


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, all four numbers even."""

    left: int
    top: int
    width: int
    height: int


class Label:
    """A translucent dark pill with white letters, ready to be laid on any frame of one size."""

    def __init__(self, text: str, *, width: int, height: int) -> None:
        letters = _letters(text, height_px=_pill_height(width, height))
        self.box = _place(letters, width, height)
        colour, cover = _draw(letters, self.box)
        planes = to_planes(colour)
        small = cv2.resize(cover, (self.box.width // 2, self.box.height // 2), interpolation=cv2.INTER_AREA)[..., None]
        self._y_keep, self._y_add = 1 - cover, planes.y * cover
        self._uv_keep, self._uv_add = 1 - small, planes.uv * small

    def put_on(self, frame: Picture) -> None:
        """Lay the label on the frame, in place."""
        box = self.box
        y = frame.y[box.top : box.top + box.height, box.left : box.left + box.width]
        uv = frame.uv[box.top // 2 : (box.top + box.height) // 2, box.left // 2 : (box.left + box.width) // 2]
        y[...] = np.rint(y * self._y_keep + self._y_add)
        uv[...] = np.rint(uv * self._uv_keep + self._uv_add)


def label_box(text: str, *, width: int, height: int) -> Box:
    """The rectangle that the label covers on a film of `width` × `height` pixels."""
    return _place(_letters(text, height_px=_pill_height(width, height)), width, height)


def _pill_height(width: int, height: int) -> int:
    return max(14, round(min(width, height) * 0.044 / 2) * 2)


def _letters(text: str, *, height_px: int) -> NDArray[np.float32]:
    """The white cover, 0…1, of the text alone with the pill's padding around it, `_SHARPER` times larger."""
    pill = height_px * _SHARPER
    font, stroke = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(pill * 0.062))
    (_, tall), _ = cv2.getTextSize("H", font, 1.0, 1)
    size = pill * 0.40 / tall
    widths = [cv2.getTextSize(letter, font, size, stroke)[0][0] for letter in text]
    space = round(pill * 0.05)
    side = round(pill * 0.44)
    canvas = np.zeros((pill, 2 * side + sum(widths) + space * (len(text) - 1)), np.uint8)
    x, foot = side, round(pill * 0.70)
    for letter, wide in zip(text, widths, strict=True):
        cv2.putText(canvas, letter, (x, foot), font, size, 255, stroke, cv2.LINE_AA)
        x += wide + space
    return (canvas / 255).astype(np.float32)


def _place(letters: NDArray[np.float32], width: int, height: int) -> Box:
    def even(length: float) -> int:
        return round(length / 2) * 2

    margin = max(6, even(min(width, height) * 0.03))
    wide = min(even(letters.shape[1] / _SHARPER), width // 2 * 2 - 2 * margin)
    high = min(even(letters.shape[0] / _SHARPER), height // 2 * 2 - 2 * margin)
    return Box(width - margin - wide, height - margin - high, wide, high)


def _draw(letters: NDArray[np.float32], box: Box) -> tuple[Pixels, NDArray[np.float32]]:
    """The colour of the pill's pixels (BGR), and how much each covers of the film, 0…1."""
    high, wide = letters.shape
    pill = np.zeros((high, wide), np.uint8)
    r = high // 2
    cv2.rectangle(pill, (r, 0), (wide - r - 1, high - 1), 255, -1)
    cv2.circle(pill, (r, r), r, 255, -1, cv2.LINE_AA)
    cv2.circle(pill, (wide - r - 1, r), r, 255, -1, cv2.LINE_AA)
    white = letters * _WHITE_COVER
    dark = (1 - white) * (pill / 255) * _DARK_COVER
    size = (box.width, box.height)
    cover = cv2.resize(white + dark, size, interpolation=cv2.INTER_AREA)
    light = cv2.resize(white * 255 + dark * _DARK, size, interpolation=cv2.INTER_AREA)
    grey = np.clip(np.rint(light / np.maximum(cover, 1e-3)), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), cover.astype(np.float32)
