"""The frames between two pictures: both bent towards a common moment, and blended."""

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.flow import Flow, Move, find_flow, find_move
from pixverse_nb.sandbox.path import Pose
from pixverse_nb.sandbox.picture import Picture

__all__ = ["Between"]

_LONGEST_PX = 320
_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP


class Between:
    """Two pictures that know how they belong together, and make any frame between them.

    One object serves one thread: it keeps its buffers from frame to frame.
    """

    def __init__(self, first: Picture, last: Picture) -> None:
        self._first, self._last = first, last
        self._height, self._width = first.y.shape
        scale = min(1.0, _LONGEST_PX / max(first.y.shape))
        small = (max(8, round(self._width * scale)), max(8, round(self._height * scale)))
        a, b = (cv2.resize(each.y, small, interpolation=cv2.INTER_AREA) for each in (first, last))
        self._scale = np.array([self._width / small[0], self._height / small[1]], np.float32)
        self._small = small
        self._move = find_move(a, b)
        middle_a = cv2.warpAffine(
            a, self._move.part(-0.5).matrix(), small, flags=_INVERSE, borderMode=cv2.BORDER_REFLECT
        )
        middle_b = cv2.warpAffine(
            b, self._move.part(0.5).matrix(), small, flags=_INVERSE, borderMode=cv2.BORDER_REFLECT
        )
        self._there, self._back = find_flow(middle_a, middle_b)
        x, y = np.meshgrid(np.arange(-1, small[0] + 1), np.arange(-1, small[1] + 1))
        self._grid = np.dstack([x, y]).astype(np.float32)
        self._buffers: dict[str, Picture] = {
            name: Picture(np.empty_like(first.y), np.empty_like(first.uv)) for name in ("first", "last")
        }

    def draw(self, pose: Pose, frame: Picture) -> None:
        """Draw the moment into `frame`."""
        if pose.progress in (0.0, 1.0) and pose.turn == 1 and pose.shift == 0:
            source = self._last if pose.progress else self._first
            np.copyto(frame.y, source.y)
            np.copyto(frame.uv, source.uv)
            return
        share = pose.progress
        camera = self._camera(pose)
        to_middle = self._move.part(0.5 - share).after(camera)
        a = self._bent(self._first, "first", self._back, share, to_middle, self._move.part(-0.5))
        b = self._bent(self._last, "last", self._there, 1 - share, to_middle, self._move.part(0.5))
        cv2.addWeighted(a.y, 1 - share, b.y, share, 0, dst=frame.y)
        cv2.addWeighted(a.uv, 1 - share, b.uv, share, 0, dst=frame.uv)

    def _camera(self, pose: Pose) -> Move:
        centre = complex(self._small[0] - 1, self._small[1] - 1) / 2
        return Move(pose.turn, centre - pose.turn * centre + pose.shift * min(self._small))

    def _bent(self, picture: Picture, name: str, flow: Flow, share: float, to_middle: Move, onward: Move) -> Picture:
        places = cv2.transform(self._grid, to_middle.matrix())
        step = cv2.remap(flow, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        places = cv2.transform(places + share * step, onward.matrix())
        buffer = self._buffers[name]
        self._sample(picture.y, places, self._scale, buffer.y)
        self._sample(picture.uv, places, self._scale / 2, buffer.uv)
        return buffer

    def _sample(
        self, plane: NDArray[np.uint8], places: Flow, scale: NDArray[np.float32], out: NDArray[np.uint8]
    ) -> None:
        height, width = plane.shape[:2]
        # One more place on each side, cut off after the enlarging: there a resize would repeat the last place.
        edge_x, edge_y = round(float(scale[0])), round(float(scale[1]))
        fine = (places + 0.5) * scale - 0.5
        fine = cv2.resize(fine, (width + 2 * edge_x, height + 2 * edge_y), interpolation=cv2.INTER_LINEAR)
        fine = fine[edge_y : edge_y + height, edge_x : edge_x + width]
        cv2.remap(plane, fine, None, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REFLECT)
