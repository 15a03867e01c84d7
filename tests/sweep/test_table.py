"""Tests of `sweep.table` and `sweep.analysis`: rows, tables and measurements."""

import datetime
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # it ships no types
import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.metrics.definitions import METRICS
from pixverse_nb.sweep.sweep import Sweep
from tests.metrics.videos import SerialExecutor
from tests.sweep.small_sweeps import small_sweep


def test_every_cell_has_a_row_with_every_column(finished_sweep: Sweep) -> None:
    """A row has parameters, state, times, credits, file and hash; unknown values are missing."""
    frame = finished_sweep.to_frame()
    assert list(frame.index) == list(range(1, 9))
    assert frame.state.value_counts().to_dict() == {"done": 5, "failed": 1, "refused": 2}
    done = frame[frame.state == "done"]
    assert set(done.credits) <= {30, 60, 80}
    assert (done.took_s > 0).all()
    assert all(Path(file).is_file() for file in done.file)
    assert done.sha256.str.len().eq(64).all()
    refused = frame[frame.state == "refused"]
    assert refused.file.isna().all()
    reasons = {rule.reason for cell in finished_sweep.cells for rule in cell.violations}
    assert set(refused.error) == reasons
    assert {"seed", "quality", "duration", "prompt", "choice", "note"} <= set(frame.columns)
    assert isinstance(done.finished_at.iloc[0], pd.Timestamp)
    assert done.finished_at.iloc[0].tzinfo is datetime.UTC


def test_empty_columns_come_last(finished_sweep: Sweep) -> None:
    """Columns that no cell has a value in, such as metrics before they are measured, are the last ones."""
    frame = finished_sweep.to_frame()
    is_empty = [bool((frame[name].isna() | (frame[name] == "")).all()) for name in frame.columns]
    assert True in is_empty
    assert is_empty == sorted(is_empty)


@pytest.mark.parametrize("name", ["table.csv", "below/table.parquet"])
def test_a_table_can_be_saved_and_read(finished_sweep: Sweep, tmp_path: Path, name: str) -> None:
    """CSV and Parquet files hold the same rows as the table."""
    path = finished_sweep.save_table(tmp_path / name)
    read = pd.read_csv(path, index_col="cell") if name.endswith("csv") else pd.read_parquet(path)
    frame = finished_sweep.to_frame()
    for column in ("seed", "state", "model"):
        assert list(read[column]) == list(frame[column])
    assert list(read.error.fillna("")) == list(frame.error)


def test_a_table_is_csv_or_parquet(finished_sweep: Sweep, tmp_path: Path) -> None:
    """Another file ending is an error that names both."""
    with pytest.raises(InvalidRequest) as caught:
        finished_sweep.save_table(tmp_path / "table.xlsx")
    assert set(caught.value.fields) == {"path"}
    assert ".parquet" in caught.value.fields["path"]


def test_measurements_are_saved(finished_sweep: Sweep, client: Client) -> None:
    """Metric columns are empty before `measure()`; a new sweep of the same cells has the values without measuring."""
    names = [metric.name for metric in METRICS]
    assert finished_sweep.to_frame()[names].isna().all().all()
    measured = finished_sweep.measure()
    assert len(measured) == 5
    frame = finished_sweep.to_frame()
    assert frame[frame.state == "done"].frames.eq(6).all()
    assert frame[frame.state != "done"].frames.isna().all()
    done: list[int] = []
    again = small_sweep(client, seed=[1, 2], quality=["540p", "1080p"], duration=[5, 10])
    assert again.measure(on_done=lambda number, _: done.append(number)) == measured
    assert done == []
    assert again.to_frame().frames.eq(frame.frames).sum() == 5


def test_videos_are_compared_with_their_pictures(finished_sweep: Sweep) -> None:
    """The fidelity metrics of both ends have a value."""
    measured = finished_sweep.measure().values()
    assert all(None not in (one.first_psnr_db, one.last_psnr_db) for one in measured)


def test_measurements_are_a_dict_that_displays_as_a_table(finished_sweep: Sweep) -> None:
    """The values are found by caption, and the display has a summary, a head, a line for each video and a note."""
    measured = finished_sweep.measure()
    assert isinstance(measured, dict)
    assert measured[finished_sweep.cells[-2].caption].frames == 6
    assert len(repr(measured).splitlines()) == 2 + 5 + 1
    bundle = measured._repr_mimebundle_()
    assert bundle["text/plain"] == repr(measured)
    assert bundle["text/html"].count("<tr>") == 6


def test_a_damaged_video_has_its_error_in_its_row(finished_sweep: Sweep) -> None:
    """It does not stop the others; when its file is complete again, the next call measures it."""
    path = finished_sweep.videos[0].path
    data = path.read_bytes()
    path.write_bytes(data[:600])
    assert len(finished_sweep.measure()) == 4
    assert (finished_sweep.to_frame().measure_error != "").sum() == 1
    path.write_bytes(data)
    assert len(finished_sweep.measure()) == 5
    assert (finished_sweep.to_frame().measure_error == "").all()


def test_a_broken_executor_loses_no_finished_measurement(finished_sweep: Sweep) -> None:
    """The error of the executor is raised after the finished measurements have been stored."""

    class BreaksAfterOne(SerialExecutor):
        is_broken = False

        def submit(self, task: Any, item: Any, /) -> Future[Any]:
            if self.is_broken:
                raise BrokenExecutor
            self.is_broken = True
            return super().submit(task, item)

    with pytest.raises(BrokenExecutor):
        finished_sweep.measure(executor=BreaksAfterOne())
    measured: list[int] = []
    assert len(finished_sweep.measure(on_done=lambda number, _: measured.append(number))) == 5
    assert len(measured) == 4
