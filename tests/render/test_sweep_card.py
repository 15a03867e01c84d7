"""A sweep's card: counts, money, the end where it is known, what stopped it; live in a notebook, a bar elsewhere."""

import io
from contextlib import redirect_stderr
from dataclasses import replace
from typing import Any

from pixverse_nb.render.live import Bar, LiveUpdater, watch_live_sweep
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html, sweep_text
from tests.render.conftest import outputs

__all__ = ["outputs"]  # a fixture

NOW = 1_000.0
RUNNING = SweepProgress(
    title="32 cells: seed × motion_mode",
    mode="running",
    total=32,
    done=10,
    running=8,
    waiting=13,
    failed=1,
    spent=1080,
    began_at=NOW - 75,
    ends_at=NOW + 130,
)


def test_the_counts_the_money_and_the_end() -> None:
    """Each part of the bar is told in words and numbers too."""
    text = sweep_text(RUNNING, now=NOW)
    assert "running (1:15 · about 2 min 10 s left)" in text
    assert "10 done, 8 being made, 13 waiting, 1 without a video of 32; about 1,080 credits" in text
    html = sweep_html(RUNNING, now=NOW)
    assert 'aria-valuenow="10"' in html
    assert "width:31.25%" in html
    assert ">13 waiting<" in html


def test_a_card_that_is_left_behind_says_when_it_was_true() -> None:
    """An open sweep's card holds the time of its last drawing; one that is over needs none."""
    assert "as of" in sweep_html(RUNNING, now=NOW)
    assert "as of" not in sweep_html(replace(RUNNING, mode="done", ended_at=NOW), now=NOW)


def test_a_sweep_that_has_ended_fills_its_bar() -> None:
    """What was left out has no part in the bar, but is told."""
    ended = SweepProgress(title="20 cells: seed", mode="done", total=20, done=15, skipped=5)
    html = sweep_html(ended, now=NOW)
    assert "width:100.00%" in html
    assert 'aria-label="15 of 15 done"' in html
    assert "5 left out" in html


def test_an_end_that_nobody_knows_is_not_told() -> None:
    """Without durations seen there is a clock and nothing else."""
    assert "left" not in sweep_text(replace(RUNNING, ends_at=None), now=NOW)
    assert "running (1:15)" in sweep_text(replace(RUNNING, ends_at=NOW - 9), now=NOW)


def test_what_stopped_it_is_said_and_is_text() -> None:
    """The reason in the vendor's words, escaped; an e-mail in it is masked."""
    stopped = replace(RUNNING, mode="stopped", reason="<b>Account ann@example.com is empty</b>", ended_at=NOW - 5)
    html = sweep_html(stopped, now=NOW)
    assert "Stopped" in html
    assert "1:10" in html
    assert "<b>" not in html
    assert "ann@" not in html
    assert stopped.is_over


def test_with_every_video_there_it_has_finished() -> None:
    """However it was stopped: nothing is wanting, so nothing is orange and no reason is given."""
    ended = SweepProgress(
        title="12 cells: seed", mode="stopped", total=14, done=12, skipped=2, reason="You stopped it."
    )
    assert "Finished" in sweep_html(ended, now=NOW)
    assert "pvnb-good" in sweep_html(ended, now=NOW).split("<div", 2)[1]
    for shown in (sweep_html(ended, now=NOW), sweep_text(ended, now=NOW)):
        assert "topped" not in shown.split("</style>")[-1]


def test_what_ended_without_a_video_is_said_with_its_mend() -> None:
    """A sweep that ended with failures is not green; it counts them and names the line that tries them again."""
    ended = SweepProgress(title="8 cells: seed", mode="done", total=8, done=4, failed=4)
    html, text = sweep_html(ended, now=NOW), sweep_text(ended, now=NOW)
    assert "pvnb-warn" in html.split("<div", 2)[1]
    for shown in (html.lower(), text):
        assert "finished, 4 without a video" in shown
        assert "sweep.run(retry_failed=true)" in shown.lower()
    assert "retry_failed" not in sweep_text(replace(RUNNING, failed=3), now=NOW)


def test_nothing_paid_and_nothing_real() -> None:
    """Before the first payment, in the sandbox, and what was here before."""
    assert "nothing paid so far" in sweep_text(replace(RUNNING, spent=0), now=NOW)
    shown = sweep_text(replace(RUNNING, is_sandbox=True, is_estimate=False, reused=3), now=NOW)
    assert "1,080 credits in the sandbox: nothing real is paid; 3 were here before" in shown


class Moving:
    """A sweep whose progress a test sets."""

    def __init__(self, progress: SweepProgress) -> None:
        self.progress = progress
        self._callbacks: list[Any] = []

    def subscribe(self, callback: Any) -> Any:
        """Hear of changes."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def move(self, progress: SweepProgress) -> None:
        """Change it and tell."""
        self.progress = progress
        for callback in tuple(self._callbacks):
            callback()


def test_a_card_is_replaced_in_place_until_it_is_over(outputs: list[dict[str, Any]]) -> None:
    """One output; its last update is the end, and nobody is listened to afterwards."""
    sweep, ticker = Moving(RUNNING), LiveUpdater(every_s=0.05, gap_s=0.01)
    watch_live_sweep(lambda: sweep.progress, sweep.subscribe, lambda: NOW, ticker=ticker)
    sweep.move(replace(RUNNING, mode="done", done=32, running=0, waiting=0, failed=0, ended_at=NOW))
    assert ticker.join(30)
    assert "Finished" in outputs[-1]["data"]["text/html"]
    assert len({output["transient"]["display_id"] for output in outputs}) == 1
    assert sweep._callbacks == []


def test_a_sweep_that_is_not_running_is_shown_once(outputs: list[dict[str, Any]]) -> None:
    """Planned or over: one output and no thread."""
    for mode in ("planned", "done"):
        ticker = LiveUpdater()
        watch_live_sweep(lambda mode=mode: replace(RUNNING, mode=mode), lambda _: lambda: None, ticker=ticker)  # type: ignore[misc]  # the mode is one of the two
        assert ticker.join(0)
    assert len(outputs) == 2


def test_outside_of_a_notebook_it_is_a_bar() -> None:
    """tqdm's bar on the error stream, at the end with every video counted; the plain output stays clean."""
    stream = io.StringIO()
    sweep, ticker = Moving(RUNNING), LiveUpdater(every_s=0.05, gap_s=0.01)
    with redirect_stderr(stream):
        watch_live_sweep(lambda: sweep.progress, sweep.subscribe, ticker=ticker)
        sweep.move(replace(RUNNING, mode="done", done=31, running=0, waiting=0))
        assert ticker.join(30)
    assert "32/32" in stream.getvalue()
    assert "failed=1" in stream.getvalue()


def test_the_same_progress_is_drawn_once() -> None:
    """Where the stream is a file each refresh is a line, so nothing is drawn that is there already."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        bar = Bar(RUNNING)
        before = stream.tell()
        for _ in range(5):
            bar.show(RUNNING)
        assert stream.tell() == before
        bar.close()


def test_who_waits_for_the_end_may_draw_it() -> None:
    """The last state is drawn on the calling thread, once, whether the ticker has been there or not."""
    stream = io.StringIO()
    sweep = Moving(RUNNING)
    with redirect_stderr(stream):
        ticker = LiveUpdater(every_s=0.05, gap_s=0.01)
        draw = watch_live_sweep(lambda: sweep.progress, sweep.subscribe, ticker=ticker)
        sweep.progress = replace(RUNNING, mode="stopped", done=20)
        draw()
        draw()
        assert ticker.join(30)
    assert stream.getvalue().count("21/32") == 2, "drawn, and left standing at its close"
