"""Studio: the form, and below it one plain output with the players of what it has made.

The form is widgets and lives as long as its kernel. The players are plain HTML, so they stay in the saved notebook.
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

PLAYERS_MAX: Final = 6

_ALONE: Final = (
    "The form lives as long as its kernel: run this cell to have it again. The videos below play without it."
)
_NO_PAGE: Final = "The form needs a notebook: JupyterLab, VS Code or Colab. In a terminal: client.create_frames(…)."


class Studio:
    """The form (`form`) on a `client`, and the videos that it has made (`videos`, newest first).

    >>> desk = Studio(client)  # doctest: +SKIP
    """

    def __init__(self, client: VideoClient) -> None:
        self.client = client
        self._lock = threading.Lock()
        self._made: dict[str, tuple[VideoFile, tuple[str, ...]]] = {}
        self._output: LiveOutput | None = None
        self.form = Form(client, on_video=self._take)

    @property
    def videos(self) -> tuple[VideoFile, ...]:
        """What this form has made or shown, newest first."""
        return tuple(video for video, _ in reversed(self._made.values()))

    def __repr__(self) -> str:
        where = "the sandbox" if self.client.is_sandbox else "PixVerse"
        return f"Studio(on {where}, {len(self._made)} videos)"

    def _ipython_display_(self) -> None:
        """Show the form and, as an output of its own, the players; a second showing takes the players along."""
        show_bundle(self._form_bundle())
        with self._lock:
            self._output = LiveOutput(self._players())

    def _take(self, snapshot: JobSnapshot) -> None:
        if snapshot.video is None:
            return
        with self._lock:
            self._made.pop(snapshot.ref, None)
            self._made[snapshot.ref] = (snapshot.video, snapshot.notices)
            if self._output is not None:
                self._output.update(self._players())

    def _players(self) -> MimeBundle:
        """Return the newest player with its film inside, older ones pointing at their files, at most six."""
        newest = list(reversed(self._made.values()))[:PLAYERS_MAX]
        if not newest:
            text = "Finished videos appear here and stay in the saved notebook."
            return mime_bundle(
                with_stylesheet(html('<div class="pvnb"><div class="pvnb-note">{}</div></div>', text)), text
            )
        figures = [
            player_figure(video, embed=None if place == 0 else False, notices=notices)
            for place, (video, notices) in enumerate(newest)
        ]
        return mime_bundle(with_stylesheet(join(figures)), "\n".join(player_text(video) for video, _ in newest))

    def _form_bundle(self) -> Any:
        shown: Mapping[str, Any] = self.form._repr_mimebundle_()
        return {**shown, **mime_bundle(_note(_ALONE), _NO_PAGE)}


def _note(text: str) -> Markup:
    return with_stylesheet(html('<div class="pvnb">{}</div>', text_div("pvnb-note", text)))
