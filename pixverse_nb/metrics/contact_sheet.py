"""Contact sheets: the first, middle and last frame of many videos in one image, to view or print."""

import math
import operator
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pixverse_nb.domain.validation import safe_repr
from pixverse_nb.errors import ConfigError, DownloadError, MeasureError
from pixverse_nb.metrics.executors import DaskClient, Executor, TaskResult, run_all
from pixverse_nb.metrics.frames import MOMENTS, Image, ImageDraw, ImageFont, Moment, Pixels, StillsRequest, read_stills
from pixverse_nb.mp4 import probe_mp4

_MIN_WIDTH_PX: Final = 320
_MAX_WIDTH_PX: Final = 20_000
_MIN_FRAME_WIDTH_PX: Final = 110
_MAX_HEIGHT_RATIO: Final = 1.25  # height by width; a taller sheet gets one more column
_DEFAULT_ASPECT: Final = 9 / 16  # height by width

# The characters of Pillow's built-in font besides ASCII, and replacements for others that captions use.
_FONT_CHARACTERS: Final = frozenset("·“”‘’…")
_REPLACEMENTS: Final = str.maketrans({"×": "x", "–": "-", "—": "-", "−": "-", "→": ">", "\u00a0": " ", "ß": "ss"})


@dataclass(frozen=True)
class SheetRow:
    """One video on the sheet: its caption, its file, and the text that replaces the frames if there is no file."""

    caption: str
    path: Path | None = None
    placeholder: str = "No video yet"


@dataclass(frozen=True)
class _Theme:
    background: str
    text: str
    muted_text: str
    border: str
    placeholder: str


_LIGHT: Final = _Theme("#ffffff", "#1f2328", "#6e7781", "#d0d7de", "#f6f8fa")
_DARK: Final = _Theme("#111111", "#e6e9ed", "#a3adb8", "#3d444d", "#1c1f24")


class ThemedSheet(Image.Image):
    """A contact sheet on white as a Pillow image; `dark` is the same sheet with dark margins (None in a copy).

    >>> ThemedSheet(Image.new("RGB", (8, 6), "white"), Image.new("RGB", (8, 6), "black")).size
    (8, 6)
    """

    dark: Image.Image | None = None

    def __init__(self, light: Image.Image, dark: Image.Image | None) -> None:
        super().__init__()
        self.im, self._mode, self._size = light.im, light.mode, light.size
        self.dark = dark


@dataclass(frozen=True)
class _Layout:
    """The positions on a sheet, in pixels. Each row is a caption and a strip of frames."""

    column_count: int
    rows_per_column: int
    frame_width: int
    frame_height: int
    strip_width: int
    gap: int
    gutter: int
    margin: int
    font_size: int

    @property
    def header_height(self) -> int:
        """The height of the line that names the moments."""
        return round(self.font_size * 1.9)

    @property
    def caption_height(self) -> int:
        return round(self.font_size * 1.75)

    @property
    def row_height(self) -> int:
        """The height of a row, including the space below it."""
        return self.caption_height + self.frame_height + round(self.font_size * 1.25)

    @property
    def height(self) -> int:
        """The height of the whole sheet."""
        rows_height = self.rows_per_column * self.row_height - round(self.font_size * 1.25)
        return 2 * self.margin + self.header_height + rows_height

    def row_position(self, number: int) -> tuple[int, int]:
        """Return the top left corner of a row. Rows fill the first column from top to bottom, then the next."""
        column, row = divmod(number, self.rows_per_column)
        left = self.margin + column * (self.strip_width + self.gutter)
        return left, self.margin + self.header_height + row * self.row_height


def make_contact_sheet(
    rows: Sequence[SheetRow],
    *,
    columns: Sequence[Moment] = ("first", "middle", "last"),
    width_px: int = 1920,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, TaskResult[tuple[Pixels, ...]]], object] | None = None,
) -> ThemedSheet:
    """Return an RGB image with the frames of every video under its caption, in a light and a dark version.

    `width_px` is the width of the image, at least 320. `columns` selects the frames. Many videos are laid out in
    several columns. A video that is missing or cannot be read is a box with the reason. `executor` and `on_done` are
    those of `executors.run_all`; its numbers count the rows that have a file. Raises ConfigError if there are no rows,
    or if `columns` or `width_px` is invalid.

    >>> make_contact_sheet([SheetRow("seed 7", Path("a.mp4")), SheetRow("seed 8")]).save("sheet.png")  # doctest: +SKIP
    """
    width_px = _check_arguments(rows, columns, width_px)
    layout = _choose_layout(len(rows), shown=len(columns), aspect=_first_aspect(rows), width_px=width_px)
    with_file = [number for number, row in enumerate(rows) if row.path is not None]
    requests = [
        StillsRequest(cast("Path", rows[number].path), tuple(columns), layout.frame_width, layout.frame_height)
        for number in with_file
    ]
    results = dict(zip(with_file, run_all(read_stills, requests, executor=executor, on_done=on_done), strict=True))
    light, dark = (
        _draw_sheet(rows, columns, results, _Canvas(layout, theme, width_px=width_px)) for theme in (_LIGHT, _DARK)
    )
    return ThemedSheet(light, dark)


def _draw_sheet(
    rows: Sequence[SheetRow],
    columns: Sequence[Moment],
    results: Mapping[int, TaskResult[tuple[Pixels, ...]]],
    canvas: "_Canvas",
) -> Image.Image:
    canvas.draw_headers(columns, count=len(rows))
    for number, row in enumerate(rows):
        canvas.draw_caption(number, row.caption)
        result = results.get(number)
        if result is None:
            canvas.draw_placeholder(number, row.placeholder)
        elif result.error is not None:
            canvas.draw_placeholder(number, _error_text(result.error))
        else:
            canvas.draw_frames(number, result.get())
    return canvas.image


def _check_arguments(rows: Sequence[SheetRow], columns: Sequence[str], width_px: int) -> int:
    """Return `width_px` as an int. Raises ConfigError."""
    if not rows:
        raise ConfigError("A contact sheet needs at least one row.")
    if not columns or not set(columns) <= set(MOMENTS):
        names = ", ".join(MOMENTS)
        raise ConfigError(f"columns must be a list of one or more of {names}; it is {columns!r}.")
    try:
        width = operator.index(width_px)
    except TypeError:
        width = 0
    if not _MIN_WIDTH_PX <= width <= _MAX_WIDTH_PX:
        wanted = f"a whole number from {_MIN_WIDTH_PX} to {_MAX_WIDTH_PX}"
        raise ConfigError(f"width_px must be {wanted}; it is {safe_repr(width_px):.60}.")
    return width


def _first_aspect(rows: Sequence[SheetRow]) -> float:
    """Return height by width of the first video that can be read; the videos of a sweep usually have one shape."""
    for row in rows:
        if row.path is None:
            continue
        try:
            info = probe_mp4(row.path)
        except DownloadError:
            continue
        return info.height / info.width
    return _DEFAULT_ASPECT


def _choose_layout(count: int, *, shown: int, aspect: float, width_px: int) -> _Layout:
    """Return the layout with the fewest columns that is not too tall, unless the frames would become too small."""
    chosen = _layout_with(1, count, shown=shown, aspect=aspect, width_px=width_px)
    for column_count in range(2, count + 1):
        candidate = _layout_with(column_count, count, shown=shown, aspect=aspect, width_px=width_px)
        if chosen.height <= _MAX_HEIGHT_RATIO * width_px or candidate.frame_width < _MIN_FRAME_WIDTH_PX:
            break
        chosen = candidate
    return chosen


def _layout_with(column_count: int, count: int, *, shown: int, aspect: float, width_px: int) -> _Layout:
    margin, gutter, gap = round(width_px * 0.025), round(width_px * 0.022), max(2, round(width_px * 0.003))
    strip_width = (width_px - 2 * margin - (column_count - 1) * gutter) // column_count
    frame_width = (strip_width - (shown - 1) * gap) // shown
    return _Layout(
        column_count=column_count,
        rows_per_column=math.ceil(count / column_count),
        frame_width=frame_width,
        frame_height=max(1, round(frame_width * aspect)),
        strip_width=strip_width,
        gap=gap,
        gutter=gutter,
        margin=margin,
        font_size=max(9, round(min(width_px / 80, strip_width / 22))),
    )


class _Canvas:
    """Draws one sheet into `image`."""

    def __init__(self, layout: _Layout, theme: _Theme, *, width_px: int) -> None:
        self.image = Image.new("RGB", (width_px, layout.height), theme.background)
        self._layout = layout
        self._theme = theme
        self._draw = ImageDraw.Draw(self.image)
        self._font = ImageFont.load_default(size=layout.font_size)
        self._small_font = ImageFont.load_default(size=max(8, round(layout.font_size * 0.8)))

    def draw_headers(self, columns: Sequence[str], *, count: int) -> None:
        """Write the names of the moments above every column that has a row."""
        layout = self._layout
        for column in range(math.ceil(count / layout.rows_per_column)):
            left, _ = layout.row_position(column * layout.rows_per_column)
            for index, moment in enumerate(columns):
                position = (left + index * (layout.frame_width + layout.gap), layout.margin)
                self._draw.text(position, moment.upper(), font=self._small_font, fill=self._theme.muted_text)

    def draw_caption(self, number: int, caption: str) -> None:
        """Write the caption of a row on one line."""
        left, top = self._layout.row_position(number)
        text = self._truncate(_to_font_characters(caption), self._layout.strip_width)
        self._draw.text((left, top), text, font=self._font, fill=self._theme.text)

    def draw_frames(self, number: int, frames: Sequence[Pixels]) -> None:
        """Draw the frames of a row side by side. A frame of another shape is centred."""
        layout = self._layout
        left, top = self._strip_position(number)
        for index, pixels in enumerate(frames):
            x = left + index * (layout.frame_width + layout.gap)
            height, width = pixels.shape[:2]
            if (width, height) != (layout.frame_width, layout.frame_height):
                box = (x, top, x + layout.frame_width - 1, top + layout.frame_height - 1)
                self._draw.rectangle(box, fill=self._theme.placeholder)
            position = (x + (layout.frame_width - width) // 2, top + (layout.frame_height - height) // 2)
            self.image.paste(Image.fromarray(pixels), position)

    def draw_placeholder(self, number: int, reason: str) -> None:
        """Draw a box that says why there is no video."""
        layout = self._layout
        left, top = self._strip_position(number)
        right, bottom = left + layout.strip_width - 1, top + layout.frame_height - 1
        self._draw.rectangle((left, top, right, bottom), fill=self._theme.placeholder, outline=self._theme.border)
        text_width = layout.strip_width - 4 * layout.font_size
        max_lines = max(1, layout.frame_height // round(layout.font_size * 1.4) - 1)
        lines = list(self._wrap(_to_font_characters(reason), text_width))
        if len(lines) > max_lines:
            lines = [*lines[: max_lines - 1], self._truncate(" ".join(lines[max_lines - 1 :]), text_width)]
        self._draw.multiline_text(
            ((left + right) / 2, (top + bottom) / 2),
            "\n".join(lines),
            font=self._font,
            fill=self._theme.muted_text,
            anchor="mm",
            align="center",
        )

    def _strip_position(self, number: int) -> tuple[int, int]:
        left, top = self._layout.row_position(number)
        return left, top + self._layout.caption_height

    def _truncate(self, text: str, width: int) -> str:
        """Return the text, shortened with an ellipsis if it is wider than `width` pixels."""
        if self._font.getlength(text) <= width:
            return text
        while text and self._font.getlength(f"{text}…") > width:
            text = text[:-1]
        return f"{text.rstrip()}…"

    def _wrap(self, text: str, width: int) -> Iterator[str]:
        line = ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self._font.getlength(longer) > width:
                yield self._truncate(line, width)
                longer = word
            line = longer
        yield self._truncate(line, width)


def _error_text(error: BaseException) -> str:
    return str(error) if isinstance(error, MeasureError) else f"The video cannot be read ({type(error).__name__})"


def _to_font_characters(text: str) -> str:
    """Return the text in the characters of the built-in font: without accents, and with "?" for other scripts."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_REPLACEMENTS))
    kept = (character for character in decomposed if not unicodedata.combining(character))
    return " ".join("".join(_to_font_character(character) for character in kept).split())


def _to_font_character(character: str) -> str:
    if character.isspace():
        return " "
    has_glyph = (character.isascii() and character.isprintable()) or character in _FONT_CHARACTERS
    return character if has_glyph else "?"
