"""A tile: one video of many, or its place while it is not there, as the gallery shows it. Values only, no HTML."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pixverse_nb.metrics.definitions import DIVERSITY, METRICS
from pixverse_nb.models import FramesRequest, JobState, VideoFile
from pixverse_nb.opinions import Verdict
from pixverse_nb.privacy import masked
from pixverse_nb.show.words import SHORT_WORDS, credit_words, duration_words, shortened, tone

# What makes two videos of the same pictures differ, in the order in which it is named.
COMPARED_MAX: Final = 9  # videos that are compared at a time, under one scrubber
NO_WINNER: Final = "has no video, and only a video can be a winner"
_FIELDS: Final = ("seed", "motion_mode", "quality", "duration", "aspect_ratio", "model", "prompt", "remove_watermark")
_METRIC_WORDS: Final = {
    metric.name: f"{metric.label} ({metric.unit})" if metric.unit else metric.label for metric in (*METRICS, DIVERSITY)
}
_CAPTION_PROMPT: Final = 60
_FACT_PROMPT: Final = 400


@dataclass(frozen=True)
class Tile:
    """One tile: `key` names it for good, `caption` says what sets it apart ("seed 7 · fast").

    `axes` are the values it can be sorted and filtered by, `metrics` what was measured; `line` says in words what is
    going on, or why there is no video. `began_at` and `ended_at` are Unix seconds, for the clock of a tile without a
    video. `poster_jpeg` is a still to be shown in place of the video's own poster.

    >>> Tile("a1", "seed 7", JobState.GENERATING, axes={"seed": 7}).caption
    'seed 7'
    """

    key: str
    caption: str
    state: JobState
    axes: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    video: VideoFile | None = field(default=None, repr=False)
    line: str = ""
    verdict: Verdict = field(default_factory=Verdict)
    began_at: float | None = None
    ended_at: float | None = None
    poster_jpeg: bytes | None = field(default=None, repr=False)

    @property
    def poster(self) -> bytes | None:
        """The still of this tile as a JPEG, where there is one."""
        return self.poster_jpeg or (self.video.poster_jpeg if self.video else None)

    def may_be(self, verdict: Verdict) -> bool:
        """Tell whether this can be said of it: without a video it cannot become a winner, though it may stay one."""
        return verdict.choice != "winner" or self.video is not None or self.verdict.choice == "winner"


def row_of(tile: Tile) -> dict[str, Any]:
    """Return what a page is told of a tile: plain JSON, masked, without a path and without a picture."""
    video = tile.video
    return {
        "key": tile.key,
        "caption": masked(tile.caption),
        "state": tile.state.value,
        "words": SHORT_WORDS[tile.state],
        "tone": tone(tile.state),
        "line": masked(tile.line),
        "began": tile.began_at,
        "ended": tile.ended_at,
        "axes": {masked(name): _plain(value) for name, value in tile.axes.items()},
        "metrics": {_metric_words(name): float(value) for name, value in tile.metrics.items() if math.isfinite(value)},
        "film": video is not None,
        "ratio": round(video.width / video.height, 4) if video and video.width and video.height else None,
        "facts": [[name, masked(text)] for name, text in facts_of(video)] if video else [],
        "choice": tile.verdict.choice,
        "note": tile.verdict.note,
    }


def facts_of(video: VideoFile) -> tuple[tuple[str, str], ...]:
    """Return everything worth reading about a video as names and words, those that are not known left out."""
    request = video.request
    facts = (
        *(_asked(request) if request else ()),
        ("Size", f"{video.width} × {video.height}" if video.width and video.height else ""),
        ("Length", _length_words(video)),
        ("Cost", credit_words(video.cost_credits, is_estimate=video.cost_is_estimate, is_sandbox=video.is_sandbox)),
        ("Job", video.ref or ""),
        ("File", video.path.name),
    )
    return tuple((name, text) for name, text in facts if text)


def axes_of(videos: Sequence[VideoFile]) -> list[dict[str, object]]:
    """Return for each video the request fields in which these videos differ; nothing for one without a request."""
    requests = [video.request for video in videos]
    asked = [request for request in requests if request is not None]
    differing = [name for name in _FIELDS if len({getattr(request, name) for request in asked}) > 1]
    return [{name: getattr(request, name) for name in differing} if request else {} for request in requests]


def caption_of(axes: Mapping[str, object]) -> str:
    """Return the values that set a video apart on one line: "seed 7 · fast".

    >>> caption_of({"seed": 7, "motion_mode": "fast"})
    'seed 7 · fast'
    """
    return " · ".join(text for text in (_value_words(name, value) for name, value in axes.items()) if text)


def _value_words(name: str, value: object) -> str:
    match name, value:
        case "duration", int():
            return f"{value} s"
        case "remove_watermark", bool():
            return "" if value else "with watermark"
        case _, bool():
            return name.replace("_", " ") if value else f"no {name.replace('_', ' ')}"
        case _, str():
            return shortened(value, longest=_CAPTION_PROMPT)
        case _:
            return f"{name.replace('_', ' ')} {value}"


def _length_words(video: VideoFile) -> str:
    """Return how long the film is, where that is not the duration that was asked for."""
    length = duration_words(video.duration_s) if video.duration_s else ""
    return "" if video.request and length == f"{video.request.duration} s" else length


def _asked(request: FramesRequest) -> tuple[tuple[str, str], ...]:
    return (
        ("Prompt", shortened(request.prompt, longest=_FACT_PROMPT)),
        ("Seed", str(request.seed)),
        ("Motion mode", request.motion_mode),
        ("Quality", request.quality),
        ("Duration", f"{request.duration} s"),
        ("Aspect ratio", request.aspect_ratio),
        ("Model", request.model),
    )


def _metric_words(name: str) -> str:
    """Return what people call a metric, "Flicker (grey levels)", or its name where it is somebody else's."""
    return masked(_METRIC_WORDS.get(name, name))


def _plain(value: object) -> str | int | float | bool | None:
    """Return an axis value as JSON knows it; what JSON does not know is told in words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return shortened(masked(str(value)), longest=200)
