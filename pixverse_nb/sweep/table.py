"""A sweep as rows of plain values, one for each cell, and as a pandas DataFrame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.arguments import file_errors
from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.domain.validation import did_you_mean, safe_repr
from pixverse_nb.errors import InvalidRequest, UnknownItem
from pixverse_nb.jobs.messages import describe_error
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS, Measurement
from pixverse_nb.metrics.executors import TaskResult
from pixverse_nb.render.data_frame import data_frame
from pixverse_nb.render.sweep_tables import measured_table
from pixverse_nb.render.table import Table, TableView
from pixverse_nb.sweep.cells import Cell

_PARAMETERS: Final = (
    "seed",
    "motion_mode",
    "quality",
    "duration",
    "aspect_ratio",
    "model",
    "prompt",
    "remove_watermark",
)
_JOB_COLUMNS: Final = ("ref", "asked_at", "submitted_at", "finished_at", "took_s", "credits", "file", "sha256")
_TIMESTAMPS: Final = ("asked_at", "submitted_at", "finished_at")
_WHOLE_NUMBERS: Final = ("credits", "first_offset", "last_offset", "cuts", "frames", "width", "height")


class Measurements(TableView, dict[str, Measurement]):
    """Measurements by the caption of their cell; displays as a small table. Another caption raises UnknownItem."""

    def __missing__(self, caption: object) -> Measurement:
        near = did_you_mean(str(caption), tuple(self), plural="captions") if isinstance(caption, str) else ""
        raise UnknownItem({"caption": f"nothing is measured as {safe_repr(caption):.80}; {near}"}, sends=False)

    def _table(self) -> Table:
        return measured_table(self)


def make_rows(
    cells: Mapping[Cell, JobRecord | None],
    results: Mapping[str, TaskResult[Measurement]],
    diversity: Mapping[str, float | None],
    *,
    ratings: Mapping[str, Rating],
    home: Path,
) -> list[dict[str, Any]]:
    """Return one row for each cell. Every row has every column; unknown values are None, times are Unix seconds.

    `cells` are the cells with their jobs, if any. `results`, `diversity` and `ratings` are by cell key; `home` is the
    folder that the videos are in.
    """
    rows = []
    for cell, record in cells.items():
        rating = ratings.get(cell.key, Rating())
        others = {name: value for name, value in cell.values.items() if name not in _PARAMETERS}
        rows.append(
            {
                "cell": cell.number,
                "caption": cell.caption,
                **others,
                **{name: cell.request.params.get(name) for name in _PARAMETERS},
                "model": cell.request.model,
                **_job_columns(cell, record, home),
                **_metric_columns(results.get(cell.key), diversity.get(cell.key)),
                "choice": rating.choice,
                "note": rating.note,
            }
        )
    return rows


def frame_from_rows(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return the rows as a DataFrame indexed by cell number; times become UTC timestamps.

    Raises ConfigError if pandas is not installed.
    """
    return data_frame(rows, index="cell", timestamps=_TIMESTAMPS, whole_numbers=_WHOLE_NUMBERS)


def save_frame(frame: Any, path: Path) -> Path:
    """Write a DataFrame to a .csv or .parquet file and return the path. Raises InvalidRequest for another ending."""
    writers = {".csv": frame.to_csv, ".parquet": frame.to_parquet}
    ending = path.suffix.lower()
    if ending not in writers:
        raise InvalidRequest({"path": f"must end in .csv or .parquet, not {ending or 'nothing'!r}"}, sends=False)
    with file_errors(path, "written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[ending](path)
    return path


def _job_columns(cell: Cell, record: JobRecord | None, home: Path) -> dict[str, Any]:
    if record is None:
        reason = "; ".join(rule.reason for rule in cell.violations)
        return {
            "state": (JobState.REFUSED if reason else JobState.PLANNED).value,
            **dict.fromkeys(_JOB_COLUMNS),
            "credits_are_estimate": True,
            "charged": "no",
            "error": reason,
        }
    took_s = None
    if record.finished_at is not None and record.submitted_at is not None:
        took_s = record.finished_at - record.submitted_at
    video = record.video if record.state is JobState.DONE else None
    return {
        "state": record.state.value,
        "ref": record.ref,
        "asked_at": record.created_at,
        "submitted_at": record.submitted_at,
        "finished_at": record.finished_at,
        "took_s": took_s,
        "credits": record.credits if record.charged != "no" else 0,
        "file": str(home / video.name) if video is not None else None,
        "sha256": video.sha256 if video is not None else None,
        "credits_are_estimate": record.cost_credits is None,
        "charged": record.charged,
        "error": describe_error(record) or "",
    }


def _metric_columns(result: TaskResult[Measurement] | None, diversity: float | None) -> dict[str, Any]:
    values: Mapping[str, Any] = dict.fromkeys(metric.name for metric in METRICS)
    error = ""
    if result is not None and result.error is not None:
        error = str(result.error)
    elif result is not None:
        values = result.get().as_dict()
    return {**values, DIVERSITY.name: diversity, "measure_error": error}
