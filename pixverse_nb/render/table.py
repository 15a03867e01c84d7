"""The table: a summary, columns, rows with details and a total, as HTML and as plain text.

The HTML is complete without a script and without the stylesheet. Where scripts run, a script adds what a reader can do:
sort by a column, copy a reference, see how long ago a time was. The same values give the same HTML.
"""

import time
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, Self, TypeVar

from markupsafe import Markup

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.domain.validation import safe_repr
from pixverse_nb.errors import InvalidCall, UnknownItem
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import StateSeverity, shorten
from pixverse_nb.render.player import data_url
from pixverse_nb.render.style import html, join, text_div, with_stylesheet

C = TypeVar("C", bound=type)
T = TypeVar("T")
ColumnKind = Literal["text", "heading", "prose", "number", "ref", "picture"]

NOTHING: Final = "–"  # the text of a cell without a value
_PROSE_LENGTH: Final = 48  # in plain text
_HEADING_LENGTH: Final = 24  # up to which the heading of a row stays on one line


@dataclass(frozen=True)
class Column:
    """A column: its title, the `unit` below it, and what it means as a tooltip.

    A heading names its row, numbers are right-aligned, prose may be broken anywhere, and pictures are left out of plain
    text.
    """

    title: str
    kind: ColumnKind = "text"
    unit: str = ""
    meaning: str = ""


@dataclass(frozen=True)
class TableCell:
    """A cell that is more than a text or a number; the functions below make the usual ones.

    `content` is the HTML of `text`. `aside` is a remark of a few words, `details` are sentences; both are below it.
    Rows are sorted by `order` if it is given, else by the text. `tooltip` is shown by the pointer.
    """

    text: str = ""
    content: Markup | None = None
    aside: str = ""
    details: tuple[str, ...] = ()
    order: float | None = None
    tooltip: str = ""


CellValue = TableCell | str | int | float | None


def state_cell(label: str, severity: StateSeverity, details: Iterable[str] = (), *, tooltip: str = "") -> TableCell:
    """Return a cell with a dot in the colour of `severity`."""
    content = html('<span class="pvnb-nowrap pvnb-{}"><span class="pvnb-dot"></span>{}</span>', severity, label)
    return TableCell(label, content, details=tuple(filter(None, details)), tooltip=tooltip)


def time_cell(at: float | None, *, aside: str = "", is_exact: bool = False) -> TableCell:
    """Return a cell with the local time of `at` (Unix seconds); an exact time has seconds.

    Where scripts run, any other time is shown as "3 min ago", so that the saved HTML does not depend on the present.
    """
    if at is None:
        return TableCell()
    text = time.strftime("%Y-%m-%d %H:%M:%S" if is_exact else "%Y-%m-%d %H:%M", time.localtime(at))
    content = html('<time class="pvnb-nowrap"{}>{}</time>', "" if is_exact else html(' data-at="{:.0f}"', at), text)
    return TableCell(text, content, aside, order=round(at, 3))


def code_cell(code: str, *, call: str = "") -> TableCell:
    """Return a cell with a reference that can be copied, and below it a button that copies `call`."""
    again = html('<div class="pvnb-again" data-copy="{}" data-label="Use again"></div>', call) if call else ""
    return TableCell(code, html('<span class="pvnb-mono" data-copy="{0}">{0}</span>{1}', code, again))


def picture_cell(jpeg: bytes | None) -> TableCell:
    """Return a cell with a small picture, or an empty one. The picture is saved in the notebook, so keep it small."""
    if jpeg is None:
        return TableCell()
    source = data_url(jpeg, "image/jpeg")
    return TableCell(content=html('<img class="pvnb-table-picture" width="56" alt="" src="{}">', source))


@dataclass(frozen=True)
class Table:
    """A table as values: the summary comes first, then lines and warnings, then the rows, a total and notes."""

    summary: str
    columns: tuple[Column, ...] = ()
    rows: tuple[Sequence[CellValue], ...] = ()
    total: Sequence[CellValue] | None = None
    lines: tuple[str | Markup, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_narrow: bool = False  # no wider than its contents

    def html(self) -> Markup:
        """Return the table as HTML with its stylesheet, and with its script if there is something to sort or copy."""
        body = html(
            '<div class="pvnb pvnb-list"><div class="pvnb-table-summary">{}</div>{}{}{}{}</div>',
            self.summary,
            join(html('<div class="pvnb-line">{}</div>', line) for line in self.lines if line),
            join(text_div("pvnb-warning", text) for text in self.warnings),
            self._grid() if self.rows else "",
            join(text_div("pvnb-note", text) for text in self.notes),
        )
        has_actions = len(self.rows) > 1 or "data-copy" in body or "data-at" in body
        return html("{}{}", with_stylesheet(body), _script() if has_actions else "")

    def text(self) -> str:
        """Return the table as aligned lines of plain text; the details of a row are indented below it."""
        lines = [self.summary, *(line.striptags() if isinstance(line, Markup) else line for line in self.lines)]
        lines += [*self.warnings, *self._text_rows(), *self.notes]
        return redact("\n".join(line for line in lines if line))

    def bundle(self) -> dict[str, str]:
        """Return the table as the MIME bundle of an output."""
        return dict(mime_bundle(self.html(), self.text()))

    def _grid(self) -> Markup:
        total = html("<tfoot>{}</tfoot>", self._row(self.total)) if self.total else ""
        return html(
            '<div class="pvnb-table-scroll"><table class="pvnb-table{}" aria-label="{}"><thead><tr>{}</tr></thead>'
            "<tbody>{}</tbody>{}</table></div>",
            " pvnb-table-narrow" if self.is_narrow else "",
            self.summary,
            join(_head(column) for column in self.columns),
            join(map(self._row, self.rows)),
            total,
        )

    def _row(self, row: Sequence[CellValue]) -> Markup:
        return html(
            "<tr>{}</tr>", join(_cell(column, _as_cell(value)) for column, value in zip(self.columns, row, strict=True))
        )

    def _text_rows(self) -> list[str]:
        if not self.rows:
            return []
        shown = [number for number, column in enumerate(self.columns) if column.kind != "picture"]
        columns = [self.columns[number] for number in shown]
        rows = [
            [_as_cell(row[number]) for number in shown] for row in (*self.rows, *([self.total] if self.total else []))
        ]
        head = [f"{column.title} ({column.unit})" if column.unit else column.title for column in columns]
        texts = [head, *(list(map(_plain, columns, row)) for row in rows)]
        widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
        lines = [_aligned(columns, line, widths) for line in texts]
        details = [[], *([f"    {text}" for cell in row for text in cell.details] for row in rows)]
        return [text for line, below in zip(lines, details, strict=True) for text in (line, *below)]


class TableView:
    """A value that displays as a table; a subclass returns it from `_table`."""

    __slots__ = ()

    def _table(self) -> Table:
        raise NotImplementedError

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return self._table().bundle()

    def __repr__(self) -> str:
        return self._table().text()


def with_item_errors(cls: C) -> C:
    """Make a class of lists or tuples raise UnknownItem or InvalidCall for a wrong index."""
    sequence: Any = cls  # a class in general has no `__getitem__`
    get_item = sequence.__getitem__

    def get(self: Any, index: Any) -> Any:
        try:
            return get_item(self, index)
        except IndexError as error:
            problem = f"there is no index {safe_repr(index):.60} in a list of length {len(self)}"
            raise UnknownItem({"index": problem}, sends=False) from error
        except TypeError as error:
            problem = f"must be a whole number or a slice, not {safe_repr(index):.60}"
            raise InvalidCall({"index": problem}, sends=False) from error

    sequence.__getitem__ = get
    return cls


@public_class()
@with_item_errors
class TableList(TableView, list[T]):
    """A list that displays as the table that `make_table` makes of it."""

    def __init__(self, values: Iterable[T], make_table: Callable[[Sequence[T]], Table]) -> None:
        super().__init__(values)
        self._make_table = make_table

    def _table(self) -> Table:
        return self._make_table(self)


@public_class()
@with_item_errors
class TableTuple(TableView, tuple[T, ...]):
    """A tuple that displays as the table that `make_table` makes of it."""

    _make_table: Callable[[Sequence[T]], Table]

    def __new__(cls, values: Iterable[T], make_table: Callable[[Sequence[T]], Table]) -> Self:
        """Return a tuple of `values`."""
        new = super().__new__(cls, values)
        new._make_table = make_table
        return new

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self), self._make_table

    def _table(self) -> Table:
        return self._make_table(self)


# -- HTML and text of one cell ---------------------------------------------------------------------------------------


def _as_cell(value: CellValue) -> TableCell:
    match value:
        case TableCell():
            return value
        case None:
            return TableCell(NOTHING)
        case str():
            return TableCell(value)
        case float():
            return TableCell(f"{value:.3f}" if 0 < abs(value) < 1 else f"{value:,.1f}", order=value)
        case _:
            return TableCell(f"{value:,}", order=value)


def _head(column: Column) -> Markup:
    if not column.title:  # a heading without words is announced as an empty one
        return _element("td", column, "")
    label = html("{}{}", column.title, text_div("pvnb-unit", column.unit))
    return _element("th", column, label, title=column.meaning, scope="col")


def _cell(column: Column, cell: TableCell) -> Markup:
    is_short = column.kind == "heading" and len(cell.text) <= _HEADING_LENGTH
    text = html('<span class="pvnb-nowrap">{}</span>', cell.text) if is_short else cell.text
    content = html(
        "{}{}{}",
        text if cell.content is None else cell.content,
        text_div("pvnb-aside", cell.aside),
        join(text_div("pvnb-line", text) for text in cell.details),
    )
    order = "" if cell.order is None or f"{cell.order:g}" == cell.text else f"{cell.order}"
    tag, scope = ("th", "row") if column.kind == "heading" else ("td", "")
    return _element(tag, column, content, scope=scope, title=cell.tooltip, **{"data-order": order})


def _element(tag: str, column: Column, content: object, **attributes: str) -> Markup:
    # JupyterLab right-aligns table cells; without our stylesheet only an inline style overrides that.
    side = "right" if column.kind == "number" else "left"
    css_class = "" if column.kind in ("text", "heading") else f"pvnb-{column.kind}"
    given = {"class": css_class, **attributes, "style": f"text-align:{side}"}
    text = join(html(' {}="{}"', name, value) for name, value in given.items() if value)
    return html("<{tag}{attributes}>{content}</{tag}>", tag=tag, attributes=text, content=content)


def _plain(column: Column, cell: TableCell) -> str:
    text = redact(cell.text)  # before the columns are aligned
    if column.kind == "prose":
        text = shorten(text, max_length=_PROSE_LENGTH)
    return ", ".join(filter(None, (text, cell.aside)))


def _aligned(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> str:
    cells = (
        text.rjust(width) if column.kind == "number" else text.ljust(width)
        for column, text, width in zip(columns, texts, widths, strict=True)
    )
    return "  ".join(cells).rstrip()


@cache
def _script() -> Markup:
    """Return the script of a table. A code host that shows it as text hides what is in the comment."""
    code = files("pixverse_nb.render").joinpath("table.js").read_text(encoding="utf-8").strip()
    return Markup(f"<script><!--\n{code}\n//--></script>")  # noqa: S704  our own file
