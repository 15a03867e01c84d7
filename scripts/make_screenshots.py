"""Make the pictures in docs/images: the form and a sweep in a real JupyterLab on the sandbox.

`python scripts/make_screenshots.py` writes form.png, sweep.png and the animation tour.webp. It needs the packages of
the extras `lab`, `sandbox`, `sweep` and `test`, and a Chromium.
"""

import io
import sys
import tempfile
import time
from pathlib import Path

from find_browser import NOT_FOUND, find_browser
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.conftest import FLAGS  # noqa: E402  the repository is not on the path of a script
from tests.browser.real_lab import Lab  # noqa: E402

IMAGES = ROOT / "docs" / "images"
WINDOW = (1120, 760)
TOUR_WIDTH = 840
TOUR_MAX_BYTES = 1_500_000
WAIT_MS = 60_000
PICTURES = ("form.png", "sweep.png", "tour.webp")
FORM = """import pixverse_nb as pv

pv.studio(pv.Client.sandbox(speed=40))"""
SWEEP = [
    """import pixverse_nb as pv

client = pv.Client.sandbox(speed=40)
sweep = client.sweep(pv.samples.first, pv.samples.last, seed=range(1, 5), model=["v5.6", "v6"], quality="360p")
sweep.start()""",
    "sweep.gallery()",
    "sweep.wait()",
    "sweep.compare()",
]


class Recorder:
    """Frames of a page, each with the milliseconds for which it is shown."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[tuple[Image.Image, int]] = []

    def add(self, shown_ms: int) -> None:
        """Take one frame."""
        taken = Image.open(io.BytesIO(self._page.screenshot(type="jpeg", quality=92)))
        height = round(taken.height * TOUR_WIDTH / taken.width)
        self._frames.append((taken.resize((TOUR_WIDTH, height), Image.Resampling.LANCZOS), shown_ms))

    def follow(self, frames: int, *, every_s: float = 0.2, shown_ms: int = 160) -> None:
        """Take several frames while something moves."""
        for _ in range(frames):
            self.add(shown_ms)
            time.sleep(every_s)

    def save(self, path: Path) -> None:
        """Write the animation, as sharp as the limit of bytes allows."""
        images, durations = [frame for frame, _ in self._frames], [shown for _, shown in self._frames]
        for quality in (75, 60, 45, 30):
            images[0].save(
                path, save_all=True, append_images=images[1:], duration=durations, loop=0, quality=quality, method=4
            )
            if path.stat().st_size < TOUR_MAX_BYTES:
                return
        raise SystemExit(f"{path.name} has {path.stat().st_size:,} bytes; take fewer frames")


def open_notebook(lab: Lab, page: Page, cells: list[str]) -> Locator:
    """Open a new notebook with the sidebar closed."""
    notebook = lab.open(page, lab.new_notebook(cells))
    sidebar = page.locator("#filebrowser")
    if sidebar.is_visible():
        page.get_by_role("tab", name="File Browser").first.click()
    expect(sidebar).to_be_hidden()
    return notebook


def run_cell(page: Page, notebook: Locator, number: int) -> Locator:
    """Run one cell with Shift+Enter and return it."""
    cell = notebook.locator(".jp-Cell").nth(number)
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    return cell


def show_form(lab: Lab, page: Page) -> None:
    """Fill the form with the sample pictures and take its picture."""
    page.set_viewport_size({"width": WINDOW[0], "height": 2 * WINDOW[1]})  # the whole form is in view
    notebook = open_notebook(lab, page, [FORM])
    run_cell(page, notebook, 0)
    form = page.locator(".pvnb-form")
    form.get_by_role("button", name="Try with sample pictures").click()
    expect(form.locator("img").filter(visible=True)).to_have_count(2)
    form.get_by_label("Prompt").fill("a slow dolly towards the cup")
    expect(form.get_by_role("button", name="Create video")).to_be_enabled()
    page.mouse.move(0, 0)  # no button looks as if it were pressed
    form.screenshot(path=IMAGES / "form.png", animations="disabled")
    page.set_viewport_size({"width": WINDOW[0], "height": WINDOW[1]})


def show_sweep(lab: Lab, page: Page) -> None:
    """Run a sweep as a person does, and take the pictures on the way."""
    notebook = open_notebook(lab, page, SWEEP)
    recorder = Recorder(page)
    recorder.add(900)
    run_cell(page, notebook, 0)
    run_cell(page, notebook, 1)
    gallery = page.locator(".pvnb-gallery")
    expect(gallery.get_by_role("gridcell")).to_have_count(8)
    gallery.scroll_into_view_if_needed()
    recorder.follow(22)
    expect(gallery.locator("img").filter(visible=True)).to_have_count(8)
    first, second = gallery.get_by_role("gridcell").nth(1), gallery.get_by_role("gridcell").nth(4)
    for tile, key in ((first, "w"), (second, "x")):
        tile.hover()
        recorder.follow(8)
        tile.press(key)
        recorder.add(700)
    first.hover()
    expect(gallery.locator("[data-playback=playing]").first).to_be_attached()
    page.screenshot(path=IMAGES / "sweep.png")
    run_cell(page, notebook, 2)
    run_cell(page, notebook, 3)
    comparison = page.locator(".pvnb-compare")
    expect(comparison.locator("video").first).to_have_js_property("readyState", 4)
    comparison.scroll_into_view_if_needed()
    recorder.add(700)
    comparison.get_by_role("button", name="Play").click()
    recorder.follow(16)
    recorder.add(1200)
    recorder.save(IMAGES / "tour.webp")


def main() -> None:
    """Start JupyterLab and the browser, make the pictures, and end both."""
    browser_path = find_browser()
    if browser_path is None:
        raise SystemExit(NOT_FOUND)
    IMAGES.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=WAIT_MS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=[*FLAGS, "--no-sandbox"])
        context = browser.new_context(viewport={"width": WINDOW[0], "height": WINDOW[1]})
        context.set_default_timeout(WAIT_MS)
        lab = Lab(Path(folder))
        try:
            page = context.new_page()
            lab.set_theme(page, "light")
            show_form(lab, page)
            show_sweep(lab, page)
        finally:
            lab.stop()
            browser.close()
    for name in PICTURES:
        print(f"docs/images/{name}: {(IMAGES / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
