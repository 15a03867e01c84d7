"""Put a picture into a picker of the page, in each way that a person can."""

import base64
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

PICTURES = Path(__file__).parent.parent.parent / "notebooks" / "pictures"

DROP = """([bytes, name, type]) => {
    const data = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([data], name, { type }));
    return transfer;
}"""
COPY = """async bytes => {
    const data = Uint8Array.from(atob(bytes), letter => letter.charCodeAt(0));
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': new Blob([data], { type: 'image/png' }) })]);
}"""


def stage(slot: Locator) -> Locator:
    """Return the part of a picker that accepts pictures."""
    return slot.locator(".pvnb-picker-stage")


def choose(page: Page, slot: Locator, path: Path) -> None:
    """Click the picker and choose a file."""
    with page.expect_file_chooser() as chooser:
        stage(slot).click()
    chooser.value.set_files(path)


def choose_by_key(page: Page, slot: Locator, key: str, path: Path) -> None:
    """Press a key on the picker and choose a file."""
    with page.expect_file_chooser() as chooser:
        # Focused in here: its answer comes from the page, after the page has learned to hand the chooser over. A key
        # alone can overtake that, for the browser brings it on another way, and the chooser is closed unseen.
        stage(slot).focus()
        page.keyboard.press(key)
    chooser.value.set_files(path)


def drop(page: Page, slot: Locator, path: Path, media_type: str) -> None:
    """Drop a file on the picker."""
    bytes_ = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(DROP, [bytes_, path.name, media_type])
    for event in ("dragenter", "dragover", "drop"):
        stage(slot).dispatch_event(event, {"dataTransfer": transfer})


def paste(page: Page, slot: Locator, png: bytes) -> None:
    """Copy a picture and press Ctrl+V on the picker."""
    page.evaluate(COPY, base64.b64encode(png).decode())
    stage(slot).focus()
    page.keyboard.press("ControlOrMeta+v")


def expect_picture(slot: Locator, facts: str, *, name: str) -> None:
    """Expect the picker to show a picture with this name and these facts."""
    expect(slot).to_have_attribute("data-state", "ready")
    expect(slot.locator(".pvnb-picker-name")).to_have_text(name)
    expect(slot.locator(".pvnb-picker-facts")).to_have_text(re.compile(re.escape(facts)))
    expect(slot.locator(".pvnb-picker-picture")).to_be_visible()
    assert slot.locator("img").evaluate("image => image.complete && image.naturalWidth > 0")


def expect_samples(form: Locator) -> None:
    """Expect the form to show both sample pictures: either may be loaded first."""
    for slot, name in zip(form.locator(".pvnb-picker").all(), ("first.jpg", "last.jpg"), strict=True):
        expect_picture(slot, "×", name=name)
