"""Tables in a narrow cell, and what their script adds: sorting, copying, ages."""

import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat import v4
from playwright.sync_api import Page, expect

from pixverse_nb.domain.catalogue import CATALOGUE
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.job_tables import JobRow, jobs_table
from pixverse_nb.render.model_table import ModelTable
from pixverse_nb.render.sweep_tables import measured_table
from tests.browser.playing import PATIENCE_MS
from tests.browser.real_lab import Lab
from tests.render.factories import NOW, a_request, a_snapshot
from tests.render.test_measurement_table import MEASURED

JOBS = [
    a_snapshot(JobState.DONE, ref="pv-438fcf71e2db-563fd3fc", charged="yes", cost_credits=90, is_sandbox=True),
    a_snapshot(
        JobState.UNKNOWN, ref="pv-6b53fefa0df3-ccfd0730", charged="unknown", status_detail="The list tells. " * 9
    ),
    a_snapshot(
        JobState.WAITING,
        ref="pv-b6955b05aa7c-a60e639d",
        request=a_request(model="v3.5", motion_mode="fast"),
        estimated_credits=1200,
    ),
]
TABLE = jobs_table([JobRow(job, call=f"client.create_frames({job.ref!r})") for job in JOBS], now=NOW)
CELL = """from pixverse_nb.doctor.report import Finding, Report, Severity
Report((Finding("disk", "full", Severity.ERROR), Finding("ledger", "intact"), Finding("clock", "late")))"""


@pytest.mark.parametrize("width", [560, 620, 700, 830, 960, 1080])
def test_the_jobs_fit_their_cell(page: Page, width: int) -> None:
    """From 560 px on every column is fully visible; in a wide cell a ref fits on one line."""
    page.set_content(f'<div style="width:{width}px">{TABLE.html()}</div>')
    table = page.locator(".pvnb-table-scroll")
    expect(table.locator("tbody tr")).to_have_count(3)
    assert table.evaluate("list => list.scrollWidth - list.clientWidth") <= 0
    if width > 900:
        ref = table.locator("td .pvnb-mono").first
        assert ref.evaluate("ref => ref.getClientRects().length") == 1


@pytest.mark.parametrize("width", [560, 700, 960])
def test_models_and_measurements_fit_their_cell(page: Page, width: int) -> None:
    """Every column of both tables is fully visible, and the caption of a video stays on one line."""
    measured = measured_table({f"seed {seed} · v5.6": MEASURED for seed in range(1, 11)})
    models = ModelTable(CATALOGUE.models())._repr_mimebundle_()["text/html"]
    page.set_content(f'<div style="width:{width}px">{models}{measured.html()}</div>')
    tables = page.locator(".pvnb-table-scroll")
    expect(tables).to_have_count(2)
    for table in tables.all():
        assert table.evaluate("list => list.scrollWidth - list.clientWidth") <= 0
    lines = """headings => headings.map(heading => {
        const range = document.createRange();
        range.selectNodeContents(heading);
        return new Set([...range.getClientRects()].map(box => box.top)).size;
    })"""
    assert set(tables.last.locator("tbody th").evaluate_all(lines)) == {1}


def test_a_table_is_sorted_by_mouse_and_by_key(page: Page, lab: Lab) -> None:
    """In JupyterLab a heading sorts its column by a click and by Enter, and pressed again the other way round.

    Other keys on it change no cell, and Ctrl+S saves the notebook.
    """
    name = lab.new_notebook([CELL])
    lab.open(page, name)
    lab.run_all(page)
    lab.wait_idle(page)
    checks = page.locator(".pvnb-table tbody th")
    expect(checks).to_have_text(["disk", "ledger", "clock"])
    heading = page.locator(".pvnb-table thead th").nth(1)
    heading.get_by_role("button").click()
    expect(checks).to_have_text(["clock", "disk", "ledger"])
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").press("Enter")
    expect(checks).to_have_text(["ledger", "disk", "clock"])
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)
    heading.get_by_role("button").press("m")
    with page.expect_request(lambda request: request.method == "PUT" and "/api/contents/" in request.url):
        heading.get_by_role("button").press("ControlOrMeta+s")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1)
    reopened = lab.reopen_without_kernel(page, name, trusted=False)
    expect(reopened.locator(".pvnb-table tbody tr")).to_have_count(3, timeout=PATIENCE_MS)
    expect(reopened.locator(".jp-RenderedHTML button")).to_have_count(0)


def exported_by(exporter: Any) -> str:
    """A notebook with the table of jobs as an output, exported."""
    cell = v4.new_code_cell("client.jobs()")  # type: ignore[no-untyped-call]
    data = TABLE.bundle()
    cell.outputs = [v4.new_output("display_data", data=data)]  # type: ignore[no-untyped-call]
    notebook: nbformat.NotebookNode = v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    text: str = exporter.from_notebook_node(notebook)[0]
    return text


def test_the_table_works_in_an_exported_page(page: Page, tmp_path: Path) -> None:
    """In an exported page numbers are sorted as numbers, and a ref and the call are copied by mouse and by key."""
    exported = tmp_path / "page.html"
    exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]
    exported.write_text(exported_by(exporter), encoding="utf-8")
    address = "http://127.0.0.1/page.html"  # the clipboard is only there for a secure page
    page.route(address, lambda route: route.fulfill(path=exported))
    page.goto(address)
    table = page.locator(".pvnb-table")
    table.get_by_role("button", name="Credits").press(" ")
    refs = table.locator("tbody .pvnb-mono")
    expect(refs).to_have_text([JOBS[1].ref, JOBS[0].ref, JOBS[2].ref])
    refs.first.get_by_role("button").click()
    assert page.evaluate("navigator.clipboard.readText()") == JOBS[1].ref
    table.get_by_role("button", name="Use again").nth(1).press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == f"client.create_frames({JOBS[0].ref!r})"
    expect(refs.first).to_have_text(JOBS[1].ref)


def test_a_recent_job_has_an_age(page: Page) -> None:
    """A time of the last thirty days is shown as an age with the time as its tooltip; an older one stays a time."""
    rows = [JobRow(a_snapshot(JobState.DONE, created_at=at)) for at in (time.time() - 7300, NOW)]
    page.set_content(jobs_table(rows, now=NOW).html())
    times = page.locator("time")
    expect(times.first).to_have_text("2 h ago")
    assert times.last.text_content() == times.last.get_attribute("title")


def test_markdown_has_no_long_stylesheet() -> None:
    """A table in Markdown takes a few lines, and the rules are inside a comment, which a code host does not show."""
    text = exported_by(MarkdownExporter())  # type: ignore[no-untyped-call]
    assert len(text.splitlines()) < 20
    assert "<style><!--" in text
