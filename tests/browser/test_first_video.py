"""Notebook 01 as a person runs it, and the saved notebook without a kernel."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from pixverse_nb.demo import execute_demo
from tests.browser.playing import play
from tests.browser.real_lab import Lab

NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "01_first_video.ipynb"


def test_the_first_video_plays_and_is_still_there_without_a_kernel(page: Page, lab: Lab) -> None:
    """Run All makes a video that plays inline; the saved notebook, reopened with no kernel, plays it again."""
    name = lab.copy_notebook(NOTEBOOK)
    notebook = lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    expect(notebook.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    made = play(notebook.locator("video").first)
    assert (made["width"], made["height"]) == (960, 540)
    assert made["duration"] == pytest.approx(5, abs=0.2)

    for trusted in (True, False):
        reopened = lab.reopen_without_kernel(page, name, trusted=trusted)
        assert play(reopened.locator("video").first)["duration"] == made["duration"]
        assert lab.kernel_count() == 0


def test_the_demos_page_plays_the_video(page: Page, tmp_path: Path) -> None:
    """The HTML page written by `make demo` plays its video from disk without a server."""
    made = execute_demo(NOTEBOOK, tmp_path / "demo")
    page.goto(made.page.as_uri())
    play(page.locator("video").first)
