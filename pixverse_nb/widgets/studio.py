"""The studio: the form, and below it one output for each video that it has created.

The form works as long as its kernel runs. The players are plain HTML, so they stay in the saved notebook.
"""

import threading
from typing import Any, Final

from markupsafe import Markup

from pixverse_nb.domain.jobs import JobSnapshot, VideoFile
from pixverse_nb.render.display import (
    LiveOutput,
    MimeBundle,
    can_replace_outputs,
    mime_bundle,
    show_bundle,
)
from pixverse_nb.render.player import player_figure, player_text
from pixverse_nb.render.style import html, text_div, with_stylesheet
from pixverse_nb.widgets.earlier_runs import close_earlier
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.protocols import VideoClient

MAX_PLAYERS: Final = 6
MAX_EMBEDDED_BYTES: Final = 24_000_000  # of all players together; further ones refer to their files

_NO_KERNEL_NOTE: Final = "The form needs a running kernel. Run this cell again. The videos below play without a kernel."
_TERMINAL_NOTE: Final = (
    "The form needs a notebook: JupyterLab, VS Code or Colab. In a terminal, call client.create_frames(…)."
)
_NO_VIDEOS_NOTE: Final = "Finished videos appear here."
_EMPTY: Final[MimeBundle] = {"text/html": '<div class="pvnb-form-no-player"></div>', "text/plain": ""}


class Studio:
    """The form (`form`) for `client`, and the videos it has created (`videos`, newest first).

    Running its cell again closes the studio that the cell had made before; those of other cells stay.

    >>> Studio(client)  # as the last expression of a cell it displays itself   # doctest: +SKIP
    """

    def __init__(self, client: VideoClient) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._videos: dict[str, tuple[VideoFile, tuple[str, ...]]] = {}  # job reference to video and notices
        self._players: _Players | None = None
        self.form = Form(client, on_video=self._add_video)
        _replace_predecessor(self)

    @property
    def videos(self) -> tuple[VideoFile, ...]:
        """The videos that this form has created or shown, newest first."""
        return tuple(video for video, _ in reversed(self._videos.values()))

    def close(self) -> None:
        """Remove the form from the page and stop following its jobs. The jobs and the players stay."""
        with self._lock:
            self._players = None
        self.form.close()

    def __repr__(self) -> str:
        service = "the sandbox" if self.client.is_sandbox else "PixVerse"
        return f"Studio(on {service}, {len(self._videos)} videos)"

    def _display_(self) -> Form:
        """Return what marimo shows: the form, which is an anywidget."""
        return self.form

    def _ipython_display_(self) -> None:
        """Show the form, and the players as separate outputs. Shown again in another cell, the players move there."""
        _replace_predecessor(self)
        show_bundle(self._form_bundle())
        with self._lock:
            if can_replace_outputs():
                show_bundle(mime_bundle(_note_html(_NO_KERNEL_NOTE, "pvnb-form-unavailable"), ""))
                self._players = _Players()
                for video, notices in self._videos.values():
                    self._players.show(video, notices)
        self.form.start()

    def _add_video(self, snapshot: JobSnapshot) -> None:
        if snapshot.video is None:
            return
        with self._lock:
            self._videos.pop(snapshot.ref, None)
            self._videos[snapshot.ref] = (snapshot.video, snapshot.notices)
            if self._players is not None:
                self._players.show(snapshot.video, snapshot.notices)

    def _form_bundle(self) -> Any:
        """Return the form without its note: a trusted page without a kernel drops the HTML beside a widget."""
        data, _ = self.form._repr_mimebundle_() or ({}, {})
        return {**data, **mime_bundle("<div></div>", _TERMINAL_NOTE)}


class _Players:
    """Six outputs, filled from the last to the first, so that the newest is on top.

    A player that is shown is not redrawn for another video, because it may be playing. From the seventh video on, the
    newest video replaces the oldest.
    """

    def __init__(self) -> None:
        note = mime_bundle(_note_html(_NO_VIDEOS_NOTE), _NO_VIDEOS_NOTE)
        self._outputs = [LiveOutput(_EMPTY if number else note) for number in reversed(range(MAX_PLAYERS))]
        self._outputs.reverse()
        self._refs: list[str] = []  # of the shown videos, oldest first
        self._sizes: dict[str, int] = {}  # bytes of the embedded ones
        self._output_by_ref: dict[str, LiveOutput] = {}

    def show(self, video: VideoFile, notices: tuple[str, ...]) -> None:
        """Show a player for the video, unless it has one."""
        ref = video.ref or video.sha256
        if ref in self._output_by_ref:
            return
        if len(self._refs) < MAX_PLAYERS:
            output = self._outputs[len(self._refs)]
        else:
            oldest = self._refs.pop(0)
            self._sizes.pop(oldest, None)
            output = self._output_by_ref.pop(oldest)
        fits = sum(self._sizes.values()) + video.size_bytes <= MAX_EMBEDDED_BYTES
        if fits:
            self._sizes[ref] = video.size_bytes
        self._refs.append(ref)
        self._output_by_ref[ref] = output
        figure = player_figure(video, embed=None if fits else False, notices=notices)
        output.update(mime_bundle(with_stylesheet(figure), player_text(video)))


def _replace_predecessor(studio: Studio) -> None:
    """Close the studios that an earlier run of this cell has made for the same client."""
    close_earlier(studio, is_same=lambda other: _share_session(other.client, studio.client))


def _share_session(client: VideoClient, other: VideoClient) -> bool:
    """Return whether both are the same client or use the same session, as when the cell opens its client anew."""
    session = getattr(client, "_session", None)
    return client is other or (session is not None and session is getattr(other, "_session", None))


def _note_html(text: str, css_class: str = "") -> Markup:
    return with_stylesheet(html('<div class="pvnb {}">{}</div>', css_class, text_div("pvnb-note", text)))
