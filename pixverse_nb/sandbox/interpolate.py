"""The frames between two images: a camera move and optical flow carry one into the other.

`Interpolator` draws any moment between two images. `CameraPath` says, for each moment of the video, how far the change
has come and how the camera wanders meanwhile. Points of the plane are complex numbers, x + iy.
"""

import cmath
import math
import random
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Field = NDArray[np.float32]
"""Height × width × 2: a distance or a position, x and y, for each point."""
Matrix = NDArray[np.float64]
"""3 × 3, for points written as (x, y, 1)."""

# BT.709, limited range, for blue, green, red in 0…255: ITU-R BT.709-6, section 3.
_LUMA = np.array([0.0722, 0.7152, 0.2126])
_TO_Y = np.append(_LUMA * 219 / 255, 16.0)
_TO_CB = np.append((np.array([1, 0, 0]) - _LUMA) / 1.8556 * 224 / 255, 128.0)
_TO_CR = np.append((np.array([0, 0, 1]) - _LUMA) / 1.5748 * 224 / 255, 128.0)
# In H.264 a chroma sample is at the left one of its two pixels, and between its two rows.
_CHROMA_KERNEL = np.array([0.25, 0.5, 0.25])

_ANALYSIS_SIDE_PX: Final = 320  # longest side of the grey images in which motion is searched
_CELL_PX: Final = 8  # positions are computed for every eighth pixel and interpolated; all deformation is smooth
_FRONT_WIDTH: Final = 0.8  # of the soft edge behind which an unrelated last image appears, in parts of the frame
_INVISIBLE: Final = 1 / 1024  # a weight that changes no pixel by more than a rounding
_MIN_MATCHES: Final = 12
_MAX_MARGIN: Final = 0.75  # of the image's side; frames between two related images show nothing beyond
_NO_MAP: Any = None  # OpenCV accepts None for a second map; its type stubs do not


class RenderError(Exception):
    """No video can be rendered from what was given. `input_index` is the position of an image that is not readable."""

    def __init__(self, message: str, *, input_index: int | None = None) -> None:
        super().__init__(message)
        self.input_index = input_index


@dataclass(frozen=True)
class Nv12Image:
    """An image in the two planes that H.264 uses: brightness per pixel, colour per 2 × 2 pixels."""

    y: Pixels
    """Height × width."""
    uv: Pixels
    """Half the height × half the width × 2."""


def decode_image(encoded: bytes, *, width: int, height: int, input_index: int = 0) -> Nv12Image:
    """Decode a PNG, JPEG, WebP or GIF, crop its middle to the shape, and scale it to `width` × `height` pixels.

    Transparent parts become white. Raises RenderError with `input_index` if the bytes are not a complete image.
    """
    return to_nv12(_crop_and_scale(_decode(encoded, input_index), width, height))


def to_nv12(bgr: Pixels) -> Nv12Image:
    """Convert blue, green, red pixels (with even sides) to NV12 by BT.709, limited range."""
    y = np.asarray(cv2.transform(bgr, _TO_Y[None, :]), np.uint8)
    rows = cv2.resize(bgr, (bgr.shape[1], bgr.shape[0] // 2), interpolation=cv2.INTER_AREA).astype(np.float32)
    chroma = cv2.transform(rows, np.stack([_TO_CB, _TO_CR]))
    chroma = cv2.filter2D(chroma, -1, _CHROMA_KERNEL[None, :], borderType=cv2.BORDER_REPLICATE)[:, ::2]
    return Nv12Image(y=y, uv=np.clip(np.rint(chroma), 16, 240).astype(np.uint8))


def _decode(encoded: bytes, input_index: int) -> Pixels:
    pixels = _imdecode(encoded, cv2.IMREAD_COLOR)
    if pixels is None:
        raise RenderError(
            f"Image {input_index + 1} cannot be decoded: its {len(encoded)} bytes are not a complete PNG, JPEG, WebP "
            "or GIF.",
            input_index=input_index,
        )
    # IMREAD_COLOR applies the EXIF rotation but drops transparency; a JPEG has none and is not decoded twice
    full = None if encoded.startswith(b"\xff\xd8") else _imdecode(encoded, cv2.IMREAD_UNCHANGED)
    if full is None or full.ndim != 3 or full.shape[2] != 4 or full.dtype != np.uint8:
        return pixels.astype(np.uint8, copy=False)
    alpha = full[..., 3:].astype(np.float32) / 255
    return np.rint(full[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def _imdecode(encoded: bytes, flags: int) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)
    except cv2.error:  # no bytes at all, or more pixels than OpenCV accepts
        return None


def _crop_and_scale(pixels: Pixels, width: int, height: int) -> Pixels:
    given_height, given_width = pixels.shape[:2]
    scale = max(width / given_width, height / given_height)
    keep_width = min(given_width, max(1, round(width / scale)))
    keep_height = min(given_height, max(1, round(height / scale)))
    left, top = (given_width - keep_width) // 2, (given_height - keep_height) // 2
    cropped = pixels[top : top + keep_height, left : left + keep_width]
    if (keep_width, keep_height) == (width, height):
        return cropped
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(cropped, (width, height), interpolation=method).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class CameraPose:
    """One moment of a camera path."""

    progress: float
    """0 at the first image, 1 at the last."""
    turn: complex
    """Factor of the plane around the middle of the frame: rotation, and a zoom in if its absolute value is below 1."""
    shift: complex
    """Offset of the camera from the middle of the frame, in parts of the frame's shorter side."""


@dataclass(frozen=True)
class CameraPath:
    """How the camera moves; at both ends it rests in the middle of the frame."""

    front: complex
    """Direction (absolute value 1) from which an unrelated last image appears."""
    lean: float
    """Above 1 the change happens later, below 1 earlier."""
    hold: float
    """Part of the time at each end in which nothing changes."""
    reach: complex
    """Farthest offset of the camera."""
    bow: float
    """How far the camera's way is from a straight line."""
    zoom: float
    roll: float
    """Largest rotation, in radians."""

    def at(self, time: float) -> CameraPose:
        """Return the pose at `time`, 0…1."""
        inner = min(1.0, max(0.0, (time - self.hold) / (1 - 2 * self.hold)))
        progress = _smoothstep(inner**self.lean)
        away = math.sin(math.pi * time) ** 2
        sway = math.sin(2 * math.pi * time) * away
        return CameraPose(
            progress=progress,
            turn=cmath.rect(1 / (1 + self.zoom * away), self.roll * away),
            shift=self.reach * complex(away, self.bow * sway),
        )


def draw_camera_path(*, seed: int, motion_mode: str, drift: float) -> CameraPath:
    """Return the path of a seed. "fast" wanders twice as far and changes in less time; `drift` scales the wandering."""
    rng = random.Random(seed)  # noqa: S311 - not used for security
    is_fast = motion_mode == "fast"
    distance = drift * (2.0 if is_fast else 1.0)
    direction = rng.uniform(-math.pi, math.pi)
    reach, bow = distance * rng.uniform(0.012, 0.024), rng.choice([-1, 1]) * rng.uniform(0.4, 0.9)
    roll = distance * math.radians(rng.uniform(-0.8, 0.8))
    return CameraPath(
        front=cmath.rect(1, rng.uniform(-math.pi, math.pi)),
        lean=math.exp(rng.uniform(-0.34, 0.34)),
        hold=0.2 if is_fast else rng.uniform(0.0, 0.06),
        reach=cmath.rect(reach, direction),
        bow=bow,
        # zoom in at least so far that shift and roll do not show what is outside the frame
        zoom=2 * reach * abs(complex(1, bow)) + 1.9 * abs(roll) + distance * rng.uniform(0.0, 0.04),
        roll=roll,
    )


def _smoothstep(time: float) -> float:
    return time * time * (3 - 2 * time)


@dataclass(frozen=True)
class Similarity:
    """A camera move (zoom, rotation, shift) that maps each point z of the plane to turn·z + shift."""

    turn: complex = 1 + 0j
    shift: complex = 0j

    def part(self, share: float) -> "Similarity":
        """Return that share of the move: `part(0.5)` applied twice is the whole move, `part(-1)` is its inverse."""
        turn = self.turn**share
        if abs(self.turn - 1) < 1e-9:
            return Similarity(turn, self.shift * share)
        return Similarity(turn, self.shift * (turn - 1) / (self.turn - 1))

    def after(self, earlier: "Similarity") -> "Similarity":
        """Return the move that applies `earlier` first and then this one."""
        return Similarity(self.turn * earlier.turn, self.turn * earlier.shift + self.shift)

    def matrix(self) -> Matrix:
        """Return the move as a matrix."""
        a, b = self.turn.real, self.turn.imag
        return np.array([[a, -b, self.shift.real], [b, a, self.shift.imag], [0, 0, 1]])


def find_camera_move(first: Pixels, last: Pixels) -> Similarity | None:
    """Return the move that maps the first grey image to the last, or None if they show different things."""
    sift = cv2.SIFT.create(nfeatures=500)
    points, descriptors = zip(
        *(sift.detectAndCompute(each, np.full(each.shape, 255, np.uint8)) for each in (first, last)), strict=True
    )
    if any(each is None or len(each) < _MIN_MATCHES for each in descriptors):
        return None
    pairs = [
        near
        for near, *second in cv2.BFMatcher().knnMatch(descriptors[0], descriptors[1], k=2)
        if second and near.distance < 0.75 * second[0].distance
    ]
    if len(pairs) < _MIN_MATCHES:
        return None
    found: Any
    found, inliers = cv2.estimateAffinePartial2D(
        np.array([points[0][pair.queryIdx].pt for pair in pairs]),
        np.array([points[1][pair.trainIdx].pt for pair in pairs]),
        ransacReprojThreshold=1.5,
    )
    if found is None or inliers.sum() < max(_MIN_MATCHES, 0.4 * len(pairs)):
        return None
    move = Similarity(complex(found[0, 0], found[1, 0]), complex(found[0, 2], found[1, 2]))
    return move if 0.25 < abs(move.turn) < 4 else None


def find_flow(first: Pixels, last: Pixels, *, smooth_px: float) -> tuple[Field, Field]:
    """Return the optical flow between two grey images in both directions, in pixels.

    If the two directions disagree at a point, it follows its reliable neighbours within about `smooth_px`.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    zero = np.zeros((*first.shape, 2), np.float32)
    forward = np.asarray(dis.calc(first, last, zero.copy()), np.float32)
    backward = np.asarray(dis.calc(last, first, zero.copy()), np.float32)
    return _smooth_flow(forward, backward, smooth_px), _smooth_flow(backward, forward, smooth_px)


def _smooth_flow(flow: Field, opposite: Field, smooth_px: float) -> Field:
    height, width = flow.shape[:2]
    positions = np.dstack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)
    targets = (positions + flow).astype(np.float32)
    returned = cv2.remap(opposite, targets, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    trust = np.exp(-np.sum((flow + returned) ** 2, axis=2) / 4)[..., None].astype(np.float32)
    wide = cv2.GaussianBlur(flow * trust, (0, 0), smooth_px) / (
        cv2.GaussianBlur(trust, (0, 0), smooth_px)[..., None] + 0.05
    )
    near = cv2.GaussianBlur(trust, (0, 0), smooth_px / 4)[..., None]
    return np.asarray(near * cv2.GaussianBlur(flow, (0, 0), smooth_px / 8) + (1 - near) * wide, np.float32)


@dataclass(frozen=True)
class Margins:
    """How far an image is extended on each side, in pixels."""

    left: int
    top: int
    right: int
    bottom: int

    def matrix(self) -> Matrix:
        """Return the map from a point of the image to the same point of the extended image."""
        return np.array([[1.0, 0, self.left], [0, 1.0, self.top], [0, 0, 1.0]])


def margins_for(width: int, height: int, other_to_this: Matrix) -> Margins:
    """Return even margins with room for what the other image, of the same size, shows beyond this one."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ other_to_this.T

    def room(beyond: float, side: int) -> int:
        return 2 * math.ceil(min(max(beyond, 0), _MAX_MARGIN * side) / 2)

    return Margins(
        left=room(-corners[:, 0].min(), width),
        top=room(-corners[:, 1].min(), height),
        right=room(corners[:, 0].max() - width, width),
        bottom=room(corners[:, 1].max() - height, height),
    )


def extend_plane(plane: Pixels, other: Pixels, this_to_other: Matrix, margins: Margins) -> Pixels:
    """Return the plane with margins: its mirror image at the edge, then what the other plane shows at that place."""
    height, width = plane.shape[:2]
    m = margins
    if m == Margins(0, 0, 0, 0):
        return plane
    mirrored = cv2.copyMakeBorder(plane, m.top, m.bottom, m.left, m.right, cv2.BORDER_REFLECT)
    to_other = this_to_other @ np.linalg.inv(m.matrix())
    method = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (mirrored.shape[1], mirrored.shape[0])
    beyond = cv2.warpAffine(other, to_other[:2], size, flags=method, borderMode=cv2.BORDER_REFLECT)
    across, down = _distance_outside(m.left, width, m.right), _distance_outside(m.top, height, m.bottom)
    share = np.minimum(np.maximum(across[None, :], down[:, None]) / np.float32(0.03 * min(width, height)), 1)
    return np.asarray(cv2.blendLinear(mirrored, beyond, 1 - share, share), np.uint8)


def _distance_outside(before: int, length: int, after: int) -> Floats:
    """Return how far each pixel of a side with margins is outside the image."""
    position = np.arange(-before, length + after, dtype=np.float32)
    return np.maximum(np.maximum(-position, position - (length - 1)), 0)


class Interpolator:
    """Draws any frame between two images.

    If they show one scene, the camera moves from one to the other while they are blended evenly. If they have nothing
    in common, the last one appears behind a soft edge from the direction `front`. An object keeps its buffers from
    frame to frame, so only one thread may use it.
    """

    def __init__(self, first: Nv12Image, last: Nv12Image, *, front: complex) -> None:
        height, width = first.y.shape
        scale = min(1.0, _ANALYSIS_SIDE_PX / max(width, height))
        small = (max(16, round(width * scale)), max(16, round(height * scale)))
        enlarge = _scaling(width / small[0], height / small[1])
        grey_a, grey_b = (_pixels(cv2.resize(each.y, small, interpolation=cv2.INTER_AREA)) for each in (first, last))
        move = find_camera_move(grey_a, grey_b)
        self._small, self._move = small, move or Similarity()
        self._forward, self._backward = find_flow(
            _half_way(grey_a, grey_b, self._move),
            _half_way(grey_b, grey_a, self._move.part(-1)),
            smooth_px=small[0] / (40 if move else 8),
        )
        halve = _inverse(_scaling(2, 2))
        self._y = _PlanePair(first.y, last.y, move=self._move, enlarge=enlarge, cell=_CELL_PX)
        # OpenCV samples four channels in a third of the time it needs for two.
        four_a, four_b = (np.concatenate([each.uv, each.uv], axis=2) for each in (first, last))
        self._four = np.empty_like(four_a)
        self._uv = _PlanePair(four_a, four_b, move=self._move, enlarge=halve @ enlarge, cell=_CELL_PX // 2)
        x, y = np.meshgrid(_cell_centres(width), _cell_centres(height))
        self._cells = _transform(np.dstack([x, y]).astype(np.float32), _inverse(enlarge))
        self._arrival = None if move else _arrival_times(x / width, y / height, front)

    def draw(self, pose: CameraPose, frame: Nv12Image) -> None:
        """Draw the moment of `pose` into `frame`."""
        share = pose.progress
        middle = _transform(self._cells, self._move.part(0.5 - share).after(self._camera(pose)).matrix())
        points_a = _displace(middle, self._backward, share)
        points_b = _displace(middle, self._forward, 1 - share)
        weight = self._weight(share)
        self._y.draw(points_a, points_b, weight, out=frame.y)
        self._uv.draw(points_a, points_b, weight, out=self._four)
        cv2.mixChannels([self._four], [frame.uv], [0, 0, 1, 1])

    def _weight(self, share: float) -> Floats:
        """Return the weight of the last image: for each cell, or one number for all."""
        if self._arrival is None:
            # two warped images never match exactly, so near either end only the nearer one is shown
            return _smoothstep_array(np.array([[share * 2 - 0.5]]))
        return _smoothstep_array((share * (1 + _FRONT_WIDTH) - self._arrival) / _FRONT_WIDTH)

    def _camera(self, pose: CameraPose) -> Similarity:
        centre = complex(self._small[0] - 1, self._small[1] - 1) / 2
        return Similarity(pose.turn, centre - pose.turn * centre + pose.shift * min(self._small))


class _PlanePair:
    """The brightness or the colour of both images, extended beyond their edges.

    `move` maps the first image to the last in points of the small images, `enlarge` maps those to the plane's points.
    """

    def __init__(self, first: Pixels, last: Pixels, *, move: Similarity, enlarge: Matrix, cell: int) -> None:
        self._height, self._width = height, width = first.shape[:2]
        to_last = enlarge @ move.matrix() @ _inverse(enlarge)
        to_first = _inverse(to_last)
        margins_a, margins_b = margins_for(width, height, to_first), margins_for(width, height, to_last)
        self._first = extend_plane(first, last, to_last, margins_a)
        self._last = extend_plane(last, first, to_first, margins_b)
        self._to_first = margins_a.matrix() @ enlarge @ move.part(-0.5).matrix()
        self._to_last = margins_b.matrix() @ enlarge @ move.part(0.5).matrix()
        self._cell = cell
        self._sampled_last = np.empty_like(last)
        self._fine: dict[int, Floats] = {}

    def draw(self, points_a: Field, points_b: Field, weight: Floats, *, out: Pixels) -> None:
        """Draw what is at the points; `weight` is the share of the last image, for each cell or one number for all."""
        if weight.max() < _INVISIBLE:
            self._sample(self._first, _transform(points_a, self._to_first), out)
        elif weight.min() > 1 - _INVISIBLE:
            self._sample(self._last, _transform(points_b, self._to_last), out)
        else:
            self._sample(self._first, _transform(points_a, self._to_first), out)
            self._sample(self._last, _transform(points_b, self._to_last), self._sampled_last)
            self._blend(out, self._sampled_last, weight, out)

    def _blend(self, first: Pixels, last: Pixels, weight: Floats, out: Pixels) -> None:
        if weight.size == 1:
            share = float(weight[0, 0])
            cv2.addWeighted(first, 1 - share, last, share, 0, dst=out)
        else:
            last_weight = self._per_pixel(weight)
            cv2.blendLinear(first, last, 1 - last_weight, last_weight, dst=out)

    def _sample(self, plane: Pixels, points: Field, out: Pixels) -> None:
        fine = self._per_pixel(points)
        cv2.remap(plane, fine, _NO_MAP, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REFLECT)

    def _per_pixel(self, cells: Floats) -> Floats:
        """Interpolate values given for each cell to every pixel."""
        size = (cells.shape[1] * self._cell, cells.shape[0] * self._cell)
        fine = self._fine.setdefault(cells.ndim, np.empty((size[1], size[0], *cells.shape[2:]), np.float32))
        cv2.resize(cells, size, dst=fine, interpolation=cv2.INTER_LINEAR)
        return fine[self._cell :, self._cell :][: self._height, : self._width]


def _half_way(grey: Pixels, other: Pixels, move: Similarity) -> Pixels:
    """Return the small image as seen from half-way along its move to the other one."""
    height, width = grey.shape
    margins = margins_for(width, height, move.part(-1).matrix())
    extended = extend_plane(grey, other, move.matrix(), margins)
    matrix = margins.matrix() @ move.part(-0.5).matrix()
    method = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return _pixels(cv2.warpAffine(extended, matrix[:2], (width, height), flags=method, borderMode=cv2.BORDER_REFLECT))


def _scaling(across: float, down: float) -> Matrix:
    """Return the map from the points of a small image to those of one so many times larger, corner to corner."""
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])


def _inverse(matrix: Matrix) -> Matrix:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _cell_centres(length: int) -> NDArray[np.float64]:
    """Return the centres of the cells along a side, with one more at each end, where enlarging would repeat values."""
    return np.arange(-1.0, -(-length // _CELL_PX) + 1) * _CELL_PX + (_CELL_PX - 1) / 2


def _transform(points: Field, matrix: Matrix) -> Field:
    return np.asarray(cv2.transform(points, matrix[:2]), np.float32)


def _displace(points: Field, flow: Field, share: float) -> Field:
    step = cv2.remap(flow, points, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.scaleAdd(step, share, points), np.float32)


def _arrival_times(x: NDArray[np.float64], y: NDArray[np.float64], front: complex) -> Floats:
    """Return when the edge arrives at each point of the frame, 0…1: a straight line with a slow wave in it."""
    x, y = x - 0.5, y - 0.5
    along = (x * front.real + y * front.imag) / (abs(front.real) + abs(front.imag))
    beside = y * front.real - x * front.imag
    waved = 0.5 + 0.86 * along + 0.07 * np.sin(7 * beside + 9 * front.real)
    return np.clip(waved, 0, 1).astype(np.float32)


def _smoothstep_array(share: NDArray[Any]) -> Floats:
    share = np.clip(share, 0, 1).astype(np.float32)
    return np.asarray(share * share * (3 - 2 * share))


def _pixels(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
