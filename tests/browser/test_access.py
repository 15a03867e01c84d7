"""Everybody can use what is shown: axe finds nothing, and each control works by mouse and by key."""

from pathlib import Path
from typing import Literal

import av
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import Tile, caption_from_values
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.gallery import Gallery
from tests.browser.real_lab import Lab
from tests.browser.slots import PICTURES

AXE = Path(__file__).parent.parent.parent / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# WCAG 2.2, levels A and AA, and good practice. What axe cannot decide, such as text over a picture, is no violation.
RUN_AXE = """async output => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const options = { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations', 'passes'] };
    const { violations, passes } = await axe.run([...output.querySelectorAll('.pvnb, .pvnb-ui')], options);
    if (!passes.length) return ['axe checked nothing'];
    return violations.flatMap(({ id, nodes }) => nodes.map(node => `${id}: ${node.html.slice(0, 200)}: ${
        node.any.concat(node.all, node.none).map(check => check.message).join(' ')}`));
}"""
WIDE, CLOSE = str(PICTURES / "coffee_wide.jpg"), str(PICTURES / "coffee_close.jpg")
SETUP = f"""import pixverse_nb as pv
client = pv.Client.sandbox(speed=60)
pictures = ({WIDE!r}, {CLOSE!r})
videos = [client.create_frames(*pictures, prompt="a cup", quality="360p", seed=seed).result() for seed in (1, 2, 3)]
client.sandbox_control.arm("failed")
failed = client.create_frames(*pictures, quality="360p", seed=99)
try:
    failed.result()
except pv.JobFailed:
    client.sandbox_control.speed = 0  # what is sent from here on stays as it is
sweep = client.sweep(*pictures, quality="360p", seed=range(4, 7), model=["v5.6", "v6"])"""
# What is checked, and the cell that shows it. To check another view, add a line.
VIEWS = {
    "player": "videos[0]",
    "gallery": "pv.gallery([*videos], title='Coffee')",
    "comparison": "pv.compare(*videos)",
    "failed job": "failed",
    "plan": "sweep.plan()",
    "running job": "client.create_frames(*pictures, prompt='a cup', seed=100)",
    "running sweep": "sweep.start()\nsweep",
    "jobs": "client.jobs()",
    "models": "client.models('frames')",
    "spending": "client.spending()",
    "doctor": "client.doctor()",
    "timeline": "client.jobs().timeline()",
}
TALL = {"width": 1280, "height": 6000}  # only cells near the view are in the page


def show_views(page: Page, lab: Lab) -> None:
    """Show every view in one notebook, each in a cell of its own."""
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    lab.open(page, lab.new_notebook([SETUP, *VIEWS.values()]))
    lab.run_all(page)
    for name in VIEWS:
        expect(output_of(page, name).locator(".pvnb, .pvnb-ui").filter(visible=True).first).to_be_visible()
    expect(page.locator(".pvnb-gallery img:visible")).to_have_count(3)


def output_of(page: Page, name: str) -> Locator:
    """Return the output of the cell that shows a view."""
    return lab_cells(page).nth(1 + list(VIEWS).index(name)).locator(".jp-Cell-outputArea")


def lab_cells(page: Page) -> Locator:
    """Return the cells of the notebook."""
    return page.locator(".jp-Notebook .jp-Cell")


def find_violations(page: Page, *names: str) -> dict[str, list[str]]:
    """Return what axe finds in each of these views that is not as it should be."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = {name: output_of(page, name).evaluate(RUN_AXE) for name in names}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("theme", ["light", "dark", "high contrast"])
def test_axe_finds_nothing(page: Page, lab: Lab, theme: Literal["light", "dark", "high contrast"]) -> None:
    """No view breaks a rule of WCAG 2.2 AA that axe can check, in either theme and with forced colours."""
    lab.set_theme(page, "dark" if theme == "dark" else "light")
    page.emulate_media(forced_colors="active" if theme == "high contrast" else "none")
    show_views(page, lab)
    found = find_violations(page, *VIEWS)
    gallery, comparison = page.locator(".pvnb-gallery"), page.locator(".pvnb-compare")
    gallery.get_by_role("button", name="Filter", exact=True).click()
    comparison.get_by_role("button", name="Show keyboard shortcuts").click()
    comparison.get_by_role("radio", name="Wipe").click()
    comparison.get_by_role("button", name="Start the range here").click()
    found |= find_violations(page, "gallery", "comparison")
    gallery.get_by_role("gridcell").first.press("Enter")
    comparison.get_by_role("button", name="Vote").click()
    found |= find_violations(page, "gallery", "comparison")
    lab.set_theme(page, "light")
    assert found == {}


def press(page: Page, target: Locator, *, from_: Locator) -> None:
    """Press a control with the mouse in its middle, coming from another element."""
    page.mouse.move(*middle_of(from_))
    page.mouse.move(*middle_of(target))
    page.mouse.down()
    page.mouse.up()


def middle_of(target: Locator) -> tuple[float, float]:
    """Return the middle of an element in the view."""
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def open_gallery(page: Page, lab: Lab) -> Locator:
    """Show a gallery of three videos in JupyterLab and return it."""
    lab.open(page, lab.new_notebook([SETUP, VIEWS["gallery"], VIEWS["comparison"], VIEWS["player"]]))
    lab.run_all(page)
    gallery = page.locator(".pvnb-gallery")
    expect(gallery.get_by_role("gridcell")).to_have_count(3)
    return gallery


TILE_BUTTONS = ["Mark as winner", "Reject", "Select to compare"]


def test_the_buttons_of_a_tile_work_by_mouse_and_by_key(page: Page, lab: Lab) -> None:
    """A press of the mouse on any button of a tile counts, wherever the focus was; so do Tab and Enter."""
    gallery = open_gallery(page, lab)
    tiles = gallery.get_by_role("gridcell")
    for number, label in enumerate([*TILE_BUTTONS, *TILE_BUTTONS]):
        tiles.nth((number + 1) % 3).focus()
        tile = tiles.nth(number % 3)
        tile.hover()
        button = tile.get_by_role("button", name=label)
        is_on = button.get_attribute("aria-pressed") == "true"
        press(page, button, from_=tile)
        expect(button).to_have_attribute("aria-pressed", str(not is_on).lower())
    tiles.nth(2).hover()
    press(page, tiles.nth(2).get_by_role("button", name="Write a note"), from_=tiles.nth(2))
    expect(gallery.get_by_role("textbox")).to_be_focused()
    page.keyboard.type("wide")
    page.keyboard.press("Enter")
    expect(tiles.nth(2)).to_be_focused()
    expect(tiles.nth(2)).to_contain_text("wide")

    page.mouse.move(0, 0)
    tiles.nth(1).focus()
    for label in TILE_BUTTONS[:2]:
        page.keyboard.press("Tab")
        button = tiles.nth(1).get_by_role("button", name=label)
        expect(button).to_be_focused()
        is_on = button.get_attribute("aria-pressed") == "true"
        page.keyboard.press("Enter")
        expect(button).to_have_attribute("aria-pressed", str(not is_on).lower())
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(gallery.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(tiles.nth(1)).to_be_focused()


# JupyterLab takes a key by preventing what the browser does with it.
FOLLOW_KEYS = """() => {
    window.taken = [];
    const look = event => setTimeout(() => window.taken.push(event.defaultPrevented));
    document.addEventListener('keydown', look, true);
}"""


def press_save(page: Page) -> None:
    """Press Ctrl+S and wait until JupyterLab has taken it."""
    page.evaluate("window.taken = []")
    page.keyboard.press("ControlOrMeta+s")
    page.wait_for_function("window.taken.at(-1) === true")


def test_the_notebook_keeps_its_keys_and_cells(page: Page, lab: Lab) -> None:
    """Ctrl+S saves from a tile, a note, a comparison and a player; M, X and B on them change no cell."""
    gallery = open_gallery(page, lab)
    page.evaluate(FOLLOW_KEYS)
    places = {
        "tile": gallery.get_by_role("gridcell").first,
        "comparison": page.locator(".pvnb-compare"),
        "slider": page.get_by_role("slider", name="Position in the videos"),
    }
    for place in places.values():
        place.focus()
        press_save(page)
        expect(place).to_be_focused()
    places["tile"].press("n")
    press_save(page)
    page.keyboard.press("Escape")

    page.mouse.click(*middle_of(page.locator(".pvnb-player video")))
    expect(page.locator(".pvnb-player video")).to_be_focused()
    with page.expect_request(lambda request: request.method == "PUT" and "/api/contents/" in request.url):
        press_save(page)
    for key in ("m", "b", "x", "y"):
        page.keyboard.press(key)
    page.locator(".pvnb-player summary").focus()
    press_save(page)
    for key in ("m", "b", "x", "y"):
        page.keyboard.press(key)
    for key in ("m", "b", "y"):
        places["comparison"].press(key)
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(4)
    expect(page.locator(".jp-Notebook .jp-MarkdownCell")).to_have_count(0)


# The rest needs no kernel: saved pages run the same scripts.

FOCUS_IS_LOST = "() => !document.activeElement || document.activeElement === document.body"
SMALL_TARGETS = """() => [...document.querySelectorAll('button, select, summary, textarea, [role=slider], input')]
    .filter(target => target.checkVisibility())
    .map(target => [target.outerHTML.slice(0, 120), target.getBoundingClientRect()])
    .filter(([_, { width, height }]) => width < 23.99 || height < 23.99)
    .map(([html, { width, height }]) => `${width} × ${height}: ${html}`)"""
COVERED = """tile => ['.pvnb-gallery-cell', '.pvnb-gallery-media'].some(part => {
    const { left, top, width, height } = tile.querySelector(part).getBoundingClientRect();
    const actions = tile.querySelector('.pvnb-gallery-actions').getBoundingClientRect();
    const [x, y] = [left + width / 2, top + height / 2];
    return actions.left <= x && x <= actions.right && actions.top <= y && y <= actions.bottom;
})"""


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short video."""
    path = tmp_path_factory.mktemp("video") / "short.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(24):
            picture = np.full((90, 160, 3), 10 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode())
    return path


@pytest.fixture
def saved_gallery(page: Page, video: Path, tmp_path: Path) -> Locator:
    """A saved gallery of four tiles, one of them failed, in a narrow window."""
    done = [
        Tile(f"k{seed}", f"seed {seed}", JobState.DONE, axes={"seed": seed}, metrics={"psnr": seed * 3.5}, video=file)
        for seed in range(3)
        if (file := video_file(video))
    ]
    failed = Tile("f", "seed 9", JobState.FAILED, detail="The service had an error.", axes={"seed": 9})
    path = Gallery([*done, failed], title="Coffee").save(tmp_path / "gallery.html")
    page.set_viewport_size({"width": 700, "height": 900})
    page.goto(path.as_uri())
    return page.locator(".pvnb-gallery")


@pytest.fixture
def saved_comparison(page: Page, video: Path, tmp_path: Path) -> Locator:
    """A saved comparison of three videos in a narrow window."""
    file = video_file(video)
    path = Comparison([file, file, file], labels=["one", "two", "three"]).save(tmp_path / "comparison.html")
    page.set_viewport_size({"width": 700, "height": 900})
    page.goto(path.as_uri())
    expect(page.locator(".pvnb-compare video")).to_have_count(3)
    return page.locator(".pvnb-compare")


def test_the_buttons_leave_the_middle_of_a_tile_free(page: Page, saved_gallery: Locator) -> None:
    """At 700 px the middle of a tile, where one clicks to open the video, is not under its buttons."""
    tiles = saved_gallery.locator(".pvnb-gallery-tile")
    for number in range(4):
        tiles.nth(number).hover()
        expect(tiles.nth(number).locator(".pvnb-gallery-actions")).to_be_visible()
        assert not tiles.nth(number).evaluate(COVERED)
    page.mouse.click(*middle_of(tiles.first))
    expect(saved_gallery.locator(".pvnb-gallery-lightbox")).to_be_visible()


def test_everything_to_press_is_large_enough(page: Page, saved_gallery: Locator) -> None:
    """Each control of a gallery is at least 24 px wide and high, in the filter and in the lightbox too."""
    saved_gallery.locator(".pvnb-gallery-tile").first.hover()
    saved_gallery.get_by_role("button", name="Filter", exact=True).click()
    saved_gallery.get_by_role("group", name="Rating").get_by_role("button", name="Winner").click()
    assert page.evaluate(SMALL_TARGETS) == []
    saved_gallery.get_by_role("button", name="Remove the filter Winner").click()
    saved_gallery.get_by_role("gridcell").first.press("w")
    assert page.evaluate(SMALL_TARGETS) == []
    saved_gallery.get_by_role("gridcell").first.press("Enter")
    assert page.evaluate(SMALL_TARGETS) == []


def test_the_controls_of_a_comparison_are_large_enough(page: Page, saved_comparison: Locator) -> None:
    """Each control of a comparison is at least 24 px wide and high, with a range, a wipe and a difference too."""
    saved_comparison.get_by_role("button", name="Next frame").click()
    saved_comparison.get_by_role("button", name="Start the range here").click()
    for layout in ("Side by side", "Wipe", "Difference"):
        saved_comparison.get_by_role("radio", name=layout).click()
        assert page.evaluate(SMALL_TARGETS) == []


def test_a_gallery_never_loses_the_focus(page: Page, saved_gallery: Locator) -> None:
    """A control that disappears when it is pressed passes the focus on."""
    filter_button = saved_gallery.get_by_role("button", name="Filter", exact=True)
    filter_button.press("Enter")
    saved_gallery.get_by_role("group", name="Rating").get_by_role("button", name="Undecided").press("Enter")
    saved_gallery.get_by_role("button", name="Remove the filter Undecided").press("Enter")
    expect(filter_button).to_be_focused()
    first = saved_gallery.get_by_role("gridcell").first
    first.press("Enter")
    for _ in range(4):  # beyond the last
        saved_gallery.get_by_role("button", name="Next").press("Enter")
        assert not page.evaluate(FOCUS_IS_LOST)
    saved_gallery.get_by_role("button", name="All tiles").press("Enter")
    expect(saved_gallery.get_by_role("gridcell").last).to_be_focused()
    saved_gallery.get_by_role("group", name="Rating").get_by_role("button", name="Undecided").press("Enter")
    first.press("w")  # it matches the filter no more
    expect(saved_gallery.get_by_role("gridcell").first).to_be_focused()


def test_a_comparison_never_loses_the_focus(page: Page, saved_comparison: Locator) -> None:
    """A control that disappears or is drawn again keeps the focus in the comparison."""
    saved_comparison.get_by_role("radio", name="Wipe").click()
    chip = saved_comparison.get_by_role("group", name="The two videos to compare").get_by_role("button").last
    chip.press("Enter")
    expect(chip).to_be_focused()
    saved_comparison.get_by_role("slider", name="Divider between the two videos").press("s")
    expect(saved_comparison).to_be_focused()
    saved_comparison.get_by_role("button", name="Next frame").press("Enter")
    saved_comparison.get_by_role("button", name="Start the range here").press("Enter")
    saved_comparison.get_by_role("button", name="Clear range").press("Enter")
    expect(saved_comparison).to_be_focused()


def test_nothing_moves_by_itself_for_those_who_asked_for_it(page: Page, saved_gallery: Locator) -> None:
    """With reduced motion a tile plays only after a person has chosen that, not when it is pointed at or opened."""
    page.emulate_media(reduced_motion="reduce")
    page.reload()
    cell = saved_gallery.get_by_role("gridcell").first
    cell.hover()
    cell.focus()
    expect(saved_gallery.get_by_role("radio", name="Still")).to_be_checked()
    cell.press("Enter")
    video = saved_gallery.locator("video")
    expect(video).to_have_js_property("readyState", 4)
    expect(video).to_have_js_property("paused", value=True)
    page.keyboard.press("Space")
    expect(video).to_have_js_property("paused", value=False)
    page.keyboard.press("Escape")
    saved_gallery.get_by_role("radio", name="All").click()
    expect(saved_gallery.locator("[data-playback=playing]")).to_have_count(3)


TORN = """line => {
    const text = line.firstChild, at = text.data.indexOf('360p');
    const box = (start, end) => {
        const range = document.createRange();
        range.setStart(text, start);
        range.setEnd(text, end);
        return range.getBoundingClientRect();
    };
    return Math.abs(box(at + 3, at + 4).left - box(at, at + 3).right);
}"""


@pytest.mark.parametrize("prompt", ["قطة تقفز فوق السور", "חתול קופץ מעל הגדר"])
def test_a_right_to_left_prompt_does_not_reorder_the_line(page: Page, prompt: str) -> None:
    """The facts that follow a prompt in Arabic or Hebrew stay whole."""
    page.set_content(f"<p>{caption_from_values({'prompt': prompt, 'quality': '360p', 'seed': 7})}</p>")
    assert page.locator("p").evaluate(TORN) < 1
