"""Plots of a sweep by matplotlib, and its contact sheet; each has a light and a dark version for notebooks.

Figures are made without pyplot: no window, and no state shared with the user's own plots. Saved plots are on white.
"""

import copy
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.arguments import as_path, file_errors
from pixverse_nb.domain.validation import safe_repr
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.metrics.contact_sheet import SheetRow, ThemedSheet, make_contact_sheet
from pixverse_nb.metrics.definitions import DIVERSITY, METRICS
from pixverse_nb.metrics.executors import DaskClient, Executor
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import html, with_stylesheet

try:
    from matplotlib.axes import Axes
    from matplotlib.colors import to_hex, to_rgba
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise ConfigError(f"Plots need matplotlib ({error.name} is missing): pip install 'pixverse-nb[sweep]'.") from error

Rows = Sequence[Mapping[str, Any]]

_BACKGROUND, _TEXT, _MUTED, _LINE = "#ffffff", "#1f2328", "#6e7781", "#d0d7de"
_ON_DARK, _ON_LIGHT = "#fdfdfd", "#16191d"  # text on a colour that is the same in both themes, so it must be too
_COLOURS: Final = ("#2878d8", "#d9822b", "#2e8b57", "#a05195", "#6e7781", "#c0392b", "#008080", "#8c6d31")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "*")  # distinguish the lines without colour too
_DPI: Final = 192  # sharp on a dense screen
_PLOT_FILES: Final = (".png", ".svg", ".pdf")
_SHOWN_DPI: Final = 96  # in a cell, so that texts are as large as those around the plot
_TICKS_MAX: Final = 24  # of numbers; matplotlib selects the ticks if there are more
_JPEG_QUALITY: Final = 88  # of the contact sheet in the notebook; `.save()` has its own default


@dataclass(frozen=True, repr=False)
class Plot:
    """A plot that displays in a cell in the notebook's theme; `figure` is matplotlib's and can be changed.

    >>> plot = sweep.plot_metric("motion_percent")  # doctest: +SKIP
    >>> plot.save("motion.svg")  # doctest: +SKIP
    """

    figure: Figure
    about: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the plot to a .png, .svg or .pdf file and return its path."""
        target = as_path(path)
        if target.suffix.lower() not in _PLOT_FILES:
            raise InvalidRequest({"path": f"must end in .png, .svg or .pdf, not {target.name!r:.80}"}, sends=False)
        with file_errors(target, "written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            self.figure.savefig(target, dpi=_DPI)
        return target

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self._light_png(), {"width": self._width_px, "alt": self.about}

    def _repr_html_(self) -> str | None:
        dark = dark_png(self.figure, dpi=_DPI)
        if dark is None:
            return None
        return themed_html(self._light_png(), dark, media_type="image/png", width_px=self._width_px, alt=self.about)

    @property
    def _width_px(self) -> int:
        return round(self.figure.get_figwidth() * _SHOWN_DPI)

    def _light_png(self) -> bytes:
        sink = io.BytesIO()
        self.figure.savefig(sink, format="png", dpi=_DPI)
        return sink.getvalue()

    def __repr__(self) -> str:
        return f"<Plot: {self.about}>"


def metric_plot(rows: Rows, name: str, *, over: str, by: str | None, axes: Sequence[str]) -> Plot:
    """Return the plot of a column over an axis, with one line for each value of `by` (None: the other axis of two).

    Every cell is a marker. If several cells share a position, the line goes through their mean. Over seeds there are
    only markers, because nothing lies between two seeds.
    """
    _check(rows, name, over=over, **({} if by is None else {"by": by}))
    if by is None:
        others = [axis for axis in axes if axis != over]
        by = others[0] if len(others) == 1 else None
    figure, ax = _figure(f"{_label(name)} over {_column_label(over)}")
    positions = {value: position for position, value in enumerate(_distinct(row[over] for row in rows))}
    is_numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in positions)
    for number, group in enumerate(_distinct(row[by] for row in rows) if by is not None else [None]):
        values: dict[Any, list[float]] = {}  # by position
        for row in rows:
            if (by is None or row[by] == group) and row[name] is not None:
                values.setdefault(row[over] if is_numeric else positions[row[over]], []).append(row[name])
        label = f"{_column_label(by)} {group}" if by is not None else None
        _draw_values(ax, values, number=number, label=label, is_line=over != "seed")
    ax.set_xlabel(_column_label(over))
    ax.set_ylabel(_unit_label(name))
    if not is_numeric:
        ax.set_xticks(range(len(positions)), [str(value) for value in positions])
    elif len(positions) <= _TICKS_MAX:
        ax.set_xticks(sorted(positions))
    if by is not None:
        ax.legend(frameon=False, fontsize=9)
    return Plot(figure, f"{_label(name)} over {_column_label(over)}, {len(rows)} cells")


def _draw_values(
    ax: Axes, values: Mapping[Any, Sequence[float]], *, number: int, label: str | None, is_line: bool
) -> None:
    """Draw a marker for each value and, for `is_line`, a line through the mean at each position."""
    style: dict[str, Any] = {"color": _COLOURS[number % len(_COLOURS)], "markersize": 5, "linewidth": 1.4}
    marker = _MARKERS[number % len(_MARKERS)]
    if is_line:
        xs = sorted(values)
        ax.plot(xs, [sum(values[x]) / len(values[x]) for x in xs], **style)
    is_single = all(len(some) == 1 for some in values.values())
    points = [(x, value) for x, some in values.items() for value in some]
    ax.plot(*zip(*points, strict=True), linestyle="", marker=marker, alpha=1 if is_single else 0.55, **style)
    if label is not None:  # an empty line, so that the legend shows the line and the marker as one
        ax.plot([], [], label=label, linestyle="-" if is_line else "", marker=marker, **style)


def matrix_plot(rows: Rows, name: str, *, row_axis: str | None, column_axis: str | None, axes: Sequence[str]) -> Plot:
    """Return the plot of a column as a matrix of two axes.

    An entry is the mean of its cells, or empty if there are none. The axes default to the first two of `axes`.
    """
    if row_axis is None:
        row_axis = axes[0] if axes else None
    if column_axis is None:
        column_axis = next((axis for axis in axes if not isinstance(row_axis, str) or axis != row_axis), None)
    if row_axis is None or column_axis is None:
        raise InvalidRequest(
            {"rows": f"a matrix needs two axes, but this sweep has {len(axes)}: pass rows= and columns="}, sends=False
        )
    _check(rows, name, rows=row_axis, columns=column_axis)
    row_values, column_values = _distinct(row[row_axis] for row in rows), _distinct(row[column_axis] for row in rows)
    if len(row_values) > len(column_values) * 2:  # wide plots fit a notebook better than tall ones
        row_axis, column_axis, row_values, column_values = column_axis, row_axis, column_values, row_values
    means = [
        [_mean(rows, name, {row_axis: row, column_axis: column}) for column in column_values] for row in row_values
    ]
    figure, ax = _figure(
        f"{_label(name)}: {_column_label(row_axis)} × {_column_label(column_axis)}",
        size=(max(5.0, 1.6 + 0.62 * len(column_values)), max(2.6, 1.5 + 0.5 * len(row_values))),
    )
    shown = [[float("nan") if value is None else value for value in line] for line in means]
    image = ax.imshow(shown, aspect="auto", cmap="viridis")
    known = [value for line in means for value in line if value is not None]
    light_from = min(known) + 0.5 * (max(known) - min(known))
    ax.set_xticks(range(len(column_values)), [str(value) for value in column_values])
    ax.set_yticks(range(len(row_values)), [str(value) for value in row_values])
    ax.set_xlabel(_column_label(column_axis))
    ax.set_ylabel(_column_label(row_axis))
    ax.grid(visible=False)
    for y, line in enumerate(means):
        for x, value in enumerate(line):
            if value is not None:
                colour = _ON_LIGHT if value > light_from else _ON_DARK
                ax.text(x, y, _number(value), ha="center", va="center", fontsize=8, color=colour)
    bar = figure.colorbar(image, ax=ax, fraction=0.05, pad=0.02)
    bar.set_label(_unit_label(name), color=_MUTED)
    bar.ax.tick_params(colors=_MUTED, labelsize=9)
    bar.outline.set_visible(False)
    return Plot(figure, f"{_label(name)}, {_column_label(row_axis)} against {_column_label(column_axis)}")


# -- figures ---------------------------------------------------------------------------------------------------------


def _figure(title: str, *, size: tuple[float, float] = (7.2, 3.8)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, facecolor=_BACKGROUND, layout="constrained")
    ax = figure.add_subplot()
    ax.set_title(title, loc="left", fontsize=11, color=_TEXT, pad=10)
    ax.set_facecolor(_BACKGROUND)
    ax.grid(visible=True, axis="y", color=_LINE, linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(_LINE)
    ax.tick_params(colors=_MUTED, labelsize=9)
    ax.xaxis.label.set_color(_MUTED)
    ax.yaxis.label.set_color(_MUTED)
    return figure, ax


def _check(data: Rows, name: str, **columns: str) -> None:
    """Raise InvalidRequest if `name` or one of `columns` (by argument) is no column, or if `name` has no numbers."""
    known = data[0] if data else {}
    wrong = {
        argument: f"no column {safe_repr(column):.60}; the columns are {', '.join(known)}"
        for argument, column in {"name": name, **columns}.items()
        if not isinstance(column, str) or column not in known
    }
    if not wrong and all(row[name] is None for row in data):
        wrong["name"] = f"{name!r} has no values yet; sweep.measure() measures the finished videos"
    elif not wrong and not all(row[name] is None or isinstance(row[name], int | float) for row in data):
        wrong["name"] = f"{name!r} is not a number and cannot be plotted"
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


def _column_label(column: str) -> str:
    return column.replace("_", " ")


def _label(name: str) -> str:
    return next((metric.label for metric in (*METRICS, DIVERSITY) if metric.name == name), _column_label(name))


def _unit_label(name: str) -> str:
    unit = next((metric.unit for metric in (*METRICS, DIVERSITY) if metric.name == name), "")
    return f"{_label(name)} ({unit})" if unit else _label(name)


# -- the dark version ------------------------------------------------------------------------------------------------

# The dark colour for each light one: text, muted text (also a line of a plot), rules, the background, matplotlib's own
# black, and the lines of a plot, which keep their hue. Other colours stay.
_DARK_COLOURS: Final = {
    "#1f2328": "#e6e9ed",
    "#6e7781": "#a3adb8",
    "#d0d7de": "#3d444d",
    "#ffffff": "#111111",
    "#000000": "#e6e9ed",
    "#2878d8": "#5ea4f5",
    "#d9822b": "#f0a150",
    "#2e8b57": "#4fbf7f",
    "#a05195": "#cb86c2",
    "#c0392b": "#ec7063",
    "#008080": "#2fb8b8",
    "#8c6d31": "#c9a25a",
}
_COLOUR_PROPERTIES: Final = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def dark_png(figure: Figure, *, dpi: int) -> bytes | None:
    """Return a copy of the figure in dark colours, without a background, as a PNG; None if it cannot be copied."""
    try:
        dark = copy.deepcopy(figure)
    except (TypeError, NotImplementedError, AttributeError):  # an artist of the user's own
        return None
    dark.draw_without_rendering()  # creates the ticks
    for artist in dark.findobj():
        _darken(artist)
    sink = io.BytesIO()
    dark.savefig(sink, format="png", dpi=dpi, transparent=True)
    return sink.getvalue()


def _darken(artist: Any) -> None:
    for name in _COLOUR_PROPERTIES:
        read, write = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
        if read is None or write is None:
            continue
        before = _hex_colours(read())
        after = [_DARK_COLOURS.get(colour, colour) for colour in before]
        if after != before:
            write(after[0] if len(after) == 1 else after)


def _hex_colours(value: Any) -> list[str]:
    """Return one colour, or those of a collection, in hexadecimal; transparent ones are "none"."""
    is_many = not isinstance(value, str | tuple) and isinstance(value, Iterable) and getattr(value, "ndim", 1) == 2
    return [to_hex(one) if to_rgba(one)[3] else "none" for one in (value if is_many else [value])]


# -- the contact sheet -----------------------------------------------------------------------------------------------


class ContactSheet(ThemedSheet):
    """A Pillow image that displays in the notebook's theme; `.save("x.png")` writes the version on white."""

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:  # noqa: A002 - Pillow's name
        """Write the sheet on white as Pillow does. Raises FileError if the file cannot be written."""
        with file_errors(as_path(fp), "written") if isinstance(fp, str | os.PathLike) else nullcontext():
            super().save(fp, format, **params)

    def _repr_html_(self) -> str | None:
        if self.dark is None:
            return None
        light, dark = _jpeg(self), _jpeg(self.dark)
        return themed_html(light, dark, media_type="image/jpeg", width_px=self.width, alt=self._about)

    def _repr_jpeg_(self) -> Any:
        return _jpeg(self)

    def _repr_png_(self) -> Any:
        """Return nothing: as a PNG the frames would take many times the space."""
        return

    def __repr__(self) -> str:
        return f"<{self._about}>"

    @property
    def _about(self) -> str:
        return f"Contact sheet, {self.width} × {self.height} pixels"


def make_themed_sheet(
    rows: Sequence[SheetRow], *, width_px: int, executor: Executor | DaskClient | None
) -> ContactSheet:
    """Return the contact sheet of these rows; see `metrics.contact_sheet.make_contact_sheet`."""
    sheet = make_contact_sheet(rows, width_px=width_px, executor=executor)
    return ContactSheet(sheet, sheet.dark)


def _jpeg(image: Any) -> bytes:
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=_JPEG_QUALITY)
    return sink.getvalue()


# -- light and dark in one output ------------------------------------------------------------------------------------

# JupyterLab and nbconvert, VS Code, Colab.
_DARK_SELECTORS: Final = (
    '[data-jp-theme-light="false"]',
    ".vscode-dark",
    ".vscode-high-contrast:not(.vscode-high-contrast-light)",
    'html[theme="dark"]',
)
# JupyterLab's sanitizer removes a `hidden` that has no value.
_TEMPLATE: Final = (
    "<style>.pvnb.pvnb-themed{{max-width:none}}"
    + ",".join(f"{selector} .pvnb .pvnb-light-image" for selector in _DARK_SELECTORS)
    + "{{display:none}}"
    + ",".join(f"{selector} .pvnb .pvnb-dark-image" for selector in _DARK_SELECTORS)
    + "{{display:block}}</style>"
    '<div class="pvnb pvnb-themed">'
    '<img class="pvnb-light-image" style="width:{width}px;max-width:100%;height:auto" alt="{alt}" src="{light}">'
    '<img class="pvnb-dark-image" hidden="hidden" style="width:{width}px;max-width:100%;height:auto" alt="{alt}" '
    'src="{dark}"></div>'
)


def themed_html(light: bytes, dark: bytes, *, media_type: str, width_px: int, alt: str) -> str:
    """Return both versions of an image as HTML; the notebook's theme selects one by CSS, without a script.

    The image is at most `width_px` pixels wide. An untrusted JupyterLab drops the stylesheet; then only the light
    version shows, because the dark one has the `hidden` attribute.
    """
    return with_stylesheet(
        html(
            _TEMPLATE,
            width=width_px,
            alt=alt,
            light=data_url(light, media_type),
            dark=data_url(dark, media_type),
        )
    )
