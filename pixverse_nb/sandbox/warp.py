"""The frames between two pictures: both bent towards a common moment, and blended."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.canvas import continue_plane, margins_of
from pixverse_nb.sandbox.flow import Field, Matrix, Move, find_flow, find_move
from pixverse_nb.sandbox.path import Pose
from pixverse_nb.sandbox.picture import Picture, Pixels

__all__ = ["Between"]

_LONGEST_PX = 320  # of the small grey pictures in which the motion is looked for
_CELL_PX = 8  # places are computed for every eighth pixel and interpolated: all bending is smooth
_SOFT = 0.8  # the width of the front behind which the last picture shows, in parts of the frame
_NO_MAP: Any = None  # OpenCV takes None for a second map; its type stubs do not

_UNSEEN = 1 / 1024  # a share of a picture that changes no pixel by more than a rounding

Floats = NDArray[np.float32]


class Between:
    """Two pictures that know how they belong together, and make any frame between them.

    Pictures of one scene are blended evenly while the camera moves from one to the other. Where they have nothing in
    common, the last one comes in behind a soft front from the direction `front`. One object serves one thread: it keeps
    its buffers from frame to frame.
    """

    def __init__(self, first: Picture, last: Picture, *, front: complex) -> None:
        height, width = first.y.shape
        scale = min(1.0, _LONGEST_PX / max(width, height))
        small = (max(16, round(width * scale)), max(16, round(height * scale)))
        grow = _growth(width / small[0], height / small[1])
        grey_a, grey_b = (_pixels(cv2.resize(each.y, small, interpolation=cv2.INTER_AREA)) for each in (first, last))
        move = find_move(grey_a, grey_b)
        self._small, self._move = small, move or Move()
        self._there, self._back = find_flow(
            _half_way(grey_a, grey_b, self._move),
            _half_way(grey_b, grey_a, self._move.part(-1)),
            calm_px=small[0] / (40 if move else 8),
        )
        halve = _inverse(_growth(2, 2))
        self._y = _Layer(first.y, last.y, move=self._move, grow=grow, cell=_CELL_PX)
        # OpenCV samples four channels in a third of the time it takes for two.
        four_a, four_b = (np.concatenate([each.uv, each.uv], axis=2) for each in (first, last))
        self._four = np.empty_like(four_a)
        self._uv = _Layer(four_a, four_b, move=self._move, grow=halve @ grow, cell=_CELL_PX // 2)
        x, y = np.meshgrid(_cells(width), _cells(height))
        self._cells = _moved(np.dstack([x, y]).astype(np.float32), _inverse(grow))
        self._arrival = None if move else _arrival(x / width, y / height, front)

    def draw(self, pose: Pose, frame: Picture) -> None:
        """Draw the moment into `frame`."""
        share = pose.progress
        middle = _moved(self._cells, self._move.part(0.5 - share).after(self._camera(pose)).matrix())
        places_a, places_b = _bent(middle, self._back, share), _bent(middle, self._there, 1 - share)
        weight = self._weight(share)
        self._y.draw(places_a, places_b, weight, out=frame.y)
        self._uv.draw(places_a, places_b, weight, out=self._four)
        cv2.mixChannels([self._four], [frame.uv], [0, 0, 1, 1])

    def _weight(self, share: float) -> Floats:
        """How much of the last picture shows: in each cell, or one number for all."""
        if self._arrival is None:
            # Two bent pictures are never quite the same: each is shown alone while it is the nearer one by far.
            return _smooth(np.array([[share * 2 - 0.5]]))
        return _smooth((share * (1 + _SOFT) - self._arrival) / _SOFT)

    def _camera(self, pose: Pose) -> Move:
        centre = complex(self._small[0] - 1, self._small[1] - 1) / 2
        return Move(pose.turn, centre - pose.turn * centre + pose.shift * min(self._small))


class _Layer:
    """The brightness or the colour of both pictures, continued beyond their edges.

    `move` leads from the first picture to the last in places of the small pictures, `grow` from those to the layer's.
    """

    def __init__(self, first: Pixels, last: Pixels, *, move: Move, grow: Matrix, cell: int) -> None:
        self._height, self._width = height, width = first.shape[:2]
        to_last = grow @ move.matrix() @ _inverse(grow)
        to_first = _inverse(to_last)
        margins_a, margins_b = margins_of(width, height, to_first), margins_of(width, height, to_last)
        self._first = continue_plane(first, last, to_last, margins_a)
        self._last = continue_plane(last, first, to_first, margins_b)
        self._to_first = margins_a.matrix() @ grow @ move.part(-0.5).matrix()
        self._to_last = margins_b.matrix() @ grow @ move.part(0.5).matrix()
        self._cell = cell
        self._drawn = np.empty_like(last)
        self._fine: dict[int, Floats] = {}

    def draw(self, places_a: Field, places_b: Field, weight: Floats, *, out: Pixels) -> None:
        """Draw what lies at the places; `weight` is the last picture's part of it, in each cell or everywhere."""
        if weight.max() < _UNSEEN:
            self._sample(self._first, _moved(places_a, self._to_first), out)
        elif weight.min() > 1 - _UNSEEN:
            self._sample(self._last, _moved(places_b, self._to_last), out)
        else:
            self._sample(self._first, _moved(places_a, self._to_first), out)
            self._sample(self._last, _moved(places_b, self._to_last), self._drawn)
            self._blend(out, self._drawn, weight, out)

    def _blend(self, first: Pixels, last: Pixels, weight: Floats, out: Pixels) -> None:
        if weight.size == 1:
            share = float(weight[0, 0])
            cv2.addWeighted(first, 1 - share, last, share, 0, dst=out)
        else:
            later = self._enlarged(weight)
            cv2.blendLinear(first, last, 1 - later, later, dst=out)

    def _sample(self, plane: Pixels, places: Field, out: Pixels) -> None:
        fine = self._enlarged(places)
        cv2.remap(plane, fine, _NO_MAP, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REFLECT)

    def _enlarged(self, cells: Floats) -> Floats:
        """What is known for each cell, for each pixel."""
        size = (cells.shape[1] * self._cell, cells.shape[0] * self._cell)
        fine = self._fine.setdefault(cells.ndim, np.empty((size[1], size[0], *cells.shape[2:]), np.float32))
        cv2.resize(cells, size, dst=fine, interpolation=cv2.INTER_LINEAR)
        return fine[self._cell :, self._cell :][: self._height, : self._width]


def _half_way(grey: Pixels, other: Pixels, move: Move) -> Pixels:
    """The small picture as it is seen from half-way along its move to the other one."""
    height, width = grey.shape
    margins = margins_of(width, height, move.part(-1).matrix())
    wide = continue_plane(grey, other, move.matrix(), margins)
    place = margins.matrix() @ move.part(-0.5).matrix()
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _pixels(cv2.warpAffine(wide, place[:2], (width, height), flags=way, borderMode=cv2.BORDER_REFLECT))


def _growth(across: float, down: float) -> Matrix:
    """From the places of a small picture to those of one so many times larger: corners stay on corners."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _cells(length: int) -> NDArray[np.float64]:
    """The centres of the cells along a side, one more before and behind: there an enlarging repeats the outermost."""
    return np.arange(-1.0, -(-length // _CELL_PX) + 1) * _CELL_PX + (_CELL_PX - 1) / 2


def _moved(places: Field, matrix: Matrix) -> Field:
    return np.asarray(cv2.transform(places, matrix[:2]), np.float32)


def _bent(places: Field, flow: Field, share: float) -> Field:
    step = cv2.remap(flow, places, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.scaleAdd(step, share, places), np.float32)


def _arrival(x: NDArray[np.float64], y: NDArray[np.float64], front: complex) -> Floats:
    """When the front arrives at each place of the frame, 0…1 of the way: a straight line with a slow wave in it."""
    x, y = x - 0.5, y - 0.5
    along = (x * front.real + y * front.imag) / (abs(front.real) + abs(front.imag))
    beside = y * front.real - x * front.imag
    waved = 0.5 + 0.86 * along + 0.07 * np.sin(7 * beside + 9 * front.real)
    return np.clip(waved, 0, 1).astype(np.float32)


def _smooth(share: NDArray[Any]) -> Floats:
    share = np.clip(share, 0, 1).astype(np.float32)
    return np.asarray(share * share * (3 - 2 * share))


def _pixels(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
