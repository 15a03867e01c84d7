"""Plots of a sweep: a metric over an axis, an axis against an axis, and the jobs over the capacity, by matplotlib.

Figures are made without pyplot: no window, no state shared with the person's own plots. In a notebook each is shown by
day or by night, as its theme is; written to a file it stands on white.
"""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS
from pixverse_nb.render.themed import themed_html
from pixverse_nb.sweep.packing import packed

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pixverse_nb.sweep.night import night_png
except ModuleNotFoundError as error:
    raise ConfigError(f"Plots need matplotlib ({error.name} is missing): pip install 'pixverse-nb[sweep]'.") from error

Rows = Sequence[Mapping[str, Any]]

_PAPER, _INK, _QUIET, _LINE = "#ffffff", "#1f2328", "#6e7781", "#d0d7de"
_ON_DARK, _ON_LIGHT = "#fdfdfd", "#16191d"  # letters on a colour that is the same by night, as they are then
_COLOURS: Final = ("#2878d8", "#d9822b", "#2e8b57", "#a05195", "#6e7781", "#c0392b", "#008080", "#8c6d31")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")  # told apart without colour too
_DPI: Final = 192  # sharp on a dense screen
_SHOWN_DPI: Final = 96  # in a cell, where letters are then as large as those around them


@dataclass(frozen=True, repr=False)
class Plot:
    """A plot: it shows in a cell, `.save(path)` writes it (png, svg, pdf), `.figure` is matplotlib's, to be worked on.

    What a cell shows is the figure as it is then, in the notebook's theme.
    """

    figure: Figure
    about: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plot and return where it is."""
        target = Path(path).expanduser()
        target.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(target, dpi=_DPI)
        return target

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self._day_png(), {"width": self._width_px, "alt": self.about}

    def _repr_html_(self) -> str | None:
        night = night_png(self.figure, dpi=_DPI)
        if night is None:
            return None
        return themed_html(self._day_png(), night, media_type="image/png", width_px=self._width_px, alt=self.about)

    @property
    def _width_px(self) -> int:
        return round(self.figure.get_figwidth() * _SHOWN_DPI)

    def _day_png(self) -> bytes:
        sink = io.BytesIO()
        self.figure.savefig(sink, format="png", dpi=_DPI)
        return sink.getvalue()

    def __repr__(self) -> str:
        return f"<Plot: {self.about}>"


def metric_plot(rows: Rows, name: str, *, over: str, by: str | None, axes: Sequence[str]) -> Plot:
    """Return a metric over an axis, a line for each value of `by` (None: the other axis, where there are two).

    Every cell is a mark; where several share a place, the line goes through their mean.
    """
    _check(rows, name, over, by)
    if by is None:
        others = [axis for axis in axes if axis != over]
        by = others[0] if len(others) == 1 else None
    figure, canvas = _figure(f"{_label(name)} over {_words(over)}")
    groups = _distinct(row[by] for row in rows) if by is not None else [None]
    places = {value: place for place, value in enumerate(_distinct(row[over] for row in rows))}
    is_numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in places)
    for number, group in enumerate(groups):
        found: dict[Any, list[float]] = {}
        for row in rows:
            if (by is None or row[by] == group) and row[name] is not None:
                found.setdefault(row[over] if is_numeric else places[row[over]], []).append(row[name])
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        means = {place: sum(found[place]) / len(found[place]) for place in sorted(found)}
        is_single = all(len(values) == 1 for values in found.values())
        canvas.plot(
            list(means),
            list(means.values()),
            linewidth=1.4,
            markersize=5,
            color=colour,
            marker=marker if is_single else None,
        )
        if by is not None:  # with the mark, whether or not the line bears it
            canvas.plot([], [], label=f"{_words(by)} {group}", linewidth=1.4, markersize=5, color=colour, marker=marker)
        if not is_single:
            marks = [(place, value) for place, values in found.items() for value in values]
            canvas.plot(*zip(*marks, strict=True), linestyle="", markersize=5, color=colour, marker=marker, alpha=0.55)
    canvas.set_xlabel(_words(over))
    canvas.set_ylabel(_unit_label(name))
    if not is_numeric:
        canvas.set_xticks(range(len(places)), [str(value) for value in places])
    elif len(places) <= 24:
        canvas.set_xticks(sorted(places))
    if by is not None:
        canvas.legend(frameon=False, fontsize=9)
    return Plot(figure, f"{_label(name)} over {_words(over)}, {len(rows)} cells")


def matrix_plot(rows: Rows, name: str, *, down: str | None, across: str | None, axes: Sequence[str]) -> Plot:
    """Return a metric as a matrix of two axes; the mean where several cells meet, empty where there is none."""
    down = down or (axes[0] if axes else None)
    across = across or next((axis for axis in axes if axis != down), None)
    if down is None or across is None:
        raise InvalidRequest(
            {"rows": f"a matrix needs two axes, and this sweep has {len(axes)}: name rows= and columns="}, sends=False
        )
    _check(rows, name, down, across)
    downs, acrosses = _distinct(row[down] for row in rows), _distinct(row[across] for row in rows)
    if len(downs) > len(acrosses) * 2:  # a long axis lies better than it stands
        down, across, downs, acrosses = across, down, acrosses, downs
    means = [[_mean(rows, name, {down: one, across: other}) for other in acrosses] for one in downs]
    figure, canvas = _figure(
        f"{_label(name)}: {_words(down)} × {_words(across)}",
        size=(max(5.0, 1.6 + 0.62 * len(acrosses)), max(2.6, 1.5 + 0.5 * len(downs))),
    )
    shown = [[float("nan") if value is None else value for value in line] for line in means]
    image = canvas.imshow(shown, aspect="auto", cmap="viridis")
    known = [value for line in means for value in line if value is not None]
    light_from = min(known) + 0.5 * (max(known) - min(known))
    canvas.set_xticks(range(len(acrosses)), [str(value) for value in acrosses])
    canvas.set_yticks(range(len(downs)), [str(value) for value in downs])
    canvas.set_xlabel(_words(across))
    canvas.set_ylabel(_words(down))
    canvas.grid(visible=False)
    for y, line in enumerate(means):
        for x, value in enumerate(line):
            if value is not None:
                colour = _ON_LIGHT if value > light_from else _ON_DARK
                canvas.text(x, y, _number(value), ha="center", va="center", fontsize=8, color=colour)
    bar = figure.colorbar(image, ax=canvas, fraction=0.05, pad=0.02)
    bar.set_label(_unit_label(name), color=_QUIET)
    bar.ax.tick_params(colors=_QUIET, labelsize=9)
    bar.outline.set_visible(False)
    return Plot(figure, f"{_label(name)}, {_words(down)} against {_words(across)}")


def timeline_plot(rows: Rows, *, title: str) -> Plot:
    """Return the jobs over time, each in the first slot that was free, and how many ran at once beneath."""
    jobs = [row for row in rows if row["submitted_at"] is not None]
    if not jobs:
        raise InvalidRequest({"cells": "none of them was sent yet: there is no time to show"}, sends=False)
    latest = max(row["finished_at"] or row["submitted_at"] for row in jobs)
    spans = [(row["submitted_at"], row["finished_at"] or latest) for row in jobs]
    began = min(start for start, _ in spans)
    lanes = packed(spans)
    count = max(lanes) + 1
    figure, canvas = _figure(f"{title}, {len(jobs)} jobs in {count} slots", size=(8.4, 1.5 + 0.34 * count))
    for row, (start, end), lane in zip(jobs, spans, lanes, strict=True):
        is_done = row["state"] == "done"
        canvas.broken_barh(
            [(start - began, max(end - start, 1e-3))],
            (lane - 0.4, 0.8),
            facecolor=_COLOURS[0] if is_done else _COLOURS[1],
            hatch=None if is_done else "///",
            edgecolor=_PAPER,
            linewidth=1.0,
        )
        if (end - start) > (latest - began) / 30:
            middle = (start + end) / 2 - began
            canvas.text(middle, lane, str(row["cell"]), ha="center", va="center", fontsize=8, color="#fff")
    canvas.grid(visible=False, axis="y")
    canvas.grid(visible=True, axis="x", color=_LINE, linewidth=0.6)
    canvas.set_yticks(range(count), [str(lane + 1) for lane in range(count)])
    canvas.set_ylim(count - 0.4, -0.6)
    canvas.set_xlim(0, max(latest - began, 1e-3))
    canvas.set_xlabel("seconds since the first was sent (the number in a bar is its cell)")
    canvas.set_ylabel("slot")
    return Plot(figure, f"{len(jobs)} jobs over time")


# -- inside ------------------------------------------------------------------------------------------------------------


def _figure(title: str, *, size: tuple[float, float] = (7.2, 3.8)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, facecolor=_PAPER, layout="constrained")
    canvas = figure.add_subplot()
    canvas.set_title(title, loc="left", fontsize=11, color=_INK, pad=10)
    canvas.set_facecolor(_PAPER)
    canvas.grid(visible=True, axis="y", color=_LINE, linewidth=0.6)
    canvas.set_axisbelow(True)
    for side in ("top", "right"):
        canvas.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        canvas.spines[side].set_color(_LINE)
    canvas.tick_params(colors=_QUIET, labelsize=9)
    canvas.xaxis.label.set_color(_QUIET)
    canvas.yaxis.label.set_color(_QUIET)
    return figure, canvas


def _check(rows: Rows, name: str, *columns: str | None) -> None:
    known = rows[0] if rows else {}
    wrong = {
        which: f"no column {column!r}; there are {', '.join(known)}"
        for which, column in (("name", name), *(("over" if n == 0 else "by", c) for n, c in enumerate(columns)))
        if column is not None and column not in known
    }
    if not wrong and all(row[name] is None for row in rows):
        wrong["name"] = f"nothing is known of {name!r} yet: sweep.measure() measures the finished videos"
    elif not wrong and not all(row[name] is None or isinstance(row[name], int | float) for row in rows):
        wrong["name"] = f"{name!r} is no number, so it cannot be plotted"
    if wrong:
        raise InvalidRequest(wrong, sends=False)


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(values))


def _mean(rows: Rows, name: str, where: Mapping[str, Any]) -> float | None:
    found = [
        row[name] for row in rows if row[name] is not None and all(row[key] == value for key, value in where.items())
    ]
    return sum(found) / len(found) if found else None


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def _words(column: str) -> str:
    return column.replace("_", " ")


def _label(name: str) -> str:
    return next((metric.label for metric in (*METRICS, DIVERSITY) if metric.name == name), _words(name))


def _unit_label(name: str) -> str:
    unit = next((metric.unit for metric in (*METRICS, DIVERSITY) if metric.name == name), "")
    return f"{_label(name)} ({unit})" if unit else _label(name)
