"""The table of models: one row a model with every fact of the catalogue, as HTML, text and Markdown."""

import itertools
from collections.abc import Iterable

import pytest

from pixverse_nb.domain.catalogue import CATALOGUE, ModelSpec, Operation, Price
from pixverse_nb.domain.custom_models import catalogue_with
from pixverse_nb.render.model_table import ModelTable, model_table_markdown
from tests.render.page import Page

ROWS = CATALOGUE.models()


def html_of(models: Iterable[ModelSpec]) -> str:
    """The table of these models as HTML."""
    return ModelTable(models)._repr_mimebundle_()["text/html"]


def facts(spec: ModelSpec) -> list[str]:
    """The facts of a row that its line must have."""
    return [spec.name, *spec.operations, *spec.qualities, *spec.aspect_ratios, *spec.switches, spec.source, spec.date]


def line_of(text: str, spec: ModelSpec) -> str:
    """The line of a model in a table of text, with the indented lines below it; the name is its first cell."""
    lines = text.splitlines()
    (first,) = [at for at, line in enumerate(lines) if line.strip("| ").split(" ")[0] == spec.name]
    details = itertools.takewhile(lambda line: line.startswith(" "), lines[first + 1 :])
    return "\n".join([lines[first], *details])


def test_the_html_has_a_row_for_each_model() -> None:
    """The HTML has a row for each model under a row of headings, and every fact of each model."""
    page = Page(html_of(ROWS))
    assert page.count("tr") == 1 + len(ROWS)
    headings = [attributes["scope"] for name, attributes in page.elements if name == "th"]
    assert headings.count("row") == len(ROWS)
    assert page.count("th") - len(ROWS) == page.count("td") // len(ROWS) + 1
    for spec in ROWS:
        assert all(fact in page.text for fact in facts(spec))


@pytest.mark.parametrize("show", [repr, model_table_markdown], ids=["text", "markdown"])
def test_each_model_has_a_line_with_its_facts(show: object) -> None:
    """The text and the Markdown have one line for each model, with every fact of that model."""
    assert callable(show)
    text = show(ModelTable(ROWS))
    for spec in ROWS:
        assert all(fact in line_of(text, spec) for fact in facts(spec))


def test_the_price_is_that_of_the_default_quality() -> None:
    """The credits are those of 5 s at the default quality; a model without a price shows no number for it."""
    rows = repr(ModelTable(ROWS))
    for name, credits_ in (("v5.6", "30"), ("v6", "35"), ("pixverse-c1", "50"), ("v3.5", "60")):
        assert credits_ in line_of(rows, CATALOGUE.spec(name)).split()
    numbers = [word for word in line_of(rows, CATALOGUE.spec("kling-o3")).split() if word.isdecimal()]
    assert numbers == []


def test_the_qualities_are_in_order_with_the_default() -> None:
    """The qualities of a model go from few lines to many; the default is marked, and it is the one of the price."""
    line = line_of(repr(ModelTable(ROWS)), CATALOGUE.spec("v5.6"))
    assert "360p, 540p (default), 720p, 1080p" in line
    assert "30 in 540p" in line
    assert "(default)" not in line_of(repr(ModelTable(ROWS)), CATALOGUE.spec("kling-o3"))


def test_a_table_is_the_rows_and_displays_itself() -> None:
    """A table of one operation is a tuple of its rows, and a notebook gets HTML and text."""
    table = ModelTable(CATALOGUE.models(Operation.FRAMES))
    assert tuple(table) == CATALOGUE.models("frames")
    bundle = table._repr_mimebundle_()
    assert bundle["text/plain"] == repr(table)
    assert bundle["text/html"].count("<tr>") == 1 + len(table)


def test_a_users_row_is_escaped_and_shown() -> None:
    """A row of a user is in the table as it was given, and its texts cannot become HTML."""
    row = {
        "operations": ["frames"],
        "durations": [3, 7],
        "qualities": ["900p"],
        "source": "<b>mine</b>",
        "price": Price({"900p": 12}, per_second=True),
    }
    spec = catalogue_with({"v9": row}, prices={}).spec("v9")
    page = Page(html_of([spec]))
    assert page.count("b") == 0
    assert "<b>mine</b>" in page.text
    assert "36" in line_of(repr(ModelTable([spec])), spec).split()


def test_an_empty_table_is_a_table() -> None:
    """An operation that no model makes gives no rows."""
    assert Page(html_of([])).count("tr") == 0
    assert len(html_of([])) < len(html_of(ROWS[:1]))
