"""Rows, tables and plots: one row a cell, whole, whatever became of it."""

import base64
import datetime
import io
import re
import threading
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest
from numpy.typing import NDArray
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.metrics.definitions import METRICS
from pixverse_nb.sweep.sweep import Sweep
from tests.client.harness import Harness
from tests.metrics.videos import SerialExecutor
from tests.sweep.grids import run, sweep

PNG = b"\x89PNG\r\n"


def pictures(html: str) -> list[bytes]:
    """Return the pictures that stand in some HTML."""
    return [base64.b64decode(data) for data in re.findall(r"data:image/\w+;base64,([^\"]+)", html)]


def opened(data: bytes) -> NDArray[np.uint8]:
    """Return a picture as red, green, blue and opacity."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.fixture
def ended(client: Client, harness: Harness) -> Sweep:
    """A sweep of six cells: three done, one failed, two refused by the vendor's documents and left out."""
    harness.control.arm("failed")
    return run(
        sweep(client, seed=[1, 2], motion_mode=["normal", "fast"], duration=[5, 8], skip_refused=True, quality="360p")
    )


def test_every_cell_has_a_row_with_every_column(ended: Sweep) -> None:
    """Parameters, state, times, credits, file and hash; what never was is missing, not invented."""
    frame = ended.to_frame()
    assert list(frame.index) == list(range(1, 9))
    assert frame.state.value_counts().to_dict() == {"done": 5, "failed": 1, "refused": 2}
    done = frame[frame.state == "done"]
    assert set(done.credits) <= {45, 90}
    assert (done.took_s > 0).all()
    assert all(Path(file).is_file() for file in done.file)
    assert done.sha256.str.len().eq(64).all()
    refused = frame[frame.state == "refused"]
    assert refused.file.isna().all()
    assert refused.error.str.contains("fast motion is made in 5 s only").all()
    assert {"seed", "motion_mode", "quality", "duration", "prompt", "choice", "note"} <= set(frame.columns)
    assert isinstance(done.finished_at.iloc[0], pd.Timestamp)
    assert done.finished_at.iloc[0].tzinfo is datetime.UTC


def test_metrics_come_with_measuring_and_stay(ended: Sweep, client: Client) -> None:
    """Before `measure()` the columns are empty; afterwards they are there, and in a new sweep of the same cells too."""
    names = [metric.name for metric in METRICS]
    assert ended.to_frame()[names].isna().all().all()
    measured = ended.measure()
    assert len(measured) == 5
    frame = ended.to_frame()
    assert frame[frame.state == "done"].frames.eq(6).all()
    assert frame[frame.state != "done"].frames.isna().all()
    looked: list[int] = []
    again = sweep(client, seed=[1, 2], motion_mode=["normal", "fast"], duration=[5, 8], quality="360p")
    assert again.measure(on_done=lambda number, _: looked.append(number)) == measured
    assert looked == []
    assert again.to_frame().frames.eq(frame.frames).sum() == 5


def test_what_was_measured_is_a_dict_that_shows_as_a_table(ended: Sweep) -> None:
    """It is read by caption like any dict; where it stands last in a cell it is a few lines, not every number."""
    measured = ended.measure()
    assert isinstance(measured, dict)
    assert measured[ended.cells[-3].caption].frames == 6
    assert len(repr(measured).splitlines()) == 7
    bundle = measured._repr_mimebundle_()
    assert bundle["text/plain"] == repr(measured)
    assert bundle["text/html"].count("<tr>") == 6


def test_a_damaged_film_has_its_reason_in_its_row(ended: Sweep) -> None:
    """It stops no other, and says why there are no numbers."""
    path = ended.videos[0].path
    path.write_bytes(path.read_bytes()[:600])
    assert len(ended.measure()) == 4
    frame = ended.to_frame()
    assert (frame.measure_error != "").sum() == 1


def test_a_video_that_could_not_be_measured_is_tried_again(ended: Sweep) -> None:
    """When its file is complete again, the next call measures it."""
    path = ended.videos[0].path
    data = path.read_bytes()
    path.write_bytes(data[:600])
    assert len(ended.measure()) == 4
    path.write_bytes(data)
    assert len(ended.measure()) == 5


def test_a_broken_executor_loses_no_finished_measurement(ended: Sweep) -> None:
    """The error of the executor is raised after the finished measurements have been stored."""

    class BreaksAfterOne(SerialExecutor):
        is_broken = False

        def submit(self, task: Any, item: Any, /) -> Future[Any]:
            if self.is_broken:
                raise BrokenExecutor
            self.is_broken = True
            return super().submit(task, item)

    with pytest.raises(BrokenExecutor):
        ended.measure(executor=BreaksAfterOne())
    measured: list[int] = []
    assert len(ended.measure(on_done=lambda number, _: measured.append(number))) == 5
    assert len(measured) == 4


@pytest.mark.parametrize("name", ["table.csv", "below/table.parquet"])
def test_a_table_comes_back_from_its_file(ended: Sweep, tmp_path: Path, name: str) -> None:
    """CSV and Parquet hold the same rows."""
    path = ended.save_table(tmp_path / name)
    read = pd.read_csv(path, index_col="cell") if name.endswith("csv") else pd.read_parquet(path)
    assert list(read.seed) == list(ended.to_frame().seed)
    assert list(read.state) == list(ended.to_frame().state)


def test_another_ending_is_refused(ended: Sweep, tmp_path: Path) -> None:
    """The mend names both."""
    with pytest.raises(InvalidRequest, match=r"\.csv or \.parquet"):
        ended.save_table(tmp_path / "table.xlsx")


@pytest.mark.parametrize(
    ("plot", "named"),
    [
        (lambda one: one.plot_metric("motion_percent"), "Motion over seed"),
        (lambda one: one.plot_metric("credits", over="motion_mode", by="duration"), "credits over motion mode"),
        (lambda one: one.plot_matrix("took_s", rows="seed", columns="motion_mode"), "took s, seed against motion mode"),
        (lambda one: one.plot_timeline(), "6 jobs over time"),
    ],
)
def test_plots_show_and_save(ended: Sweep, tmp_path: Path, plot: Any, named: str) -> None:
    """Each is a picture in a cell, says what it is, and is written as its ending says."""
    ended.measure()
    drawn = plot(ended)
    picture, told = drawn._repr_png_()
    assert picture.startswith(PNG)
    assert told["alt"] == drawn.about  # for who cannot see it
    assert int.from_bytes(picture[16:20]) == 2 * told["width"]  # sharp on a dense screen
    assert named in repr(drawn)
    assert drawn.save(tmp_path / "plot.svg").read_text().lstrip().startswith("<?xml")


@pytest.mark.parametrize(
    "plot",
    [
        lambda one: one.plot_metric("credits", by="motion_mode"),
        lambda one: one.plot_matrix("took_s", rows="seed", columns="motion_mode"),
        lambda one: one.plot_timeline(),
    ],
)
def test_a_plot_is_shown_by_day_and_by_night(ended: Sweep, plot: Any) -> None:
    """The dark one has light letters and no paper; the figure stays as it is, and what is written stands on white."""
    drawn = plot(ended)
    day, night = pictures(drawn._repr_html_())
    again = drawn._repr_png_()[0]
    paper, letters = opened(night)[..., 3] == 0, opened(night)[opened(night)[..., 3] == 255][:, :3]
    assert paper.mean() > 0.1
    assert (letters.min(axis=1) > 220).any(), "the title is light"
    assert opened(day)[2, 2].tolist() == [255, 255, 255, 255]
    shift = np.abs(opened(day).astype(int) - opened(again)).mean()
    assert shift < 2, "but for the layout, which moves a hair when a figure is drawn again"


def test_what_a_person_did_to_a_figure_is_shown_by_night_too(ended: Sweep) -> None:
    """A title and a line of one's own are in both pictures; where a figure cannot be copied the light one is shown."""
    drawn = ended.plot_metric("credits")
    before = pictures(drawn._repr_html_())
    drawn.figure.axes[0].set_title("My own title")
    drawn.figure.axes[0].axhline(50, color="black")
    after = pictures(drawn._repr_html_())
    assert before[0] != after[0]
    assert before[1] != after[1]
    drawn.figure.axes[0].of_my_own = threading.Lock()
    assert drawn._repr_html_() is None
    assert drawn._repr_png_()[0].startswith(PNG)


def test_a_line_goes_through_the_mean_of_cells_that_share_a_place(ended: Sweep) -> None:
    """Each cell is a mark, but the line has one point at each value of the axis: it never runs straight up."""
    axes = ended.plot_metric("credits", over="motion_mode").figure.axes[0]
    line, marks = axes.lines[0], axes.lines[-1]
    assert list(line.get_xdata()) == [0, 1]
    assert sorted(marks.get_xdata()) == [0, 0, 0, 0, 1, 1]


def test_the_legend_shows_the_mark_of_each_line(ended: Sweep) -> None:
    """Lines are told apart without colour, where several cells share a place too."""
    legend = ended.plot_metric("credits", over="seed", by="motion_mode").figure.axes[0].get_legend()
    assert [line.get_marker() for line in legend.get_lines()] == ["o", "s"]


@pytest.mark.parametrize(
    ("plot", "field"),
    [
        (lambda one: one.plot_metric("motions"), "name"),
        (lambda one: one.plot_metric("motion_percent"), "name"),
        (lambda one: one.plot_metric("caption"), "name"),
        (lambda one: one.plot_metric("credits", over="colour"), "over"),
    ],
)
def test_a_plot_of_nothing_says_what_there_is(ended: Sweep, plot: Any, field: str) -> None:
    """An unknown column, a metric that was not measured, a column that is no number, an unknown axis: by name."""
    with pytest.raises(InvalidRequest) as caught:
        plot(ended)
    assert set(caught.value.fields) == {field}


def test_a_plot_before_anything_was_sent_says_so(client: Client) -> None:
    """There is no time to show."""
    with pytest.raises(InvalidRequest, match="none of them was sent yet"):
        sweep(client, seed=[1]).plot_timeline()
    with pytest.raises(InvalidRequest, match="a matrix needs two axes"):
        sweep(client, seed=[1]).plot_matrix("credits")


def test_a_contact_sheet_has_every_cell(ended: Sweep) -> None:
    """One picture, as wide as is asked for; cells without a video have a box of their own."""
    assert ended.contact_sheet(width_px=900).width == 900


def test_a_contact_sheet_is_shown_by_day_and_by_night(ended: Sweep, tmp_path: Path) -> None:
    """It is a Pillow picture on white; a cell shows it with the margins of its theme, as JPEGs, which are small."""
    sheet: Any = ended.contact_sheet(width_px=900)
    day, night = (opened(data) for data in pictures(sheet._repr_html_()))
    assert day[2, 2].min() > 250
    assert night[2, 2, :3].max() < 30
    assert day.shape == night.shape
    assert sheet._repr_png_() is None
    assert isinstance(sheet, Image.Image)
    sheet.save(tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").getpixel((2, 2)) == (255, 255, 255)
    assert sheet.crop((0, 0, 100, 100)).size == (100, 100)
    assert sheet.copy().size == sheet.size
