"""A sweep's progress where outputs cannot be replaced: tqdm's bar on the error stream, as people know it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

import tqdm  # type: ignore[import-untyped]  # it ships no types

from pixverse_nb.domain.jobs import JobSnapshot
from pixverse_nb.render.display import LiveOutput, bundle_of, can_replace_outputs
from pixverse_nb.render.job_views import card_html, card_text
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html, sweep_text


class Bar:
    """A bar that follows a sweep; `show` may be called from any thread, `close` leaves it standing."""

    def __init__(self, progress: SweepProgress) -> None:
        self._bar = tqdm.tqdm(total=progress.total, desc=progress.title, unit="video", dynamic_ncols=True)
        self._shown: tuple[int, dict[str, int]] | None = None
        self.show(progress)

    def show(self, progress: SweepProgress) -> None:
        """Bring the bar to where the sweep is."""
        ended = progress.done + progress.failed
        shown = {"making": progress.running, "failed": progress.failed, "credits": progress.spent}
        told = {name: value for name, value in shown.items() if value}
        if (ended, told) == self._shown:
            return  # where the stream is a file, each refresh is a line
        self._shown = (ended, told)
        self._bar.n = ended
        self._bar.set_postfix(told, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """End the bar."""
        self._bar.close()


_log: Final = logging.getLogger("pixverse_nb")


def watch_live(
    snapshot: Callable[[], JobSnapshot],
    subscribe: Callable[[Callable[[], None]], Callable[[], None]],
    now: Callable[[], float] = time.time,
    *,
    pictures: tuple[bytes, ...] = (),
    ticker: "LiveUpdater | None" = None,
) -> Callable[[], None]:
    """Show a job's card as an output of its own and keep it true until the job is final; returns at once.

    What is returned draws the card on the calling thread, so that it is true when the call returns.

    `snapshot` gives the job as it is; `subscribe(callback)` has `callback()` called at each change, on any thread, and
    returns what ends that; `now` is the clock in Unix seconds. `pictures` are small JPEG thumbnails. The last update
    is the player. Where outputs cannot be replaced (a terminal) the card is printed once.
    """
    card, drawer = Card(snapshot, now, pictures), ticker or TICKER
    drawer.add(card, subscribe)
    return lambda: drawer.draw(card)


def watch_live_sweep(
    progress: Callable[[], SweepProgress],
    subscribe: Callable[[Callable[[], None]], Callable[[], None]],
    now: Callable[[], float] = time.time,
    *,
    ticker: "LiveUpdater | None" = None,
) -> Callable[[], None]:
    """Show a sweep's card and keep it true until the sweep is over; returns at once, as `watch_live` does.

    Where outputs cannot be replaced (a terminal, a script) it is a bar on the error stream.
    """
    card: LiveView = SweepCard(progress, now) if can_replace_outputs() else SweepBar(progress)
    drawer = ticker or TICKER
    drawer.add(card, subscribe)
    return lambda: drawer.draw(card)


class LiveView(Protocol):
    """What the ticker draws."""

    is_over: bool

    def draw(self) -> None:
        """Show the thing as it is now; after its end `is_over` is True."""


class SweepCard:
    """One live card of a sweep."""

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

    def _bundle(self, progress: SweepProgress) -> dict[str, str]:
        now = self._now()
        return dict(bundle_of(sweep_html(progress, now=now), sweep_text(progress, now=now)))


class SweepBar:
    """A sweep's progress as a bar in a terminal."""

    def __init__(self, progress: Callable[[], SweepProgress]) -> None:
        pass

        self._progress = progress
        first = progress()
        self.is_over = first.is_over or first.mode == "planned"
        self._bar = Bar(first)
        if self.is_over:
            self._bar.close()

    def draw(self) -> None:
        """Bring the bar to where the sweep is; at its end it is left standing."""
        latest = self._progress()
        self._bar.show(latest)
        self.is_over = latest.is_over
        if self.is_over:
            self._bar.close()


class Card:
    """One live card: an output, and the job that it shows."""

    def __init__(
        self,
        snapshot: Callable[[], JobSnapshot],
        now: Callable[[], float],
        pictures: tuple[bytes, ...] = (),
    ) -> None:
        self._snapshot = snapshot
        self._now = now
        self._pictures = pictures
        first = snapshot()
        self.is_over = first.state.is_final
        self._output = LiveOutput(self._bundle(first))
        self.is_over = self.is_over or not self._output.can_update

    def draw(self) -> None:
        """Show the job as it is now; after the final state `is_over` is True."""
        if self.is_over:
            return
        latest = self._snapshot()
        self._output.update(self._bundle(latest))
        self.is_over = latest.state.is_final

    def _bundle(self, snapshot: JobSnapshot) -> dict[str, str]:
        now = self._now()
        return dict(bundle_of(card_html(snapshot, now=now, pictures=self._pictures), card_text(snapshot, now=now)))


class LiveUpdater:
    """The thread that draws all live cards: at changes (at most every `gap_s`) and every `every_s` seconds."""

    def __init__(self, *, every_s: float = 1.0, gap_s: float = 0.1) -> None:
        self._every_s = every_s
        self._gap_s = gap_s
        self._changed = threading.Event()
        self._lock = threading.Lock()
        self._drawing = threading.Lock()  # held while a card is drawn, so that an older state never follows a newer
        self._cards: dict[LiveView, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None

    def add(self, card: LiveView, subscribe: Callable[[Callable[[], None]], Callable[[], None]]) -> None:
        """Draw `card` from now on until it is over; one that is over already is left alone."""
        if card.is_over:
            return
        unsubscribe = subscribe(self._changed.set)
        with self._lock:
            self._cards[card] = unsubscribe
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pixverse_nb cards", daemon=True)
                self._thread.start()
        self._changed.set()  # the job may have moved between its first snapshot and the subscription

    def draw(self, card: LiveView) -> None:
        """Draw `card` now, on the calling thread; one that is over is left alone."""
        with self._drawing:
            if card in self._cards:
                self._draw(card)

    def join(self, timeout_s: float) -> bool:
        """Wait until no card is left, at most `timeout_s` seconds; tell whether that is so."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while True:
            self._changed.wait(max(0.0, self._every_s - self._gap_s))  # with the gap below, one tick in all
            self._changed.clear()
            with self._lock:
                cards = tuple(self._cards)
            for card in cards:
                self.draw(card)
            with self._lock:
                if not self._cards:
                    self._thread = None
                    return
            time.sleep(self._gap_s)  # keeps two drawings apart; whatever changes meanwhile can wait for the next

    def _draw(self, card: LiveView) -> None:
        try:
            card.draw()
            over = card.is_over
        except Exception:  # noqa: BLE001  the end of a thread: one card's trouble must not stop the others
            _log.warning("a live card could not be drawn and is left as it is", exc_info=True)
            over = True
        if over:
            with self._lock:
                unsubscribe = self._cards.pop(card)
            unsubscribe()


TICKER: Final = LiveUpdater()
