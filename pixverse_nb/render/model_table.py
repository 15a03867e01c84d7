"""The table of models: the rows of the catalogue, also as Markdown."""

import re
from collections.abc import Sequence
from typing import Final

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.domain.catalogue import ModelSpec
from pixverse_nb.render.style import html, join
from pixverse_nb.render.table import CellValue, Column, Table, TableCell, TableView, with_item_errors

_PRICE: Final = "Credits for 5 s"
_COLUMNS: Final = ("Model", _PRICE, "Seconds", "Quality", "Aspect ratio", "Makes", "More fields", "Source")
_NOTE: Final = (
    "Credits are estimates at the default quality; when the vendor reports a price, that one is used. Off-peak and "
    "preview mode multiply them by the account's factors: see client.credits()."
)


@public_class()
@with_item_errors
class ModelTable(TableView, tuple[ModelSpec, ...]):
    """Models of the catalogue; displays as a table."""

    __slots__ = ()

    def _table(self) -> Table:
        columns = tuple(
            Column(title, "heading" if title == "Model" else "number" if title == _PRICE else "text")
            for title in _COLUMNS[:-1]
        )
        count = "1 model" if len(self) == 1 else f"{len(self)} models"
        return Table(count, columns, tuple(map(_row, self)), notes=(_NOTE,))


def model_table_markdown(models: Sequence[ModelSpec]) -> str:
    """Return the models as a Markdown table."""
    rows = [_COLUMNS, ["---"] * len(_COLUMNS), *map(_cells, models)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + f"\n\n{_NOTE}\n"


def _row(spec: ModelSpec) -> tuple[CellValue, ...]:
    """Return the cells of a model: the source is below its name, and the price is sorted as a number."""
    name, price, *others, fields, source = _cells(spec)
    breakable = join(html("{}<wbr>", part) for part in re.split("(?<=_)", fields))
    return (
        TableCell(name, details=(source,)),
        TableCell(price, order=_price(spec)),
        *others,
        TableCell(fields, breakable),
    )


def _cells(spec: ModelSpec) -> tuple[str, ...]:
    price = _price(spec)
    notes = (
        f"{spec.source} {spec.date}".strip(),
        f"{spec.plan} plan" if spec.plan else "",
        "withdrawn" if spec.is_withdrawn else "",
    )
    return (
        spec.name,
        "unknown" if price is None else f"{price} in {spec.default_quality}",
        _seconds(spec.durations),
        _qualities(spec),
        ", ".join(spec.aspect_ratios),
        ", ".join(spec.operations),
        ", ".join((*spec.switches, *(("seed",) if spec.takes_seed else ()))) or "–",
        ", ".join(note for note in notes if note),
    )


def _price(spec: ModelSpec) -> int | None:
    values = {"quality": spec.default_quality, "duration": 5 if 5 in spec.durations else spec.default_duration}
    return spec.price.estimate(values) if spec.price is not None else None


def _qualities(spec: ModelSpec) -> str:
    """Return the qualities by their number of lines; the default is marked if there are several."""
    ordered = sorted(spec.qualities, key=lambda quality: (len(quality), quality))
    if len(ordered) == 1:
        return ordered[0]
    return ", ".join(f"{quality} (default)" if quality == spec.default_quality else quality for quality in ordered)


def _seconds(durations: Sequence[int]) -> str:
    """Return "1–15", or the durations one by one if they are not consecutive."""
    first, last = durations[0], durations[-1]
    is_range = len(durations) > 2 and list(durations) == list(range(first, last + 1))
    return f"{first}–{last}" if is_range else ", ".join(map(str, durations))
