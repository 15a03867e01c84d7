"""The contact sheet: first, middle and last frame of many films as one picture, to be looked at or printed."""

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pixverse_nb.errors import ConfigError, DownloadError, MeasureError
from pixverse_nb.measure.compute import DaskClient, Executor, Outcome, run_all
from pixverse_nb.measure.packages import Image, ImageDraw, ImageFont, Pixels
from pixverse_nb.measure.stills import MOMENTS, Moment, Wanted, take_stills
from pixverse_nb.mp4 import probe_mp4

_LEAST_WIDTH_PX: Final = 320
_LEAST_FRAME_PX: Final = 110
_TALLEST: Final = 1.25  # of the width; where it would be taller, the rows flow into one more column
_USUAL_SHAPE: Final = 9 / 16

# What Pillow's built-in font has beside ASCII, and what stands in for other signs that captions of ours use.
_HAS: Final = frozenset("·“”‘’…")
_STANDS_FOR: Final = str.maketrans({"×": "x", "–": "-", "—": "-", "−": "-", "→": ">", "\u00a0": " ", "ß": "ss"})


@dataclass(frozen=True)
class SheetRow:
    """One film on the sheet: its caption, its file, and the words that stand in its place where there is none."""

    caption: str
    path: Path | None = None
    line: str = "No video yet"


@dataclass(frozen=True)
class _Colours:
    """The colours of a sheet: its paper, its letters, the quiet ones, lines, and boxes without a frame."""

    paper: str
    ink: str
    quiet: str
    line: str
    empty: str


_DAY: Final = _Colours("#ffffff", "#1f2328", "#6e7781", "#d0d7de", "#f6f8fa")
_NIGHT: Final = _Colours("#111111", "#e6e9ed", "#a3adb8", "#3d444d", "#1c1f24")


class TwoSheets(Image.Image):
    """A contact sheet, which is a Pillow picture, and `by_night` the same one with dark margins (None in a copy)."""

    by_night: Image.Image | None = None

    def __init__(self, by_day: Image.Image, by_night: Image.Image | None) -> None:
        super().__init__()
        self.im, self._mode, self._size = by_day.im, by_day.mode, by_day.size
        self.by_night = by_night


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels: `across` columns of `down` rows, each of a caption and a strip of frames."""

    across: int
    down: int
    frame_width: int
    frame_height: int
    strip_width: int
    gap: int
    gutter: int
    margin: int
    letter: int

    @property
    def head(self) -> int:
        """The height of the line that names the moments."""
        return round(self.letter * 1.9)

    @property
    def caption(self) -> int:
        """The height of a caption."""
        return round(self.letter * 1.75)

    @property
    def row(self) -> int:
        """The height of a row with the space beneath it."""
        return self.caption + self.frame_height + round(self.letter * 1.25)

    @property
    def height(self) -> int:
        """The height of the whole sheet."""
        return 2 * self.margin + self.head + self.down * self.row - round(self.letter * 1.25)

    def corner(self, number: int) -> tuple[int, int]:
        """Return where row `number` begins: down the first column, then down the next."""
        column, place = divmod(number, self.down)
        return self.margin + column * (self.strip_width + self.gutter), self.margin + self.head + place * self.row


def contact_sheet(
    rows: Sequence[SheetRow],
    *,
    columns: Sequence[Moment] = ("first", "middle", "last"),
    width_px: int = 1920,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, Outcome[tuple[Pixels, ...]]], object] | None = None,
) -> TwoSheets:
    """Return one RGB picture, `width_px` wide, with the frames of every film under its caption.

    `columns` says which frames are shown. Many films flow into several columns. A film that is missing or cannot be
    read is an empty box with its words. `executor` and `on_done` are those of `compute.run_all`; numbers count the rows
    that have a file. Raises ConfigError for no rows, an unknown frame or a sheet under 320 px.

    It stands on white, and has a dark twin to be shown in a dark notebook (see `TwoSheets`).

    >>> contact_sheet([SheetRow("seed 7", Path("a.mp4")), SheetRow("seed 8")]).save("sheet.png")  # doctest: +SKIP
    """
    _check(rows, columns, width_px)
    layout = _layout(len(rows), shown=len(columns), shape=_shape(rows), width_px=width_px)
    there = [number for number, row in enumerate(rows) if row.path is not None]
    wanted = [
        Wanted(cast("Path", rows[number].path), tuple(columns), layout.frame_width, layout.frame_height)
        for number in there
    ]
    outcomes = dict(zip(there, run_all(take_stills, wanted, executor=executor, on_done=on_done), strict=True))
    day, night = (
        _drawn(rows, columns, outcomes, _Sheet(layout, colours, width_px=width_px)) for colours in (_DAY, _NIGHT)
    )
    return TwoSheets(day, night)


def _drawn(
    rows: Sequence[SheetRow],
    columns: Sequence[Moment],
    outcomes: Mapping[int, Outcome[tuple[Pixels, ...]]],
    sheet: "_Sheet",
) -> Image.Image:
    sheet.write_heads(columns, count=len(rows))
    for number, row in enumerate(rows):
        sheet.write_caption(number, row.caption)
        outcome = outcomes.get(number)
        if outcome is None:
            sheet.draw_empty(number, row.line)
        elif outcome.error is not None:
            sheet.draw_empty(number, _words(outcome.error))
        else:
            sheet.draw_frames(number, outcome.get())
    return sheet.picture


def _check(rows: Sequence[SheetRow], columns: Sequence[str], width_px: int) -> None:
    if not rows:
        raise ConfigError("A contact sheet needs at least one row.")
    if not columns or not set(columns) <= set(MOMENTS):
        raise ConfigError(f"columns must name some of {', '.join(MOMENTS)}; not {', '.join(columns) or 'nothing'}.")
    if width_px < _LEAST_WIDTH_PX:
        raise ConfigError(f"width_px must be at least {_LEAST_WIDTH_PX}, not {width_px}.")


def _shape(rows: Sequence[SheetRow]) -> float:
    """Return height by width of the first film that can be read: all of a sweep mostly have one shape."""
    for row in rows:
        if row.path is None:
            continue
        try:
            info = probe_mp4(row.path)
        except DownloadError:
            continue
        return info.height / info.width
    return _USUAL_SHAPE


def _layout(count: int, *, shown: int, shape: float, width_px: int) -> _Layout:
    """Return the layout with as few columns as keep the sheet from becoming much taller than wide, or a frame tiny."""
    found = _columns(1, count, shown=shown, shape=shape, width_px=width_px)
    for across in range(2, count + 1):
        more = _columns(across, count, shown=shown, shape=shape, width_px=width_px)
        if found.height <= _TALLEST * width_px or more.frame_width < _LEAST_FRAME_PX:
            break
        found = more
    return found


def _columns(across: int, count: int, *, shown: int, shape: float, width_px: int) -> _Layout:
    margin, gutter, gap = round(width_px * 0.025), round(width_px * 0.022), max(2, round(width_px * 0.003))
    strip = (width_px - 2 * margin - (across - 1) * gutter) // across
    frame = (strip - (shown - 1) * gap) // shown
    return _Layout(
        across=across,
        down=math.ceil(count / across),
        frame_width=frame,
        frame_height=max(1, round(frame * shape)),
        strip_width=strip,
        gap=gap,
        gutter=gutter,
        margin=margin,
        letter=max(9, round(min(width_px / 80, strip / 22))),
    )


class _Sheet:
    """The picture while it is drawn."""

    def __init__(self, layout: _Layout, colours: _Colours, *, width_px: int) -> None:
        self.picture = Image.new("RGB", (width_px, layout.height), colours.paper)
        self._layout = layout
        self._colours = colours
        self._pen = ImageDraw.Draw(self.picture)
        self._font = ImageFont.load_default(size=layout.letter)
        self._small = ImageFont.load_default(size=max(8, round(layout.letter * 0.8)))

    def write_heads(self, columns: Sequence[str], *, count: int) -> None:
        """Name the moments above every column that holds a row."""
        lay = self._layout
        for column in range(math.ceil(count / lay.down)):
            left, _ = lay.corner(column * lay.down)
            for place, moment in enumerate(columns):
                at = (left + place * (lay.frame_width + lay.gap), lay.margin)
                self._pen.text(at, moment.upper(), font=self._small, fill=self._colours.quiet)

    def write_caption(self, number: int, caption: str) -> None:
        """Write the caption of a row on one line."""
        left, top = self._layout.corner(number)
        text = self._cut(_writable(caption), self._layout.strip_width)
        self._pen.text((left, top), text, font=self._font, fill=self._colours.ink)

    def draw_frames(self, number: int, frames: Sequence[Pixels]) -> None:
        """Lay the frames of a row side by side, each in the middle of its place."""
        lay = self._layout
        left, top = self._strip(number)
        for place, pixels in enumerate(frames):
            x = left + place * (lay.frame_width + lay.gap)
            height, width = pixels.shape[:2]
            if (width, height) != (lay.frame_width, lay.frame_height):
                self._pen.rectangle(
                    (x, top, x + lay.frame_width - 1, top + lay.frame_height - 1), fill=self._colours.empty
                )
            at = (x + (lay.frame_width - width) // 2, top + (lay.frame_height - height) // 2)
            self.picture.paste(Image.fromarray(pixels), at)

    def draw_empty(self, number: int, line: str) -> None:
        """Draw a quiet box that says why there is no film."""
        lay = self._layout
        left, top = self._strip(number)
        right, bottom = left + lay.strip_width - 1, top + lay.frame_height - 1
        self._pen.rectangle((left, top, right, bottom), fill=self._colours.empty, outline=self._colours.line)
        fitting = max(1, lay.frame_height // round(lay.letter * 1.4) - 1)
        lines = list(self._wrapped(_writable(line), lay.strip_width - 4 * lay.letter))
        if len(lines) > fitting:
            lines = [*lines[: fitting - 1], self._cut(" ".join(lines[fitting - 1 :]), lay.strip_width - 4 * lay.letter)]
        middle = ((left + right) / 2, (top + bottom) / 2)
        text = "\n".join(lines)
        self._pen.multiline_text(middle, text, font=self._font, fill=self._colours.quiet, anchor="mm", align="center")

    def _strip(self, number: int) -> tuple[int, int]:
        left, top = self._layout.corner(number)
        return left, top + self._layout.caption

    def _cut(self, text: str, width: int) -> str:
        """Return the text, or as much of it as fits with an ellipsis."""
        if self._font.getlength(text) <= width:
            return text
        while text and self._font.getlength(f"{text}…") > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def _wrapped(self, text: str, width: int) -> Iterator[str]:
        line = ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self._font.getlength(longer) > width:
                yield self._cut(line, width)
                longer = word
            line = longer
        yield self._cut(line, width)


def _words(error: BaseException) -> str:
    return str(error) if isinstance(error, MeasureError) else f"Could not be read ({type(error).__name__})"


def _writable(text: str) -> str:
    """Return the text in letters that the built-in font has: accents are dropped, other scripts are question marks."""
    plain = unicodedata.normalize("NFKD", text.translate(_STANDS_FOR))
    kept = (letter for letter in plain if not unicodedata.combining(letter))
    return " ".join("".join(_letter(letter) for letter in kept).split())


def _letter(letter: str) -> str:
    if letter.isspace():
        return " "
    return letter if (letter.isascii() and letter.isprintable()) or letter in _HAS else "?"
