"""Live views: outputs of jobs and sweeps that are redrawn until the job or the sweep is over."""

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import LiveOutput, MimeBundle, can_replace_outputs, mime_bundle
from pixverse_nb.render.job_views import card_html, card_text
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html, sweep_text

Subscribe = Callable[[Callable[[], None]], Callable[[], None]]
"""Calls the given function at each change, on any thread; what it returns ends that."""

_log: Final = logging.getLogger("pixverse_nb")


def watch_live(
    snapshot: Callable[[], JobSnapshot],
    subscribe: Subscribe,
    now: Callable[[], float] = time.time,
    *,
    thumbnails: Sequence[bytes] = (),
    updater: "LiveUpdater | None" = None,
) -> Callable[[], None]:
    """Show a job's card as a separate output and keep it up to date until the job is final. Does not block.

    The last update is the player. If outputs cannot be replaced (in a terminal), the card is printed once.
    `thumbnails` are small JPEGs of the inputs. Returns a function that redraws the card at once, on the calling thread.
    """
    return _show_live(JobCard(snapshot, now, thumbnails), subscribe, updater)


def watch_live_sweep(
    progress: Callable[[], SweepProgress],
    subscribe: Subscribe,
    now: Callable[[], float] = time.time,
    *,
    updater: "LiveUpdater | None" = None,
) -> Callable[[], None]:
    """Show a sweep's card and keep it up to date until the sweep is over, as `watch_live` does for a job.

    If outputs cannot be replaced (in a terminal or a script), a progress bar on standard error takes its place.
    """
    view: LiveView = SweepCard(progress, now) if can_replace_outputs() else SweepBar(progress)
    return _show_live(view, subscribe, updater)


def _show_live(view: "LiveView", subscribe: Subscribe, updater: "LiveUpdater | None") -> Callable[[], None]:
    chosen = updater or LIVE_UPDATER
    chosen.add(view, subscribe)
    return lambda: chosen.draw(view)


class LiveView(Protocol):
    """What a `LiveUpdater` draws."""

    is_over: bool

    def draw(self) -> None:
        """Show the current state. After the last change `is_over` is True."""


class JobCard:
    """The live card of one job."""

    def __init__(
        self, snapshot: Callable[[], JobSnapshot], now: Callable[[], float], thumbnails: Sequence[bytes] = ()
    ) -> None:
        self._snapshot = snapshot
        self._now = now
        self._thumbnails = thumbnails
        first = snapshot()
        self._output = LiveOutput(self._bundle(first))
        self.is_over = first.state.is_final or not self._output.can_update

    def draw(self) -> None:
        """Show the job as it is now."""
        if self.is_over:
            return
        latest = self._snapshot()
        self._output.update(self._bundle(latest))
        self.is_over = latest.state.is_final

    def _bundle(self, snapshot: JobSnapshot) -> MimeBundle:
        now = self._now()
        card = card_html(snapshot, now=now, thumbnails=self._thumbnails)
        return mime_bundle(card, card_text(snapshot, now=now))


class SweepCard:
    """The live card of a sweep."""

    def __init__(self, progress: Callable[[], SweepProgress], now: Callable[[], float]) -> None:
        self._progress = progress
        self._now = now
        first = progress()
        self.is_over = first.is_over or first.mode == "planned"
        self._output = LiveOutput(self._bundle(first))

    def draw(self) -> None:
        """Show the sweep as it is now."""
        latest = self._progress()
        self._output.update(self._bundle(latest))
        self.is_over = latest.is_over

    def _bundle(self, progress: SweepProgress) -> MimeBundle:
        now = self._now()
        return mime_bundle(sweep_html(progress, now=now), sweep_text(progress, now=now))


class SweepBar:
    """A sweep's progress as a tqdm bar on standard error, if there is one."""

    def __init__(self, progress: Callable[[], SweepProgress]) -> None:
        self._progress = progress
        self._shown: tuple[int, dict[str, int]] | None = None
        first = progress()
        self.is_over = first.is_over or first.mode == "planned"
        self._bar = _make_bar(first)
        self._update(first)

    def draw(self) -> None:
        """Bring the bar up to date, and close it at the end of the sweep."""
        latest = self._progress()
        self.is_over = latest.is_over
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

        return tqdm.tqdm(total=progress.total, desc=title, unit="video", dynamic_ncols=True, disable=is_missing)
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
            self._views[view] = unsubscribe
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pixverse_nb live views", daemon=True)
                self._thread.start()
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
