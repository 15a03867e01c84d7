"""A figure by night: a copy of it with light letters and no paper, to be looked at in a dark notebook."""

import copy
import io
from collections.abc import Iterable
from typing import Any, Final

from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure

# By day -> by night: letters, quiet letters (a series too), lines, the paper between bars, matplotlib's own black, and
# the series, which keep their hue. What is not here stays as it is.
_NIGHT: Final = {
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
_PARTS: Final = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def night_png(figure: Figure, *, dpi: int) -> bytes | None:
    """Return the figure as a PNG for a dark page, as it stands now; None for one that cannot be copied."""
    try:
        dark = copy.deepcopy(figure)
    except (TypeError, NotImplementedError, AttributeError):  # a person's own artist: the figure stays as it is by day
        return None
    dark.draw_without_rendering()  # so that its ticks are there
    for artist in dark.findobj():
        _darken(artist)
    sink = io.BytesIO()
    dark.savefig(sink, format="png", dpi=dpi, transparent=True)
    return sink.getvalue()


def _darken(artist: Any) -> None:
    for part in _PARTS:
        read, write = getattr(artist, f"get_{part}", None), getattr(artist, f"set_{part}", None)
        if read is None or write is None:
            continue
        before = _colours(read())
        after = [_NIGHT.get(colour, colour) for colour in before]
        if after != before:
            write(after[0] if len(after) == 1 else after)


def _colours(told: Any) -> list[str]:
    """Return one colour, or the colours of a collection, in hexadecimal; those that are not seen are "none"."""
    is_many = not isinstance(told, str | tuple) and isinstance(told, Iterable) and getattr(told, "ndim", 1) == 2
    return [to_hex(one) if to_rgba(one)[3] else "none" for one in (told if is_many else [told])]
