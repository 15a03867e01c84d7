"""The inline player: a finished video as plain HTML that plays wherever the notebook is opened.

The source is an attribute of <video>, not a <source> child: JupyterLab's sanitizer, which is active in every untrusted
notebook, removes `src` from <source> but keeps it on <video>, even a `data:` URL. JupyterLab also resolves a relative
`src` against the notebook's own folder.
"""

import base64
import os
from pathlib import Path
from typing import Final, Protocol, runtime_checkable
from urllib.parse import quote

from markupsafe import Markup

from pixverse_nb.domain.arguments import as_path, checked, public_function
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.domain.validation import Flag
from pixverse_nb.errors import DownloadError, InvalidRequest
from pixverse_nb.mp4 import probe_mp4
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import (
    BundleView,
    is_in_voila,
    mime_bundle,
    notebook_folder,
    served_folder,
    show_bundle,
    show_in_marimo,
    url_in_marimo,
)
from pixverse_nb.render.formatting import (
    SANDBOX_EXPLANATION,
    format_credits,
    format_duration,
    format_parameters,
    format_seed,
    shorten,
)
from pixverse_nb.render.style import html, join, prompt_div, text_div, with_stylesheet

EMBED_LIMIT_BYTES: Final = 8 * 1024 * 1024
MARIMO_EMBED_LIMIT_BYTES: Final = 4 * 1024 * 1024  # marimo shows no output of more than 8 MB
# For elements that can have the focus: Jupyter then ignores the keys pressed there, such as its shortcuts M and X.
_KEEP_KEYS: Final = Markup('data-lm-suppress-shortcuts="true"')
# For the element around those: Ctrl+S (Cmd+S) still saves the notebook. Outside Jupyter the browser handles it.
_PASS_SAVE_KEY: Final = Markup(
    "onkeydown=\"if((event.ctrlKey||event.metaKey)&&!event.altKey&&event.key.toLowerCase()==='s'"
    "&&!document.body.dispatchEvent(new KeyboardEvent('keydown',event)))event.preventDefault()\""
)
# On a player with an address: a note appears while the page cannot load it, as with a kernel on another machine.
_SHOW_NOTE: Final = Markup(
    "onerror=\"this.closest('figure').querySelector('.pvnb-unloaded').hidden=false\" "
    "onloadedmetadata=\"this.closest('figure').querySelector('.pvnb-unloaded').hidden=true\""
)
_MAX_WIDTH_PX: Final = 720
_MAX_HEIGHT_PX: Final = 520
_PROMPT_LENGTH: Final = 280


@runtime_checkable
class HasVideo(Protocol):
    """What has a video or will have one: a job, a cell of a sweep."""

    @property
    def video(self) -> VideoFile | None:
        """The finished video, or None while there is none."""


VideoSource = VideoFile | HasVideo | str | os.PathLike[str]


@public_function
def show(video: VideoSource, *, embed: bool | None = None) -> None:
    """Show the player of a video, a job or any mp4 file as an output of the running cell.

    A file of at most 8 MiB becomes part of the notebook; a larger one is played from beside the notebook, or, if it is
    somewhere else, named. `embed=True` puts it into the notebook whatever its size. A job without a video shows its
    card. In a terminal or a plain script the facts are printed. Raises InvalidRequest if a path is not an mp4 file.

    >>> show("holiday.mp4")  # doctest: +SKIP
    """
    embed = checked({"embed": embed}, {"embed": Flag(default=None)})["embed"]
    if hasattr(video, "_ipython_display_") and getattr(video, "video", None) is None:
        if not show_in_marimo(video):
            video._ipython_display_()
        return
    file = as_video_file(video)
    bundle = mime_bundle(player_html(file, embed=embed), player_text(file))
    if not show_in_marimo(BundleView(bundle)):
        show_bundle(bundle)


def as_video_file(source: object, *, name: str = "video") -> VideoFile:
    """Return the video of an argument called `name`: of a video, of a job or cell that has one, or of an mp4's path.

    Raises InvalidRequest if there is none.
    """
    if isinstance(source, VideoFile):
        return source
    if isinstance(source, str | os.PathLike):
        try:
            return video_file(as_path(source, name=name))
        except DownloadError as error:
            raise InvalidRequest({name: f"{redact(os.fsdecode(source)):.200}: {error}"}, sends=False) from error
    if isinstance(source, HasVideo) and isinstance(video := source.video, VideoFile | None):
        if video is not None:
            return video
        who = f"job {ref}" if (ref := getattr(source, "ref", None)) else "it"
        problem = f"{who} has no video ({getattr(source, 'status', 'not finished')}); job.result() waits for it"
        raise InvalidRequest({name: problem}, sends=False)
    problem = f"must be a video, a job or the path of an mp4 file, not {type(source).__name__}"
    raise InvalidRequest({name: problem}, sends=False)


def video_file(path: str | os.PathLike[str]) -> VideoFile:
    """Return the facts of the mp4 at `path` that the player needs. Raises DownloadError if it is not an mp4 file."""
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


def player_html(
    video: VideoFile, *, embed: bool | None = None, notices: tuple[str, ...] = (), is_streamed: bool = False
) -> Markup:
    """Return the player of `video` with its caption, as HTML without scripts and network access.

    The mp4 is embedded in the HTML if `embed` is True, or if it is None and the file has at most 8 MiB. Otherwise the
    player refers to the file, relative to the notebook's folder. If a page cannot load it from there, a note says where
    the file is, below a still image if that is known beforehand; if the file is missing, a box that says how to get it
    back. `notices` are sentences below the caption. `is_streamed`: without a source, which a widget adds.
    """
    return with_stylesheet(player_figure(video, embed=embed, notices=notices, is_streamed=is_streamed))


def player_figure(
    video: VideoFile, *, embed: bool | None = None, notices: tuple[str, ...] = (), is_streamed: bool = False
) -> Markup:
    """Return what `player_html` returns, without the stylesheet, for outputs with several players."""
    if not video.path.is_file():
        return _missing_file(video)
    source = Markup() if is_streamed else _source(video, embed=embed)
    if source is None:
        return _unreachable_file(video, notices)
    is_linked = not is_streamed and not source.startswith(' src="data:')
    return html(
        '<figure class="pvnb pvnb-player" data-pvnb-ref="{ref}" style="margin:0" {pass_save_key}>'
        '<video class="pvnb-video" {keys} controls loop muted playsinline preload="metadata" aria-label="{label}"'
        " {size}{poster}{source} {show_note}>{path}</video>"
        '<figcaption class="pvnb-caption">{note}{caption}</figcaption></figure>',
        ref=video.ref or "",
        pass_save_key=_PASS_SAVE_KEY,
        keys=_KEEP_KEYS,
        label=_label(video),
        size=_size_attributes(video),
        poster=html(' poster="{}"', data_url(video.poster_jpeg, "image/jpeg")) if video.poster_jpeg else "",
        source=source,
        show_note=_SHOW_NOTE if is_linked else "",
        path=_display_path(video.path),
        note=_unloaded_note(video, is_hidden=True) if is_linked else "",
        caption=_caption(video, notices),
    )


def _source(video: VideoFile, *, embed: bool | None) -> Markup | None:
    """Return the attribute with the mp4 or its address; None if a page can have neither."""
    size = video.path.stat().st_size
    served = url_in_marimo(video.path) if size > MARIMO_EMBED_LIMIT_BYTES else None
    if served is not None:
        return html(' src="{}"', served)
    is_small = size <= EMBED_LIMIT_BYTES
    url = None if embed or (embed is None and is_small) else linked_url(video.path)
    if url is None and (embed or is_small):
        url = data_url(video.path.read_bytes(), "video/mp4")
    return None if url is None else html(' src="{}"', url)


def _unreachable_file(video: VideoFile, notices: tuple[str, ...]) -> Markup:
    """Return a still image in place of the player of a file that is large and not below the notebook's folder."""
    image = Markup()
    if video.poster_jpeg:
        image = html(
            '<img class="pvnb-video" alt="{}" {} src="{}">',
            _label(video),
            _size_attributes(video),
            data_url(video.poster_jpeg, "image/jpeg"),
        )
    return html(
        '<figure class="pvnb pvnb-player" data-pvnb-ref="{}" style="margin:0">{}<figcaption class="pvnb-caption">'
        "{}{}</figcaption></figure>",
        video.ref or "",
        image,
        _unloaded_note(video),
        _caption(video, notices),
    )


def _unloaded_note(video: VideoFile, *, is_hidden: bool = False) -> Markup:
    """Return where a video is that the page cannot load."""
    return html(
        '<div class="pvnb-next pvnb-unloaded" role="note"{}>The page cannot load this video ({}). It is on the machine '
        'of the kernel, in <span class="pvnb-mono">{}</span>. Open it there, or put it into the notebook with '
        '<span class="pvnb-mono">pv.show(video, embed=True)</span>.</div>',
        Markup(" hidden") if is_hidden else "",
        f"{video.path.stat().st_size / 1e6:.0f} MB",
        video.path.absolute(),
    )


def player_text(video: VideoFile) -> str:
    """Return the video in one or two lines of plain text."""
    missing = "" if video.path.is_file() else " (file missing)"
    facts = " · ".join(fact for fact in (_format_size(video, separator="×"), *_facts(video)[1:]) if fact)
    return redact(f"Video: {video.path}{missing}" + (f"\n  {facts}" if facts else ""))


def facts_html(facts: tuple[str, ...]) -> Markup:
    """Return short facts on one line, separated by dots; the line wraps only between facts."""
    return join((html('<span class="pvnb-fact">{}</span>', fact) for fact in facts if fact), " · ")


def sandbox_badge() -> Markup:
    """Return the "Sandbox" badge. It stays legible without the stylesheet."""
    return html(
        '<span class="pvnb-badge" style="border:1px solid;border-radius:9px;padding:0 7px" title="{}">Sandbox</span>',
        SANDBOX_EXPLANATION,
    )


def data_url(data: bytes, media_type: str) -> Markup:
    """Return `data` as a `data:` URL. It needs no escaping, and its megabytes are not searched for secrets."""
    return Markup("data:{};base64,{}").format(media_type, Markup(base64.b64encode(data).decode("ascii")))  # noqa: S704


def linked_url(path: Path) -> Markup | None:
    """Return the URL of a file relative to the notebook's folder, or None if the notebook's page cannot load it.

    A Jupyter server serves the files below its root, except those in hidden folders. If its root is not known, only
    files below the notebook's folder are linked. Voila serves no videos. Outside a notebook every file is linked.
    """
    folder = notebook_folder()
    if folder is None:
        return relative_url(path)
    if is_in_voila():
        return None
    root = (served_folder() or folder).resolve()
    place = path.resolve()
    if not place.is_relative_to(root) or any(part.startswith(".") for part in place.relative_to(root).parts):
        return None
    return relative_url(path)


def relative_url(path: Path) -> Markup:
    """Return `path` as a percent-encoded URL relative to the notebook's folder, or else to the current folder.

    On Windows a file on another drive has no relative URL; it gets a `file:` URL. The result needs no escaping, and it
    is not redacted, because a changed path would not work.
    """
    folder = notebook_folder()
    try:
        relative = os.path.relpath(path) if folder is None else os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:
        return Markup(path.absolute().as_uri())  # noqa: S704  percent-encoded
    return Markup(quote(Path(relative).as_posix(), safe="/"))  # noqa: S704  percent-encoded


def _size_attributes(video: VideoFile) -> Markup:
    """Return the size attributes, so that the page does not jump when the video is loaded."""
    if not video.width or not video.height:
        return html('style="width:100%;max-width:{}px;max-height:{}px"', _MAX_WIDTH_PX, _MAX_HEIGHT_PX)
    scale = min(_MAX_WIDTH_PX / video.width, _MAX_HEIGHT_PX / video.height)
    # The attributes give the aspect ratio; the style is simple enough to pass JupyterLab's sanitizer.
    return html(
        'width="{width}" height="{height}" style="width:{width}px;max-width:100%;height:auto"',
        width=round(video.width * scale),
        height=round(video.height * scale),
    )


def _label(video: VideoFile) -> str:
    prompt = video.request.prompt if video.request else ""
    return f"Video: {shorten(prompt, max_length=120)}" if prompt else "Video"


def _caption(video: VideoFile, notices: tuple[str, ...]) -> Markup:
    prompt = video.request.prompt if video.request else ""
    badge = html("{} ", sandbox_badge()) if video.is_sandbox else ""
    facts = html(
        '<div class="pvnb-facts" style="font-size:12px;opacity:0.7">{}{}</div>', badge, facts_html(_facts(video))
    )
    return join(
        (
            prompt_div("pvnb-prompt", shorten(prompt, max_length=_PROMPT_LENGTH)),
            facts,
            *(text_div("pvnb-note", notice) for notice in notices),
            _details(video),
        )
    )


def _facts(video: VideoFile) -> tuple[str, ...]:
    """Return the facts of the caption; the first is the size, which may be empty."""
    request = video.request
    length = format_duration(video.duration_s) if video.duration_s else ""
    parameters = format_parameters(request) if request else ()
    return (
        _format_size(video, separator=" × "),
        length,
        format_seed(request) if request else "",
        *(text for text in parameters if text != length),
        format_credits(video.cost_credits, is_estimate=video.cost_is_estimate, is_sandbox=video.is_sandbox),
        f"ref {video.ref}" if video.ref else "",
    )


def _format_size(video: VideoFile, *, separator: str) -> str:
    return f"{video.width}{separator}{video.height}" if video.width and video.height else ""


def _details(video: VideoFile) -> Markup:
    """Return the path of the file and, folded up, the line of Python that generates the video again."""
    path = html('<div class="pvnb-note">File: {}</div>', _path_html(video.path))
    if video.python is None:
        return path
    return html(
        '<details class="pvnb-details"><summary class="pvnb-summary" {}>Generate it again in Python</summary>'
        '<code class="pvnb-code">{}</code>{}</details>',
        _KEEP_KEYS,
        video.python,
        path,
    )


def _missing_file(video: VideoFile) -> Markup:
    fix = Markup("Put the file back, or show another file.")
    if video.ref:
        call = f"client.job({video.ref!r}).result()"
        fix = html('Download it again (you will not be charged):<code class="pvnb-code">{}</code>', call)
    return html(
        '<div class="pvnb pvnb-missing pvnb-warn" role="note"><div class="pvnb-state"><span class="pvnb-dot"></span>'
        'The video file is missing</div><div class="pvnb-line">{}</div><div class="pvnb-next">{}</div></div>',
        _path_html(video.path),
        fix,
    )


def _path_html(path: Path) -> Markup:
    return html('<span class="pvnb-mono">{}</span>', _display_path(path))


def _display_path(path: Path) -> str:
    """Return the path for people: relative if it is below the current folder, else absolute."""
    folder = Path.cwd()
    absolute = path.absolute()
    return absolute.relative_to(folder).as_posix() if absolute.is_relative_to(folder) else str(path)
