"""Tiles: what a gallery shows of each video or job, as values for its page and as thumbnails in plain HTML."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from markupsafe import Markup

from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    SHORT_STATE_LABELS,
    format_credits,
    format_duration,
    severity,
    shorten,
    with_direction_marks,
)
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import html, join, text_div, with_stylesheet

_UNRATED: Final = Rating()
COMPARED_MAX: Final = 9  # videos that can be compared at a time
NO_WINNER: Final = "has no video, so it cannot be a winner"
NO_TILES: Final = "There is nothing to show yet."

# The request fields that can set videos of the same inputs apart, in the order of a caption.
_COMPARED_FIELDS: Final = (
    "seed",
    "motion_mode",
    "quality",
    "duration",
    "aspect_ratio",
    "model",
    "prompt",
    "remove_watermark",
)
_METRIC_LABELS: Final[Mapping[str, str]] = {
    metric.name: f"{metric.label} ({metric.unit})" if metric.unit else metric.label for metric in (*METRICS, DIVERSITY)
}
_RATING_LABELS: Final[Mapping[str, str]] = {"winner": "★ Winner", "rejected": "✕ Rejected"}
_CAPTION_PROMPT_LENGTH: Final = 60
_FACT_PROMPT_LENGTH: Final = 400
_LINE_LENGTH: Final = 110
_WIDTH_PX: Final = 200
_HEIGHT_PX: Final = 113

_STYLE: Final = Markup("""
.pvnb.pvnb-thumbnails{max-width:none}
.pvnb .pvnb-thumbnails-title{margin:0 0 2px;font-size:14px;font-weight:600}
.pvnb .pvnb-thumbnails-grid{margin:12px 0 0}
.pvnb .pvnb-thumbnail{display:block;max-width:none;margin:0;object-fit:cover;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line)}
.pvnb .pvnb-thumbnail-placeholder{overflow:hidden;padding:10px 12px;border-radius:6px;
background:var(--pvnb-wash);box-shadow:0 0 0 1px var(--pvnb-line);color:var(--pvnb-quiet);
font-size:12px;line-height:1.4}
.pvnb .pvnb-thumbnail-placeholder strong{color:var(--pvnb-ink)}
.pvnb .pvnb-thumbnail-caption{margin:6px 0 0;padding:0;text-align:left;line-height:1.4;overflow-wrap:anywhere;
opacity:1!important}
.pvnb .pvnb-thumbnail-rating{color:var(--pvnb-ink);font-size:12px;font-weight:600}
.pvnb .pvnb-thumbnail-note{color:var(--pvnb-quiet);font-size:12px}
""").strip()


@dataclass(frozen=True)
class Tile:
    """A video, or a job that has no video (yet), in a gallery.

    `key` identifies the tile for good, `caption` says what sets it apart ("seed 7 · fast"). `axes` are the values it
    can be sorted and filtered by, `metrics` the measurements. `detail` says what is going on, or why there is no video.
    `began_at` and `ended_at` (Unix seconds) are for the clock of a tile without a video. `poster_jpeg` is a still that
    replaces the video's own poster.

    >>> Tile("a1", "seed 7", JobState.GENERATING, axes={"seed": 7}).caption
    'seed 7'
    """

    key: str
    caption: str
    state: JobState
    axes: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    video: VideoFile | None = field(default=None, repr=False)
    detail: str = ""
    rating: Rating = field(default_factory=Rating)
    began_at: float | None = None
    ended_at: float | None = None
    poster_jpeg: bytes | None = field(default=None, repr=False)

    @property
    def poster(self) -> bytes | None:
        """The still of this tile as a JPEG, or None."""
        return self.poster_jpeg or (self.video.poster_jpeg if self.video else None)

    def can_be_rated(self, rating: Rating) -> bool:
        """Return whether `rating` is allowed: a tile without a video cannot become a winner, but can stay one."""
        return rating.choice != "winner" or self.video is not None or self.rating.choice == "winner"


# -- values for the page -------------------------------------------------------------------------------------------


def tile_json(tile: Tile) -> dict[str, Any]:
    """Return what the page gets of a tile: JSON values, redacted, without file paths and images."""
    video = tile.video
    return {
        "key": tile.key,
        "caption": redact(tile.caption),
        "state": tile.state.value,
        "state_label": SHORT_STATE_LABELS[tile.state],
        "severity": severity(tile.state),
        "detail": redact(tile.detail),
        "began_at": tile.began_at,
        "ended_at": tile.ended_at,
        "axes": {redact(name): _json_value(value) for name, value in tile.axes.items()},
        "metrics": {_metric_label(name): float(value) for name, value in tile.metrics.items() if math.isfinite(value)},
        "has_video": video is not None,
        "ratio": round(video.width / video.height, 4) if video and video.width and video.height else None,
        "facts": [[name, redact(text)] for name, text in video_facts(video)] if video else [],
        "choice": tile.rating.choice,
        "note": tile.rating.note,
    }


def video_facts(video: VideoFile) -> tuple[tuple[str, str], ...]:
    """Return the known facts about a video as names and texts."""
    request = video.request
    facts = (
        *(_request_facts(request) if request else ()),
        ("Size", f"{video.width} × {video.height}" if video.width and video.height else ""),
        ("Length", _unexpected_length(video)),
        ("Cost", format_credits(video.cost_credits, is_estimate=video.cost_is_estimate, is_sandbox=video.is_sandbox)),
        ("Job", video.ref or ""),
        ("File", video.path.name),
    )
    return tuple((name, text) for name, text in facts if text)


def job_tile(
    key: str,
    caption: str,
    snapshot: JobSnapshot,
    *,
    axes: Mapping[str, object],
    metrics: Mapping[str, float] = MappingProxyType({}),
    rating: Rating = _UNRATED,
) -> Tile:
    """Return the tile of a job at one moment."""
    return Tile(
        key,
        caption,
        snapshot.state,
        axes=axes,
        metrics=metrics,
        video=snapshot.video,
        detail=" ".join(text for text in (snapshot.error, snapshot.warning, snapshot.suggested_action) if text),
        rating=rating,
        began_at=snapshot.submitted_at or snapshot.created_at,
        ended_at=snapshot.finished_at if snapshot.state.is_final else None,
    )


def differing_fields(videos: Sequence[VideoFile | JobSnapshot]) -> list[dict[str, object]]:
    """Return for each video the request fields in which these videos differ; {} for a video without a request."""
    requests = [video.request for video in videos]
    known = [request for request in requests if request is not None]
    differing = [name for name in _COMPARED_FIELDS if len({getattr(request, name) for request in known}) > 1]
    return [{name: getattr(request, name) for name in differing} if request else {} for request in requests]


def default_captions(videos: Sequence[VideoFile | JobSnapshot]) -> list[str]:
    """Return a caption for each video: what sets it apart, else its prompt and seed, else its name."""
    names = [video.path.stem if isinstance(video, VideoFile) else video.ref for video in videos]
    differing = [caption_from_values(values) for values in differing_fields(videos)]
    own = [_own_caption(video.request) if video.request else "" for video in videos]
    is_clear = len(set(own)) == len(own)
    return [
        apart or (title if is_clear else "") or name for apart, title, name in zip(differing, own, names, strict=True)
    ]


def _own_caption(request: GenerationRequest) -> str:
    values = {"prompt": request.prompt, "seed": request.seed}
    return caption_from_values({name: value for name, value in values.items() if value})


def unique_keys(videos: Iterable[VideoFile | JobSnapshot]) -> list[str]:
    """Return a key for each file or job: its sha256 or ref, with a number appended if the same one appears again."""
    seen: Counter[str] = Counter()
    keys = []
    for video in videos:
        key = video.sha256 if isinstance(video, VideoFile) else video.ref
        seen[key] += 1
        keys.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return keys


def caption_from_values(values: Mapping[str, object]) -> str:
    """Return the values that set a video apart on one line: "seed 7 · fast".

    >>> caption_from_values({"seed": 7, "motion_mode": "fast"})
    'seed 7 · fast'
    """
    return " · ".join(text for text in (_caption_part(name, value) for name, value in values.items()) if text)


def _caption_part(name: str, value: object) -> str:
    label = name.replace("_", " ")
    match name, value:
        case "duration", int():
            return f"{value} s"
        case "remove_watermark", bool():
            return "" if value else "with watermark"
        case _, bool():
            return label if value else f"no {label}"
        case _, str():
            return with_direction_marks(shorten(value, max_length=_CAPTION_PROMPT_LENGTH))
        case _:
            return f"{label} {value}"


def _request_facts(request: GenerationRequest) -> tuple[tuple[str, str], ...]:
    values: tuple[tuple[str, object], ...] = (
        ("Prompt", shorten(request.prompt, max_length=_FACT_PROMPT_LENGTH)),
        ("Seed", request.seed),
        ("Motion mode", request.motion_mode),
        ("Quality", request.quality),
        ("Duration", request.duration and f"{request.duration} s"),
        ("Aspect ratio", request.aspect_ratio),
        ("Model", request.model),
    )
    return tuple((name, str(value)) for name, value in values if value is not None)


def _unexpected_length(video: VideoFile) -> str:
    """Return the length of a video if it differs from the duration in its request, else an empty string."""
    length = format_duration(video.duration_s) if video.duration_s else ""
    return "" if video.request and length == f"{video.request.duration} s" else length


def _metric_label(name: str) -> str:
    """Return the label of a metric, such as "Flicker (grey levels)"; a metric that is not ours keeps its name."""
    return redact(_METRIC_LABELS.get(name, name))


def _json_value(value: object) -> str | int | float | bool | None:
    """Return an axis value as JSON; values that JSON does not know become text."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return shorten(redact(str(value)), max_length=200)


# -- thumbnails ----------------------------------------------------------------------------------------------------


def thumbnails_html(
    tiles: Sequence[Tile], *, title: str = "", posters: Mapping[str, bytes], note: str = "", css_class: str = ""
) -> Markup:
    """Return the tiles as HTML without scripts and network access; `posters` are JPEGs by tile key.

    Keep the posters small: they are saved in the notebook. `note` is a sentence below the title. A live gallery finds
    its thumbnails by `css_class` and hides them.
    """
    return with_stylesheet(
        html(
            '<div class="{classes}">{title}{count}{note}<div class="pvnb-thumbnails-grid">{tiles}</div></div>',
            classes=f"pvnb pvnb-thumbnails {css_class}".strip(),
            title=text_div("pvnb-thumbnails-title", title),
            count=text_div("pvnb-line", format_tile_count(tiles)),
            note=text_div("pvnb-note", note),
            tiles=join(_thumbnail(tile, posters.get(tile.key)) for tile in tiles),
        ),
        extra=_STYLE,
    )


def thumbnails_text(tiles: Sequence[Tile], *, title: str = "") -> str:
    """Return the tiles as plain text, one line for each."""
    lines = [title] if title else []
    lines.append(format_tile_count(tiles))
    for tile in tiles:
        parts = (
            tile.caption,
            SHORT_STATE_LABELS[tile.state],
            shorten(tile.detail, max_length=_LINE_LENGTH),
            _RATING_LABELS.get(tile.rating.choice),
            shorten(tile.rating.note, max_length=_LINE_LENGTH),
        )
        lines.append("  " + " · ".join(part for part in parts if part))
    return redact("\n".join(lines))


def format_tile_count(tiles: Sequence[Tile]) -> str:
    """Return the number of tiles by state: "32 videos", "6 tiles: 3 done, 2 generating, 1 failed"."""
    if not tiles:
        return NO_TILES
    states = Counter(tile.state for tile in tiles)
    plural = "" if len(tiles) == 1 else "s"
    if set(states) == {JobState.DONE}:
        return f"{len(tiles)} video{plural}"
    return f"{len(tiles)} tile{plural}: " + ", ".join(
        f"{states[state]} {SHORT_STATE_LABELS[state].lower()}" for state in JobState if states[state]
    )


def _thumbnail(tile: Tile, poster: bytes | None) -> Markup:
    return html(
        '<figure style="display:inline-block;width:{width}px;margin:0 14px 18px 0;vertical-align:top">{image}'
        '<figcaption class="pvnb-thumbnail-caption"><strong>{caption}</strong>{rating}{note}</figcaption></figure>',
        width=_WIDTH_PX,
        image=_still(tile, poster) if poster and tile.state is JobState.DONE else _placeholder(tile),
        caption=tile.caption,
        rating=text_div("pvnb-thumbnail-rating", _RATING_LABELS.get(tile.rating.choice)),
        note=text_div("pvnb-thumbnail-note", shorten(tile.rating.note, max_length=_LINE_LENGTH)),
    )


def _still(tile: Tile, poster: bytes) -> Markup:
    return html(
        '<img class="pvnb-thumbnail" width="{width}" height="{height}" style="width:{width}px;height:{height}px"'
        ' alt="{alt}" src="{source}">',
        width=_WIDTH_PX,
        height=_HEIGHT_PX,
        alt=tile.caption,
        source=data_url(poster, "image/jpeg"),
    )


def _placeholder(tile: Tile) -> Markup:
    """Return the box in place of a still: the state, and what is going on."""
    line = shorten(tile.detail, max_length=_LINE_LENGTH)
    return html(
        '<div class="pvnb-thumbnail-placeholder pvnb-{severity}" style="width:{width}px;height:{height}px">'
        '<span class="pvnb-dot"></span><strong>{label}</strong>{line}</div>',
        severity=severity(tile.state),
        width=_WIDTH_PX,
        height=_HEIGHT_PX,
        label=SHORT_STATE_LABELS[tile.state],
        line=html("<div>{}</div>", line) if line else "",
    )
