"""The conductor alone, with videos that do what a test tells them: how it follows, waits, and goes on without one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from pixverse_nb.widgets.assembly import script

# Videos of 5 s whose time stands until it is set by the test; seeking them takes a moment, as in life.
STAGE = """async source => {
    class Video extends EventTarget {
        duration = 5; readyState = 4; paused = true; ended = false; seeking = false; error = null; playbackRate = 1;
        starts = 0; at = 0;
        get currentTime() { return this.at; }
        set currentTime(seconds) {
            this.at = seconds;
            this.seeking = true;
            setTimeout(() => { this.seeking = false; this.tell('seeked'); });
        }
        play() { this.paused = false; this.starts += 1; return Promise.resolve(); }
        pause() { this.paused = true; }
        tell(name) { this.dispatchEvent(new Event(name)); }
    }
    const url = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
    const { makeConductor } = await import(url);
    window.videos = [new Video(), new Video(), new Video()];
    window.conductor = makeConductor({ frameRate: 24 });
    conductor.cast(videos);
}"""
RUNNING = "conductor.state().isRunning && videos.every(video => !video.paused)"


@pytest.fixture
def stage(page: Page) -> Iterator[Page]:
    """A page with three videos that are played."""
    page.goto("about:blank")
    page.evaluate(STAGE, script("conductor.js"))
    page.evaluate("conductor.play()")
    page.wait_for_function(RUNNING)
    yield page
    page.evaluate("conductor.dispose()")


def test_all_start_from_the_middle_of_one_frame(stage: Page) -> None:
    """Before the start every video was brought to the middle of the same frame, and each was started once."""
    times = stage.evaluate("videos.map(video => video.at)")
    assert times == [times[0]] * 3
    assert times[0] == pytest.approx(0.5 / 24)
    assert stage.evaluate("videos.map(video => video.starts)") == [1, 1, 1]


def test_who_is_behind_is_hurried_and_who_is_ahead_is_slowed(stage: Page) -> None:
    """A few hundredths of a second are made good by rate alone, and the rate comes back when they are."""
    stage.evaluate("videos.forEach((video, place) => { video.at = 1 + [0, -0.06, 0.06][place]; })")
    stage.wait_for_function("videos[1].playbackRate > 1.1 && videos[2].playbackRate < 0.9")
    assert stage.evaluate("videos[0].playbackRate") == 1
    assert stage.evaluate("videos.map(video => video.starts)") == [1, 1, 1]
    stage.evaluate("videos.forEach(video => { video.at = 1.5; })")
    stage.wait_for_function("videos.every(video => video.playbackRate === 1)")


def test_who_is_far_off_is_fetched_with_all_the_others(stage: Page) -> None:
    """Beyond what a rate can mend all are stopped, brought to the clock's frame, and started together."""
    stage.evaluate("videos.forEach((video, place) => { video.at = [2, 2, 1.2][place]; })")
    stage.wait_for_function("videos.every(video => video.starts === 2 && !video.paused)")
    times = stage.evaluate("videos.map(video => video.at)")
    assert times == [times[0]] * 3
    assert times[0] == pytest.approx(48.5 / 24)


def test_who_has_no_next_frame_makes_all_wait(stage: Page) -> None:
    """While one video has nothing to show all stand, and it is the one that is said to be late; then all go on."""
    stage.evaluate("videos.forEach(video => { video.at = 1; }); videos[1].readyState = 2")
    stage.wait_for_function("videos.every(video => video.paused) && conductor.statusOf(videos[1]) === 'late'")
    assert stage.evaluate("videos.map(video => conductor.statusOf(video))") == ["ready", "late", "ready"]
    assert stage.evaluate("conductor.state().isPlaying"), "it is still wanted"
    stage.evaluate("videos[1].readyState = 4; videos[1].tell('canplay')")
    stage.wait_for_function(RUNNING)


def test_who_was_stopped_by_the_browser_is_started_again(stage: Page) -> None:
    """A video that stands though nobody asked for it is started again, together with the others."""
    stage.evaluate("videos[2].pause()")
    stage.wait_for_function("videos.every(video => video.starts === 2 && !video.paused)")


def test_who_fails_is_left_behind(stage: Page) -> None:
    """A video that cannot be decoded is said to have failed, and the others go on, also at the next loop."""
    stage.evaluate("videos[0].error = { code: 3 }; videos[0].readyState = 0; videos[0].tell('error')")
    stage.wait_for_function("videos[1].starts === 2 && videos[0].paused && !videos[1].paused")
    assert stage.evaluate("conductor.statusOf(videos[0])") == "failed"
    stage.evaluate("videos[1].at = 4.999")
    stage.wait_for_function("videos[1].starts === 3 && videos[1].at < 0.1")


def test_the_loop_waits_until_all_have_sought(stage: Page) -> None:
    """At the end all are brought to the start; nobody is started before the last one is there."""
    stage.evaluate("""() => {
        videos[2].set = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(videos[2]), 'currentTime').set;
        Object.defineProperty(videos[2], 'currentTime', {
            get() { return this.at; },
            set(seconds) { this.at = seconds; this.seeking = true; },
        });
        videos.forEach(video => { video.at = 4.999; });
    }""")
    stage.wait_for_function("videos.every(video => video.at < 0.1 && video.paused) && !videos[0].seeking")
    stage.evaluate("() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert stage.evaluate("videos.map(video => video.starts)") == [1, 1, 1]
    stage.evaluate("videos[2].seeking = false; videos[2].tell('seeked')")
    stage.wait_for_function(RUNNING)


def test_the_newest_wish_counts(stage: Page) -> None:
    """Of many seeks in a row, as a dragged knob makes them, all end at the last place, and play on from there."""
    stage.evaluate("for (let place = 0; place < 40; place += 1) conductor.seek(place / 10)")
    stage.wait_for_function(RUNNING)
    assert stage.evaluate("conductor.state().frame") == 93
    assert stage.evaluate("videos.map(video => video.starts)") == [2, 2, 2]


def test_after_its_end_it_moves_nothing(stage: Page) -> None:
    """Once disposed it has stopped all videos, and what happens to them does not wake it."""
    stage.evaluate("conductor.dispose()")
    stage.evaluate("videos.forEach(video => video.tell('loadedmetadata'))")
    stage.evaluate("() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
    assert stage.evaluate("videos.every(video => video.paused && video.starts === 1)")
