"""The table of `client.spending()`: HTML, text and a DataFrame."""

from collections.abc import Container, Iterable
from dataclasses import asdict, fields
from typing import Any, Final

from markupsafe import Markup

from pixverse_nb.domain.spending import SpendingRow
from pixverse_nb.errors import ConfigError
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import shorten
from pixverse_nb.render.style import header_cell, html, join, table_cell, text_div, with_stylesheet

_NUMBERS: Final = tuple(item.name for item in fields(SpendingRow) if item.name != "group")
_GROUP_LENGTH: Final = 32
_NO_GROUP: Final = "–"  # jobs of no sweep


class SpendingTable(tuple[SpendingRow, ...]):
    """What a home has spent, one row for each group (`by`); displays as a table.

    `total` is the sum, `per_video` the credits that each finished video has cost, with those of failed jobs (None if
    there is no video).
    """

    by: str
    is_sandbox: bool

    def __new__(cls, rows: Iterable[SpendingRow], *, by: str, is_sandbox: bool) -> "SpendingTable":
        """Return a table of these rows."""
        table = super().__new__(cls, rows)
        table.by, table.is_sandbox = by, is_sandbox
        return table

    @property
    def total(self) -> SpendingRow:
        """The sum of all rows."""
        return SpendingRow("Total", *(sum(getattr(row, name) for row in self) for name in _NUMBERS))

    @property
    def per_video(self) -> float | None:
        """Credits charged and not refunded, divided by the number of finished videos."""
        total = self.total
        return (total.charged - total.refunded) / total.videos if total.videos else None

    def to_frame(self) -> Any:
        """Return a pandas DataFrame indexed by group. Needs `pixverse-nb[sweep]`."""
        try:
            import pandas as pd  # type: ignore[import-untyped]  # it ships no types
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"This needs pandas ({error.name} is missing): pip install 'pixverse-nb[sweep]'."
            ) from error
        columns = ["group", *_NUMBERS]
        frame = pd.DataFrame([asdict(row) for row in self], columns=columns)
        return frame.rename(columns={"group": self.by}).set_index(self.by)

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(_table_html(self), repr(self)))

    def __repr__(self) -> str:
        if not self:
            return _summary(self)
        rows = [_head(self), *map(_cells, (*self, self.total))]
        first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
        lines = ["  ".join([name.ljust(first), *map(str.rjust, cells, widths)]).rstrip() for name, *cells in rows]
        return redact("\n".join([*lines, _summary(self)]))


def _table_html(table: SpendingTable) -> Markup:
    summary = text_div("pvnb-note", _summary(table))
    if not table:
        return with_stylesheet(html('<div class="pvnb pvnb-list">{}</div>', summary))
    name, *numbers = _head(table)
    head = join((header_cell(name), *(header_cell(number, "pvnb-number") for number in numbers)))
    rows = join(
        html(
            "<tr>{}{}</tr>",
            header_cell(group, "pvnb-wrap-cell", scope="row"),
            join(table_cell(cell, "pvnb-number") for cell in cells),
        )
        for group, *cells in map(_cells, (*table, table.total))
    )
    body = html('<table class="pvnb-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, rows)
    return with_stylesheet(html('<div class="pvnb pvnb-list">{}{}</div>', body, summary))


def _head(table: SpendingTable) -> tuple[str, ...]:
    return (table.by.capitalize(), *(name.capitalize() for name in _NUMBERS))


def _cells(row: SpendingRow) -> tuple[str, ...]:
    group = shorten(redact(row.group), max_length=_GROUP_LENGTH) or _NO_GROUP
    return (group, *(f"{getattr(row, name):,}" for name in _NUMBERS))


def _summary(table: SpendingTable) -> str:
    if not table:
        return "Nothing has been charged yet."
    unit = "sandbox credits" if table.is_sandbox else "credits"
    if table.per_video is None:
        return f"No video is finished yet. All numbers of money are {unit}."
    return f"Cost per finished video: {table.per_video:,.1f} {unit}."
