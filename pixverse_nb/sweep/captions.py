"""What sets a cell apart: its place on each axis as a plain value, to be read, sorted, filtered and tabulated by."""

import os
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import urlsplit

from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.render.formatting import shorten
from pixverse_nb.render.tiles import caption_from_values
from pixverse_nb.sweep.axes import PICTURES, Axes, Point

_NAME_SHOWN: Final = 40
_LEFT_OPEN: Final = {"aspect_ratio": "own ratio", "fit": "as it is", "prompt": "no prompt"}


def axis_values(axes: Axes, point: Point) -> dict[str, Any]:
    """Return where a cell lies on each axis; pictures by their names, what is left open in words."""
    return {
        name: picture_name(value, which=name, place=place) if name in PICTURES else _plain(name, value)
        for (name, value), place in zip(axes.varied(point).items(), point, strict=True)
    }


def picture_name(value: Any, *, which: str, place: int) -> str:
    """Return a picture of an axis by its file's name, else by its place: "first 2"."""
    if isinstance(value, UploadedFile):
        value = value.path
    if isinstance(value, str | os.PathLike):
        text = os.fsdecode(value)
        name = PurePath(urlsplit(text).path if "://" in text else text).stem
        if name:
            return shorten(name, max_length=_NAME_SHOWN)
    return f"{which} {place + 1}"


def cell_caption(values: dict[str, Any]) -> str:
    """Return the caption of a cell; "the only cell" where there is no axis."""
    return caption_from_values(values) or "the only cell"


def _plain(name: str, value: Any) -> Any:
    return _LEFT_OPEN.get(name, value) if value is None or value == "" else value
