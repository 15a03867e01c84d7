"""The synchronisation of videos alone, with fake videos: they follow, wait, and continue without a failed one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route

SOURCES = Path(__file__).parent.parent.parent / "frontend" / "src"
ORIGIN = "http://127.0.0.1/"  # answered by the test, not by a server

# Videos of 5 s whose time moves only when the test sets it; a seek takes a moment, as in a browser.
SETUP = """async () => {
    class Video extends EventTarget {
        duration = 5; readyState = 4; paused = true; ended = false; seeking = false; error = null; playbackRate = 1;
        starts = 0; at = 0;
        get currentTime() { return this.at; }
        set currentTime(seconds) {
            this.at = seconds;
            this.seeking = true;
            setTimeout(() => { this.seeking = false; this.emit('seeked'); });
        }
        play() { this.paused = false; this.starts += 1; return Promise.resolve(); }
        pause() { this.paused = true; }
        emit(name) { this.dispatchEvent(new Event(name)); }
    }
    const { makeVideoSync } = await import('/video_sync.js');
    window.videos = [new Video(), new Video(), new Video()];
    window.sync = makeVideoSync({ frameRate: 24 });
    sync.setVideos(videos);
}"""
RUNNING = "sync.state().isRunning && videos.every(video => !video.paused)"
TWO_FRAMES = "() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


def serve_source(route: Route) -> None:
    """Answer with a file of the sources, or with an empty page."""
    name = route.request.url.removeprefix(ORIGIN)
    if name.endswith(".js"):
        route.fulfill(path=SOURCES / name, content_type="text/javascript")
    else:
        route.fulfill(body="", content_type="text/html")


@pytest.fixture
def synced(page: Page) -> Iterator[Page]:
    """A page that plays three videos in step."""
    page.route(f"{ORIGIN}**", serve_source)
    page.goto(ORIGIN)
    page.evaluate(SETUP)
    page.evaluate("sync.play()")
    page.wait_for_function(RUNNING)
    yield page
    page.evaluate("sync.dispose()")


def test_all_start_from_the_middle_of_one_frame(synced: Page) -> None:
    """Every video is moved to the middle of the same frame before the start, and started once."""
    times = synced.evaluate("videos.map(video => video.at)")
    assert times == [times[0]] * 3
    assert times[0] == pytest.approx(0.5 / 24)
    assert synced.evaluate("videos.map(video => video.starts)") == [1, 1, 1]


def test_small_offsets_are_corrected_by_rate(synced: Page) -> None:
    """A video that is a few hundredths of a second off plays faster or slower until it is in step."""
    synced.evaluate("videos.forEach((video, index) => { video.at = 1 + [0, -0.06, 0.06][index]; })")
    synced.wait_for_function("videos[1].playbackRate > 1.1 && videos[2].playbackRate < 0.9")
    assert synced.evaluate("videos[0].playbackRate") == 1
    assert synced.evaluate("videos.map(video => video.starts)") == [1, 1, 1]
    synced.evaluate("videos.forEach(video => { video.at = 1.5; })")
    synced.wait_for_function("videos.every(video => video.playbackRate === 1)")


def test_large_offsets_realign_all(synced: Page) -> None:
    """If one video is too far off, all are paused, moved to the clock's frame and started together."""
    synced.evaluate("videos.forEach((video, index) => { video.at = [2, 2, 1.2][index]; })")
    synced.wait_for_function("videos.every(video => video.starts === 2 && !video.paused)")
    times = synced.evaluate("videos.map(video => video.at)")
    assert times == [times[0]] * 3
    assert times[0] == pytest.approx(48.5 / 24)


def test_all_wait_for_a_stalled_video(synced: Page) -> None:
    """While one video has no next frame all are paused and that one is reported; then all continue."""
    synced.evaluate("videos.forEach(video => { video.at = 1; }); videos[1].readyState = 2")
    synced.wait_for_function("videos.every(video => video.paused) && sync.statusOf(videos[1]) === 'stalled'")
    assert synced.evaluate("videos.map(video => sync.statusOf(video))") == ["ready", "stalled", "ready"]
    assert synced.evaluate("sync.state().isPlaying")
    synced.evaluate("videos[1].readyState = 4; videos[1].emit('canplay')")
    synced.wait_for_function(RUNNING)


def test_a_video_paused_by_the_browser_is_restarted(synced: Page) -> None:
    """A video that the browser has paused is started again, together with the others."""
    synced.evaluate("videos[2].pause()")
    synced.wait_for_function("videos.every(video => video.starts === 2 && !video.paused)")


def test_the_others_continue_without_a_failed_video(synced: Page) -> None:
    """A video that cannot be decoded is reported as failed; the others continue, also at the next loop."""
    synced.evaluate("videos[0].error = { code: 3 }; videos[0].readyState = 0; videos[0].emit('error')")
    synced.wait_for_function("videos[1].starts === 2 && videos[0].paused && !videos[1].paused")
    assert synced.evaluate("sync.statusOf(videos[0])") == "failed"
    synced.evaluate("videos[1].at = 4.999")
    synced.wait_for_function("videos[1].starts === 3 && videos[1].at < 0.1")


def test_the_loop_waits_until_every_seek_has_ended(synced: Page) -> None:
    """At the end all videos seek to the start; none is started before the last seek has ended."""
    synced.evaluate("""() => {
        Object.defineProperty(videos[2], 'currentTime', {
            get() { return this.at; },
            set(seconds) { this.at = seconds; this.seeking = true; },
        });
        videos.forEach(video => { video.at = 4.999; });
    }""")
    synced.wait_for_function("videos.every(video => video.at < 0.1 && video.paused) && !videos[0].seeking")
    synced.evaluate(TWO_FRAMES)
    assert synced.evaluate("videos.map(video => video.starts)") == [1, 1, 1]
    synced.evaluate("videos[2].seeking = false; videos[2].emit('seeked')")
    synced.wait_for_function(RUNNING)


def test_the_last_seek_wins(synced: Page) -> None:
    """After many seeks in a row, as while the knob is dragged, all videos play on from the last position."""
    synced.evaluate("for (let place = 0; place < 40; place += 1) sync.seek(place / 10)")
    synced.wait_for_function(RUNNING)
    assert synced.evaluate("sync.state().frame") == 93
    assert synced.evaluate("videos.map(video => video.starts)") == [2, 2, 2]


def test_dispose_pauses_for_good(synced: Page) -> None:
    """After dispose all videos are paused, and their events start nothing."""
    synced.evaluate("sync.dispose()")
    synced.evaluate("videos.forEach(video => video.emit('loadedmetadata'))")
    synced.evaluate(TWO_FRAMES)
    assert synced.evaluate("videos.every(video => video.paused && video.starts === 1)")
