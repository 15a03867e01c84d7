"""A tile: one video of many, or its place while it is not there, as the gallery shows it. Values only, no HTML."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import SHORT_WORDS, credit_words, duration_words, severity, shortened
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import styled

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
    verdict: Rating = field(default_factory=Rating)
    began_at: float | None = None
    ended_at: float | None = None
    poster_jpeg: bytes | None = field(default=None, repr=False)

    @property
    def poster(self) -> bytes | None:
        """The still of this tile as a JPEG, where there is one."""
        return self.poster_jpeg or (self.video.poster_jpeg if self.video else None)

    def may_be(self, verdict: Rating) -> bool:
        """Tell whether this can be said of it: without a video it cannot become a winner, though it may stay one."""
        return verdict.choice != "winner" or self.video is not None or self.verdict.choice == "winner"


def row_of(tile: Tile) -> dict[str, Any]:
    """Return what a page is told of a tile: plain JSON, masked, without a path and without a picture."""
    video = tile.video
    return {
        "key": tile.key,
        "caption": redact(tile.caption),
        "state": tile.state.value,
        "words": SHORT_WORDS[tile.state],
        "tone": severity(tile.state),
        "line": redact(tile.line),
        "began": tile.began_at,
        "ended": tile.ended_at,
        "axes": {redact(name): _plain(value) for name, value in tile.axes.items()},
        "metrics": {_metric_words(name): float(value) for name, value in tile.metrics.items() if math.isfinite(value)},
        "film": video is not None,
        "ratio": round(video.width / video.height, 4) if video and video.width and video.height else None,
        "facts": [[name, redact(text)] for name, text in facts_of(video)] if video else [],
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


def _asked(request: GenerationRequest) -> tuple[tuple[str, str], ...]:
    facts = (
        ("Prompt", shortened(request.prompt, longest=_FACT_PROMPT)),
        ("Seed", None if request.seed is None else str(request.seed)),
        ("Motion mode", request.motion_mode),
        ("Quality", request.quality),
        ("Duration", None if request.duration is None else f"{request.duration} s"),
        ("Aspect ratio", request.aspect_ratio),
        ("Model", request.model),
    )
    return tuple((name, value) for name, value in facts if value is not None)


def _metric_words(name: str) -> str:
    """Return what people call a metric, "Flicker (grey levels)", or its name where it is somebody else's."""
    return redact(_METRIC_WORDS.get(name, name))


def _plain(value: object) -> str | int | float | bool | None:
    """Return an axis value as JSON knows it; what JSON does not know is told in words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return shortened(redact(str(value)), longest=200)


NO_TILES: Final = "There is nothing to show yet."
_WIDTH_PX: Final = 200
_HEIGHT_PX: Final = 113
_LINE_SHOWN: Final = 110
_MARKS: Final[Mapping[str, str]] = {"winner": "★ Winner", "rejected": "✕ Rejected"}

_SHEET: Final = """
.pvnb.pvnb-wall{max-width:none}
.pvnb .pvnb-wall-title{margin:0 0 2px;font-size:14px;font-weight:600}
.pvnb .pvnb-wall-tiles{margin:12px 0 0}
.pvnb .pvnb-wall-still{display:block;max-width:none;margin:0;object-fit:cover;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line)}
.pvnb .pvnb-wall-place{overflow:hidden;padding:10px 12px;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line);color:var(--pvnb-quiet);
font-size:12px;line-height:1.4}
.pvnb .pvnb-wall-place strong{color:var(--pvnb-ink)}
.pvnb .pvnb-wall-caption{margin:6px 0 0;padding:0;text-align:left;line-height:1.4;overflow-wrap:anywhere;
opacity:1!important}
.pvnb .pvnb-wall-mark{color:var(--pvnb-ink);font-size:12px;font-weight:600}
.pvnb .pvnb-wall-note{color:var(--pvnb-quiet);font-size:12px}
""".strip()


def thumbnails_html(
    tiles: Sequence[Tile], *, title: str = "", posters: Mapping[str, bytes], note: str = "", name: str = ""
) -> str:
    """Return the tiles as HTML that needs no script and no network; `posters` are JPEGs by the tiles' keys.

    Keep the posters small: they are written into the notebook. `note` is a sentence below the title, `name` a class of
    this wall alone, by which a living gallery finds and hides it.
    """
    head = "".join(
        f'<div class="{name}">{escape(redact(text))}</div>'
        for name, text in (("pvnb-wall-title", title), ("pvnb-line", count_words(tiles)), ("pvnb-note", note))
        if text
    )
    classes = f"pvnb pvnb-wall {escape(name)}".strip()
    body = "".join(_tile(tile, posters.get(tile.key)) for tile in tiles)
    return styled(
        f'<style>{_SHEET}</style><div class="{classes}">{head}<div class="pvnb-wall-tiles">{body}</div></div>'
    )


def wall_text(tiles: Sequence[Tile], *, title: str = "") -> str:
    """Return the same for a terminal: a line for each tile."""
    lines = [title] if title else []
    lines.append(count_words(tiles))
    for tile in tiles:
        said = [tile.caption, SHORT_WORDS[tile.state], shortened(tile.line, longest=_LINE_SHOWN)]
        said += [_MARKS.get(tile.verdict.choice, ""), shortened(tile.verdict.note, longest=_LINE_SHOWN)]
        lines.append("  " + " · ".join(part for part in said if part))
    return redact("\n".join(lines))


def count_words(tiles: Sequence[Tile]) -> str:
    """Return how many tiles there are and where they stand: "32 videos", "6 tiles: 3 done, 2 generating, 1 failed"."""
    if not tiles:
        return NO_TILES
    states = Counter(tile.state for tile in tiles)
    plural = "" if len(tiles) == 1 else "s"
    if set(states) == {JobState.DONE}:
        return f"{len(tiles)} video{plural}"
    return f"{len(tiles)} tile{plural}: " + ", ".join(
        f"{states[state]} {SHORT_WORDS[state].lower()}" for state in JobState if states[state]
    )


def _tile(tile: Tile, poster: bytes | None) -> str:
    still = _still(tile, poster) if poster and tile.state is JobState.DONE else _place(tile)
    extras = "".join(
        f'<div class="{name}">{escape(redact(text))}</div>'
        for name, text in (
            ("pvnb-wall-mark", _MARKS.get(tile.verdict.choice, "")),
            ("pvnb-wall-note", shortened(tile.verdict.note, longest=_LINE_SHOWN)),
        )
        if text
    )
    return (
        f'<figure style="display:inline-block;width:{_WIDTH_PX}px;margin:0 14px 18px 0;vertical-align:top">{still}'
        f'<figcaption class="pvnb-wall-caption"><strong>{escape(redact(tile.caption))}</strong>{extras}</figcaption>'
        "</figure>"
    )


def _still(tile: Tile, poster: bytes) -> str:
    size = f'width="{_WIDTH_PX}" height="{_HEIGHT_PX}" style="width:{_WIDTH_PX}px;height:{_HEIGHT_PX}px"'
    alt = escape(redact(tile.caption))
    return f'<img class="pvnb-wall-still" {size} alt="{alt}" src="{data_url(poster, "image/jpeg")}">'


def _place(tile: Tile) -> str:
    """Return what stands in place of a still: the state in words, and why."""
    said = escape(redact(shortened(tile.line, longest=_LINE_SHOWN)))
    return (
        f'<div class="pvnb-wall-place pvnb-{severity(tile.state)}" style="width:{_WIDTH_PX}px;height:{_HEIGHT_PX}px">'
        f'<span class="pvnb-mark"></span><strong>{SHORT_WORDS[tile.state]}</strong>'
        f"{f'<div>{said}</div>' if said else ''}</div>"
    )
