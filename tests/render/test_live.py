"""Live cards: redrawn at each change and every second, by one thread that ends with the last card."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, get_ident
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.render import live
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.render.live import LiveCard, LiveUpdater, job_card
from tests.render.factories import NOW, a_snapshot, a_video, an_mp4

LONG_S = 120.0  # longer than any test


class FakeJob:
    """A job that changes when the test says so, and counts its snapshots."""

    def __init__(self, snapshot: JobSnapshot) -> None:
        self.latest = snapshot
        self.snapshots = 0
        self.threads: set[int] = set()
        self.callbacks: list[Callable[[], None]] = []
        self._lock = Lock()
        self._waiting: list[tuple[int, Event]] = []

    def snapshot(self) -> JobSnapshot:
        """Return the current snapshot, and count it."""
        with self._lock:
            self.snapshots += 1
            self.threads.add(get_ident())
            for count, event in self._waiting:
                if self.snapshots >= count:
                    event.set()
            return self.latest

    def was_read(self, count: int) -> bool:
        """Wait until `count` snapshots have been taken."""
        event = Event()
        with self._lock:
            if self.snapshots >= count:
                return True
            self._waiting.append((count, event))
        return event.wait(LONG_S)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` at each change until the returned function is called."""
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def change(self, **changes: Any) -> None:
        """Change the job and notify its subscribers."""
        self.latest = replace(self.latest, **changes)
        for callback in tuple(self.callbacks):
            callback()


@pytest.fixture(autouse=True)
def no_widgets() -> None:
    """Show cards as HTML, as where ipywidgets is not installed."""
    live.use_widgets(lambda: None)


def show(job: FakeJob, updater: LiveUpdater) -> LiveCard:
    """Show the job's card and return it."""
    card = job_card(job.snapshot, job.subscribe, lambda: NOW, updater=updater)
    card.show()
    return card


@pytest.fixture
def updater() -> LiveUpdater:
    """An updater that draws only at changes: its interval is longer than any test."""
    return LiveUpdater(every_s=LONG_S, gap_s=0)


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    """The plain text of all outputs."""
    return [output["data"]["text/plain"] for output in outputs]


def test_the_card_follows_the_job_to_its_player(
    tmp_path: Path, outputs: list[dict[str, Any]], updater: LiveUpdater
) -> None:
    """The card is shown at once, and the last update of the same output is the player."""
    job = FakeJob(a_snapshot(JobState.QUEUED))
    show(job, updater)
    assert STATE_LABELS[JobState.QUEUED] in texts(outputs)[0]
    job.change(state=JobState.DONE, finished_at=NOW, video=a_video(an_mp4(tmp_path / "x.mp4")))
    assert updater.join(LONG_S)
    assert "<video" in outputs[-1]["data"]["text/html"]
    assert {output["transient"]["display_id"] for output in outputs} == {outputs[0]["transient"]["display_id"]}
    assert [output["update"] for output in outputs] == [False] + [True] * (len(outputs) - 1)


def test_a_final_job_is_unsubscribed(outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """After the final state there are no subscribers, and the thread has ended."""
    job = FakeJob(a_snapshot(JobState.GENERATING))
    show(job, updater)
    assert len(job.callbacks) == 1
    job.change(state=JobState.FAILED, error="It broke.", finished_at=NOW)
    assert updater.join(LONG_S)
    assert job.callbacks == []


def test_a_change_before_the_subscription_is_not_lost(outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """A job that ends between its first snapshot and the subscription still gets its last card."""
    job = FakeJob(a_snapshot(JobState.GENERATING))

    def subscribe_late(callback: Callable[[], None]) -> Callable[[], None]:
        job.change(state=JobState.CANCELLED, finished_at=NOW)
        return job.subscribe(callback)

    job_card(job.snapshot, subscribe_late, lambda: NOW, updater=updater).show()
    assert updater.join(LONG_S)
    assert "Cancelled" in texts(outputs)[-1]


def test_a_finished_job_is_shown_once(outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """A final job needs no thread and no subscription."""
    job = FakeJob(a_snapshot(JobState.FAILED, error="It broke."))
    show(job, updater)
    assert updater.join(0)
    assert (len(outputs), job.callbacks) == (1, [])


def test_the_clock_runs_without_changes(outputs: list[dict[str, Any]]) -> None:
    """The elapsed time is redrawn at every interval, with the given clock."""
    moments = iter(range(10_000))
    updater = LiveUpdater(every_s=0.001, gap_s=0)
    job = FakeJob(a_snapshot(JobState.GENERATING, typical_s=None))
    job_card(job.snapshot, job.subscribe, lambda: NOW + next(moments), updater=updater).show()
    assert job.was_read(4)
    job.change(state=JobState.CANCELLED, finished_at=NOW)
    assert updater.join(LONG_S)
    assert ["0:34" in texts(outputs)[0], "0:35" in texts(outputs)[1], "0:36" in texts(outputs)[2]] == [True] * 3


def test_a_card_can_be_redrawn_at_once(tmp_path: Path, outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """The returned function redraws the card on the calling thread, and does nothing once the job is final."""
    job = FakeJob(a_snapshot(JobState.GENERATING))
    card = show(job, updater)
    assert job.was_read(2)
    (notify,) = job.callbacks
    job.latest = a_snapshot(JobState.DONE, video=a_video(an_mp4(tmp_path / "x.mp4")))
    card.redraw()
    assert "<video" in outputs[-1]["data"]["text/html"]
    assert job.callbacks == []
    count = len(outputs)
    card.redraw()
    notify()
    assert updater.join(LONG_S)
    assert len(outputs) == count


def test_many_cards_share_one_thread(outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """All cards are drawn by one thread, never by the thread that reports a change."""
    jobs = [FakeJob(a_snapshot(JobState.GENERATING, ref=f"r{number}")) for number in range(5)]
    for job in jobs:
        show(job, updater)
    for job in jobs:
        job.change(state=JobState.DONE, finished_at=NOW)
    assert updater.join(LONG_S)
    assert len(set().union(*(job.threads for job in jobs)) - {get_ident()}) == 1
    for job in jobs:
        final = [text for text in texts(outputs) if job.latest.ref in text][-1]
        assert "Done" in final


def test_a_new_card_starts_a_new_thread(outputs: list[dict[str, Any]], updater: LiveUpdater) -> None:
    """When the thread has ended, the next card starts another one."""
    for state in (JobState.DONE, JobState.FAILED):
        job = FakeJob(a_snapshot(JobState.GENERATING))
        show(job, updater)
        job.change(state=state, finished_at=NOW)
        assert updater.join(LONG_S)
    assert "Failed" in texts(outputs)[-1]


def test_one_failing_card_does_not_stop_the_others(
    outputs: list[dict[str, Any]], updater: LiveUpdater, caplog: pytest.LogCaptureFixture
) -> None:
    """A card whose job cannot be read is logged and no longer updated; the others continue."""
    broken, good = FakeJob(a_snapshot(JobState.QUEUED)), FakeJob(a_snapshot(JobState.QUEUED))
    calls = iter([broken.latest])
    job_card(lambda: next(calls), broken.subscribe, lambda: NOW, updater=updater).show()
    show(good, updater)
    good.change(state=JobState.DONE, finished_at=NOW)
    assert updater.join(LONG_S)
    assert "Done" in texts(outputs)[-1]
    assert broken.callbacks == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
