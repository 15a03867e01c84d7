"""Notebook 7, Voila and marimo in a real browser: the form, a video made and played, live cards, a gallery."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.playing import play
from tests.browser.real_lab import START_S, STOP_S, Lab
from tests.browser.slots import expect_samples
from tests.environment import private_environment

FRAMES = 'create_frames(pv.samples.first, pv.samples.last, quality="360p", seed={seed})'
# The large video has a box at its end that players skip; it is not embedded.
START = """import pathlib, pixverse_nb as pv
fast = pv.Client.sandbox(speed=60)
slow = pv.Client.sandbox(speed=0, home="slow")
def enlarge(video, size=9_000_000):
    large = pathlib.Path("large.mp4")
    large.write_bytes(video.path.read_bytes() + size.to_bytes(4, "big") + b"free" + bytes(size - 8))
    return large"""
VIEWS = (
    f"slow.{FRAMES.format(seed=1)}",
    f"slow.{FRAMES.format(seed=2)}",
    f"pv.gallery([fast.{FRAMES.format(seed=3)}])",
    "pv.studio(fast)",
    f"pv.show(enlarge(fast.{FRAMES.format(seed=5)}.result()))",
)
MARIMO_CELL = """@app.cell
def _({takes}):
    {code}
    return {gives}
"""
MARIMO_APP = "import marimo\napp = marimo.App()\n{cells}\nif __name__ == '__main__':\n    app.run()\n"
KNOWN_TROUBLES = ("reading 'schema'", "not registered", "@jupyterlab/docregistry", "fontawesome", "mathjax")
TALL = {"width": 1280, "height": 3000}  # only what is near the view is in the page


@pytest.fixture
def known_troubles() -> tuple[str, ...]:
    """Notebook 7.6 and Voila 0.5 have these with an empty notebook, too; Voila's page asks for icons and MathJax."""
    return KNOWN_TROUBLES


def press(page: Page, button: Locator, how: str) -> None:
    """Press a button by mouse, or by keyboard alone."""
    if how == "mouse":
        button.click()
    else:
        button.focus()
        page.keyboard.press("Enter")


def use_everything(page: Page) -> None:
    """Cancel one job by mouse and one by key, see the gallery's tile, and make a video with the form and play it."""
    for seed, how in ((1, "mouse"), (2, "key")):
        card = page.locator(".pvnb-card").filter(has_text=f"seed {seed}", visible=True)
        press(page, card.get_by_role("button", name="Cancel", exact=True), how)
        press(page, card.get_by_role("button", name="Cancel this job"), how)
        expect(card).to_contain_text("Cancelled")
    expect(page.locator(".pvnb-gallery [role=gridcell] img")).to_have_count(1)
    form = page.locator(".pvnb-form")
    form.get_by_role("button", name="Try with sample pictures").click()
    expect_samples(form)
    form.get_by_role("radio", name="360p").click()
    form.get_by_label("Seed", exact=True).fill("4")
    form.get_by_role("button", name="Create video").click()
    expect(form.locator(".pvnb-jobs-row").filter(has_text="seed 4")).to_contain_text("Done")
    made = play(page.locator(".pvnb-jobs-row, .pvnb-player").filter(has_text="seed 4").locator("video").first)
    assert (made["width"], made["height"]) == (640, 360)


def large_video(page: Page) -> Locator:
    """Return what shows the video that is too large to be embedded."""
    return page.locator(".pvnb-player").filter(has_text="large.mp4", visible=True)


def test_notebook_7(page: Page, lab: Lab) -> None:
    """Everything works in Notebook 7; M on a card or tile changes no cell, and Ctrl+S saves."""
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    lab.open(page, lab.new_notebook([START, *VIEWS]), place="notebooks")
    lab.run_all(page)
    lab.wait_idle(page)
    page.locator(".pvnb-live").get_by_role("button", name="Cancel", exact=True).first.press("m")
    tile = page.locator(".pvnb-gallery [role=gridcell]")
    tile.press("m")
    with page.expect_request(lambda request: request.method == "PUT" and "/api/contents/" in request.url):
        tile.press("ControlOrMeta+s")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1 + len(VIEWS))
    use_everything(page)
    play(large_video(page).locator("video"))


def test_voila(page: Page, lab: Lab) -> None:
    """Everything works in a page that Voila makes of the notebook; a large video, which it does not serve, is named."""
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    page.goto(lab.url(f"voila/render/{lab.new_notebook([START, *VIEWS])}"))
    use_everything(page)
    expect(large_video(page)).to_be_visible()
    expect(large_video(page).locator("video")).to_have_count(0)


@contextmanager
def marimo_app(folder: Path) -> Iterator[str]:
    """Start `marimo edit` on an app with these cells, and give its address."""
    cells = [MARIMO_CELL.format(takes="", code=START.replace("\n", "\n    "), gives="enlarge, fast, pv, slow")]
    cells += [MARIMO_CELL.format(takes="enlarge, fast, pv, slow", code=code, gives="") for code in VIEWS]
    (folder / "app.py").write_text(MARIMO_APP.format(cells="\n".join(cells)))
    (folder / ".config" / "marimo").mkdir(parents=True)
    (folder / ".config" / "marimo" / "marimo.toml").write_text("[runtime]\nauto_instantiate = true\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--headless", "--no-token", "--skip-update-check", f"--port={port}"]
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-m", "marimo", "-y", "edit", *options, "app.py"],
        cwd=folder,
        env={**private_environment(folder), "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        transport = httpx.HTTPTransport(retries=10)  # with growing pauses: about 100 s
        with httpx.Client(transport=transport, timeout=START_S, trust_env=False) as client:
            client.get(f"{address}/health").raise_for_status()
        yield address
    finally:
        process.terminate()
        process.wait(STOP_S)


def test_marimo(page: Page, tmp_path: Path) -> None:
    """Everything works in marimo, where a job as the last expression of a cell is a live card."""
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    with marimo_app(tmp_path) as address:
        page.goto(address)
        use_everything(page)
        play(large_video(page).locator("video"))


def show_large(folder: Path, code: str = "") -> str:
    """Return a cell that makes a video of more than 8 MiB in `folder`, runs `code` and shows the video."""
    return f"""import os, pathlib, pixverse_nb as pv
with pv.Client.sandbox(speed=100, home={str(folder / "home")!r}) as client:
    video = client.create_frames(pv.samples.first, pv.samples.last, quality="360p", seed=5).result(quiet=True)
size = 9_000_000
large = pathlib.Path({str(folder / "large.mp4")!r})
large.write_bytes(video.path.read_bytes() + size.to_bytes(4, "big") + b"free" + bytes(size - 8))
{code}
pv.show(large)"""


@pytest.mark.parametrize("known_troubles", [(*KNOWN_TROUBLES, "status of 404")], ids=["404"])  # of the last video
@pytest.mark.parametrize("place", ["lab/tree", "notebooks"])
def test_a_large_video_is_played_or_named(
    page: Page, lab: Lab, tmp_path: Path, place: Literal["lab/tree", "notebooks"]
) -> None:
    """A video of more than 8 MiB plays from below the server's folder, also after a change of the working directory.
    In a hidden folder, outside, or where the kernel's files are not the server's, its place is said.
    """
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    beside = lab.root / place.replace("/", "-")
    (beside / ".hidden").mkdir(parents=True)
    remote = "os.environ.update(JPY_SESSION_NAME={!r}, JPY_PARENT_PID='0')"  # as a kernel on another machine has it
    cells = [
        show_large(beside, "os.chdir('/')"),
        show_large(beside / ".hidden"),
        show_large(tmp_path),
        show_large(tmp_path, remote.format(str(tmp_path / "notebook.ipynb"))),
    ]
    lab.open(page, lab.new_notebook(cells), place=place)
    lab.run_all(page)
    lab.wait_idle(page)
    beside_video, hidden, outside, elsewhere = page.locator(".jp-OutputArea .pvnb-player").all()
    play(beside_video.locator("video"))
    expect(beside_video.get_by_role("note")).to_have_count(0)
    for shown, folder in ((hidden, ".hidden"), (outside, str(tmp_path)), (elsewhere, str(tmp_path))):
        expect(shown.get_by_role("note")).to_contain_text(f"{folder}/large.mp4")
