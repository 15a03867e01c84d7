"""A picture that goes on beyond its edges with what the other picture shows there."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.flow import Matrix
from pixverse_nb.sandbox.picture import Pixels

__all__ = ["Margins", "continue_plane", "margins_of"]

_MOST = 0.75  # of the picture's side; beyond lies what no frame between two like pictures shows


@dataclass(frozen=True)
class Margins:
    """How far a picture is continued on each side, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def halved(self) -> "Margins":
        """The same for a plane of half the size."""
        return Margins(self.left // 2, self.top // 2, self.right // 2, self.bottom // 2)

    def matrix(self) -> Matrix:
        """From a place in the picture to the same place counted from the margins' corner."""
        return np.array([[1.0, 0, self.left], [0, 1.0, self.top], [0, 0, 1.0]])


def margins_of(width: int, height: int, other_to_this: Matrix) -> Margins:
    """The even margins that make room for what the other picture of the same size shows, laid upon this one."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ other_to_this.T

    def room(beyond: float, side: int) -> int:
        return 2 * math.ceil(min(max(beyond, 0), _MOST * side) / 2)

    return Margins(
        left=room(-corners[:, 0].min(), width),
        top=room(-corners[:, 1].min(), height),
        right=room(corners[:, 0].max() - width, width),
        bottom=room(corners[:, 1].max() - height, height),
    )


def continue_plane(plane: Pixels, other: Pixels, this_to_other: Matrix, margins: Margins) -> Pixels:
    """The plane with its margins: first its own mirror image, soon what the other plane shows at that place."""
    height, width = plane.shape[:2]
    m = margins
    if m == Margins(0, 0, 0, 0):
        return plane
    own = cv2.copyMakeBorder(plane, m.top, m.bottom, m.left, m.right, cv2.BORDER_REFLECT)
    place = this_to_other @ np.linalg.inv(m.matrix())
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (own.shape[1], own.shape[0])
    beyond = cv2.warpAffine(other, place[:2], size, flags=way, borderMode=cv2.BORDER_REFLECT)
    across, down = _outside(m.left, width, m.right), _outside(m.top, height, m.bottom)
    share = np.minimum(np.maximum(across[None, :], down[:, None]) / np.float32(0.03 * min(width, height)), 1)
    return np.asarray(cv2.blendLinear(own, beyond, 1 - share, share), np.uint8)


def _outside(before: int, length: int, behind: int) -> NDArray[np.float32]:
    """How far each place of a side with its margins lies beyond the picture."""
    place = np.arange(-before, length + behind, dtype=np.float32)
    return np.maximum(np.maximum(-place, place - (length - 1)), 0)
