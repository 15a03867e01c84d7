"""The contact sheet, looked at by its colours."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixverse_nb.errors import ConfigError
from pixverse_nb.measure.sheet import SheetRow, contact_sheet
from tests.measure.films import HEIGHT, WIDTH, InOrder, Pixels, write_film

RED, GREEN, BLUE = (200, 40, 40), (40, 160, 40), (40, 40, 200)
PAPER, EMPTY = (255, 255, 255), (0xF6, 0xF8, 0xFA)


def coloured(colour: tuple[int, int, int], *, width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """A frame of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that is red, then green, then blue."""
    frames = [coloured(colour) for colour in (RED, GREEN, BLUE)]
    return write_film(tmp_path_factory.mktemp("sheet") / "film.mp4", frames)


def places(sheet: Image.Image, colour: tuple[int, int, int], within: int = 8) -> NDArray[np.bool_]:
    """Where the sheet has this colour, nearly."""
    distance = np.abs(np.asarray(sheet, np.int16) - np.array(colour, np.int16))
    return np.asarray(distance.max(axis=2) <= within)


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, width and height of what is marked."""
    down, across = np.nonzero(mask)
    return int(across.min()), int(down.min()), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1


def test_three_frames_side_by_side(film: Path) -> None:
    """A row is the first, the middle and the last frame, of one size and in the film's shape, on white."""
    sheet = contact_sheet([SheetRow("seed 7", film)], width_px=1000)
    red, green, blue = (box_of(places(sheet, colour)) for colour in (RED, GREEN, BLUE))
    assert sheet.mode == "RGB"
    assert sheet.width == 1000
    assert red[0] + red[2] < green[0]
    assert green[0] + green[2] < blue[0]
    assert red[1:] == green[1:] == blue[1:]
    assert red[2] / red[3] == pytest.approx(WIDTH / HEIGHT, rel=0.01)
    assert blue[0] + blue[2] > 960
    assert sheet.getpixel((0, 0)) == PAPER


def test_columns_choose_the_frames(film: Path) -> None:
    """Only the named frames are shown, in that order and larger."""
    sheet = contact_sheet([SheetRow("seed 7", film)], columns=("last", "first"), width_px=1000)
    blue, red = box_of(places(sheet, BLUE)), box_of(places(sheet, RED))
    assert blue[0] < red[0]
    assert red[2] > 450
    assert not places(sheet, GREEN).any()


def test_the_caption_stands_above_its_frames(film: Path) -> None:
    """Two sheets that differ in a caption differ in the strip above the frames alone, which is not empty."""
    one, other = (contact_sheet([SheetRow(caption, film)], width_px=800) for caption in ("seed 7", "fast"))
    _, top, _, height = box_of((np.asarray(one) != np.asarray(other)).any(axis=2))
    frame_top = box_of(places(one, RED))[1]
    assert top + height <= frame_top
    assert frame_top - top < 40


@pytest.mark.parametrize("name", ["", "gone.mp4", "page.mp4"])
def test_a_missing_film_is_a_quiet_box_with_words(tmp_path: Path, film: Path, name: str) -> None:
    """No file yet, a file that is gone or one that is no film: a pale box with grey words; other rows are as ever."""
    (tmp_path / "page.mp4").write_text("<html>")
    path = tmp_path / name if name else None
    sheet = contact_sheet([SheetRow("seed 1", path, "Moderated: refunded"), SheetRow("seed 2", film)], width_px=1000)
    red = box_of(places(sheet, RED))
    left, top, width, height = box_of(places(sheet, EMPTY, within=0))
    assert red[0] - 2 <= left <= red[0] + 2
    assert width > 3 * red[2] - 4
    assert height == pytest.approx(red[3], abs=3)
    assert top < red[1]
    box = np.asarray(sheet)[top : top + height, left : left + width]
    assert (box < 150).all(axis=2).sum() > 50
    assert (box < 80).all(axis=2).sum() == 0


def test_the_box_says_the_rows_own_words(film: Path) -> None:
    """What is written in the box is the line of its row, however long."""
    sheets = {
        contact_sheet([SheetRow("one", None, line)], width_px=500).tobytes()
        for line in ("Queued", "Failed", "Failed: " + "the vendor says so again and again " * 40)
    }
    assert len(sheets) == 3


def test_many_films_flow_into_columns(film: Path) -> None:
    """Forty rows do not become a ribbon: they stand in columns, down the first and then the next, none of them tiny."""
    rows = [SheetRow(f"seed {seed}", film if seed == 39 else None) for seed in range(40)]
    sheet = contact_sheet(rows, width_px=1200)
    left, _, width, _ = box_of(places(sheet, RED))
    assert sheet.height < 1.6 * sheet.width
    assert left > 600
    assert width >= 110


def test_a_column_keeps_to_itself(film: Path) -> None:
    """However long a caption is, the space between two columns stays white."""
    rows = [SheetRow("a caption that goes on and on " * 9, film) for _ in range(12)]
    sheet = contact_sheet(rows, width_px=1000)
    second = min(int(at) for at in np.nonzero(places(sheet, RED).any(axis=0))[0] if at > 500)
    assert (np.asarray(sheet)[:, second - 12 : second - 4] == 255).all()


def test_other_shapes_are_fitted(tmp_path: Path, film: Path) -> None:
    """An upright film among wide ones keeps its shape, in the middle of its place."""
    upright = write_film(tmp_path / "upright.mp4", [coloured(GREEN, width=HEIGHT, height=WIDTH)])
    sheet = contact_sheet([SheetRow("wide", film), SheetRow("upright", upright)], columns=("first",), width_px=600)
    red, green = box_of(places(sheet, RED)), box_of(places(sheet, GREEN))
    assert green[3] == red[3]
    assert green[2] / green[3] == pytest.approx(HEIGHT / WIDTH, abs=0.02)
    assert green[0] + green[2] / 2 == pytest.approx(red[0] + red[2] / 2, abs=2)


@pytest.mark.parametrize(("one", "other"), [("Größe 9 × 16 – é", "Grosse 9 x 16 - e"), ("猫\n\tseed", "? seed")])
def test_letters_that_the_font_lacks(one: str, other: str) -> None:
    """Accents are dropped and other scripts become question marks: no caption is a row of empty boxes."""
    assert contact_sheet([SheetRow(one)]).tobytes() == contact_sheet([SheetRow(other)]).tobytes()


def test_the_frames_come_through_the_port(film: Path) -> None:
    """The executor that is given takes the frames, and `on_done` hears of each row that has a file."""
    heard: list[int] = []
    rows = [SheetRow("one", film), SheetRow("none"), SheetRow("two", film)]
    sheet = contact_sheet(rows, executor=InOrder(), on_done=lambda number, _: heard.append(number))
    assert sorted(heard) == [0, 1]
    assert sheet.tobytes() == contact_sheet(rows).tobytes()


def test_what_cannot_be_drawn(film: Path) -> None:
    """No rows, an unknown frame and a sheet too narrow to read are each a ConfigError."""
    with pytest.raises(ConfigError, match="at least one row"):
        contact_sheet([])
    with pytest.raises(ConfigError, match="first, middle, last"):
        contact_sheet([SheetRow("one")], columns=("second",))  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ConfigError, match="nothing"):
        contact_sheet([SheetRow("one")], columns=())
    with pytest.raises(ConfigError, match="at least 320"):
        contact_sheet([SheetRow("one")], width_px=100)
