"""Check that a video plays in the page."""

from typing import Any

from playwright.sync_api import Locator, expect

PATIENCE_MS = 90_000  # of every step and expectation in the page: conftest sets it

STATE = """video => ({
    error: video.error && video.error.message,
    readyState: video.readyState,
    currentTime: video.currentTime,
    width: video.videoWidth,
    height: video.videoHeight,
    duration: video.duration,
})"""
MOVES = """video => new Promise((resolve, reject) => {
    const from = video.currentTime;
    const look = () => {
        if (video.error) reject(new Error(video.error.message));
        else if (video.currentTime > from + 0.3) resolve(true);
    };
    video.addEventListener('timeupdate', look);
    video.addEventListener('error', look);
    video.muted = true;
    video.play().catch(reject);
})"""


def play(video: Locator) -> dict[str, Any]:
    """Play a video until its time has advanced, pause it, and return its state; fails if it cannot play."""
    expect(video).to_be_attached()
    video.evaluate(MOVES)
    state: dict[str, Any] = video.evaluate(STATE)
    video.evaluate("video => video.pause()")
    assert state["error"] is None
    assert state["readyState"] >= 2, "HAVE_CURRENT_DATA"
    assert state["currentTime"] > 0
    return state
