"""Contact sheets, checked by the colours in them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixverse_nb.errors import ConfigError
from pixverse_nb.metrics.contact_sheet import SheetRow, ThemedSheet, make_contact_sheet
from tests.metrics.videos import HEIGHT, WIDTH, Pixels, SerialExecutor, write_video

RED, GREEN, BLUE = (200, 40, 40), (40, 160, 40), (40, 40, 200)
BACKGROUND, PLACEHOLDER = (255, 255, 255), (0xF6, 0xF8, 0xFA)


def colour_frame(colour: tuple[int, int, int], *, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """Return a frame of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video that is red, then green, then blue."""
    frames = [colour_frame(colour) for colour in (RED, GREEN, BLUE)]
    return write_video(tmp_path_factory.mktemp("sheet") / "video.mp4", frames)


def mask_of(sheet: Image.Image, colour: tuple[int, int, int], within: int = 8) -> NDArray[np.bool_]:
    """Return where the sheet has nearly this colour."""
    distance = np.abs(np.asarray(sheet, np.int16) - np.array(colour, np.int16))
    return np.asarray(distance.max(axis=2) <= within)


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the area that is True."""
    down, across = np.nonzero(mask)
    return int(across.min()), int(down.min()), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1


def test_three_frames_side_by_side(video: Path) -> None:
    """A row has the first, the middle and the last frame, of equal size and in the video's shape, on white."""
    sheet = make_contact_sheet([SheetRow("seed 7", video)], width_px=1000)
    red, green, blue = (bounding_box(mask_of(sheet, colour)) for colour in (RED, GREEN, BLUE))
    assert sheet.mode == "RGB"
    assert sheet.width == 1000
    assert red[0] + red[2] < green[0]
    assert green[0] + green[2] < blue[0]
    assert red[1:] == green[1:] == blue[1:]
    assert red[2] / red[3] == pytest.approx(WIDTH / HEIGHT, rel=0.01)
    assert blue[0] + blue[2] > 960
    assert sheet.getpixel((0, 0)) == BACKGROUND


def test_columns_select_the_frames(video: Path) -> None:
    """Only the selected frames are shown, in that order and larger."""
    sheet = make_contact_sheet([SheetRow("seed 7", video)], columns=("last", "first"), width_px=1000)
    blue, red = bounding_box(mask_of(sheet, BLUE)), bounding_box(mask_of(sheet, RED))
    assert blue[0] < red[0]
    assert red[2] > 450
    assert not mask_of(sheet, GREEN).any()


def test_the_caption_is_above_its_frames(video: Path) -> None:
    """Two sheets that differ in a caption differ only in the strip above the frames."""
    one, other = (make_contact_sheet([SheetRow(caption, video)], width_px=800) for caption in ("seed 7", "fast"))
    _, top, _, height = bounding_box((np.asarray(one) != np.asarray(other)).any(axis=2))
    frame_top = bounding_box(mask_of(one, RED))[1]
    assert top + height <= frame_top
    assert frame_top - top < 40


@pytest.mark.parametrize("name", ["", "gone.mp4", "page.mp4"])
def test_a_missing_video_is_a_box_with_text(tmp_path: Path, video: Path, name: str) -> None:
    """Without a readable video the row is a pale box with grey text, and the other rows are unchanged."""
    (tmp_path / "page.mp4").write_text("<html>")
    path = tmp_path / name if name else None
    sheet = make_contact_sheet(
        [SheetRow("seed 1", path, "Moderated: refunded"), SheetRow("seed 2", video)], width_px=1000
    )
    red = bounding_box(mask_of(sheet, RED))
    left, top, width, height = bounding_box(mask_of(sheet, PLACEHOLDER, within=0))
    assert red[0] - 2 <= left <= red[0] + 2
    assert width > 3 * red[2] - 4
    assert height == pytest.approx(red[3], abs=3)
    assert top < red[1]
    box = np.asarray(sheet)[top : top + height, left : left + width]
    assert (box < 150).all(axis=2).sum() > 50
    assert (box < 80).all(axis=2).sum() == 0


def test_the_box_has_the_rows_text(video: Path) -> None:
    """The box shows the placeholder text of its row, even a very long one."""
    sheets = {
        make_contact_sheet([SheetRow("one", None, text)], width_px=500).tobytes()
        for text in ("Queued", "Failed", "Failed: " + "the vendor says so again and again " * 40)
    }
    assert len(sheets) == 3


def test_many_videos_fill_several_columns(video: Path) -> None:
    """Forty rows fill several columns from top to bottom, with frames that are not too small."""
    rows = [SheetRow(f"seed {seed}", video if seed == 39 else None) for seed in range(40)]
    sheet = make_contact_sheet(rows, width_px=1200)
    left, _, width, _ = bounding_box(mask_of(sheet, RED))
    assert sheet.height < 1.6 * sheet.width
    assert left > 600
    assert width >= 110


def test_columns_do_not_overlap(video: Path) -> None:
    """The space between two columns stays white, even with long captions."""
    rows = [SheetRow("a caption that goes on and on " * 9, video) for _ in range(12)]
    sheet = make_contact_sheet(rows, width_px=1000)
    second = min(int(at) for at in np.nonzero(mask_of(sheet, RED).any(axis=0))[0] if at > 500)
    assert (np.asarray(sheet)[:, second - 12 : second - 4] == 255).all()


def test_other_shapes_are_centred(tmp_path: Path, video: Path) -> None:
    """A portrait video among landscape ones keeps its shape and is centred."""
    portrait = write_video(tmp_path / "portrait.mp4", [colour_frame(GREEN, width=HEIGHT, height=WIDTH)])
    sheet = make_contact_sheet(
        [SheetRow("wide", video), SheetRow("portrait", portrait)], columns=("first",), width_px=600
    )
    red, green = bounding_box(mask_of(sheet, RED)), bounding_box(mask_of(sheet, GREEN))
    assert green[3] == red[3]
    assert green[2] / green[3] == pytest.approx(HEIGHT / WIDTH, abs=0.02)
    assert green[0] + green[2] / 2 == pytest.approx(red[0] + red[2] / 2, abs=2)


@pytest.mark.parametrize(("one", "other"), [("Größe 9 × 16 – é", "Grosse 9 x 16 - e"), ("猫\n\tseed", "? seed")])
def test_characters_that_the_font_lacks(one: str, other: str) -> None:
    """Accents are dropped and other scripts become question marks, so no caption is a row of empty boxes."""
    assert make_contact_sheet([SheetRow(one)]).tobytes() == make_contact_sheet([SheetRow(other)]).tobytes()


def test_frames_are_read_on_the_executor(video: Path) -> None:
    """The given executor reads the frames, and `on_done` is called for each row that has a file."""
    seen: list[int] = []
    rows = [SheetRow("one", video), SheetRow("none"), SheetRow("two", video)]
    sheet = make_contact_sheet(rows, executor=SerialExecutor(), on_done=lambda number, _: seen.append(number))
    assert sorted(seen) == [0, 1]
    assert sheet.tobytes() == make_contact_sheet(rows).tobytes()


def test_invalid_arguments() -> None:
    """No rows, invalid columns and an invalid width are each a ConfigError; a numpy width is valid."""
    row = SheetRow("one")
    with pytest.raises(ConfigError):
        make_contact_sheet([])
    with pytest.raises(ConfigError, match="columns"):
        make_contact_sheet([row], columns=("second",))  # type: ignore[arg-type]  # checked at run time
    with pytest.raises(ConfigError, match="columns"):
        make_contact_sheet([row], columns=())
    for width_px in (100, 1920.5, "1920", None):
        with pytest.raises(ConfigError, match="width_px"):
            make_contact_sheet([row], width_px=width_px)  # type: ignore[arg-type]  # checked at run time
    assert make_contact_sheet([row], width_px=np.int64(400)).width == 400  # type: ignore[arg-type]


def test_the_dark_sheet_differs_in_its_margins_only(video: Path) -> None:
    """The dark version has the same frames on a dark background."""
    sheet = make_contact_sheet([SheetRow("seed 7", video)], width_px=1000)
    assert isinstance(sheet, ThemedSheet)
    assert sheet.dark is not None
    assert sheet.dark.getpixel((0, 0)) == (0x11, 0x11, 0x11)
    for colour in (RED, GREEN, BLUE):
        assert (mask_of(sheet, colour) == mask_of(sheet.dark, colour)).all()
