"""A sweep as rows of plain values, one a cell: what tables and plots are made of. No pandas here."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.errors import ConfigError
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS, Measurement
from pixverse_nb.metrics.executors import TaskResult
from pixverse_nb.sweep.axes import PICTURES
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.book import CellJobs
from pixverse_nb.sweep.cells import Cell

Measured = TaskResult[Measurement]

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


def rows_of(
    cells: Sequence[Cell], book: CellJobs, bench: SweepContext, measured: Mapping[str, Measured]
) -> list[dict[str, Any]]:
    """Return one row a cell; every row has every column, None where nothing is known. Times are Unix seconds."""
    verdicts = bench.engine.ledger.ratings.ratings([cell.key for cell in cells])
    far = diversity_of(cells, measured)
    return [
        {
            "cell": cell.number,
            "caption": cell.caption,
            **{name: cell.values[name] for name in (*PICTURES, "fit") if name in cell.values},
            **{name: getattr(cell.request, name) for name in _PARAMETERS},
            **_job_columns(cell, book.record(cell), bench),
            **_metric_columns(measured.get(cell.key), far.get(cell.key)),
            "choice": verdicts.get(cell.key, Rating()).choice,
            "note": verdicts.get(cell.key, Rating()).note,
        }
        for cell in cells
    ]


def _job_columns(cell: Cell, record: JobRecord | None, bench: SweepContext) -> dict[str, Any]:
    if record is None:
        refused = "; ".join(rule.reason for rule in cell.violations)
        plain = dict.fromkeys(("ref", "asked_at", "submitted_at", "finished_at", "took_s", "credits", "file", "sha256"))
        price = {"credits_are_estimate": True, "charged": "no"}
        return {
            "state": JobState.REFUSED.value if refused else JobState.PLANNED.value,
            **plain,
            **price,
            "error": refused,
        }
    took_s = (
        record.finished_at - record.submitted_at
        if record.finished_at is not None and record.submitted_at is not None
        else None
    )
    credits_paid = record.credits
    video = record.video if record.state is JobState.DONE else None
    return {
        "state": record.state.value,
        "ref": record.ref,
        "asked_at": record.created_at,
        "submitted_at": record.submitted_at,
        "finished_at": record.finished_at,
        "took_s": took_s,
        "credits": credits_paid if record.charged != "no" else 0,
        "file": str(bench.engine.home / video.name) if video is not None else None,
        "sha256": video.sha256 if video is not None else None,
        "credits_are_estimate": record.cost_credits is None,
        "charged": record.charged,
        "error": record.error or "",
    }


def _metric_columns(measured: Measured | None, far: float | None) -> dict[str, Any]:
    if measured is None or measured.error is not None:
        numbers: dict[str, Any] = dict.fromkeys((metric.name for metric in METRICS), None)
    else:
        numbers = dict(measured.get().as_dict())
    why = str(measured.error) if measured is not None and measured.error is not None else ""
    return {**numbers, DIVERSITY.name: far, "measure_error": why}


def diversity_of(cells: Sequence[Cell], measured: Mapping[str, Measured]) -> dict[str, float | None]:
    """Return how far each video lies from the others on average; nothing where the packages for it are missing."""
    known = [cell.key for cell in cells if (one := measured.get(cell.key)) is not None and one.error is None]
    if not known:
        return {}
    try:
        from pixverse_nb.metrics.measure import compute_diversity
    except ConfigError:
        return {}
    return dict(zip(known, compute_diversity([measured[key].get().fingerprint for key in known]).mean, strict=True))
