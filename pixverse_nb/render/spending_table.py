"""The table of `client.spending()`, and its DataFrame."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.domain.spending import SpendingRow
from pixverse_nb.redaction import redact
from pixverse_nb.render.data_frame import data_frame
from pixverse_nb.render.formatting import shorten
from pixverse_nb.render.table import NOTHING, Column, Table, TableView, with_item_errors

_NUMBERS: Final = tuple(item.name for item in fields(SpendingRow) if item.name != "group")
_COLUMNS: Final = tuple(name for name in _NUMBERS if name != "unpriced")  # the summary has that number
_GROUP_LENGTH: Final = 32


@public_class()
@with_item_errors
class SpendingTable(TableView, tuple[SpendingRow, ...]):
    """What a home has spent, one row for each group (`by`); displays as a table.

    `total` is the sum, `per_video` the credits that each finished video with a known price has cost, with those of
    failed jobs (None if there is no such video).
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
        """Credits charged and not refunded, divided by the number of finished videos whose price is known."""
        total = self.total
        videos = total.videos - total.unpriced
        return (total.charged - total.refunded) / videos if videos else None

    def to_frame(self) -> Any:
        """Return a pandas DataFrame indexed by group. Needs `pixverse-nb[sweep]`."""
        rows = [{self.by: row.group, **{name: getattr(row, name) for name in _NUMBERS}} for row in self]
        return data_frame(rows, columns=[self.by, *_NUMBERS], index=self.by)

    def _table(self) -> Table:
        if not self:
            return Table(_summary(self))
        columns = (Column(self.by.capitalize(), "heading"), *(Column(name.capitalize(), "number") for name in _COLUMNS))
        rows = [_cells(row) for row in (*self, self.total)]
        return Table(_summary(self), columns, tuple(rows[:-1]), total=rows[-1])


def _cells(row: SpendingRow) -> tuple[str | int, ...]:
    return (shorten(redact(row.group), max_length=_GROUP_LENGTH) or NOTHING, *(getattr(row, name) for name in _COLUMNS))


def _summary(table: SpendingTable) -> str:
    if not table:
        return "Nothing has been charged yet."
    unit = "sandbox credits" if table.is_sandbox else "credits"
    unpriced = table.total.unpriced
    have = "video has" if unpriced == 1 else "videos have"
    without = f" {unpriced:,} finished {have} no known price." if unpriced else ""
    if table.per_video is None:
        return f"{without.strip() or 'No video is finished yet.'} All numbers of money are {unit}."
    return f"Cost per finished video: {table.per_video:,.1f} {unit}.{without}"
