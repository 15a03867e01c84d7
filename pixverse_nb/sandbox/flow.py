"""How two pictures belong together: one camera move for the whole frame, and what moves besides, place by place."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.picture import Pixels

__all__ = ["Move", "find_flow", "find_move"]

Flow = NDArray[np.float32]


@dataclass(frozen=True)
class Move:
    """A camera move as a map of the plane, z → turn·z + shift, in pixels of the frame as complex numbers."""

    turn: complex
    shift: complex

    def part(self, share: float) -> "Move":
        """That share of the move, at an even pace: `part(0.5)` done twice is the whole, `part(-1)` undoes it."""
        turn = self.turn**share
        if abs(self.turn - 1) < 1e-9:
            return Move(turn, self.shift * share)
        return Move(turn, self.shift * (turn - 1) / (self.turn - 1))

    def after(self, first: "Move") -> "Move":
        """The move that does `first` and then this one."""
        return Move(self.turn * first.turn, self.turn * first.shift + self.shift)

    def matrix(self) -> NDArray[np.float64]:
        """The same as the 2 × 3 matrix that OpenCV takes."""
        a, b = self.turn.real, self.turn.imag
        return np.array([[a, -b, self.shift.real], [b, a, self.shift.imag]])


STILL = Move(1 + 0j, 0j)


def find_move(first: Pixels, last: Pixels) -> Move:
    """The camera move that carries the first grey picture onto the last; none where they do not show the same thing."""
    sift = cv2.SIFT.create(nfeatures=500)
    points_a, marks_a = sift.detectAndCompute(first, None)
    points_b, marks_b = sift.detectAndCompute(last, None)
    if marks_a is None or marks_b is None or min(len(points_a), len(points_b)) < 12:
        return STILL
    pairs = [
        pair[0]
        for pair in cv2.BFMatcher().knnMatch(marks_a, marks_b, k=2)
        if len(pair) == 2 and pair[0].distance < 0.75 * pair[1].distance
    ]
    if len(pairs) < 12:
        return STILL
    found, inside = cv2.estimateAffinePartial2D(
        np.array([points_a[pair.queryIdx].pt for pair in pairs]),
        np.array([points_b[pair.trainIdx].pt for pair in pairs]),
        ransacReprojThreshold=1.5,
    )
    if found is None or inside.sum() < max(12, 0.4 * len(pairs)):
        return STILL
    move = Move(complex(found[0, 0], found[1, 0]), complex(found[0, 2], found[1, 2]))
    return move if 0.25 < abs(move.turn) < 4 else STILL


def find_flow(first: Pixels, last: Pixels) -> tuple[Flow, Flow]:
    """Where each place of a grey picture went to in the other, both ways, in pixels; calm where the two disagree."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    there, back = dis.calc(first, last, None), dis.calc(last, first, None)
    return _calm(there, back), _calm(back, there)


def _calm(flow: Flow, other: Flow) -> Flow:
    height, width = flow.shape[:2]
    places = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    returned = cv2.remap(other, places + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    miss = np.sum((flow + returned) ** 2, axis=2)
    trust = np.exp(-miss / 4.0).astype(np.float32)
    spread = width / 40
    weight = cv2.GaussianBlur(trust, (0, 0), spread)[..., None]
    smooth = cv2.GaussianBlur(flow * trust[..., None], (0, 0), spread) / (weight + 0.05)
    near = cv2.GaussianBlur(trust, (0, 0), 2.0)[..., None]
    calm: Flow = (near * cv2.GaussianBlur(flow, (0, 0), 1.0) + (1 - near) * smooth).astype(np.float32)
    return calm
