"""What was measured, as a small table: the metrics that say how good a video is, one row a video."""

from collections.abc import Mapping
from html import escape
from typing import Final

from pixverse_nb.metrics.definitions import METRICS, Measurement, Metric
from pixverse_nb.privacy import masked
from pixverse_nb.show.style import aligned, styled
from pixverse_nb.show.words import shortened

# The others say how a film is made up, and are alike in most sweeps.
_NAMES: Final = (
    "first_psnr_db",
    "first_ssim",
    "last_psnr_db",
    "last_ssim",
    "flicker_levels",
    "motion_percent",
    "frozen_share",
    "cuts",
)
_SHOWN: Final = tuple(metric for name in _NAMES for metric in METRICS if metric.name == name)
_ROWS_SHOWN: Final = 40
_CAPTION_SHOWN: Final = 60
_ALL: Final = "sweep.to_frame() has every metric."


def measured_html(measured: Mapping[str, Measurement]) -> str:
    """Return the measurements by caption as a table; what a metric is stands in the title of its column."""
    heads = "".join(_head(metric) for metric in _SHOWN)
    shown = list(measured.items())[:_ROWS_SHOWN]
    rows = "".join(_row(caption, measurement) for caption, measurement in shown)
    table = (
        f'<table class="pvnb-table" aria-label="{_count(measured)}"><thead><tr><th scope="col">Video</th>{heads}</tr>'
        f"</thead><tbody>{rows}</tbody></table>"
    )
    note = f'<div class="pvnb-note">{escape(_sum(measured))}</div>'
    return styled(f'<div class="pvnb pvnb-list pvnb-measured">{aligned(table) if shown else ""}{note}</div>')


def measured_text(measured: Mapping[str, Measurement]) -> str:
    """Return the same as aligned lines of plain text."""
    rows = [("", *(metric.label for metric in _SHOWN))]
    rows += [
        (_caption(caption), *(_number(getattr(measurement, metric.name)) for metric in _SHOWN))
        for caption, measurement in list(measured.items())[:_ROWS_SHOWN]
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    ]
    return "\n".join([*(line.rstrip() for line in lines if measured), _sum(measured)])


def _head(metric: Metric) -> str:
    unit = f'<div class="pvnb-unit">{escape(metric.unit)}</div>' if metric.unit else ""
    return f'<th scope="col" class="pvnb-number" title="{escape(metric.meaning)}">{escape(metric.label)}{unit}</th>'


def _row(caption: str, measurement: Measurement) -> str:
    cells = "".join(f'<td class="pvnb-number">{_number(getattr(measurement, metric.name))}</td>' for metric in _SHOWN)
    return f'<tr><th scope="row">{escape(_caption(caption))}</th>{cells}</tr>'


def _caption(caption: str) -> str:
    return masked(shortened(caption, longest=_CAPTION_SHOWN))


def _number(value: float | None) -> str:
    """Return a number as people read it, or a dash where there is nothing to measure."""
    if value is None:
        return "–"
    return str(value) if isinstance(value, int) else f"{value:.3f}" if abs(value) < 1 else f"{value:.1f}"


def _sum(measured: Mapping[str, Measurement]) -> str:
    more = len(measured) - _ROWS_SHOWN
    rest = f" … and {more} more like these." if more > 0 else ""
    return f"{_count(measured)} measured.{rest} {_ALL}"


def _count(measured: Mapping[str, Measurement]) -> str:
    return f"{len(measured)} {'video' if len(measured) == 1 else 'videos'}"
