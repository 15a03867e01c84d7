"""Notebook 02 as a person runs it, and the timeline in a real page: visible, readable, and kept when untrusted."""

from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from pixverse_nb.domain.jobs import JobEvent, JobState
from pixverse_nb.render.timeline import timelines_html
from tests.browser.playing import play
from tests.browser.real_lab import Lab

NOTEBOOK = Path(__file__).parent.parent.parent / "notebooks" / "02_wait_and_resume.ipynb"

BOXES = """drawing => [...drawing.querySelectorAll('text')].map(text => {
    const box = text.getBoundingClientRect();
    return [text.textContent, box.left, box.top, box.right, box.bottom];
})"""
INSIDE = """drawing => {
    const box = drawing.getBoundingClientRect();
    return [box.left - 0.5, box.right + 0.5];
}"""
EVENTS = (
    (0.0, JobState.PLANNED, "created"),
    (0.1, JobState.UPLOADING, "upload_started"),
    (0.6, JobState.WAITING, "images_uploaded"),
    (0.7, JobState.SUBMITTING, "intent_recorded"),
    (0.8, JobState.UNKNOWN, "response_lost"),
    (2.9, JobState.GENERATING, "listed_in_poll"),
    (3.0, JobState.DOWNLOADING, "listed_in_poll"),
    (3.1, JobState.DONE, "downloaded"),
)


def expect_readable(drawing: Locator) -> None:
    """Assert that no labels of a drawing overlap and none is cut off at its sides."""
    labels = drawing.evaluate(BOXES)
    left, right = drawing.evaluate(INSIDE)
    assert [label for label in labels if label[1] < left - 20 or label[3] > right] == []
    overlaps = [
        (one[0], other[0])
        for one, other in combinations(labels, 2)
        if one[1] < other[3] and other[1] < one[3] and one[2] + 2 < other[4] and other[2] + 2 < one[4]
    ]
    assert overlaps == []


def test_a_killed_kernels_job_is_finished_and_drawn(page: Page, lab: Lab) -> None:
    """Run All kills a kernel, settles its job and draws its timeline, also shown untrusted and without a kernel."""
    name = lab.copy_notebook(NOTEBOOK)
    notebook = lab.open(page, name)
    lab.run_all(page)
    page.set_viewport_size({"width": 1280, "height": 4200})  # only cells near the view are in the page
    expect(notebook).to_contain_text("still open: 0")
    lab.wait_idle(page)
    expect(notebook.locator("[data-mime-type='application/vnd.jupyter.stderr']")).to_have_count(0)
    expect(notebook).to_contain_text("killed; paid calls accepted by the sandbox: 1")
    play(notebook.locator("video").first)
    drawn = notebook.locator(".pvnb-timeline svg")
    expect(drawn).to_have_count(2)
    for kind in ("intent_recorded", "response_lost", "listed_in_poll", "downloaded"):
        expect(drawn.first.locator(f"[data-kind={kind}]")).to_have_count(1)
    for place in (0, 1):
        expect_readable(drawn.nth(place))
    expect(notebook.locator(".pvnb-timeline img").filter(visible=True)).to_have_count(0)

    trusted = lab.reopen_without_kernel(page, name)
    expect(trusted.locator(".pvnb-timeline svg").filter(visible=True)).to_have_count(2)
    untrusted = lab.reopen_without_kernel(page, name, trusted=False)
    lives = untrusted.locator(".pvnb-timeline")
    expect(lives).to_have_count(2)
    expect(lives.locator("svg")).to_have_count(0)
    expect(lives.locator(".pvnb-timeline-svg").filter(visible=True)).to_have_count(0)
    for place in (0, 1):
        picture = lives.locator("img").nth(place)
        expect(picture).to_be_visible()
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0 && image.naturalHeight > 0")


@pytest.mark.parametrize("width", [700, 1280])
@pytest.mark.parametrize("scale", [1.0, 60.0, 3600.0], ids=["seconds", "minutes", "hours"])
def test_labels_do_not_overlap(page: Page, width: int, scale: float) -> None:
    """In narrow and wide views, the labels of events close together or far apart do not overlap."""
    events = [
        JobEvent(1_760_000_000 + at * scale, state, kind, {"reason": "sender_gone"}) for at, state, kind in EVENTS
    ]
    rows = [("the whole of it", events), ("until the answer was lost", events[:5]), ("just asked for", events[:1])]
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("about:blank")
    drawn = timelines_html(rows, now=1_760_000_000 + 4 * scale)
    page.set_content(f'<!doctype html><body style="margin:0 24px">{drawn}</body>')
    expect_readable(page.locator(".pvnb-timeline-svg svg"))
