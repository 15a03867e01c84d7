"""Measuring a sweep: the metrics of its videos, kept in the ledger; the table, the plots and the contact sheet."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, PixVerseError
from pixverse_nb.jobs.submit import stored_picture
from pixverse_nb.metrics.definitions import DIVERSITY, VERSION, Measurement
from pixverse_nb.metrics.executors import DaskClient, Executor, TaskResult
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.sweep.axes import Axes
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.core import SweepOfCells, SweepOptions
from pixverse_nb.sweep.measured import Measurements
from pixverse_nb.sweep.rows import Measured, diversity_of, rows_of
from pixverse_nb.video import Video


class Measures(SweepOfCells):
    """A sweep that can be measured, tabulated and plotted."""

    def __init__(self, bench: SweepContext, axes: Axes, rules: SweepOptions) -> None:
        super().__init__(bench, axes, rules)
        self._known: dict[str, Measured] = {}
        self._far: tuple[frozenset[str], dict[str, float | None]] = (frozenset(), {})  # of which cells, and how far

    def measure(
        self,
        *,
        executor: Executor | DaskClient | None = None,
        on_done: Callable[[int, TaskResult[Measurement]], object] | None = None,
    ) -> Measurements:
        """Measure every finished video that was not measured before, and return all measurements by caption.

        They are a dict that shows as a small table.

        `executor` is any `concurrent.futures.Executor` or a `distributed.Client`; None takes threads of this process.
        What was measured is kept in the ledger. A video that cannot be measured is left out, and its row of
        `to_frame()` says why; the next call tries again. Nothing is paid, whatever happens to a worker. Needs
        `pixverse-nb[sweep]`.
        """
        from pixverse_nb.metrics.measure import MeasureTask, measure_all

        known = {key: result for key, result in self._read_measurements().items() if result.error is None}
        videos = {cell: video for cell, video in self._videos_by_cell().items() if cell.key not in known}
        tasks = [MeasureTask(*self._files(cell, video)) for cell, video in videos.items()]
        results = measure_all(tasks, executor=executor, on_done=on_done)
        unexpected: list[BaseException] = []
        for (cell, video), result in zip(videos.items(), results, strict=True):
            known[cell.key] = result
            if result.error is None:
                text = result.get().to_json()
                self._bench.engine.ledger.sweeps.add_measurement(self._ledger_key(cell, video), text, at=time.time())
            elif not isinstance(result.error, PixVerseError):
                unexpected.append(result.error)
        self._known = known
        if unexpected:  # raised when everything that succeeded has been stored
            raise unexpected[0]
        measured = {key: result.get() for key, result in known.items() if result.error is None}
        return Measurements((cell.caption, measured[cell.key]) for cell in self.cells if cell.key in measured)

    def metrics_of(self, cell: Cell) -> dict[str, float]:
        """Return the metrics of one cell by their names in `metrics.definitions.METRICS`, including its diversity.

        The dict is empty before `measure()`.
        """
        result = self._known.get(cell.key)
        if result is None or result.error is not None:
            return {}
        numbers = {**result.get().as_dict(), DIVERSITY.name: self._diversity().get(cell.key)}
        return {name: float(value) for name, value in numbers.items() if value is not None}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a cell as plain values: what `to_frame()` tabulates, without pandas."""
        return rows_of(self.cells, self._book, self._bench, self._read_measurements())

    def to_frame(self) -> Any:
        """Return a pandas DataFrame, one row a cell: parameters, state, times, credits, file, hash, metrics, verdict.

        Times are UTC, durations in seconds, credits as told or estimated; the metrics are those of the last
        `measure()`. Needs `pixverse-nb[sweep]`.
        """
        from pixverse_nb.sweep.table import frame_of

        return frame_of(self.rows())

    def save_table(self, path: str | os.PathLike[str]) -> Path:
        """Write `to_frame()` to a .csv or .parquet file, and return where it is; InvalidRequest for another ending."""
        from pixverse_nb.sweep.table import save_frame

        return save_frame(self.to_frame(), Path(path).expanduser())

    def plot_metric(self, name: str, *, over: str = "seed", by: str | None = None) -> Any:
        """Return a plot of a metric (or `credits`, `took_s`) over an axis, one line for each value of `by`.

        `by` is the other axis where there are two. It shows in a cell; `.save("x.png")` writes it. Raises
        InvalidRequest where the sweep has no such column. Needs `pixverse-nb[sweep]`.
        """
        from pixverse_nb.sweep.plots import metric_plot

        return metric_plot(self.rows(), name, over=over, by=by, axes=self._axis_names())

    def plot_timeline(self) -> Any:
        """Return a plot of the jobs over time, each in a slot of the account, with the capacity that they filled."""
        from pixverse_nb.sweep.plots import timeline_plot

        return timeline_plot(self.rows(), title=self.title)

    def plot_matrix(self, name: str, *, rows: str | None = None, columns: str | None = None) -> Any:
        """Return a plot of a metric as a matrix of one axis against another, the mean where several cells meet."""
        from pixverse_nb.sweep.plots import matrix_plot

        return matrix_plot(self.rows(), name, down=rows, across=columns, axes=self._axis_names())

    def contact_sheet(self, *, width_px: int = 1920, executor: Executor | DaskClient | None = None) -> Any:
        """Return first, middle and last frame of every cell as one Pillow picture; `.save("x.png")` writes it."""
        from pixverse_nb.metrics.contact_sheet import SheetRow, make_contact_sheet
        from pixverse_nb.sweep.contact import ContactSheet

        if not self.cells:
            raise InvalidRequest({"cells": "there is none to show"}, sends=False)
        rows = [SheetRow(cell.caption, self._path(cell), self._line(cell)) for cell in self.cells]
        sheet = make_contact_sheet(rows, width_px=width_px, executor=executor)
        return ContactSheet(sheet, sheet.dark)

    # -- inside --------------------------------------------------------------------------------------------------

    def _diversity(self) -> dict[str, float | None]:
        """Return how far each video lies from the others; each with each is compared once, not for every tile."""
        keys = frozenset(self._known)
        if self._far[0] != keys:
            self._far = (keys, diversity_of(self.cells, self._known))
        return self._far[1]

    def _axis_names(self) -> tuple[str, ...]:
        return tuple(self.cells[0].values) if self.cells else ()

    def _path(self, cell: Cell) -> Path | None:
        video = self._video(cell)
        return video.path if video is not None else None

    def _line(self, cell: Cell) -> str:
        record = self._book.record(cell)
        if record is None:
            return "Refused" if cell.violations else "Not asked for yet"
        return STATE_LABELS[record.state] if record.state is not JobState.DONE else "The file is gone"

    def _files(self, cell: Cell, video: Video) -> tuple[Path, Path | None, Path | None]:
        record = self._book.record(cell)
        shas = [item.sha256 for item in record.inputs] if record is not None else [None, None]
        first, last = (self._picture(sha) for sha in shas)
        return video.path, first, last

    def _picture(self, sha256: str | None) -> Path | None:
        if sha256 is None:
            return None
        try:
            return stored_picture(self._bench.engine.home, sha256)
        except PixVerseError:
            return None

    def _ledger_key(self, cell: Cell, video: Video) -> tuple[str, str]:
        """Return the key of a measurement: the video, the pictures it is compared with, and the metrics version."""
        record = self._book.record(cell)
        pictures = [item.sha256 for item in record.inputs] if record is not None else [None, None]
        return video.sha256, ":".join([f"v{VERSION}", *(str(sha) for sha in pictures)])

    def _read_measurements(self) -> dict[str, Measured]:
        """Return the measurements of the cells by key: those of now, and those that the ledger has kept."""
        unread = {cell: video for cell, video in self._videos_by_cell().items() if cell.key not in self._known}
        keys = {cell.key: self._ledger_key(cell, video) for cell, video in unread.items()}
        kept = self._bench.engine.ledger.sweeps.measurements(list(keys.values()))
        found = {name: TaskResult(value=Measurement.from_json(kept[key])) for name, key in keys.items() if key in kept}
        self._known = {**self._known, **found}
        return dict(self._known)

    def _videos_by_cell(self) -> dict[Cell, Video]:
        return {cell: video for cell in self.cells if (video := self._video(cell)) is not None}
