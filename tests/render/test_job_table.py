"""The table of several jobs, those of one job's events and paid calls, and its history."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobSnapshot, JobState
from pixverse_nb.render.formatting import short_state_label, state_explanation
from pixverse_nb.render.job_tables import JobRow, attempts_table, events_table, jobs_table
from pixverse_nb.render.job_views import history_text
from pixverse_nb.render.table import TableCell
from tests.render.factories import NOW, a_request, a_snapshot
from tests.render.page import Page


def jobs_html(jobs: Sequence[JobSnapshot], *, picture: bytes | None = None, call: str = "") -> str:
    """The table of jobs as HTML."""
    return jobs_table([JobRow(job, picture, call) for job in jobs], now=NOW).html()


def jobs_text(jobs: Sequence[JobSnapshot]) -> str:
    """The table of jobs as text."""
    return jobs_table(list(map(JobRow, jobs)), now=NOW).text()


def test_each_job_has_a_row_in_the_given_order() -> None:
    """A row has the state, time, prompt, parameters, seed, credits and reference of its job."""
    jobs = [
        a_snapshot(JobState.GENERATING, ref="r1"),
        a_snapshot(JobState.DONE, ref="r2", charged="yes", cost_credits=45),
    ]
    page = Page(jobs_html(jobs))
    assert page.count("tr") == 3
    assert page.text.index("r1") < page.text.index("r2")
    for fact in ("Generating", "0:34", "a slow push in", "540p · 5 s · 16:9", "seed 42", "~60", "45", "Done", "34 s"):
        assert fact in page.text
        assert fact in jobs_text(jobs)


def test_only_unusual_parameters_are_named() -> None:
    """Fast motion, another model and the sandbox are in the row; the usual values are not."""
    usual = Page(jobs_html([a_snapshot(JobState.DONE)])).text
    requests = (a_request(model="v3.5", motion_mode="fast"), a_request(model="v4"))
    jobs = [a_snapshot(JobState.DONE, request=request, is_sandbox=True) for request in requests]
    other = Page(jobs_html(jobs)).text
    for word in ("fast", "v4", "sandbox"):
        assert word in other
        assert word not in usual


def test_paused_jobs_are_not_shown_as_running() -> None:
    """A stopped download and a job that was never sent have their own labels in table and text."""
    stopped = a_snapshot(JobState.DOWNLOADING, is_paused=True, error="Disk full.")
    unsent = a_snapshot(JobState.WAITING, is_paused=True)
    for shown in (Page(jobs_html([stopped, unsent])).text, jobs_text([stopped, unsent])):
        assert short_state_label(stopped) in shown
        assert short_state_label(unsent) in shown
    assert "pvnb-warn" in Page(jobs_html([stopped])).classes()


def test_the_html_does_not_depend_on_the_present() -> None:
    """The same finished jobs give the same HTML tomorrow; how long ago they were made is only added by the script."""
    rows = [JobRow(a_snapshot(JobState.DONE, created_at=NOW - 3 * 86400))]
    assert jobs_table(rows, now=NOW).html() == jobs_table(rows, now=NOW + 86400).html()
    assert "2025-10-0" in jobs_table(rows, now=NOW).text()


def test_no_jobs_make_no_table() -> None:
    """An empty list is one line of text."""
    page = Page(jobs_html([]))
    assert page.count("table") == page.count("script") == 0
    assert page.text == jobs_text([]) != ""


def test_text_from_outside_is_escaped_and_redacted() -> None:
    """Markup and e-mail addresses in a prompt, reference, error, warning or call are harmless."""
    bad = '"><b>alert(1)</b> maria@example.org'
    job = a_snapshot(JobState.FAILED, request=a_request(prompt=bad), ref=bad, error=bad, warning=bad)
    html = jobs_html([job], call=bad)
    assert Page(html).count("b") == 0
    assert "maria" not in html + jobs_text([job])


def test_text_columns_are_aligned() -> None:
    """Columns are aligned whatever the length of their cells."""
    jobs = [a_snapshot(JobState.DONE, ref="short"), a_snapshot(JobState.GENERATING, ref="a-longer-reference")]
    lines = jobs_text(jobs).splitlines()
    assert len(lines) == 4, "a summary, a head and the jobs"
    assert lines[2].index("short") == lines[3].index("a-longer-reference")


def test_the_reason_and_the_next_step_are_shown() -> None:
    """The error, the warning and the next step are in the table, and below the row of the text."""
    sentences = ("It failed.", "No answer.", "Wait.")
    error, warning, detail = sentences
    job = a_snapshot(JobState.UNKNOWN, error=error, warning=warning, status_detail=detail, charged="unknown")
    assert all(sentence in Page(jobs_html([job])).text for sentence in sentences)
    assert [line.strip() for line in jobs_text([job]).splitlines()[3:]] == list(sentences)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.GENERATING])
def test_a_job_with_the_vendor_says_what_its_card_says(state: JobState) -> None:
    """The row of an accepted job has the text of its card, not until when it is polled; a next step comes first."""
    job = a_snapshot(state, queue_position=None, status_detail="Polled.")
    explanation = state_explanation(job)
    assert [line.strip() for line in jobs_text([job]).splitlines()[3:]] == [explanation] * bool(explanation)
    assert jobs_text([replace(job, suggested_action="Decide.")]).splitlines()[3:][0].strip() == "Decide."


def test_earlier_attempts_are_counted() -> None:
    """A job whose first calls were rejected has a line with their number; a first attempt has none."""
    one, two, three = (
        jobs_text([a_snapshot(JobState.GENERATING, attempt=count)]).splitlines()[3:] for count in (1, 2, 3)
    )
    assert one == []
    assert "Attempt 2: 1 " in two[0]
    assert "Attempt 3: 2 " in three[0]


def test_credits_have_their_column() -> None:
    """The column has the number of credits, and tells apart charged, not yet charged, unknown and refunded."""

    def credits_of(**changes: object) -> tuple[str, str]:
        state = changes.pop("state", JobState.DONE)
        (row,) = jobs_table([JobRow(a_snapshot(state, **changes))], now=NOW).rows  # type: ignore[arg-type]
        cell = row[2]
        assert isinstance(cell, TableCell)
        return cell.text, cell.aside

    assert credits_of(charged="yes", cost_credits=45) == ("45", "")
    assert credits_of(charged="yes") == ("~60", "")
    assert credits_of(charged="no", state=JobState.CANCELLED) == ("0", "")
    asides = [
        credits_of(charged="no", state=JobState.WAITING),
        credits_of(charged="unknown", state=JobState.CANCELLED),
        credits_of(charged="yes", state=JobState.FAILED, refund_credits=0),
        credits_of(charged="yes", state=JobState.FAILED, refund_credits=60),
    ]
    assert len({aside for _, aside in asides} - {""}) == 4


def test_pictures_have_a_column_if_there_are_any() -> None:
    """A picture is embedded once; without pictures there is no column for them, and the text has none."""
    jobs = [a_snapshot(JobState.DONE)]
    assert Page(jobs_html(jobs, picture=b"1")).count("td") == Page(jobs_html(jobs)).count("td") + 2  # head and row
    assert Page(jobs_html(jobs, picture=b"1")).only("img")["src"]


def test_a_reference_and_the_call_can_be_copied() -> None:
    """The script finds what to copy in the attributes, and without it the page shows the reference alone."""
    page = Page(jobs_html([a_snapshot(JobState.DONE, ref="pv-1")], call="client.create_frames('a', 'b')"))
    copied = [attributes["data-copy"] for _, attributes in page.elements if "data-copy" in attributes]
    assert copied == ["pv-1", "client.create_frames('a', 'b')"]
    assert page.count("button") == 0
    assert "create_frames" not in page.text


def test_events_and_paid_calls_are_tables() -> None:
    """Each event and each paid call has a row with its time; without any there is no table."""
    events = [JobEvent(NOW + n, JobState.QUEUED, "call_accepted", text=f"event {n}") for n in range(3)]
    page = Page(events_table(events).html())
    assert page.count("tr") == 4
    assert "event 2" in page.text
    calls = [Attempt(1, "r:1", NOW, "busy", "no", None), Attempt(2, "r:2", NOW, "ok", "yes", 60, is_estimate=False)]
    table = attempts_table(calls)
    assert len(table.rows) == 2
    assert "60" in table.summary
    assert Page(events_table([]).html()).count("table") == Page(attempts_table([]).html()).count("table") == 0


def test_a_history_has_every_call_and_event() -> None:
    """The history lists the facts, each paid call with its cost, and each event; e-mail addresses are redacted."""
    job = a_snapshot(JobState.GENERATING, notices=("Turned upright.",))
    attempts = [
        Attempt(1, "r:1", NOW - 50, "busy", "no", None),
        Attempt(2, "r:2", NOW - 34, "accepted", "yes", 60, is_estimate=False),
    ]
    events = [JobEvent(NOW - 34, JobState.QUEUED, "call_accepted", text="accepted for maria@example.org")]
    text = history_text(job, attempts, events)
    for part in (job.ref, "a slow push in", "Turned upright.", "busy", "(60 credits)", "queued"):
        assert part in text
    assert "maria" not in text
    without = history_text(job, [], [])
    assert len(without.splitlines()) < len(text.splitlines())
