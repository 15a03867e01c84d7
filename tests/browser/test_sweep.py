"""A sweep in a real JupyterLab: planned, run, shown while it fills, rated and compared."""

from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.playing import PATIENCE_MS, STATE
from tests.browser.real_lab import Lab

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"

PLAN = """import pixverse_nb as pv
client = pv.Client.sandbox(speed=60, home={home!r})
sweep = client.sweep({first!r}, {last!r}, quality="360p", seed=range(1, 6), model=["v5.6", "v6"])
sweep.plan()"""
HELD_UP = "sweep.start()\nsweep.pause()  # at most eight are under way\nsweep"
ALL_MOVE = """() => [...document.querySelectorAll('.pvnb-compare video')]
    .every(video => video.readyState >= 2 && video.currentTime > 0.3)"""


def run_cell(page: Page, notebook: Locator, number: int) -> Locator:
    """Run one cell with Shift+Enter and return its output after it has run."""
    cell = notebook.locator(".jp-Cell").nth(number)
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(f"[{number + 1}]:", timeout=PATIENCE_MS)
    return cell.locator(".jp-Cell-outputArea")


def test_a_sweep_from_its_plan_to_the_comparison(page: Page, lab: Lab, tmp_path: Path) -> None:
    """The plan charges nothing; the card shows the progress, tiles fill, keys rate and select, and two videos play."""
    asked = PLAN.format(
        home=str(tmp_path / "home"), first=str(PICTURES / "coffee_wide.jpg"), last=str(PICTURES / "coffee_close.jpg")
    )
    later = ["sweep.resume()", "sweep.wait(); print(sweep.ratings)", "sweep.run()"]
    name = lab.new_notebook([asked, HELD_UP, "sweep.gallery()", *later])
    page.set_viewport_size({"width": 1280, "height": 3200})  # only cells near the view are in the page
    notebook = lab.open(page, name)

    plan = run_cell(page, notebook, 0)
    expect(plan.locator("tbody tr")).to_have_count(5)  # a grid of two axes
    expect(plan.locator("tbody td .pvnb-dot")).to_have_count(10)
    expect(plan).to_contain_text("10 new")
    expect(plan).to_contain_text("sandbox: no real credits")

    card = run_cell(page, notebook, 1).locator(".pvnb-sweep-card")
    gallery = run_cell(page, notebook, 2).locator(".pvnb-gallery")
    expect(gallery.get_by_role("gridcell")).to_have_count(10)
    expect(card).to_contain_text("Paused")
    unsent = gallery.get_by_role("gridcell", name="seed 5 · v6")
    expect(unsent.locator("img")).to_be_hidden()
    run_cell(page, notebook, 3)
    expect(unsent.locator("img")).to_be_visible(timeout=PATIENCE_MS)
    expect(card).to_have_count(1)
    expect(card).to_contain_text("Finished", timeout=PATIENCE_MS)
    expect(card.get_by_role("progressbar")).to_have_accessible_name("10 of 10 done")
    expect(gallery.locator("[data-state=done]")).to_have_count(10, timeout=PATIENCE_MS)

    gallery.get_by_role("gridcell", name="seed 2 · v5.6").focus()
    page.keyboard.press("w")
    expect(gallery).to_contain_text("1 winner")
    for caption in ("seed 2 · v5.6", "seed 3 · v6"):
        gallery.get_by_role("gridcell", name=caption).focus()
        page.keyboard.press("c")
    gallery.get_by_role("button", name="Compare 2").click()
    comparison = page.locator(".pvnb-compare")
    videos = comparison.locator("video")
    expect(videos).to_have_count(2, timeout=PATIENCE_MS)
    comparison.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function(ALL_MOVE, timeout=PATIENCE_MS)
    assert [one["error"] for one in videos.evaluate_all(f"all => all.map({STATE})")] == [None, None]

    expect(run_cell(page, notebook, 4)).to_contain_text("{'seed 2 · v5.6': Rating(choice='winner', note='')}")
    again = run_cell(page, notebook, 5)
    expect(again.locator(".pvnb-sweep-card")).to_have_count(1)
    expect(again).to_contain_text("10 reused")
