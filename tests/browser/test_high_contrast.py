"""With the colours of the system (high contrast), everything that is drawn with a background is still there."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.real_lab import Lab

CELLS = [
    """import pixverse_nb as pv
client = pv.Client.sandbox(speed=60)
videos = client.sweep(pv.samples.first, pv.samples.last, seed=[1, 2], quality="360p")
videos.run(quiet=True)
videos.gallery()""",
    "pv.studio(client)",
    """client.sandbox_control.speed = 0
client.create_frames(pv.samples.first, pv.samples.last, seed=3)""",
    """sweep = client.sweep(pv.samples.first, pv.samples.last, seed=range(11, 31))
sweep.start()
sweep""",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_controls_and_bars_are_visible(page: Page, lab: Lab, theme: str) -> None:
    """The texts and icons of buttons, the arrows of lists, badges and bars differ from what is around them."""
    lab.set_theme(page, "dark" if theme == "dark" else "light")
    page.emulate_media(forced_colors="active", color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": 1280, "height": 3000})
    lab.open(page, lab.new_notebook(CELLS))
    lab.run_all(page)
    gallery, form = page.locator(".pvnb-gallery"), page.locator(".pvnb-form")
    job, sweep = page.locator(".pvnb-card"), page.locator(".pvnb-sweep-card")
    expect(sweep.get_by_role("progressbar")).to_be_visible()
    tile = gallery.get_by_role("gridcell").first
    tile.focus()
    tile.press("w")
    tile.press("c")
    expect(gallery.locator(".pvnb-gallery-number").first).to_be_visible()
    badge, number = gallery.locator(".pvnb-gallery-badge").first, gallery.locator(".pvnb-gallery-number").first
    seen = {
        "submit": colour_changes(form.get_by_role("button", name="Create video"), 0.2, 0.8),
        "swap": colour_changes(form.locator(".pvnb-form-icon-swap"), 0.2, 0.8),
        "seed": colour_changes(form.locator(".pvnb-form-icon-dice"), 0.2, 0.8),
        "model": colour_changes(form.get_by_label("Model"), 0.9, 0.99),
        "badge": colour_changes(badge, 0.4, 0.9),
        "number": colour_changes(number, 0.3, 0.7),
        "bar of a job": colour_changes(job.get_by_role("progressbar"), 0, 1, at=0),
        "bar of a sweep": colour_changes(sweep.get_by_role("progressbar"), 0.1, 0.9),
    }
    lab.set_theme(page, "light")
    assert [name for name, changes in seen.items() if not changes] == []


def colour_changes(target: Locator, start: float, end: float, *, at: float | None = None) -> int:
    """Return how often the colour changes from one pixel to the next, in the shares of the width from start to end.

    `at` is a share of the height; None stands for the middle half.
    """
    target.scroll_into_view_if_needed()
    image = Image.open(io.BytesIO(target.screenshot())).convert("L")
    width, height = image.size
    rows = range(height // 4, 3 * height // 4 + 1) if at is None else [int(at * (height - 1))]
    columns = range(int(start * (width - 1)), int(end * (width - 1)))
    pixels = image.load()
    assert pixels is not None
    return sum(abs(pixels[x, y] - pixels[x + 1, y]) > 60 for y in rows for x in columns)  # type: ignore[operator]
