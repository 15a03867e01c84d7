"""A few frames of a film, small: the first, the one in the middle and the last."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from pixverse_nb.measure.decoding import Film, open_film
from pixverse_nb.measure.packages import Pixels, VideoReformatter, av, np

Moment = Literal["first", "middle", "last"]
MOMENTS: Final[tuple[str, ...]] = get_args(Moment)


@dataclass(frozen=True)
class Wanted:
    """Which frames of the film at `path` are wanted, as large as fits into `width` × `height` pixels."""

    path: Path
    moments: tuple[Moment, ...]
    width: int
    height: int


def take_stills(wanted: Wanted) -> tuple[Pixels, ...]:
    """Return the wanted frames as height × width × RGB, in the order of `moments`; MeasureError where there is no film.

    The middle one is what is shown when half of the film has passed.
    """
    with open_film(wanted.path) as film:
        frames = _frames_at(film, wanted.moments)
    reformatter = VideoReformatter()
    return tuple(_small(frames[moment], wanted, reformatter) for moment in wanted.moments)


def _frames_at(film: Film, moments: Sequence[Moment]) -> dict[Moment, av.VideoFrame]:
    half_s = (film.duration_s or 0.0) / 2
    found: dict[Moment, av.VideoFrame] = {}
    for frame in film.frames:
        found.setdefault("first", frame)
        if "middle" not in found or (frame.time or 0.0) <= half_s:
            found["middle"] = frame
        found["last"] = frame
        if "last" not in moments and (frame.time or 0.0) > half_s:
            break
    return found


def _small(frame: av.VideoFrame, wanted: Wanted, reformatter: VideoReformatter) -> Pixels:
    scale = min(wanted.width / frame.width, wanted.height / frame.height)
    width, height = (max(1, round(side * scale)) for side in (frame.width, frame.height))
    way = "AREA" if scale < 1 else "BICUBIC"
    small = reformatter.reformat(frame, width=width, height=height, format="rgb24", interpolation=way)
    return np.asarray(small.to_ndarray(), np.uint8)
