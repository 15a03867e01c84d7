"""The live card of a job or a sweep as a widget, with buttons to cancel, pause and stop.

One card is one model, however often it is shown. Its trait holds texts and numbers; pictures and the finished video
travel as messages.
"""

import threading
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.render.player import player_html
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.comm import BackgroundRunner, FileStreamer, answer_while_busy, error_text

_VIDEO_KEY: Final = "video"
_MOST_FINISHED: Final = 20  # cards that are over and that no page is known to show
_finished: Final[deque["LiveCardWidget"]] = deque()


class LiveCardWidget(anywidget.AnyWidget):
    """A card that shows `state`; `actions` are what its buttons do, by name. Works from any thread.

    >>> card = LiveCardWidget({"kind": "job", "label": "Queued"}, {})
    >>> card.update({"kind": "job", "label": "Generating"})
    >>> card.state["label"]
    'Generating'
    """

    _esm = bundle_js("live_card")
    _css = bundle_css("live_card")

    state = traitlets.Dict().tag(sync=True)  # see the functions that make it: `card_state` and `sweep_state`
    fallback_class = traitlets.Unicode("").tag(sync=True)  # the class of the HTML that a live view hides

    def __init__(self, state: Mapping[str, Any], actions: Mapping[str, Callable[[], object]]) -> None:
        self._actions = actions
        self._runner = BackgroundRunner(self._show_error)
        self._streamer = FileStreamer(self.send, self._runner)
        self._lock = threading.RLock()
        self._views: set[str] = set()
        self._last_number: dict[str, int] = {}  # of an action, by view: a page repeats one until it is acknowledged
        self._images: Sequence[bytes] = ()
        self._video: VideoFile | None = None
        self._is_over = False
        super().__init__(state=dict(state), fallback_class=f"pvnb-fallback-{uuid.uuid4().hex[:12]}")
        self.on_msg(self._on_message)
        answer_while_busy(self)

    @property
    def is_closed(self) -> bool:
        """Whether no page can show it any more: it was closed, by us or by the front end."""
        return self.comm is None or bool(getattr(self.comm, "_closed", False))

    def view(self) -> Mapping[str, Any]:
        """Return the MIME bundle of one view."""
        data, _ = super()._repr_mimebundle_() or ({}, {})
        return {name: value for name, value in data.items() if not name.startswith("text/")}

    def update(self, state: Mapping[str, Any], *, images: Sequence[bytes] = ()) -> None:
        """Show a new state. `images` are sent to the page, now and whenever it is loaded again."""
        if images:
            self._images = images
            self._send_images()
        with self._lock:
            self.state = dict(state)

    def send_heartbeat(self, now: float) -> None:
        """Send the kernel's time (Unix seconds), which also shows that the kernel runs."""
        self.send({"kind": "heartbeat", "now": now})

    def finish(self, state: Mapping[str, Any], video: VideoFile | None) -> None:
        """Show the last state. A view that stays on the page asks for the player and the video."""
        with self._lock:
            self._video = video
            self._streamer.set_files({} if video is None else {_VIDEO_KEY: video.path})
            self._is_over = True
            self.state = dict(state)
        _finished.append(self)
        while len(_finished) > _MOST_FINISHED:
            _finished.popleft().close_unless_shown()

    def close_unless_shown(self) -> None:
        """Close the widget if it is over and no page is known to show it."""
        if self._is_over and not self._views:
            self.close()

    def _send_images(self) -> None:
        if self._images:
            self.send({"kind": "images"}, list(self._images))

    def _on_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        self._runner.run_guarded(lambda: self._handle_message(message))

    def _handle_message(self, message: object) -> None:
        if not isinstance(message, Mapping) or self._streamer.handle_message(message):
            return
        view, number, name = str(message.get("view")), message.get("number"), message.get("name")
        match message.get("kind"):
            case "hello":
                self._views.add(view)
                self._send_images()
            case "bye":
                self._views.discard(view)
                self._last_number.pop(view, None)
                self.close_unless_shown()
            case "action" if isinstance(number, int) and isinstance(name, str) and name in self._actions:
                self.send({"kind": "ack", "view": view, "number": number})
                if number > self._last_number.get(view, 0):
                    self._last_number[view] = number
                    self._runner.run_in_thread(self._actions[name])
            case "player":
                self._runner.run_in_thread(lambda: self._send_player(view))
            case _:
                pass  # from another version of the page

    def _send_player(self, view: str) -> None:
        video = self._video
        if video is not None:
            notices = tuple(filter(None, str(self.state.get("notices", "")).split("\n")))
            html = player_html(video, notices=notices, is_streamed=True)
            self.send({"kind": "player", "view": view, "html": str(html)})

    def _show_error(self, error: Exception) -> None:
        self.state = {**self.state, "error": error_text(error)}
