"""The table of models: the rows of the catalogue as HTML, text and Markdown."""

from collections.abc import Container, Sequence
from typing import Final

from markupsafe import Markup

from pixverse_nb.domain.catalogue import ModelSpec
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.style import header_cell, html, join, table_cell, text_div, with_stylesheet

_PRICE: Final = "Credits for 5 s"
_COLUMNS: Final = ("Model", _PRICE, "Seconds", "Quality", "Aspect ratio", "Makes", "More fields", "Source")
_WRAPPED: Final = ("Quality", "Aspect ratio", "Makes", "More fields", "Source")
_NOTE: Final = (
    "The default quality comes first. Credits are estimates at the default quality; when the vendor reports a price, "
    "that one is used."
)


class ModelTable(tuple[ModelSpec, ...]):
    """Models of the catalogue; displays as a table."""

    __slots__ = ()

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        return dict(mime_bundle(model_table_html(self), repr(self)))

    def __repr__(self) -> str:
        rows = [_COLUMNS, *map(_cells, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)


def model_table_html(models: Sequence[ModelSpec]) -> Markup:
    """Return the models as an HTML table."""
    head = join(header_cell(column, "pvnb-number" if column == _PRICE else "") for column in _COLUMNS)
    rows = join(
        html("<tr>{}{}</tr>", header_cell(cells[0], scope="row"), join(map(_html_cell, _COLUMNS[1:], cells[1:])))
        for cells in map(_cells, models)
    )
    table = html('<table class="pvnb-table"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, rows)
    note = text_div("pvnb-note", _NOTE)
    return with_stylesheet(html('<div class="pvnb pvnb-list pvnb-models">{}{}</div>', table, note))


def model_table_markdown(models: Sequence[ModelSpec]) -> str:
    """Return the models as a Markdown table."""
    rows = [_COLUMNS, ["---"] * len(_COLUMNS), *map(_cells, models)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + f"\n\n{_NOTE}\n"


def _html_cell(column: str, text: str) -> Markup:
    return table_cell(text, "pvnb-number" if column == _PRICE else "pvnb-wrap-cell" if column in _WRAPPED else "")


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
