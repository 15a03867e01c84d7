"""A sweep's card: counts, credits, expected end and reason; live in a notebook, a progress bar elsewhere."""

import io
from contextlib import redirect_stderr
from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.render.live import LiveUpdater, SweepBar, show_sweep_bar, sweep_card, use_widgets
from pixverse_nb.render.sweep_views import SweepProgress, sweep_html, sweep_state, sweep_text
from tests.render.conftest import outputs
from tests.render.page import Page

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


def card(progress: SweepProgress) -> Page:
    """The parsed card."""
    return Page(sweep_html(progress, now=NOW))


@pytest.mark.parametrize(
    "fact", ["1:15", "2 min 10 s", "10 done", "8 running", "13 waiting", "1 failed", "1,080 credits", RUNNING.title]
)
def test_counts_credits_and_times_are_shown(fact: str) -> None:
    """The card and the text have the counts, the credits, the time so far and the time left."""
    assert fact in card(RUNNING).text
    assert fact in sweep_text(RUNNING, now=NOW)


def bar(progress: SweepProgress) -> dict[str, str | None]:
    """The attributes of the progress bar."""
    return next(attributes for _, attributes in card(progress).elements if attributes.get("role") == "progressbar")


def test_the_bar_has_a_part_for_each_state() -> None:
    """The parts are as wide as their share, and screen readers get the number of finished cells."""
    assert (bar(RUNNING)["aria-valuenow"], bar(RUNNING)["aria-valuemax"]) == ("10", "32")
    assert "width:31.25%" in sweep_html(RUNNING, now=NOW)


def test_skipped_cells_are_no_part_of_the_bar() -> None:
    """A finished sweep with skipped cells fills its bar; their number is shown."""
    ended = SweepProgress(title="20 cells: seed", mode="done", total=20, done=15, skipped=5)
    assert "width:100.00%" in sweep_html(ended, now=NOW)
    assert bar(ended)["aria-valuemax"] == "15"
    assert "5 skipped" in card(ended).text


def test_an_open_card_has_the_time_of_its_last_update() -> None:
    """An open sweep's card has the time of its last update; one that is over does not need it."""
    assert "pvnb-updated" in card(RUNNING).classes()
    assert "pvnb-updated" not in card(replace(RUNNING, mode="done", ended_at=NOW)).classes()


def test_an_unknown_end_is_not_shown() -> None:
    """Without an expected end only the time so far is shown; after it, that it takes longer."""
    unknown, late = (sweep_text(replace(RUNNING, ends_at=ends_at), now=NOW) for ends_at in (None, NOW - 9))
    assert "(1:15)" in unknown
    assert "(1:15 ·" in late
    assert "longer" in late
    assert "left" not in unknown + late


def test_a_sweep_that_does_not_run_says_what_goes_on() -> None:
    """The card of a sweep that an earlier run has left counts what was sent, and names `run()`."""
    planned = replace(RUNNING, mode="planned", began_at=None, ends_at=None)
    assert "run()" in card(planned).text
    assert "run()" not in card(replace(planned, waiting=planned.waiting + planned.running, running=0)).text


def test_the_reason_is_escaped_and_redacted() -> None:
    """A stopped sweep shows its reason as text, without e-mail addresses, and its clock stands still."""
    stopped = replace(RUNNING, mode="stopped", reason="<b>Account ann@example.com is empty</b>", ended_at=NOW - 5)
    page = card(stopped)
    assert "<b>" in page.text
    assert page.count("b") == 0
    assert "1:10" in page.text
    assert "ann@" not in page.html
    assert stopped.is_over


def test_a_sweep_with_every_video_is_finished_however_it_ended() -> None:
    """A stopped sweep without missing videos is shown as finished, without a reason."""
    ended = SweepProgress(
        title="12 cells: seed", mode="stopped", total=14, done=12, skipped=2, reason="You stopped it."
    )
    done = replace(ended, mode="done", reason="")
    assert ended.is_complete
    assert "pvnb-good" in card(ended).classes()
    assert card(ended).text == card(done).text
    assert sweep_text(ended, now=NOW) == sweep_text(done, now=NOW)


def test_a_finished_sweep_with_failures_says_how_to_retry() -> None:
    """A sweep that ended with failures is a warning, counts them, and names the call that tries them again."""
    ended = SweepProgress(title="8 cells: seed", mode="done", total=8, done=4, failed=4)
    assert "pvnb-warn" in card(ended).classes()
    for shown in (card(ended).text, sweep_text(ended, now=NOW)):
        assert "4 failed" in shown
        assert "retry_failed=True" in shown
    assert "retry_failed" not in sweep_text(replace(RUNNING, failed=3), now=NOW)


def test_sandbox_credits_are_marked() -> None:
    """Without spent credits no number is shown; in the sandbox they are marked; reused videos are counted."""
    assert "1,080" not in sweep_text(replace(RUNNING, spent=0), now=NOW)
    shown = sweep_text(replace(RUNNING, is_sandbox=True, is_estimate=False, reused=3), now=NOW)
    assert "sandbox" in shown
    assert "3 reused" in shown
    assert "about 1,080" not in shown


@pytest.mark.parametrize("running", [0, 1, 8])
def test_a_paused_sweep_says_what_goes_on(running: int) -> None:
    """A paused sweep has one sentence more than a running one, with the number of videos that were sent."""
    paused = replace(RUNNING, mode="paused", running=running)
    warning = sweep_state(paused, now=NOW)["warning"]
    assert [int(word) for word in warning.split() if word.isdigit()] == ([running] if running else [])
    assert "Resume" in warning
    assert warning in card(paused).text
    assert not sweep_state(RUNNING, now=NOW)["warning"]


def test_only_finished_cells_fill_the_bar() -> None:
    """The colour of running cells is pale, in the bar and in its legend."""
    shown = sweep_html(RUNNING, now=NOW).rpartition("</style>")[2]
    assert shown.count("background:var(--pvnb-good)") == 2
    assert "background:var(--pvnb-accent)" not in shown


def test_a_running_sweep_shows_what_it_will_have_cost() -> None:
    """The expected total is beside what was spent, until that is all, or the sweep is over."""
    expecting = replace(RUNNING, expected=1920)
    over = replace(expecting, mode="stopped", ended_at=NOW)
    assert "1,920" in sweep_state(expecting, now=NOW)["facts"]
    assert "1,920" in card(expecting).text
    for other in (RUNNING, over, replace(expecting, expected=RUNNING.spent)):
        assert sweep_state(other, now=NOW)["facts"].count(",") == 1


class FakeSweep:
    """A sweep whose progress the test sets."""

    def __init__(self, progress: SweepProgress) -> None:
        self.progress = progress
        self.callbacks: list[Any] = []

    def subscribe(self, callback: Any) -> Any:
        """Call `callback` at each change until the returned function is called."""
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def change(self, progress: SweepProgress) -> None:
        """Change the progress and notify the subscribers."""
        self.progress = progress
        for callback in tuple(self.callbacks):
            callback()


def test_a_live_card_is_replaced_until_the_sweep_is_over(outputs: list[dict[str, Any]]) -> None:
    """There is one output; its last update is the end, and afterwards there are no subscribers."""
    sweep, updater = FakeSweep(RUNNING), LiveUpdater(every_s=0.05, gap_s=0.01)
    use_widgets(lambda: None)
    sweep_card(lambda: sweep.progress, sweep.subscribe, lambda: NOW, updater=updater).show()
    last = replace(RUNNING, mode="done", done=32, running=0, waiting=0, failed=0, ended_at=NOW)
    sweep.change(last)
    assert updater.join(30)
    assert outputs[-1]["data"]["text/html"] == sweep_html(last, now=NOW)
    assert len({output["transient"]["display_id"] for output in outputs}) == 1
    assert sweep.callbacks == []


def test_a_sweep_that_does_not_run_is_shown_once(outputs: list[dict[str, Any]]) -> None:
    """A planned or finished sweep makes one output and no thread."""
    for mode in ("planned", "done"):
        updater = LiveUpdater()
        progress = replace(RUNNING, mode=mode)
        sweep_card(lambda progress=progress: progress, lambda _: lambda: None, updater=updater).show()  # type: ignore[misc]
        assert updater.join(0)
    assert len(outputs) == 2


def test_outside_a_notebook_it_is_a_progress_bar() -> None:
    """Without IPython a tqdm bar on standard error counts every finished and failed cell."""
    stream = io.StringIO()
    sweep, updater = FakeSweep(RUNNING), LiveUpdater(every_s=0.05, gap_s=0.01)
    with redirect_stderr(stream):
        show_sweep_bar(lambda: sweep.progress, sweep.subscribe, updater=updater)
        sweep.change(replace(RUNNING, mode="done", done=31, running=0, waiting=0))
        assert updater.join(30)
    assert "32/32" in stream.getvalue()
    assert "failed=1" in stream.getvalue()


def test_unchanged_progress_is_not_drawn_again() -> None:
    """If standard error is a file, each refresh writes a line, so the same progress is drawn once."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        bar = SweepBar(lambda: RUNNING)
        before = stream.tell()
        for _ in range(5):
            bar.draw()
        assert stream.tell() == before
        bar.is_watched = False
        bar.draw()


def test_the_end_can_be_drawn_at_once() -> None:
    """The returned function draws the last state on the calling thread, once."""
    stream = io.StringIO()
    sweep, updater = FakeSweep(RUNNING), LiveUpdater(every_s=0.05, gap_s=0.01)
    with redirect_stderr(stream):
        draw = show_sweep_bar(lambda: sweep.progress, sweep.subscribe, updater=updater)
        sweep.progress = replace(RUNNING, mode="stopped", done=20)
        draw()
        draw()
        assert updater.join(30)
    assert stream.getvalue().count("21/32") == 2, "drawn, and once more when the bar is closed"
