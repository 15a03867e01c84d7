"""Measuring a sweep: the metrics of its videos, and the table, plots and contact sheet that show them."""

import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.arguments import as_path
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.validation import did_you_mean, safe_repr
from pixverse_nb.errors import ConfigError, InvalidRequest, LedgerError, PixVerseError
from pixverse_nb.jobs.stored_inputs import stored_input
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS, VERSION, Measurement
from pixverse_nb.metrics.executors import DaskClient, Executor, TaskResult
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.sweep.cell_jobs import CellJobs
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.context import SweepContext
from pixverse_nb.sweep.table import Measurements, frame_from_rows, make_rows, save_frame
from pixverse_nb.video import Video

_log: Final = logging.getLogger("pixverse_nb")

_LOWER_COLUMNS: Final = ("credits", "took_s")  # of the table besides the metrics; less is better
_COMPARED_ROLES: Final = ("first", "last")  # the pictures that a video is compared with


class SweepAnalysis:
    """The measurements of one sweep and what is made of them. `Sweep` documents the methods."""

    def __init__(self, context: SweepContext, cell_jobs: CellJobs) -> None:
        self._context = context
        self._cell_jobs = cell_jobs
        self._cells = cell_jobs.cells
        self._results: dict[str, TaskResult[Measurement]] = {}  # by cell key
        self._has_warned = False  # that measurements cannot be saved
        self._diversity: tuple[frozenset[str], dict[str, float | None]] = (frozenset(), {})  # for which cells, values

    def measure(
        self,
        *,
        executor: Executor | DaskClient | None = None,
        on_done: Callable[[int, TaskResult[Measurement]], object] | None = None,
    ) -> Measurements:
        """Measure the finished videos that have no measurement yet; see `Sweep.measure`."""
        from pixverse_nb.metrics.measure import MeasureTask, measure_all

        results = {key: result for key, result in self._load_results().items() if result.error is None}
        videos = {cell: video for cell, video in self._cell_jobs.videos().items() if cell.key not in results}
        tasks = [MeasureTask(video.path, **self._compared_images(cell)) for cell, video in videos.items()]
        unexpected: list[BaseException] = []
        for (cell, video), result in zip(
            videos.items(), measure_all(tasks, executor=executor, on_done=on_done), strict=True
        ):
            results[cell.key] = result
            if result.error is None:
                self._store(self._measurement_key(cell, video), result.get())
            elif not isinstance(result.error, PixVerseError):
                unexpected.append(result.error)
        self._results = results
        if unexpected:  # raised after everything that succeeded has been stored
            raise unexpected[0]
        measured = {key: result.get() for key, result in results.items() if result.error is None}
        return Measurements((cell.caption, measured[cell.key]) for cell in self._cells if cell.key in measured)

    def _store(self, key: tuple[str, str], measurement: Measurement) -> None:
        try:
            self._context.engine.ledger.sweeps.add_measurement(key, measurement.to_json(), at=time.time())
        except LedgerError as error:  # the measurement can still be used
            if not self._has_warned:
                _log.warning("The measurements are not saved: %s", error)
            self._has_warned = True

    def metrics_of(self, cell: Cell) -> dict[str, float]:
        """Return the metrics of one cell by name; empty before `measure()`."""
        result = self._results.get(cell.key)
        if result is None or result.error is not None:
            return {}
        values = {**result.get().as_dict(), DIVERSITY.name: self._diversity_by_key().get(cell.key)}
        return {name: float(value) for name, value in values.items() if value is not None}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of plain values for each cell."""
        results = self._load_results()
        ratings = self._context.engine.ledger.ratings.ratings([cell.key for cell in self._cells])
        home = self._context.engine.home
        cells = {cell: self._cell_jobs.record(cell) for cell in self._cells}
        return make_rows(cells, results, self._diversity_by_key(), ratings=ratings, home=home)

    def to_frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        return frame_from_rows(self.rows())

    def save_table(self, path: str | os.PathLike[str]) -> Path:
        """Write the table to a .csv or .parquet file and return its path."""
        return save_frame(self.to_frame(), as_path(path))

    def plot_metric(self, name: str, *, over: str, by: str | None) -> Any:
        """Return the plot of a column over an axis."""
        from pixverse_nb.sweep.plots import metric_plot

        return metric_plot(self.rows(), name, over=over, by=by, axes=self._axis_names())

    def plot_matrix(self, name: str, *, rows: str | None, columns: str | None) -> Any:
        """Return the plot of a column as a matrix of two axes."""
        from pixverse_nb.sweep.plots import matrix_plot

        return matrix_plot(self.rows(), name, row_axis=rows, column_axis=columns, axes=self._axis_names())

    def best(self, name: str, *, highest: bool | None) -> Video:
        """Return the finished video with the best value; see `Sweep.best`."""
        metrics = {metric.name: metric.better for metric in (*METRICS, DIVERSITY)}
        better = {**metrics, **dict.fromkeys(_LOWER_COLUMNS, "lower")}
        if not isinstance(name, str) or name not in better:
            near = (
                did_you_mean(str(name), tuple(better), plural="metrics") if isinstance(name, str) else "pass its name"
            )
            raise InvalidRequest({"metric": f"there is no metric {safe_repr(name):.60}: {near}"}, sends=False)
        if name in metrics and not all(map(self.metrics_of, self._cell_jobs.videos())):
            self.measure()
        values = {row["cell"]: row[name] for row in self.rows() if row[name] is not None}
        videos = self._cell_jobs.videos()
        found = {cell: float(values[cell.number]) for cell in videos if cell.number in values}
        if not found:
            reason = "no video is finished yet" if not videos else f"no video has a value of {name}"
            raise InvalidRequest({"metric": reason}, sends=False)
        sign = 1 if (better[name] != "lower" if highest is None else highest) else -1
        return videos[max(found, key=lambda cell: sign * found[cell])]

    def contact_sheet(self, cells: Sequence[Cell], *, width_px: int, executor: Executor | DaskClient | None) -> Any:
        """Return frames of these cells as one Pillow image."""
        from pixverse_nb.metrics.contact_sheet import SheetRow
        from pixverse_nb.sweep.plots import make_themed_sheet

        videos = self._cell_jobs.videos()
        rows = [
            SheetRow(cell.caption, videos[cell].path if cell in videos else None, self._placeholder(cell))
            for cell in cells
        ]
        return make_themed_sheet(rows, width_px=width_px, executor=executor)

    # -- internal ------------------------------------------------------------------------------------------------

    def _load_results(self) -> dict[str, TaskResult[Measurement]]:
        """Return the measurements by cell key: those of this session, and those that the ledger has."""
        missing = {cell: video for cell, video in self._cell_jobs.videos().items() if cell.key not in self._results}
        keys = {cell.key: self._measurement_key(cell, video) for cell, video in missing.items()}
        texts = self._context.engine.ledger.sweeps.measurements(list(keys.values()))
        loaded = {
            name: TaskResult(value=Measurement.from_json(texts[key])) for name, key in keys.items() if key in texts
        }
        self._results = {**self._results, **loaded}
        return dict(self._results)

    def _diversity_by_key(self) -> dict[str, float | None]:
        """Return each video's mean distance to the others, or {} if the optional packages are missing.

        Kept until other cells are measured: it compares every pair, and the gallery asks for it for every tile.
        """
        measured = {key: result.get() for key, result in self._results.items() if result.error is None}
        if self._diversity[0] != measured.keys():
            self._diversity = (frozenset(measured), self._compute_diversity(measured))
        return self._diversity[1]

    def _compute_diversity(self, measured: dict[str, Measurement]) -> dict[str, float | None]:
        try:
            from pixverse_nb.metrics.measure import compute_diversity
        except ConfigError:
            return {}
        means = compute_diversity([measurement.fingerprint for measurement in measured.values()]).mean
        return dict(zip(measured, means, strict=True))

    def _axis_names(self) -> tuple[str, ...]:
        return tuple(self._cells[0].values) if self._cells else ()

    def _placeholder(self, cell: Cell) -> str:
        """Return the text on the contact sheet of a cell whose frames cannot be shown."""
        record = self._cell_jobs.record(cell)
        if record is None:
            return "Refused" if cell.violations else "Not started yet"
        return STATE_LABELS[record.state] if record.state is not JobState.DONE else "File missing"

    def _compared_images(self, cell: Cell) -> dict[str, Path | None]:
        """Return the files of the pictures that the video is compared with, by role; None if one is not stored."""
        return {role: self._stored_image(sha256) for role, sha256 in self._compared_hashes(cell).items()}

    def _compared_hashes(self, cell: Cell) -> dict[str, str | None]:
        record = self._cell_jobs.record(cell)
        hashes = {item.role: item.sha256 for item in record.inputs} if record is not None else {}
        return {role: hashes.get(role) for role in _COMPARED_ROLES}

    def _stored_image(self, sha256: str | None) -> Path | None:
        if sha256 is None:
            return None
        try:
            return stored_input(self._context.engine.home, sha256)
        except PixVerseError:
            return None

    def _measurement_key(self, cell: Cell, video: Video) -> tuple[str, str]:
        """Return the ledger's key of a measurement: the video, and the metrics version with the compared pictures."""
        return video.sha256, ":".join([f"v{VERSION}", *map(str, self._compared_hashes(cell).values())])
