"""Live cards: drawn at each change and for the clock, by one thread that ends with the last of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event, Lock, get_ident
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.render.live import LiveUpdater, watch_live
from tests.render.factories import NOW, a_snapshot, a_video, an_mp4

LONG_S = 30.0


class FakeJob:
    """A job that changes when the test says so; `drawn` is set each time somebody looks."""

    def __init__(self, snapshot: JobSnapshot) -> None:
        self.latest = snapshot
        self.looks = 0
        self.lookers: set[int] = set()
        self.callbacks: list[Callable[[], None]] = []
        self._lock = Lock()
        self._waiting: list[tuple[int, Event]] = []

    def snapshot(self) -> JobSnapshot:
        """Return the job as it is, and note that somebody looked."""
        with self._lock:
            self.looks += 1
            self.lookers.add(get_ident())
            for count, event in self._waiting:
                if self.looks >= count:
                    event.set()
            return self.latest

    def looked(self, count: int) -> bool:
        """Wait until somebody has looked `count` times."""
        event = Event()
        with self._lock:
            if self.looks >= count:
                return True
            self._waiting.append((count, event))
        return event.wait(LONG_S)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Keep `callback` until the returned function is called."""
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def change(self, **changes: Any) -> None:
        """Move on, and tell those who asked."""
        self.latest = replace(self.latest, **changes)
        for callback in tuple(self.callbacks):
            callback()


@pytest.fixture
def ticker() -> LiveUpdater:
    """A ticker that draws at changes only: its second is longer than any test."""
    return LiveUpdater(every_s=LONG_S, gap_s=0)


def texts(outputs: list[dict[str, Any]]) -> list[str]:
    """The plain text of everything put out."""
    return [output["data"]["text/plain"] for output in outputs]


def test_the_card_follows_the_job_to_its_player(
    tmp_path: Path, outputs: list[dict[str, Any]], ticker: LiveUpdater
) -> None:
    """The card stands at once, and the last update of the same output is the player."""
    job = FakeJob(a_snapshot(JobState.QUEUED))
    watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
    assert "In the queue" in texts(outputs)[0]
    job.change(state=JobState.DONE, finished_at=NOW, video=a_video(an_mp4(tmp_path / "x.mp4")))
    assert ticker.join(LONG_S)
    assert "<video" in outputs[-1]["data"]["text/html"]
    assert {output["transient"]["display_id"] for output in outputs} == {outputs[0]["transient"]["display_id"]}
    assert [output["update"] for output in outputs] == [False] + [True] * (len(outputs) - 1)


def test_a_job_that_ends_is_let_go(outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """After the final state nobody is subscribed any more, and the thread has ended."""
    job = FakeJob(a_snapshot(JobState.GENERATING))
    watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
    assert len(job.callbacks) == 1
    job.change(state=JobState.FAILED, error="It broke.", finished_at=NOW)
    assert ticker.join(LONG_S)
    assert job.callbacks == []


def test_a_change_before_the_subscription_is_not_lost(outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """A job that ends between its first snapshot and the subscription still gets its last card."""
    job = FakeJob(a_snapshot(JobState.GENERATING))

    def subscribe_late(callback: Callable[[], None]) -> Callable[[], None]:
        job.change(state=JobState.CANCELLED, finished_at=NOW)
        return job.subscribe(callback)

    watch_live(job.snapshot, subscribe_late, lambda: NOW, ticker=ticker)
    assert ticker.join(LONG_S)
    assert "Cancelled" in texts(outputs)[-1]


def test_a_finished_job_is_shown_once(outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """What is over already needs no thread and no subscription."""
    job = FakeJob(a_snapshot(JobState.FAILED, error="It broke."))
    watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
    assert ticker.join(0)
    assert (len(outputs), job.callbacks) == (1, [])


def test_the_clock_goes_on_without_a_change(outputs: list[dict[str, Any]]) -> None:
    """The elapsed time is drawn again at every tick, with the clock handed in."""
    moments = iter(range(10_000))
    ticker = LiveUpdater(every_s=0.001, gap_s=0)
    job = FakeJob(a_snapshot(JobState.GENERATING, typical_s=None))
    watch_live(job.snapshot, job.subscribe, lambda: NOW + next(moments), ticker=ticker)
    assert job.looked(4)
    job.change(state=JobState.CANCELLED, finished_at=NOW)
    assert ticker.join(LONG_S)
    assert ["0:34" in texts(outputs)[0], "0:35" in texts(outputs)[1], "0:36" in texts(outputs)[2]] == [True] * 3


def test_a_card_is_drawn_when_somebody_asks(tmp_path: Path, outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """Who has waited for a job need not wait for its card: asked for, the player stands when the call returns."""
    job = FakeJob(a_snapshot(JobState.GENERATING))
    draw = watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
    assert job.looked(2)
    (tell,) = job.callbacks
    job.latest = a_snapshot(JobState.DONE, video=a_video(an_mp4(tmp_path / "x.mp4")))
    draw()
    assert "<video" in outputs[-1]["data"]["text/html"]
    assert job.callbacks == []
    count = len(outputs)
    draw()
    tell()
    assert ticker.join(LONG_S)
    assert len(outputs) == count


def test_many_cards_share_one_thread(outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """All cards are drawn by the same thread, and never by the one that reports a change."""
    jobs = [FakeJob(a_snapshot(JobState.GENERATING, ref=f"r{number}")) for number in range(5)]
    for job in jobs:
        watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
    for job in jobs:
        job.change(state=JobState.DONE, finished_at=NOW)
    assert ticker.join(LONG_S)
    assert len(set().union(*(job.lookers for job in jobs)) - {get_ident()}) == 1
    for job in jobs:
        final = [text for text in texts(outputs) if job.latest.ref in text][-1]
        assert "Done" in final


def test_a_new_card_after_the_last_starts_again(outputs: list[dict[str, Any]], ticker: LiveUpdater) -> None:
    """The thread that has ended is followed by another when a card comes."""
    for state in (JobState.DONE, JobState.FAILED):
        job = FakeJob(a_snapshot(JobState.GENERATING))
        watch_live(job.snapshot, job.subscribe, lambda: NOW, ticker=ticker)
        job.change(state=state, finished_at=NOW)
        assert ticker.join(LONG_S)
    assert "Failed" in texts(outputs)[-1]


def test_one_cards_trouble_does_not_stop_the_others(
    outputs: list[dict[str, Any]], ticker: LiveUpdater, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that cannot be read loses its card's updates, with a word in the log; the others go on."""
    broken, good = FakeJob(a_snapshot(JobState.QUEUED)), FakeJob(a_snapshot(JobState.QUEUED))
    calls = iter([broken.latest])
    watch_live(lambda: next(calls), broken.subscribe, lambda: NOW, ticker=ticker)
    watch_live(good.snapshot, good.subscribe, lambda: NOW, ticker=ticker)
    good.change(state=JobState.DONE, finished_at=NOW)
    assert ticker.join(LONG_S)
    assert "Done" in texts(outputs)[-1]
    assert broken.callbacks == []
    assert "could not be drawn" in caplog.text
