"""How two pictures belong together: one camera move for the whole frame, and what moves besides, place by place."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.picture import Pixels

__all__ = ["Field", "Matrix", "Move", "find_flow", "find_move"]

Field = NDArray[np.float32]
"""Height × width × 2: a distance or a place, across and down, for each place."""
Matrix = NDArray[np.float64]
"""3 × 3, for places written as (across, down, 1)."""

_LEAST_MATCHES = 12
_NO_MAP: Any = None  # OpenCV takes None for a second map; its type stubs do not


@dataclass(frozen=True)
class Move:
    """A camera move: it takes each point z of the plane, across + i·down, to turn·z + shift."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    def part(self, share: float) -> "Move":
        """That share of the move, at an even pace: `part(0.5)` done twice is the whole, `part(-1)` undoes it."""
        turn = self.turn**share
        if abs(self.turn - 1) < 1e-9:
            return Move(turn, self.shift * share)
        return Move(turn, self.shift * (turn - 1) / (self.turn - 1))

    def after(self, earlier: "Move") -> "Move":
        """The move that does `earlier` and then this one."""
        return Move(self.turn * earlier.turn, self.turn * earlier.shift + self.shift)

    def matrix(self) -> Matrix:
        """The same move as a matrix."""
        a, b = self.turn.real, self.turn.imag
        return np.array([[a, -b, self.shift.real], [b, a, self.shift.imag], [0, 0, 1]])


def find_move(first: Pixels, last: Pixels) -> Move | None:
    """The camera move that carries the first grey picture onto the last, or None where they show different things."""
    sift = cv2.SIFT.create(nfeatures=500)
    points, marks = zip(*(sift.detectAndCompute(each, _everywhere(each)) for each in (first, last)), strict=True)
    if any(each is None or len(each) < _LEAST_MATCHES for each in marks):
        return None
    pairs = [
        near
        for near, *next_near in cv2.BFMatcher().knnMatch(marks[0], marks[1], k=2)
        if next_near and near.distance < 0.75 * next_near[0].distance
    ]
    if len(pairs) < _LEAST_MATCHES:
        return None
    found: Any
    found, held = cv2.estimateAffinePartial2D(
        np.array([points[0][pair.queryIdx].pt for pair in pairs]),
        np.array([points[1][pair.trainIdx].pt for pair in pairs]),
        ransacReprojThreshold=1.5,
    )
    if found is None or held.sum() < max(_LEAST_MATCHES, 0.4 * len(pairs)):
        return None
    move = Move(complex(found[0, 0], found[1, 0]), complex(found[0, 2], found[1, 2]))
    return move if 0.25 < abs(move.turn) < 4 else None


def find_flow(first: Pixels, last: Pixels, *, calm_px: float) -> tuple[Field, Field]:
    """Where each place of a grey picture went to in the other, both ways, in pixels.

    Where the two ways disagree, a place follows its trustworthy neighbours within about `calm_px`.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    nothing = np.zeros((*first.shape, 2), np.float32)
    there = np.asarray(dis.calc(first, last, nothing.copy()), np.float32)
    back = np.asarray(dis.calc(last, first, nothing.copy()), np.float32)
    return _calmed(there, back, calm_px), _calmed(back, there, calm_px)


def _everywhere(picture: Pixels) -> Pixels:
    return np.full(picture.shape, 255, np.uint8)


def _calmed(flow: Field, other: Field, calm_px: float) -> Field:
    height, width = flow.shape[:2]
    places = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    aim = (places + flow).astype(np.float32)
    returned = cv2.remap(other, aim, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    trust = np.exp(-np.sum((flow + returned) ** 2, axis=2) / 4)[..., None].astype(np.float32)
    wide = cv2.GaussianBlur(flow * trust, (0, 0), calm_px) / (
        cv2.GaussianBlur(trust, (0, 0), calm_px)[..., None] + 0.05
    )
    near = cv2.GaussianBlur(trust, (0, 0), calm_px / 4)[..., None]
    return np.asarray(near * cv2.GaussianBlur(flow, (0, 0), calm_px / 8) + (1 - near) * wide, np.float32)
