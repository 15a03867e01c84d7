"""The inline player: a finished video as plain HTML that plays wherever the notebook is opened.

Why the source stands on `<video src>` and not in `<source>` children: JupyterLab's sanitizer, at work in every
notebook that is not trusted, takes `src` off `<source>` and leaves it on `<video>`, a `data:` address included.
JupyterLab also resolves a relative `src` against the notebook's own folder.
"""

import base64
import os
from collections import Counter
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote

from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.mp4 import probe_mp4
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import bundle_of, show_bundle
from pixverse_nb.render.formatting import SANDBOX_MEANING, credit_words, duration_words, parameter_words, shortened
from pixverse_nb.render.style import styled

EMBED_LIMIT_BYTES: Final = 8 * 1024 * 1024
_WIDEST_PX: Final = 720
_TALLEST_PX: Final = 520
_PROMPT_SHOWN: Final = 280


def player_html(
    video: VideoFile,
    *,
    embed: bool | None = None,
    notices: tuple[str, ...] = (),
) -> str:
    """Return the player of `video` with its caption, as HTML that needs no script and no network.

    The mp4 goes into the HTML itself where `embed` is True, or None and it has at most 8 MiB; otherwise the player
    points at the file, relative to the current folder, which is the notebook's own. Without the file on disk the result
    is a box that says how to fetch it again. `notices` are sentences below the caption.
    """
    return styled(player_figure(video, embed=embed, notices=notices))


def player_figure(
    video: VideoFile,
    *,
    embed: bool | None = None,
    notices: tuple[str, ...] = (),
) -> str:
    """Return as `player_html`, without the stylesheet: for a page that shows many."""
    if not video.path.is_file():
        return _missing(video)
    embedded = video.path.stat().st_size <= EMBED_LIMIT_BYTES if embed is None else embed
    source = data_url(video.path.read_bytes(), "video/mp4") if embedded else relative_url(video.path)
    poster = f' poster="{data_url(video.poster_jpeg, "image/jpeg")}"' if video.poster_jpeg else ""
    label = escape(redact(_label(video)))
    return (
        f'<figure class="pvnb pvnb-player" data-pvnb-ref="{escape(redact(video.ref or ""))}" style="margin:0">'
        f'<video class="pvnb-video" controls loop muted playsinline preload="metadata" aria-label="{label}"'
        f' {_box(video)}{poster} src="{escape(source)}">{escape(_shown_path(video.path))}</video>'
        f'<figcaption class="pvnb-caption">{_caption(video, notices)}</figcaption>'
        "</figure>"
    )


def player_text(video: VideoFile) -> str:
    """Return the video in one or two lines of plain text."""
    size = f"{video.width}×{video.height}" if video.width and video.height else ""
    facts = [fact for fact in (size, *_facts(video)[1 if size else 0 :]) if fact]
    where = str(video.path) + ("" if video.path.is_file() else " (the file is not there any more)")
    return redact(f"Video: {where}" + (f"\n  {' · '.join(facts)}" if facts else ""))


def data_url(data: bytes, media_type: str) -> str:
    """Return `data` as a `data:` address."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"


def relative_url(path: Path) -> str:
    """Return `path` as a percent-encoded address relative to the current folder.

    On Windows a file on another drive has no relative address; it gives a `file:` one.
    """
    try:
        relative = os.path.relpath(path)
    except ValueError:
        return path.absolute().as_uri()
    return quote(Path(relative).as_posix(), safe="/")


def _box(video: VideoFile) -> str:
    """Return the size attributes: known before the film is loaded, so that nothing on the page jumps."""
    if not video.width or not video.height:
        return f'style="width:100%;max-width:{_WIDEST_PX}px;max-height:{_TALLEST_PX}px"'
    scale = min(_WIDEST_PX / video.width, _TALLEST_PX / video.height)
    width, height = round(video.width * scale), round(video.height * scale)
    # The attributes give the ratio; the style must be plain enough to pass the sanitizer.
    return f'width="{width}" height="{height}" style="width:{width}px;max-width:100%;height:auto"'


def _label(video: VideoFile) -> str:
    prompt = video.request.prompt if video.request else ""
    return f"Video: {shortened(prompt, longest=120)}" if prompt else "Video"


def _caption(video: VideoFile, notices: tuple[str, ...]) -> str:
    prompt = video.request.prompt.strip() if video.request else ""
    shown = shortened(prompt, longest=_PROMPT_SHOWN)
    badge = f"{sandbox_badge()} " if video.is_sandbox else ""
    parts = [
        f'<div class="pvnb-prompt">{escape(redact(shown))}</div>' if shown else "",
        f'<div class="pvnb-facts" style="font-size:12px;opacity:0.7">{badge}{facts_html(_facts(video))}</div>',
        *(f'<div class="pvnb-note">{escape(redact(notice))}</div>' for notice in notices),
        _more(video),
    ]
    return "".join(parts)


def facts_html(facts: tuple[str, ...]) -> str:
    """Return facts on one line, parted by dots; a line breaks between facts only."""
    return " · ".join(f'<span class="pvnb-fact">{escape(redact(fact))}</span>' for fact in facts if fact)


def sandbox_badge() -> str:
    """Return the small mark of what did not come from the vendor; its outline also holds without the stylesheet."""
    outline = "border:1px solid;border-radius:9px;padding:0 7px"
    return f'<span class="pvnb-badge" style="{outline}" title="{escape(SANDBOX_MEANING)}">Sandbox</span>'


def _facts(video: VideoFile) -> tuple[str, ...]:
    request = video.request
    size = f"{video.width} × {video.height}" if video.width and video.height else ""
    length = duration_words(video.duration_s) if video.duration_s else ""
    words = parameter_words(request) if request else ()
    return (
        size,
        length,
        f"seed {request.seed}" if request else "",
        *(word for word in words if word != length),
        credit_words(video.cost_credits, is_estimate=video.cost_is_estimate, is_sandbox=video.is_sandbox),
        f"ref {video.ref}" if video.ref else "",
    )


def _more(video: VideoFile) -> str:
    """Return the fold with the line of Python that makes the video again, and where the file is."""
    file = escape(_shown_path(video.path))
    path = f'<div class="pvnb-note">File: <span class="pvnb-mono">{file}</span></div>'
    if video.python is None:
        return path
    return (
        '<details class="pvnb-more"><summary class="pvnb-summary">Make it again in Python</summary>'
        f'<code class="pvnb-code">{escape(redact(video.python))}</code>{path}</details>'
    )


def _missing(video: VideoFile) -> str:
    path = escape(_shown_path(video.path))
    mend = (
        "This fetches it again without paying again:"
        f'<code class="pvnb-code">{escape(f"client.job({video.ref!r}).result()")}</code>'
        if video.ref
        else "Put it back at this place, or show another file."
    )
    return (
        '<div class="pvnb pvnb-missing pvnb-warn" role="note"><div class="pvnb-state"><span class="pvnb-mark"></span>'
        "The video file is not there any more</div>"
        f'<div class="pvnb-line"><span class="pvnb-mono">{path}</span></div><div class="pvnb-next">{mend}</div></div>'
    )


def _shown_path(path: Path) -> str:
    """Return the path as a person reads it: relative below the current folder, else only as long as it must be."""
    folder = Path.cwd()
    absolute = path.absolute()
    return redact(absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(path))


def show(video: VideoFile | str | os.PathLike[str]) -> None:
    """Show the player of a video or of any mp4 on disk, as an output of the running cell; returns nothing.

    A path that is not an mp4 raises DownloadError. In a terminal or a plain script the facts are printed.

    >>> show("holiday.mp4")  # doctest: +SKIP
    """
    made = video if isinstance(video, VideoFile) else video_file(video)
    show_bundle(bundle_of(player_html(made), player_text(made)))


def video_file(path: str | os.PathLike[str]) -> VideoFile:
    """Return what the player needs to know about the mp4 at `path`; raises DownloadError where it is not one."""
    place = Path(path).expanduser()
    info = probe_mp4(place)
    return VideoFile(
        path=place,
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        width=info.width,
        height=info.height,
        duration_s=info.duration_s,
    )


def film_keys(files: Iterable[VideoFile]) -> list[str]:
    """Return the sha256 of each file as its name; the same film a second time has a name of its own."""
    seen: Counter[str] = Counter()
    keys = []
    for file in files:
        seen[file.sha256] += 1
        keys.append(file.sha256 if seen[file.sha256] == 1 else f"{file.sha256}-{seen[file.sha256]}")
    return keys
