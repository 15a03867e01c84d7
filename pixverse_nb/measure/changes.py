"""What happens from frame to frame: flicker, motion, standstill and cuts, gathered while the frames go by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.measure.decoding import planes
from pixverse_nb.measure.packages import Pixels, VideoReformatter, av, cv2, np

FINGERPRINT_MOMENTS: Final = 8
FINGERPRINT_SIDE: Final = 32

_SMALL_WIDTH: Final = 320
_FROZEN: Final = 0.001 * 256  # freezedetect's default noise, 0.001 of the range of 8 bit
_CUT_LEAST: Final = 15.0  # AdaptiveDetector's least content value …
_CUT_TIMES: Final = 3.0  # … and how many times its neighbours it must be,
_CUT_BESIDE: Final = 2  # of which so many count on either side
_FULL_RANGE: Final = 2  # the number of libav for levels 0…255; else they are 16…235


@dataclass(frozen=True)
class Course:
    """What the whole film came to; see `METRICS` for each number."""

    flicker_levels: float | None
    motion_percent: float | None
    frozen_share: float | None
    cut_frames: tuple[int, ...]
    fingerprint: bytes


class Changes:
    """Looks at each frame once, keeps the one before it and a few numbers (1 KiB) of each; then `course()`."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._before: _Look | None = None
        self._light: list[float] = []  # of each frame, 0…255
        self._marks: list[Pixels] = []  # of each frame, for the fingerprint
        self._difference: list[float] = []  # of each step, in levels
        self._content: list[float] = []
        self._motion: list[float] = []

    def add(self, frame: av.VideoFrame) -> None:
        """Look at the next frame."""
        look = _Look.at(frame, self._reformatter)
        self._light.append(look.light)
        self._marks.append(
            _pixels(cv2.resize(look.grey, (FINGERPRINT_SIDE, FINGERPRINT_SIDE), interpolation=cv2.INTER_AREA))
        )
        if self._before is not None:
            self._difference.append(_mean_difference(self._before.planes, look.planes))
            self._content.append(float(np.mean(cv2.mean(cv2.absdiff(self._before.hsv, look.hsv))[:3])))
            self._motion.append(self._moved_percent(self._before.grey, look.grey))
        self._before = look

    def course(self) -> Course:
        """Return what all frames so far came to."""
        cuts = find_cuts(self._content)
        steps = [step for step in range(len(self._content)) if step + 1 not in cuts]
        frozen = [difference <= _FROZEN for difference in self._difference]
        return Course(
            flicker_levels=flicker_levels(self._light, cuts),
            motion_percent=float(np.mean([self._motion[step] for step in steps])) if steps else None,
            frozen_share=sum(frozen) / len(frozen) if frozen else None,
            cut_frames=cuts,
            fingerprint=_fingerprint(self._marks),
        )

    def _moved_percent(self, before: Pixels, now: Pixels) -> float:
        flow = self._flow.calc(before, now, np.zeros((*now.shape, 2), np.float32))
        length = float(np.mean(cv2.magnitude(flow[..., 0], flow[..., 1])))
        return length / int(now.shape[1]) * 100


@dataclass(frozen=True)
class _Look:
    """One frame as it is compared: its own planes, and small pictures of it."""

    frame: av.VideoFrame  # owns the memory of the planes
    planes: tuple[Pixels, ...]
    light: float
    grey: Pixels
    hsv: Pixels

    @classmethod
    def at(cls, frame: av.VideoFrame, reformatter: VideoReformatter) -> "_Look":
        own = planes(frame)
        width = min(_SMALL_WIDTH, frame.width)
        height = max(16, round(frame.height * width / frame.width))
        small = reformatter.reformat(frame, width=width, height=height, format="bgr24", interpolation="AREA")
        bgr = small.to_ndarray()
        return cls(
            frame=frame,
            planes=own,
            light=_light(own[0], is_full_range=frame.color_range == _FULL_RANGE),
            grey=_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)),
            hsv=_pixels(cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV)),
        )


def flicker_levels(light: Sequence[float], cuts: Sequence[int] = ()) -> float | None:
    """Return how far the brightness of each frame lies from the average of its two neighbours, on average.

    `cuts` are the numbers of frames that begin something new: no frame is compared across one.
    """
    frames = [at for at in range(1, len(light) - 1) if at not in cuts and at + 1 not in cuts]
    if not frames:
        return None
    return float(np.mean([abs(light[at] - (light[at - 1] + light[at + 1]) / 2) for at in frames]))


def find_cuts(content: Sequence[float]) -> tuple[int, ...]:
    """Return the frames that begin something new, from how much the content changes at each step."""

    def stands_out(step: int) -> bool:
        beside = [
            content[other]
            for other in range(max(0, step - _CUT_BESIDE), min(len(content), step + _CUT_BESIDE + 1))
            if other != step
        ]
        return content[step] >= _CUT_LEAST and content[step] * len(beside) >= _CUT_TIMES * sum(beside)

    return tuple(step + 1 for step in range(len(content)) if stands_out(step))


def _light(luma: Pixels, *, is_full_range: bool) -> float:
    mean = float(cv2.mean(luma)[0])
    return mean if is_full_range else (mean - 16) * 255 / 219


def _mean_difference(before: Sequence[Pixels], now: Sequence[Pixels]) -> float:
    differences = [cv2.norm(one, other, cv2.NORM_L1) for one, other in zip(before, now, strict=True)]
    return float(sum(differences)) / sum(plane.size for plane in now)


def _fingerprint(marks: Sequence[Pixels]) -> bytes:
    moments = np.linspace(0, len(marks) - 1, FINGERPRINT_MOMENTS).round().astype(int)
    return b"".join(marks[moment].tobytes() for moment in moments)


def _pixels(image: object) -> Pixels:
    return np.asarray(image, np.uint8)
