"""The picker in a real JupyterLab: every way to add a picture, any size, and the state after a reload."""

import io
import random
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, WebSocket, expect

from tests.browser.real_lab import Lab
from tests.browser.slots import PICTURES, choose, choose_by_key, drop, expect_picture, paste, stage

SHOW = "import pixverse_nb as pv\nform = pv.studio(pv.Client.sandbox())\nform"
IN_FLIGHT = 3


@pytest.fixture
def slot(page: Page, lab: Lab) -> Locator:
    """An empty picker in a notebook."""
    lab.open(page, lab.new_notebook([SHOW]))
    lab.run_all(page)
    lab.wait_idle(page)
    return page.locator(".pvnb-picker").first


def a_png(width: int, height: int) -> bytes:
    """Return a PNG of noise, so that its size in bytes is near width × height × 3."""
    sink = io.BytesIO()
    noise = random.Random(7).randbytes(width * height * 3)  # noqa: S311  noise, not a secret
    Image.frombytes("RGB", (width, height), noise).save(sink, "PNG", compress_level=1)
    return sink.getvalue()


def test_a_picture_comes_by_click_drop_and_paste(page: Page, slot: Locator) -> None:
    """Each way to add a picture shows it with its name and size; the next picture replaces it."""
    choose(page, slot, PICTURES / "chelsea.jpg")
    expect_picture(slot, "451 × 300 · 35 kB", name="chelsea.jpg")
    drop(page, slot, PICTURES / "rocket.png", "image/png")
    expect_picture(slot, "640 × 427", name="rocket.png")
    paste(page, slot, a_png(80, 60))
    expect_picture(slot, "80 × 60", name="image.png")


def test_a_path_is_typed_and_a_slip_is_mended(page: Page, slot: Locator) -> None:
    """A wrong path is reported and stays in its field; the right one loads the picture."""
    address = slot.get_by_label("First picture: path or URL")
    address.fill(str(PICTURES / "chelsey.jpg"))
    address.press("Enter")
    expect(slot.get_by_role("alert")).to_contain_text("did you mean 'chelsea.jpg'?")
    expect(address).to_have_value(str(PICTURES / "chelsey.jpg"))
    address.fill(str(PICTURES / "chelsea.jpg"))
    address.press("Enter")
    expect_picture(slot, "451 × 300", name="chelsea.jpg")


def test_a_file_that_is_no_picture_is_refused(page: Page, slot: Locator, tmp_path: Path) -> None:
    """A PDF is refused with a reason, and the picker accepts the next picture."""
    bill = tmp_path / "bill.pdf"
    bill.write_bytes(b"%PDF-1.7")
    drop(page, slot, bill, "application/pdf")
    expect(slot.get_by_role("alert")).to_contain_text("bill.pdf is not a picture (application/pdf)")
    choose(page, slot, PICTURES / "chelsea.jpg")
    expect_picture(slot, "451 × 300", name="chelsea.jpg")
    expect(slot.get_by_role("alert")).to_have_count(0)


def test_fifteen_megabytes_arrive_with_three_pieces_on_the_way(page: Page, lab: Lab, tmp_path: Path) -> None:
    """A picture above the websocket limit arrives complete, with at most three unacknowledged chunks."""
    sent: list[int] = []
    flying = [0]

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: note(frame, b'"kind":"chunk"', 1))
        socket.on("framereceived", lambda frame: note(frame, b'"kind": "ack"', -1))

    def note(frame: bytes | str, mark: bytes, step: int) -> None:
        if mark in (frame if isinstance(frame, bytes) else frame.encode()):
            flying[0] += step
            sent.append(flying[0])

    page.on("websocket", watch)
    lab.open(page, lab.new_notebook([SHOW]))
    lab.run_all(page)
    lab.wait_idle(page)
    slot = page.locator(".pvnb-picker").first
    path = tmp_path / "large.png"
    path.write_bytes(a_png(2600, 2000))
    assert path.stat().st_size > 15_000_000
    choose(page, slot, path)
    expect_picture(slot, "2600 × 2000 · 15.6 MB", name="large.png")
    pieces = -(-path.stat().st_size // (512 * 1024))
    assert len(sent) == 2 * pieces + 1, "every piece is answered, and the announcement too"
    assert max(sent) + 1 <= IN_FLIGHT, "the announcement's answer is counted without a piece"


def test_the_keyboard_does_everything_and_jupyter_keeps_out(page: Page, slot: Locator) -> None:
    """Enter and Space open the file dialog, Delete clears, and no key reaches JupyterLab's shortcuts."""
    cells = page.locator(".jp-Notebook .jp-Cell")
    for key, picture, facts in (("Enter", "rocket.png", "640 × 427"), ("Space", "chelsea.jpg", "451 × 300")):
        choose_by_key(page, slot, key, PICTURES / picture)
        expect_picture(slot, facts, name=picture)
    stage(slot).focus()
    for key in ("b", "a", "d", "d", "x"):  # JupyterLab: insert below, above, delete, cut
        page.keyboard.press(key)
    page.keyboard.press("Delete")
    expect(slot).to_have_attribute("data-state", "empty")
    expect(stage(slot)).to_have_attribute("aria-label", "First picture: Choose, drop or paste a picture")
    expect(cells).to_have_count(1)


def test_two_views_and_a_reloaded_page_show_the_same_picture(page: Page, lab: Lab) -> None:
    """A second view follows the first; after a reload with a live kernel both show the picture again."""
    lab.open(page, lab.new_notebook([SHOW, "form"]))
    lab.run_all(page)
    lab.wait_idle(page)
    slots = page.locator("[data-role=first]")
    expect(slots).to_have_count(2)
    choose(page, slots.nth(1), PICTURES / "chelsea.jpg")
    for place in (0, 1):
        expect_picture(slots.nth(place), "451 × 300", name="chelsea.jpg")
    lab.save(page)
    page.reload()
    for place in (0, 1):
        expect_picture(slots.nth(place), "451 × 300", name="chelsea.jpg")


def test_no_bytes_of_a_picture_are_saved(page: Page, lab: Lab) -> None:
    """The saved notebook holds neither the picture nor its thumbnail."""
    name = lab.new_notebook([SHOW])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    slot = page.locator(".pvnb-picker").first
    choose(page, slot, PICTURES / "chelsea.jpg")
    expect_picture(slot, "451 × 300", name="chelsea.jpg")
    lab.save(page)
    assert not re.search(r"/9j/|data:image|iVBOR", (lab.root / name).read_text())
