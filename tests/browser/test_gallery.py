"""The gallery in a real JupyterLab: hundreds of tiles, a dozen films, and a person's ways of judging them."""

from pathlib import Path

import av
import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.gallery import Gallery
from tests.browser.playing import PATIENCE_MS, play
from tests.browser.real_lab import Lab

FILMS_MOST = 12
TILES = 200
FILMS = 8

# The tiles of a cell: `film` are clips that are used over and over, `done(n)` is the tile of seed n.
STAGE = """from pathlib import Path
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import Tile
from pixverse_nb.widgets.gallery import Gallery

films = [video_file(path) for path in sorted(Path({folder!r}).glob("*.mp4"))]
def done(n):
    axes = {{"seed": n, "motion_mode": ["normal", "fast"][n % 2]}}
    name = f"seed {{n}} · {{axes['motion_mode']}}"
    return Tile(f"k{{n}}", name, JobState.DONE, axes=axes, metrics={{"psnr": n * 7 % 200 / 10}}, video=films[n % 8])
"""
MANY = 'Gallery([done(n) for n in range(200)], title="Two hundred", on_open=lambda keys: None)'
# Counts the films of the whole page at every change of it, and keeps the highest count.
WATCH = """() => {
    window.filmsMost = 0;
    const count = () => {
        window.filmsMost = Math.max(window.filmsMost, document.querySelectorAll('video[src]').length);
    };
    const options = { subtree: true, childList: true, attributes: true, attributeFilter: ['src'] };
    new MutationObserver(count).observe(document.body, options);
}"""
PLAYING = """() => [...document.querySelectorAll('.pvnb-gallery video')]
    .filter(video => !video.paused && video.muted && video.currentTime > 0).length"""


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with eight small clips of a bar that moves, each in a shade of its own."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(FILMS):
        with av.open(str(folder / f"{number}.mp4"), "w", format="mp4", options={"movflags": "faststart"}) as film:
            stream = film.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
            for at in range(48):
                picture = np.full((90, 160, 3), (30 * number, 120, 200 - 20 * number), np.uint8)
                picture[:, at * 3 : at * 3 + 12] = 250
                film.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
            film.mux(stream.encode())
    return folder


def shown(page: Page, lab: Lab, films: Path, code: str) -> tuple[str, Locator]:
    """Run a cell of the stage and return the notebook's name and its gallery."""
    name = lab.new_notebook([STAGE.format(folder=str(films)) + code])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    wall = page.locator(".pvnb-gallery").first
    expect(wall.locator(".pvnb-gallery-tile").first).to_be_visible(timeout=PATIENCE_MS)
    return name, wall


def captions(wall: Locator) -> list[str]:
    """Return the captions of the tiles, in their order."""
    texts: list[str] = wall.locator(".pvnb-gallery-caption").all_text_contents()
    return texts


def cell(wall: Locator, name: str) -> Locator:
    """Return the tile that is called so."""
    return wall.get_by_role("gridcell", name=name)


def test_two_hundred_tiles_hold_twelve_films_at_most(page: Page, lab: Lab, films: Path) -> None:
    """With all in view playing, scrolled to the end and back, never are more than twelve films in the page."""
    _, wall = shown(page, lab, films, MANY)
    expect(wall.get_by_role("status").first).to_have_text("200 videos")
    page.evaluate(WATCH)
    wall.get_by_role("radio", name="All").click()
    page.wait_for_function(f"({PLAYING})() > 5", timeout=PATIENCE_MS)
    tiles = wall.locator(".pvnb-gallery-tile")
    for number in (*range(0, TILES, 20), TILES - 1, *reversed(range(0, TILES, 20))):
        tiles.nth(number).scroll_into_view_if_needed()
        expect(tiles.nth(number).locator("img")).to_have_js_property("complete", True)
        page.wait_for_function(
            "tile => tile.querySelector('img').naturalWidth > 0", arg=tiles.nth(number).element_handle()
        )
    tiles.nth(0).hover()
    page.wait_for_function(f"({PLAYING})() > 5", timeout=PATIENCE_MS)
    assert 6 <= page.evaluate("window.filmsMost") <= FILMS_MOST
    wall.get_by_role("radio", name="Still").click()
    page.wait_for_function(f"({PLAYING})() === 0")


def test_tiles_are_sorted_and_filtered(page: Page, lab: Lab, films: Path) -> None:
    """By an axis, a metric, a verdict and a range, up and down; what is asked for is counted and taken back."""
    _, wall = shown(page, lab, films, MANY)
    count = wall.get_by_role("status").first
    wall.get_by_label("Sort by").select_option("metric:psnr")
    assert captions(wall)[0] == "seed 0 · normal"
    wall.get_by_role("button", name="Ascending").click()
    assert captions(wall)[0] == "seed 57 · fast"
    expect(wall.locator(".pvnb-gallery-extra").first).to_have_text("psnr 19.9")
    wall.get_by_role("button", name="Filter", exact=True).click()
    wall.get_by_role("group", name="motion mode").get_by_role("button", name="fast").click()
    expect(count).to_have_text("100 of 200")
    wall.get_by_label("psnr, at least").fill("500")
    expect(count).to_have_text("50 of 200")
    wall.get_by_role("group", name="Rating").get_by_role("button", name="Winner").click()
    expect(count).to_have_text("0 of 200")
    expect(wall.locator(".pvnb-gallery-nothing")).to_be_visible()
    wall.get_by_role("button", name="Remove the filter Winner").click()
    wall.get_by_role("button", name="Remove the filter fast").click()
    expect(count).to_have_text("100 of 200")
    wall.get_by_role("button", name="Clear", exact=True).first.click()
    expect(count).to_have_text("200 videos")


LONG = """
from dataclasses import replace
words = "a very long prompt that goes on and on with many words about light and wood and porcelain, number {n}"
def told(n):
    metrics = {"psnr": n / 3, "Height": 360.0, "first": 33.4 + n / 1000}
    return replace(done(n), axes={"prompt": words.format(n=n)}, metrics=metrics)
Gallery([told(n) for n in range(3)])"""


def test_what_is_offered_sets_tiles_apart(page: Page, lab: Lab, films: Path) -> None:
    """A long value ends in an ellipsis within its chip; a metric that reads the same on every tile is not offered."""
    _, wall = shown(page, lab, films, LONG)
    wall.get_by_role("button", name="Filter", exact=True).click()
    chip = wall.locator(".pvnb-gallery-chips .pvnb-gallery-chip").first
    words, around = chip.locator(".pvnb-gallery-chip-text").bounding_box(), chip.bounding_box()
    assert words is not None
    assert around is not None
    assert words["x"] + words["width"] < around["x"] + around["width"], "its end is seen"
    assert chip.locator(".pvnb-gallery-chip-text").evaluate("span => span.scrollWidth > span.clientWidth")
    expect(wall.locator(".pvnb-gallery-ranged .pvnb-gallery-name")).to_have_text(["psnr"])
    expect(wall.locator("optgroup[label=Metrics] option")).to_have_text(["psnr"])


ECHO = """
def echo(key, verdict):
    wall.show_tile(Tile("echo", f"heard {key} {verdict.choice} {verdict.note}", JobState.PLANNED))
wall = Gallery([done(n) for n in range(6)], on_rating=echo, on_open=lambda keys: echo(",".join(keys), Rating()))
wall"""


def test_verdicts_by_keyboard_reach_the_kernel(page: Page, lab: Lab, films: Path) -> None:
    """Arrows move, W X N C judge, Enter opens and Escape goes back; JupyterLab takes none of these keys."""
    _, wall = shown(page, lab, films, ECHO)
    cell(wall, "seed 0").focus()
    page.keyboard.press("ArrowRight")
    expect(cell(wall, "seed 1")).to_be_focused()
    page.keyboard.press("w")
    expect(wall).to_contain_text("heard k1 winner")
    expect(cell(wall, "seed 1")).to_contain_text("Winner")
    page.keyboard.press("x")
    expect(wall).to_contain_text("heard k1 rejected")
    page.keyboard.press("x")
    expect(cell(wall, "seed 1")).not_to_contain_text("Rejected")
    page.keyboard.press("n")
    page.keyboard.type("wax")  # these letters are words now
    page.keyboard.press("Enter")
    expect(wall).to_contain_text("heard k1 wax")
    expect(cell(wall, "seed 1")).to_be_focused()
    page.keyboard.press("c")
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("c")
    wall.get_by_role("button", name="Compare 2").click()
    expect(wall).to_contain_text("heard k1,k0")
    cell(wall, "seed 1").focus()
    page.keyboard.press("Enter")
    light = wall.locator(".pvnb-gallery-lightbox")
    expect(light).to_have_accessible_name("seed 1 · fast, 2 of 7")
    expect(light.get_by_label("Note")).to_have_value("wax")
    expect(light.get_by_role("row", name="seed 1")).to_be_visible()
    page.wait_for_function(f"({PLAYING})() === 1", timeout=PATIENCE_MS)
    page.keyboard.press("ArrowRight")
    expect(light).to_have_accessible_name("seed 2 · normal, 3 of 7")
    page.keyboard.press("w")
    expect(light.get_by_role("button", name="Winner")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(cell(wall, "seed 2")).to_be_focused()
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)


LACKING = """
def echo(key, verdict):
    wall.show_tile(Tile("echo", f"heard {key} {verdict.choice} {verdict.note}", JobState.PLANNED))
lacking = Tile("bad", "seed 99", JobState.FAILED, detail="The service had an error and gave no reason at all. " * 3)
wall = Gallery([done(0), lacking], on_rating=echo, on_open=lambda keys: None)
wall"""


def test_without_a_video_there_is_no_winner(page: Page, lab: Lab, films: Path) -> None:
    """Its tile offers a note and a reject alone, W says why not, and what was said of it does not hide its state."""
    _, wall = shown(page, lab, films, LACKING)
    lacking = cell(wall, "seed 99")
    lacking.focus()
    acts = lacking.locator(".pvnb-gallery-actions button")
    expect(acts.filter(visible=True)).to_have_count(2)
    page.keyboard.press("w")
    expect(wall.get_by_role("alert")).to_contain_text("seed 99")
    page.keyboard.press("x")
    expect(wall).to_contain_text("heard bad rejected")
    badge, state = (lacking.locator(f".pvnb-gallery-{part}").bounding_box() for part in ("badge", "line"))
    assert badge is not None
    assert state is not None
    assert badge["y"] >= state["y"] + state["height"], "the badge stands below the state and its reason"
    page.keyboard.press("Enter")
    light = wall.locator(".pvnb-gallery-lightbox")
    expect(light.get_by_role("button", name="Reject")).to_be_visible()
    expect(light.get_by_role("button", name="Winner")).to_have_count(0)


def test_the_larger_view_stays_alone(page: Page, lab: Lab, films: Path) -> None:
    """A verdict in it and a tile that the kernel brings up to date do not put the bar of the tiles above it."""
    _, wall = shown(page, lab, films, ECHO)
    cell(wall, "seed 1").focus()
    page.keyboard.press("Enter")
    sort = wall.get_by_label("Sort by")
    expect(sort).to_be_hidden()
    keys = wall.locator(".pvnb-gallery-keys")
    expect(keys).to_contain_text("Esc all tiles")
    expect(keys).not_to_contain_text("Enter")
    page.keyboard.press("w")
    light = wall.locator(".pvnb-gallery-lightbox")
    expect(light).to_have_accessible_name("seed 1 · fast, 2 of 7")  # the kernel has heard it and sent a seventh tile
    expect(sort).to_be_hidden()
    page.keyboard.press("Escape")
    expect(sort).to_be_visible()
    expect(keys).to_contain_text("Enter open")


FILLING = """
def fill(key, verdict):
    wall.update([done(1), Tile("k2", "seed 2", JobState.FAILED, detail="The service had an error.")])
waiting = [Tile("k1", "seed 1", JobState.GENERATING), Tile("k2", "seed 2", JobState.QUEUED)]
wall = Gallery([done(0), *waiting], on_rating=fill)
wall"""


def test_a_tile_fills_while_it_is_looked_at(page: Page, lab: Lab, films: Path) -> None:
    """When the kernel puts a new state in, the place becomes a still that plays; a failure says why."""
    _, wall = shown(page, lab, films, FILLING)
    expect(wall.get_by_role("status").first).to_have_text("3 tiles, 1 video")
    expect(cell(wall, "seed 1")).to_contain_text("Generating")
    cell(wall, "seed 0").focus()
    page.keyboard.press("w")
    expect(cell(wall, "seed 1").locator("img")).to_be_visible(timeout=PATIENCE_MS)
    expect(cell(wall, "seed 2")).to_contain_text("The service had an error.")
    expect(cell(wall, "seed 0")).to_be_focused()
    cell(wall, "seed 1").hover()
    play(cell(wall, "seed 1").locator("video"))


def test_two_galleries_do_not_disturb_each_other(page: Page, lab: Lab, films: Path) -> None:
    """Together they hold twelve films at most; a filter, a verdict and a key of one are not the other's."""
    code = """
from IPython.display import display
display(Gallery([done(n) for n in range(10)], title="A"))
display(Gallery([done(n) for n in range(10)], title="B"))"""
    _, one = shown(page, lab, films, code)
    other = page.locator(".pvnb-gallery").nth(1)
    page.evaluate(WATCH)
    for wall in (one, other):
        wall.get_by_role("radio", name="All").click()
    page.wait_for_function(f"({PLAYING})() > 9", timeout=PATIENCE_MS)
    cell(other, "seed 9").hover()  # takes a film from the first, so that now both want more than there is
    play(cell(other, "seed 9").locator("video"))
    cell(one, "seed 3").focus()
    page.keyboard.press("w")
    one.get_by_role("button", name="Filter", exact=True).click()
    one.get_by_role("group", name="motion mode").get_by_role("button", name="fast").click()
    expect(one.get_by_role("status").first).to_have_text("5 of 10")
    expect(other.get_by_role("status").first).to_have_text("10 videos")
    expect(other).not_to_contain_text("1 winner")
    assert page.evaluate("window.filmsMost") <= FILMS_MOST


def test_chosen_videos_open_in_a_comparison(page: Page, lab: Lab, films: Path) -> None:
    """Two tiles of `pv.gallery`, chosen by key, are compared below the gallery, which stays as it is."""
    _, wall = shown(page, lab, films, "import pixverse_nb as pv\npv.gallery(films)")
    for name in ("2", "5"):
        cell(wall, name).focus()
        page.keyboard.press("c")
    wall.get_by_role("button", name="Compare 2").click()
    comparison = page.locator(".pvnb-compare")
    expect(comparison.locator("video")).to_have_count(2, timeout=PATIENCE_MS)
    expect(wall).to_contain_text("2 selected")


def test_a_reader_without_a_kernel_sees_stills(page: Page, lab: Lab, films: Path) -> None:
    """The saved notebook shows posters and captions, trusted or not, and grows by at most 40 KB a tile."""
    name, _ = shown(page, lab, films, MANY)
    stills = page.locator(".pvnb-thumbnails")
    expect(stills).to_be_attached()
    expect(stills).not_to_be_visible()  # while the gallery itself is there
    lab.save(page)
    assert (lab.root / name).stat().st_size / TILES < 40_000
    for trusted in (True, False):
        reopened = lab.reopen_without_kernel(page, name, trusted=trusted)
        still = reopened.locator(".pvnb-thumbnails img").first
        expect(still).to_be_visible(timeout=PATIENCE_MS)
        assert still.evaluate("image => image.complete && image.naturalWidth > 0")
        expect(reopened.locator(".pvnb-thumbnails figcaption")).to_have_count(TILES)
        expect(reopened.locator(".pvnb-thumbnails figcaption").nth(7)).to_have_text("seed 7 · fast")


def test_a_page_of_its_own_plays_from_disk(page: Page, films: Path, tmp_path: Path) -> None:
    """The saved page plays, sorts and judges from a file, asks nobody, and its verdicts can be taken along."""
    tiles = [
        Tile(f"k{number}", f"seed {number}", JobState.DONE, axes={"seed": number}, video=video_file(path))
        for number, path in enumerate(sorted(films.glob("*.mp4")))
    ]
    failed = Tile("f", "seed 99", JobState.FAILED, detail="The service had an error.", rating=Rating("rejected"))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    place = Gallery([*tiles, failed], title="Steam").save(tmp_path / "steam.html")
    page.goto(place.as_uri())
    wall = page.locator(".pvnb-gallery")
    expect(page.get_by_role("heading", name="Steam")).to_be_visible()
    expect(cell(wall, "seed 99")).to_contain_text("The service had an error.")
    cell(wall, "seed 3").hover()
    play(cell(wall, "seed 3").locator("video"))
    cell(wall, "seed 3").focus()
    page.keyboard.press("w")
    expect(wall).to_contain_text("1 winner · 1 rejected")
    expect(wall.get_by_role("button", name="Compare")).to_have_count(0)
    with page.expect_download() as download:
        wall.get_by_role("button", name="Save as JSON").click()
    text = download.value.path().read_text()
    assert '"caption": "seed 3"' in text
    assert '"choice": "winner"' in text
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
