"""The table of models: the rows of the catalogue, also as Markdown."""

from collections.abc import Sequence
from typing import Final

from pixverse_nb.domain.catalogue import ModelSpec
from pixverse_nb.render.table import Column, Table, TableView, with_item_errors

_PRICE: Final = "Credits for 5 s"
_COLUMNS: Final = ("Model", _PRICE, "Seconds", "Quality", "Aspect ratio", "Makes", "More fields", "Source")
_NOTE: Final = (
    "The default quality comes first. Credits are estimates at the default quality; when the vendor reports a price, "
    "that one is used. Off-peak and preview mode multiply them by the account's factors: see client.credits()."
)


@with_item_errors
class ModelTable(TableView, tuple[ModelSpec, ...]):
    """Models of the catalogue; displays as a table."""

    __slots__ = ()

    def _table(self) -> Table:
        columns = tuple(
            Column(title, "heading" if title == "Model" else "number" if title == _PRICE else "text")
            for title in _COLUMNS
        )
        count = "1 model" if len(self) == 1 else f"{len(self)} models"
        return Table(count, columns, tuple(map(_cells, self)), notes=(_NOTE,))


def model_table_markdown(models: Sequence[ModelSpec]) -> str:
    """Return the models as a Markdown table."""
    rows = [_COLUMNS, ["---"] * len(_COLUMNS), *map(_cells, models)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + f"\n\n{_NOTE}\n"


def _cells(spec: ModelSpec) -> tuple[str, ...]:
    others = [quality for quality in spec.qualities if quality != spec.default_quality]
    values = {"quality": spec.default_quality, "duration": 5 if 5 in spec.durations else spec.default_duration}
    price = spec.price.estimate(values) if spec.price is not None else None
    notes = (
        f"{spec.source} {spec.date}".strip(),
        f"{spec.plan} plan" if spec.plan else "",
        "withdrawn" if spec.is_withdrawn else "",
    )
    return (
        spec.name,
        "unknown" if price is None else str(price),
        _seconds(spec.durations),
        " ".join((spec.default_quality, *others)),
        " ".join(spec.aspect_ratios),
        ", ".join(spec.operations),
        " ".join((*spec.switches, *(("seed",) if spec.takes_seed else ()))) or "–",
        ", ".join(note for note in notes if note),
    )


def _seconds(durations: Sequence[int]) -> str:
    """Return "1–15", or the durations one by one if they are not consecutive."""
    first, last = durations[0], durations[-1]
    is_range = len(durations) > 2 and list(durations) == list(range(first, last + 1))
    return f"{first}–{last}" if is_range else ", ".join(map(str, durations))
