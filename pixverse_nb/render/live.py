"""Live views: outputs of jobs and sweeps that are redrawn until the job or the sweep is over."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, Protocol

from markupsafe import Markup

from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import (
    BundleView,
    CellRun,
    LiveOutput,
    MimeBundle,
    can_replace_outputs,
    mime_bundle,
    running_cell,
)
from pixverse_nb.render.job_views import card_html, card_state, card_text
from pixverse_nb.render.style import html, text_div, with_stylesheet
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html, sweep_state, sweep_text

HEARTBEAT_S: Final = 5.0
# The fallback is larger than all other messages, so it is updated less often than the widget.
FALLBACK_EVERY_S: Final = 60.0
FALLBACK_CHANGED_S: Final = 3.0  # after a change of the state

Subscribe = Callable[[Callable[[], None]], Callable[[], None]]
"""Calls the given function at each change, on any thread; what it returns ends that."""

_log: Final = logging.getLogger("pixverse_nb")


class CardWidget(Protocol):
    """A card as a widget. It is updated wherever it is shown, also in an Output widget, a tab or a second view."""

    fallback_class: str  # the class of the HTML that a live widget hides

    @property
    def is_closed(self) -> bool:
        """Whether no page can show it any more."""
        ...

    def view(self) -> Mapping[str, Any]:
        """Return the MIME bundle of one view."""
        ...

    def update(self, state: Mapping[str, Any], *, images: Sequence[bytes] = ()) -> None:
        """Show a new state. `images` are sent to the page once, and never stored."""
        ...

    def send_heartbeat(self, now: float) -> None:
        """Send the kernel's time (Unix seconds), which also shows that the kernel runs."""
        ...

    def finish(self, state: Mapping[str, Any], video: VideoFile | None) -> None:
        """Show the last state. A view that stays on the page asks for the player and the video."""
        ...


MakeWidget = Callable[[Mapping[str, Any], Mapping[str, Callable[[], object]]], CardWidget]
"""Makes the widget of a card from its first state and what its buttons do."""

_load_widget: Callable[[], MakeWidget | None] = lambda: None  # noqa: E731  replaced by `use_widgets`


def use_widgets(load: Callable[[], MakeWidget | None]) -> None:
    """Show cards as widgets from now on. `load` is called for the first card; without ipywidgets it returns None."""
    global _load_widget
    _load_widget = load


@dataclass(frozen=True)
class CardContent:
    """What a card shows at one moment.

    `state` has the texts and numbers for a widget. `bundle()` is the same as HTML and text; with `is_fallback=True` it
    is the copy beside a live widget, for a reader without a kernel. `can_continue`: a card that is over has a button
    that continues it.
    """

    state: Mapping[str, Any]
    is_over: bool
    bundle: Callable[..., MimeBundle]
    can_continue: bool = False
    video: VideoFile | None = None
    images: Sequence[bytes] = ()


class LiveCard:
    """The card of one job or sweep: shown in any number of cells, and kept up to date until it is over.

    In a notebook it is a widget, which shows changes in place. Beside it is the fallback, a copy in HTML for a reader
    without a kernel. At the end both are replaced by plain HTML, unless the widget has a button to continue. If outputs
    cannot be replaced (in a terminal), the card is printed once.
    """

    def __init__(
        self,
        content: Callable[[], CardContent],
        subscribe: Subscribe,
        *,
        actions: Mapping[str, Callable[[], object]] = MappingProxyType({}),
        now: Callable[[], float] = time.time,
        updater: "LiveUpdater | None" = None,
    ) -> None:
        self.is_over = False
        self._content = content
        self._subscribe = subscribe
        self._actions = actions
        self._now = now
        self._updater = updater or LIVE_UPDATER
        self._widget: CardWidget | None = None
        self._widget_output: LiveOutput | None = None
        self._output: LiveOutput | None = None  # the HTML
        self._shown_in: CellRun | None = None
        self._heartbeat_at = 0.0
        self._fallback_at = 0.0
        self._fallback_label = ""

    def show(self) -> None:
        """Show the card in the running cell."""
        if self._output is None:
            self._show_first()
        else:
            if self._widget_output is not None:
                self._widget_output.show_again()
            self._output.show_again()
        self._shown_in = running_cell()

    def displayable(self) -> object:
        """Return an object that displays as the card, for a front end that cannot replace outputs: marimo.

        Of a running job it is the widget, which stays in its place and becomes the player; otherwise it is HTML.
        """
        content = self._content()
        widget = self._make_widget(content)
        if widget is None:
            return BundleView(content.bundle())
        widget.update(content.state, images=content.images)
        self._updater.add(self, self._subscribe)
        return widget

    @property
    def is_on_screen(self) -> bool:
        """Whether a cell shows the card: one that has not been run again since."""
        cell = running_cell()
        return self._output is not None and (
            cell is None or self._shown_in is None or cell.keeps_output_of(self._shown_in)
        )

    def draw(self) -> None:
        """Show the current state. Does nothing once the card is over."""
        if self.is_over:
            return
        content = self._content()
        self.is_over = content.is_over
        if self._widget is not None:
            self._draw_widget(self._widget, content)
        elif self._output is not None:
            self._output.update(content.bundle())

    def redraw(self) -> None:
        """Show the current state at once, on the calling thread."""
        self._updater.draw(self)

    def follow_again(self) -> None:
        """Keep the card up to date again, after what was over continues."""
        self.is_over = False
        self._updater.add(self, self._subscribe)

    def _show_first(self) -> None:
        content = self._content()
        can_replace = can_replace_outputs()
        widget = self._make_widget(content) if can_replace else None
        self.is_over = content.is_over or not can_replace
        if widget is None:
            self._output = LiveOutput(content.bundle())
        else:
            self._widget_output = LiveOutput({**widget.view(), **mime_bundle("<div></div>", "")})
            self._output = LiveOutput(self._fallback(content, widget))
            self._fallback_at, self._fallback_label = self._now(), str(content.state["label"])
            widget.update(content.state, images=content.images)
        self._updater.add(self, self._subscribe)

    def _make_widget(self, content: CardContent) -> CardWidget | None:
        if content.is_over and not content.can_continue:
            return None
        make_widget = _load_widget()
        if make_widget is None:
            return None
        self._widget = make_widget(content.state, self._actions)
        return self._widget

    def _draw_widget(self, widget: CardWidget, content: CardContent) -> None:
        if self._output is None and widget.is_closed:  # marimo has run its cell again
            self.is_over = True
        elif self.is_over and not content.can_continue:
            self._finish(widget, content)
        else:
            now = self._now()
            widget.update(content.state)
            if now - self._heartbeat_at >= HEARTBEAT_S:
                self._heartbeat_at = now
                widget.send_heartbeat(now)
            label = str(content.state["label"])
            interval_s = FALLBACK_EVERY_S if label == self._fallback_label else FALLBACK_CHANGED_S
            if self.is_over or now - self._fallback_at >= interval_s:
                self._fallback_at, self._fallback_label = now, label
                if self._output is not None:
                    self._output.update(self._fallback(content, widget))

    def _fallback(self, content: CardContent, widget: CardWidget) -> MimeBundle:
        bundle = content.bundle(is_fallback=True)
        # a trusted notebook without a kernel shows "model not found" in place of the widget
        hide = html(
            "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .{0}):not(:has(.pvnb-ui)){{display:none}}</style>"
            '<div class="{0}">{1}</div>',
            widget.fallback_class,
            Markup(bundle["text/html"]),  # noqa: S704  made by `html`
        )
        return {**bundle, "text/html": str(hide)}

    def _finish(self, widget: CardWidget, content: CardContent) -> None:
        bundle = content.bundle()
        widget.finish(content.state, content.video)
        if self._widget_output is not None:
            self._widget_output.update(mime_bundle("<div></div>", ""))
            self._widget_output = None
        if self._output is not None:
            self._output.update(bundle)


def job_card(
    snapshot: Callable[[], JobSnapshot],
    subscribe: Subscribe,
    now: Callable[[], float] = time.time,
    *,
    thumbnails: Sequence[bytes] = (),
    actions: Mapping[str, Callable[[], object]] = MappingProxyType({}),
    becomes_player: bool = True,
    updater: "LiveUpdater | None" = None,
) -> LiveCard:
    """Return the live card of a job. Its last state is the player, or, with `becomes_player=False`, a line.

    `thumbnails` are small JPEGs of the inputs. `actions` are what "cancel" and "resume" do.
    """

    def content() -> CardContent:
        latest, at = snapshot(), now()
        if not becomes_player:
            latest = replace(latest, video=None)

        def bundle(*, is_fallback: bool = False) -> MimeBundle:
            text = card_text(latest, now=at)
            if latest.state is JobState.DONE and latest.video is None:
                text = text.splitlines()[0]
                return mime_bundle(
                    with_stylesheet(html('<div class="pvnb">{}</div>', text_div("pvnb-note", text))), text
                )
            return mime_bundle(card_html(latest, now=at, thumbnails=thumbnails, is_fallback=is_fallback), text)

        state = card_state(latest, now=at)
        return CardContent(
            state,
            latest.state.is_final,
            bundle,
            can_continue="resume" in state["actions"],
            video=latest.video,
            images=thumbnails,
        )

    def resume() -> None:
        actions["resume"]()
        card.follow_again()

    card = LiveCard(content, subscribe, actions={**actions, "resume": resume}, now=now, updater=updater)
    return card


def sweep_card(
    progress: Callable[[], SweepProgress],
    subscribe: Subscribe,
    now: Callable[[], float] = time.time,
    *,
    actions: Mapping[str, Callable[[], object]] = MappingProxyType({}),
    updater: "LiveUpdater | None" = None,
) -> LiveCard:
    """Return the live card of a sweep. `actions` are what "pause", "resume" and "stop" do."""

    def content() -> CardContent:
        latest, at = progress(), now()

        def bundle(*, is_fallback: bool = False) -> MimeBundle:
            return mime_bundle(sweep_html(latest, now=at, is_fallback=is_fallback), sweep_text(latest, now=at))

        return CardContent(sweep_state(latest, now=at), latest.is_over or latest.mode == "planned", bundle)

    return LiveCard(content, subscribe, actions=actions, now=now, updater=updater)


def show_sweep_bar(
    progress: Callable[[], SweepProgress], subscribe: Subscribe, *, updater: "LiveUpdater | None" = None
) -> Callable[[], None]:
    """Show a sweep as a progress bar on standard error until it is over; returns a function that ends the bar."""
    chosen, bar = updater or LIVE_UPDATER, SweepBar(progress)
    chosen.add(bar, subscribe)

    def end() -> None:
        bar.is_watched = False  # nobody waits any more: the next lines are the caller's
        chosen.draw(bar)

    return end


class LiveView(Protocol):
    """What a `LiveUpdater` draws."""

    is_over: bool

    def draw(self) -> None:
        """Show the current state. After the last change `is_over` is True."""


class SweepBar:
    """A sweep's progress as a tqdm bar on standard error, if there is one."""

    def __init__(self, progress: Callable[[], SweepProgress]) -> None:
        self._progress = progress
        self._shown: tuple[int, dict[str, int]] | None = None
        self.is_watched = True
        first = progress()
        self.is_over = first.is_over or first.mode == "planned"
        self._bar = _make_bar(first)
        self._update(first)

    def draw(self) -> None:
        """Bring the bar up to date, and close it at the end of the sweep or of the waiting."""
        latest = self._progress()
        self.is_over = latest.is_over or not self.is_watched
        self._update(latest)

    def _update(self, progress: SweepProgress) -> None:
        if self._bar is None:
            return
        with contextlib.suppress(OSError, ValueError):  # standard error was closed meanwhile: the sweep goes on
            self._show(progress)
            if self.is_over:
                self._bar.close()

    def _show(self, progress: SweepProgress) -> None:
        ended = progress.done + progress.failed
        counts = {"running": progress.running, "failed": progress.failed, "credits": progress.spent}
        postfix = {name: count for name, count in counts.items() if count}
        if (ended, postfix) == self._shown:
            return  # if standard error is a file, each refresh writes a line
        self._shown = (ended, postfix)
        self._bar.n = ended
        self._bar.set_postfix(postfix, refresh=False)
        self._bar.refresh()


def _make_bar(progress: SweepProgress) -> Any:
    """Return a tqdm bar, or None (with a warning) if there cannot be one: the sweep goes on without it."""
    is_missing = sys.stderr is None or getattr(sys.stderr, "closed", False)  # pythonw, a service
    title = redact(progress.title).replace("\n", " ")
    try:
        import tqdm  # type: ignore[import-untyped]  # slow to load, and without types

        ended = progress.done + progress.failed  # not part of the rate
        return tqdm.tqdm(
            total=progress.total, initial=ended, desc=title, unit="video", dynamic_ncols=True, disable=is_missing
        )
    except (OSError, ValueError) as error:  # standard error cannot be written, or a TQDM_ variable is unusable
        _log.warning("No progress bar can be shown (%s). The sweep goes on.", error)
        return None


class LiveUpdater:
    """Redraws all live views on one thread: at changes (at most every `gap_s` seconds) and every `every_s` seconds."""

    def __init__(self, *, every_s: float = 1.0, gap_s: float = 0.1) -> None:
        self._every_s = every_s
        self._gap_s = gap_s
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()  # held while drawing, so that an older state never follows a newer one
        self._views: dict[LiveView, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None

    def add(self, view: LiveView, subscribe: Subscribe) -> None:
        """Redraw `view` from now on until it is over. Does nothing if it is already over."""
        if view.is_over:
            return
        unsubscribe = subscribe(self._changed.set)
        with self._lock:
            earlier = self._views.get(view, lambda: None)
            self._views[view] = unsubscribe
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pixverse_nb live views", daemon=True)
                self._thread.start()
        earlier()
        self._changed.set()  # the job may have changed between its first snapshot and the subscription

    def draw(self, view: LiveView) -> None:
        """Redraw `view` now, on the calling thread. Does nothing if it is over."""
        with self._drawing:
            if view in self._views:
                self._draw(view)

    def join(self, timeout_s: float) -> bool:
        """Wait at most `timeout_s` seconds until all views are over, and return whether they are."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            self._changed.wait(max(0.0, self._every_s - self._gap_s))  # plus the gap below: `every_s` in all
            self._changed.clear()
            with self._lock:
                views = tuple(self._views)
            for view in views:
                self.draw(view)
            with self._lock:
                if not self._views:
                    self._thread = None
                    return
            time.sleep(self._gap_s)  # limits the rate; changes in between are drawn the next time

    def _draw(self, view: LiveView) -> None:
        try:
            view.draw()
            is_over = view.is_over
        except Exception:  # noqa: BLE001  one view must not stop the thread that draws the others
            _log.warning("Could not redraw a live view; it is no longer updated.", exc_info=True)
            is_over = True
        if is_over:
            with self._lock:
                unsubscribe = self._views.pop(view)
            unsubscribe()


LIVE_UPDATER: Final = LiveUpdater()
