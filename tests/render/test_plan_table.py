"""The table of a sweep's plan: totals, warnings and rows."""

import time
from dataclasses import replace

import pytest

from pixverse_nb.render.sweep_tables import PlanRow, PlanTable, plan_table
from pixverse_nb.render.table import TableCell
from tests.render.factories import NOW
from tests.render.page import Page

PLAN = PlanTable(
    title="4 cells: seed × motion_mode",
    counts=(("new", 2), ("done", 1), ("open", 0), ("failed", 0), ("refused", 1)),
    credits=135,
    spent=60,
    budget=None,
    balance=30_000,
    slots=8,
    expected_s=65.0,
    skips_refused=False,
    is_sandbox=False,
    rows=(
        PlanRow(1, "seed 1 · normal", "new", credits=45),
        PlanRow(2, "seed 1 · fast", "new", credits=90),
        PlanRow(3, "seed 2 · normal", "done", ref="pv-1"),
        PlanRow(4, "seed 2 · fast", "refused", "fast motion is only available for 5 s videos"),
    ),
)


def plan_html(plan: PlanTable) -> str:
    """The plan as HTML."""
    return plan_table(plan).html()


def plan_text(plan: PlanTable) -> str:
    """The plan as text."""
    return plan_table(plan).text()


def warnings(plan: PlanTable) -> int:
    """The number of warnings in the HTML."""
    return plan_html(plan).count('<div class="pvnb-warning">')


@pytest.mark.parametrize(
    "fact", ["2 new", "135 credits", "2 videos", "60", "30,000", "1 min 5 s", "8 slots", "seed 2 · fast", "5 s videos"]
)
def test_the_totals_are_shown(fact: str) -> None:
    """Counts, cost, spent credits, balance, expected time and rows are in the HTML and in the text."""
    assert fact in Page(plan_html(PLAN)).text
    assert fact in plan_text(PLAN)


@pytest.mark.parametrize(
    ("operations", "facts"), [((("extend", 4),), ["extend"]), ((("text", 3), ("image", 1)), ["3 text", "1 image"])]
)
def test_other_operations_are_named(operations: tuple[tuple[str, int], ...], facts: list[str]) -> None:
    """What the cells make is shown unless all go from a first to a last picture."""
    plan = replace(PLAN, operations=operations)
    for fact in facts:
        assert fact in Page(plan_html(plan)).text
        assert fact in plan_text(plan)
    usual = replace(PLAN, operations=(("frames", 4),))
    assert plan_html(usual) == plan_html(PLAN)


@pytest.mark.parametrize(("seconds", "facts"), [(None, ["24 hours"]), (7200.0, ["24 hours", "2 h"])])
def test_off_peak_cells_have_a_line_of_their_own(seconds: float | None, facts: list[str]) -> None:
    """Their number and their time are shown beside the time of the others."""
    plan = replace(PLAN, off_peak=3, off_peak_s=seconds)
    for fact in ["1 min 5 s", "3 videos", *facts]:
        assert fact in Page(plan_html(plan)).text
        assert fact in plan_text(plan)
    assert "24 hours" not in plan_text(PLAN)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"balance": 100}, ["balance"]),
        ({"budget": 190}, ["budget"]),
        ({}, ["InvalidRequest", "skip_refused=True", "allow_refused=True"]),
        ({"skips_refused": True}, ["1 cell"]),
    ],
)
def test_obstacles_are_warnings(changes: dict[str, object], words: list[str]) -> None:
    """A balance or budget that is too low, and refused cells, are warnings in the HTML and in the text."""
    plan = replace(PLAN, **changes)  # type: ignore[arg-type]  # the cases name fields of any type
    for word in words:
        assert word in plan_text(plan)
        assert word in Page(plan_html(plan)).text
    assert warnings(plan) == (2 if {"balance", "budget"} & changes.keys() else 1)


def test_a_budget_that_just_suffices_is_no_warning() -> None:
    """Credits up to the exact balance and budget cause no warning."""
    no_refused = replace(PLAN, counts=(("new", 2),))
    assert warnings(replace(no_refused, budget=195, balance=135)) == 0
    assert warnings(replace(no_refused, budget=194, balance=134)) == 2


def test_unknown_prices_are_not_invented() -> None:
    """Without a price, or without new cells, no credits are estimated; the sandbox is named."""
    assert "135" not in plan_text(replace(PLAN, credits=None, rows=()))
    assert "135" not in plan_text(replace(PLAN, counts=(("new", 0), ("done", 4)), rows=()))
    assert "sandbox" in plan_text(replace(PLAN, is_sandbox=True))
    assert "sandbox" not in plan_text(PLAN)


def test_each_cell_has_a_row() -> None:
    """A row has number, parameters, status, credits and job; without any job there is no column for it."""
    page = Page(plan_html(PLAN))
    assert page.count("tr") == 6, "a head, four cells and the total"
    assert page.count("th") == 5
    assert "pv-1" in page.text
    assert Page(plan_html(replace(PLAN, rows=PLAN.rows[:2]))).count("th") == 4


def test_a_large_plan_shows_first_the_rows_with_a_reason() -> None:
    """At most forty rows are shown, those with a reason among them, and the others are counted."""
    rows = tuple(
        PlanRow(n, f"seed {n}", "refused" if n > 90 else "new", "why" if n > 90 else "") for n in range(1, 101)
    )
    page = Page(plan_html(replace(PLAN, rows=rows)))
    assert page.count("tr") == 42, "a head, forty cells and the total"
    assert "seed 100" in page.text
    assert "60 more" in page.text
    assert "60 more" in plan_text(replace(PLAN, rows=rows))


def test_text_from_outside_is_escaped_and_redacted() -> None:
    """Markup in a title or caption is shown as text, and an e-mail address is redacted."""
    rows = (PlanRow(1, "<b>x</b>", "new"), PlanRow(2, "ann@example.com", "new"))
    page = Page(plan_html(replace(PLAN, title="<i>x</i>", rows=rows)))
    assert {"b", "i"}.isdisjoint(name for name, _ in page.elements)
    assert "ann@" not in page.html


def test_two_axes_make_a_grid() -> None:
    """Cells with two axes are a grid: a row and a column for each value, and the credits of each row and column."""
    seeds, modes = (1, 2, 3), ("normal", "fast")
    values = [{"seed": seed, "motion_mode": mode} for seed in seeds for mode in modes]
    rows = tuple(PlanRow(n, f"cell {n}", "new", credits=10 * n, values=both) for n, both in enumerate(values, start=1))
    table = plan_table(replace(PLAN, rows=rows))
    assert len(table.columns) == 1 + len(modes) + 1
    assert [row[-1] for row in table.rows] == [30, 70, 110]
    assert table.total is not None
    assert list(table.total[1:]) == [90, 120, 210]


def test_an_unknown_price_has_no_total() -> None:
    """The total of a line with a new cell whose price is unknown is no number."""
    values = [{"seed": seed, "quality": quality} for seed in (1, 2) for quality in ("360p", "540p")]
    rows = tuple(
        PlanRow(n, f"cell {n}", "new", credits=None if n == 4 else 5, values=v) for n, v in enumerate(values, 1)
    )
    table = plan_table(replace(PLAN, rows=rows))
    assert table.total is not None
    assert [isinstance(value, int) for value in table.total[1:]] == [True, False, False]


@pytest.mark.parametrize("axes", [1, 2])
def test_known_prices_are_a_lower_limit(axes: int) -> None:
    """If some prices are unknown, the plan has the sum of the others, and says at which cells."""
    names = ("seed", "quality")[:axes]
    prices = [21, 7, None, None]
    values = [dict(zip(names, (n // 2 if axes == 2 else n, "ab"[n % 2]), strict=False)) for n in range(4)]
    rows = tuple(
        PlanRow(n, f"cell {n}", "new", credits=price, values=v)
        for n, (price, v) in enumerate(zip(prices, values, strict=True), 1)
    )
    plan = replace(PLAN, credits=None, counts=(("new", 4),), rows=rows)
    assert plan.least_credits == 28
    table = plan_table(plan)
    assert "28 credits" in plan_text(plan)
    texts = [cell.text for row in table.rows for cell in row if isinstance(cell, TableCell) and "unknown" in cell.text]
    assert len(texts) == 2 + (axes == 2), "the cells, and in a grid the total of their row"
    assert table.total is not None
    assert (isinstance(table.total[-1], TableCell) and table.total[-1].order) == 28 or axes == 1
    assert warnings(replace(plan, balance=27)) == warnings(replace(plan, budget=87)) == 1
    assert warnings(replace(plan, balance=28, budget=88)) == 0


def test_a_chain_is_not_advised_to_skip() -> None:
    """If no cell can be skipped, the warning names only what can be passed."""
    assert "skip_refused" in plan_text(PLAN)
    text = plan_text(replace(PLAN, can_skip=False))
    assert "skip_refused" not in text
    assert "allow_refused=True" in text


def test_a_long_axis_goes_down() -> None:
    """Of two axes the one with many values goes down; if both have many, the cells are a list."""
    wide = tuple(PlanRow(n, f"{n}", "new", credits=1, values={"quality": "q", "seed": n}) for n in range(1, 21))
    assert len(plan_table(replace(PLAN, rows=wide)).rows) == 20
    assert len(plan_table(replace(PLAN, rows=wide)).columns) == 3
    both = [{"seed": seed, "other": other} for seed in range(9) for other in range(9)]
    rows = tuple(PlanRow(n, f"{n}", "new", credits=1, values=values) for n, values in enumerate(both, 1))
    assert len(plan_table(replace(PLAN, rows=rows)).columns) == 4


def test_the_expected_end_is_a_time_of_day() -> None:
    """With a time of the plan the expected end is shown, in HTML and text."""
    shown = time.strftime("%H:%M", time.localtime(NOW))
    assert shown not in plan_text(PLAN)
    plan = replace(PLAN, ends_at=NOW)
    assert shown in plan_text(plan)
    assert shown in Page(plan_html(plan)).text
