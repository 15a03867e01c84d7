"""The table of several jobs, and the history of one."""

from pixverse_nb.domain.jobs import Attempt, JobEvent, JobState
from pixverse_nb.render.formatting import short_state_label
from pixverse_nb.render.job_views import history_text, jobs_html, jobs_text
from tests.render.factories import NOW, a_request, a_snapshot
from tests.render.page import Page


def test_each_job_has_a_row_in_the_given_order() -> None:
    """A row has the state, time, prompt, parameters, seed, credits and reference of its job."""
    jobs = [
        a_snapshot(JobState.GENERATING, ref="r1"),
        a_snapshot(JobState.DONE, ref="r2", charged="yes", cost_credits=45),
    ]
    page = Page(jobs_html(jobs, now=NOW))
    assert page.count("tr") == 3
    assert page.text.index("r1") < page.text.index("r2")
    for fact in ("Generating", "0:34", "a slow push in", "540p · 5 s · 16:9", "42", "~60", "45", "Done", "34 s"):
        assert fact in page.text


def test_only_unusual_parameters_are_named() -> None:
    """Fast motion, another model and the sandbox are in the row; the usual values are not."""
    usual = Page(jobs_html([a_snapshot(JobState.DONE)], now=NOW)).text
    requests = (a_request(model="v3.5", motion_mode="fast"), a_request(model="v4"))
    jobs = [a_snapshot(JobState.DONE, request=request, is_sandbox=True) for request in requests]
    other = Page(jobs_html(jobs, now=NOW)).text
    for word in ("fast", "v4", "sandbox"):
        assert word in other
        assert word not in usual


def test_paused_jobs_are_not_shown_as_running() -> None:
    """A stopped download and a job that was never sent have their own labels in table and text."""
    stopped = a_snapshot(JobState.DOWNLOADING, is_paused=True, error="Disk full.")
    unsent = a_snapshot(JobState.WAITING, is_paused=True)
    for shown in (Page(jobs_html([stopped, unsent], now=NOW)).text, jobs_text([stopped, unsent], now=NOW)):
        assert short_state_label(stopped) in shown
        assert short_state_label(unsent) in shown
        assert "Waiting" not in shown
    assert "pvnb-warn" in Page(jobs_html([stopped], now=NOW)).classes()


def test_jobs_of_another_day_have_a_date() -> None:
    """The creation time has a date only for jobs that were not created today."""
    old = a_snapshot(JobState.DONE, created_at=NOW - 3 * 86400)
    assert "2025-10-0" in jobs_text([old], now=NOW)
    assert "2025-10-0" not in jobs_text([a_snapshot(JobState.DONE, created_at=NOW)], now=NOW)


def test_no_jobs_make_no_table() -> None:
    """An empty list is one line of text."""
    page = Page(jobs_html([], now=NOW))
    assert page.count("table") == 0
    assert page.text == jobs_text([], now=NOW) != ""


def test_text_from_outside_is_escaped_and_redacted() -> None:
    """Markup and e-mail addresses in a prompt, reference, error or warning are harmless."""
    bad = '"><script>alert(1)</script> maria@example.org'
    job = a_snapshot(JobState.FAILED, request=a_request(prompt=bad), ref=bad, error=bad, warning=bad)
    html = jobs_html([job], now=NOW)
    assert "script" not in {name for name, _ in Page(html).elements}
    assert "maria" not in html + jobs_text([job], now=NOW)


def test_text_columns_are_aligned() -> None:
    """Columns are aligned whatever the length of their cells."""
    jobs = [a_snapshot(JobState.DONE, ref="short"), a_snapshot(JobState.GENERATING, ref="a-longer-reference")]
    lines = jobs_text(jobs, now=NOW).splitlines()
    assert len(lines) == 2
    assert lines[0].index("Done") == lines[1].index("Generating")


def test_the_next_step_is_below_the_prompt() -> None:
    """The warning and the next step are in the table, and on a second line of the text."""
    warning, detail = "No answer.", "Wait."
    job = a_snapshot(JobState.UNKNOWN, warning=warning, status_detail=detail, charged="unknown")
    page, text = Page(jobs_html([job], now=NOW)), jobs_text([job], now=NOW)
    assert f"{warning} {detail}" in page.text
    assert text.splitlines()[1] == f"  {warning} {detail}"


def test_earlier_attempts_are_counted() -> None:
    """A job whose first calls were rejected has a line with their number; a first attempt has none."""
    one, two, three = (
        jobs_text([a_snapshot(JobState.GENERATING, attempt=count)], now=NOW).splitlines()[1:] for count in (1, 2, 3)
    )
    assert one == []
    assert "Attempt 2: 1 " in two[0]
    assert "Attempt 3: 2 " in three[0]


def test_charges_have_their_column() -> None:
    """The column tells what was charged, may have been charged or will be charged, with an amount if known."""
    cells = {"no": "no", "unknown": "unknown · ~60", "yes": "yes · ~60"}
    for charged, cell in cells.items():
        assert f">{cell}</td>" in jobs_html([a_snapshot(JobState.CANCELLED, charged=charged)], now=NOW)
    assert ">not yet · ~60</td>" in jobs_html([a_snapshot(JobState.WAITING)], now=NOW)
    known = a_snapshot(JobState.DONE, charged="yes", cost_credits=45)
    assert ">yes · 45</td>" in jobs_html([known], now=NOW)
    assert " 45  " in jobs_text([known], now=NOW)


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
