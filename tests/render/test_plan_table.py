"""The plan as a table: sums, warnings, rows, and nothing of a person's words taken for HTML."""

from dataclasses import replace

import pytest

from pixverse_nb.render.sweep_views import PlanRow, PlanTable, plan_html, plan_text

SHEET = PlanTable(
    title="4 cells: seed × motion_mode",
    counts=(("new", 2), ("here", 1), ("open", 0), ("failed", 0), ("refused", 1)),
    credits=135,
    spent=60,
    budget=None,
    balance=30_000,
    slots=8,
    expected_s=65.0,
    skips_refused=False,
    is_sandbox=False,
    lines=(
        PlanRow(1, "seed 1 · normal", "new", credits=45),
        PlanRow(2, "seed 1 · fast", "new", credits=90),
        PlanRow(3, "seed 2 · normal", "here", ref="pv-1"),
        PlanRow(4, "seed 2 · fast", "refused", "fast motion is made in 5 s only"),
    ),
)


def test_the_sums_are_said_in_sentences() -> None:
    """What it costs, what was paid, what there is, and how long it takes."""
    text = plan_text(SHEET)
    assert "2 new, 1 already here, 1 refused by the vendor" in text
    for sentence in (
        "About 135 credits for 2 videos.",
        "Paid for these cells so far: 60.",
        "Balance: 30,000.",
        "About 1 min 5 s with 8 slots.",
    ):
        assert sentence in text
        assert sentence in plan_html(SHEET)
    assert "4  seed 2 · fast  [refused by the vendor: fast motion is made in 5 s only]" in text


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"balance": 100}, "The balance does not reach for all of it"),
        ({"budget": 190}, "The budget does not reach for all of it"),
        ({}, "The vendor's documents refuse 1 cell, so run() raises InvalidRequest: skip_refused=True leaves it out"),
        ({"skips_refused": True}, "The vendor's documents refuse 1 cell, which this sweep leaves out."),
    ],
)
def test_what_stands_in_the_way_is_said(changes: dict[str, object], warning: str) -> None:
    """In the table and in the text; a budget that reaches just so is no warning."""
    sheet = replace(SHEET, **changes)  # type: ignore[arg-type]  # the cases' own words
    assert warning in plan_text(sheet)
    assert warning.replace("'", "&#x27;") in plan_html(sheet)
    assert "does not reach" not in plan_text(replace(SHEET, budget=195, balance=135))


def test_prices_that_are_not_known_are_not_invented() -> None:
    """Without a price nothing is estimated; where nothing is new nothing is paid."""
    assert "the price list does not know" in plan_text(replace(SHEET, credits=None))
    assert "Nothing new is paid." in plan_text(replace(SHEET, counts=(("new", 0), ("here", 4))))
    assert "sandbox: no real credits" in plan_text(replace(SHEET, is_sandbox=True))


def test_a_row_for_each_cell() -> None:
    """Number, what differs, how it stands, credits and job; without any job there is no column for it."""
    html = plan_html(SHEET)
    assert html.count("<tr class=") == 4
    assert "pv-1" in html
    assert ">Job<" in html
    assert ">Job<" not in plan_html(replace(SHEET, lines=SHEET.lines[:2]))


def test_a_large_plan_shows_first_what_needs_a_look() -> None:
    """Forty rows at most, those with a reason among them, and how many more there are."""
    lines = tuple(
        PlanRow(n, f"seed {n}", "refused" if n > 90 else "new", "why" if n > 90 else "") for n in range(1, 101)
    )
    html = plan_html(replace(SHEET, lines=lines))
    assert html.count("<tr class=") == 40
    assert "seed 100<" in html
    assert "… and 60 more" in html
    assert "… and 60 more" in plan_text(replace(SHEET, lines=lines))


def test_what_people_write_is_text() -> None:
    """A prompt or a title with signs of HTML is shown as it is; an e-mail is masked."""
    lines = (PlanRow(1, "<b>x</b>", "new"), PlanRow(2, "ann@example.com", "new"))
    html = plan_html(replace(SHEET, title="<script>", lines=lines))
    assert "<b>x" not in html
    assert "<script>" not in html
    assert "ann@" not in html
