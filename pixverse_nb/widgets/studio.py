"""The studio: the form, and below it an output with the players of the videos it has created.

The form works as long as its kernel runs. The players are plain HTML, so they stay in the saved notebook.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

from markupsafe import Markup

from pixverse_nb.domain.jobs import JobSnapshot, VideoFile
from pixverse_nb.render.display import LiveOutput, MimeBundle, mime_bundle, show_bundle
from pixverse_nb.render.player import player_figure, player_text
from pixverse_nb.render.style import html, join, text_div, with_stylesheet
from pixverse_nb.widgets.form import Form
from pixverse_nb.widgets.protocols import VideoClient

MAX_PLAYERS: Final = 6

_NO_KERNEL_NOTE: Final = "The form needs a running kernel. Run this cell again. The videos below play without a kernel."
_TERMINAL_NOTE: Final = (
    "The form needs a notebook: JupyterLab, VS Code or Colab. In a terminal, call client.create_frames(…)."
)
_NO_VIDEOS_NOTE: Final = "Finished videos appear here and stay in the saved notebook."


class Studio:
    """The form (`form`) for `client`, and the videos it has created (`videos`, newest first).

    >>> Studio(client)  # as the last expression of a cell it displays itself   # doctest: +SKIP
    """

    def __init__(self, client: VideoClient) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._videos: dict[str, tuple[VideoFile, tuple[str, ...]]] = {}  # job reference to video and notices
        self._players_output: LiveOutput | None = None
        self.form = Form(client, on_video=self._add_video)

    @property
    def videos(self) -> tuple[VideoFile, ...]:
        """The videos that this form has created or shown, newest first."""
        return tuple(video for video, _ in reversed(self._videos.values()))

    def __repr__(self) -> str:
        service = "the sandbox" if self.client.is_sandbox else "PixVerse"
        return f"Studio(on {service}, {len(self._videos)} videos)"

    def _ipython_display_(self) -> None:
        """Show the form, and the players as a separate output. Shown again in another cell, the players move there."""
        show_bundle(self._form_bundle())
        with self._lock:
            self._players_output = LiveOutput(self._players_bundle())

    def _add_video(self, snapshot: JobSnapshot) -> None:
        if snapshot.video is None:
            return
        with self._lock:
            self._videos.pop(snapshot.ref, None)  # a video that is shown again moves to the top
            self._videos[snapshot.ref] = (snapshot.video, snapshot.notices)
            if self._players_output is not None:
                self._players_output.update(self._players_bundle())

    def _players_bundle(self) -> MimeBundle:
        """Return at most six players. The newest contains its video; the others refer to their files."""
        newest = list(reversed(self._videos.values()))[:MAX_PLAYERS]
        if not newest:
            return mime_bundle(_note_html(_NO_VIDEOS_NOTE), _NO_VIDEOS_NOTE)
        figures = [
            player_figure(video, embed=None if index == 0 else False, notices=notices)
            for index, (video, notices) in enumerate(newest)
        ]
        return mime_bundle(with_stylesheet(join(figures)), "\n".join(player_text(video) for video, _ in newest))

    def _form_bundle(self) -> Any:
        bundle: Mapping[str, Any] = self.form._repr_mimebundle_()
        return {**bundle, **mime_bundle(_note_html(_NO_KERNEL_NOTE), _TERMINAL_NOTE)}


def _note_html(text: str) -> Markup:
    return with_stylesheet(html('<div class="pvnb">{}</div>', text_div("pvnb-note", text)))
