"""Many jobs in one table."""

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.render.job_views import jobs_html, jobs_text
from tests.render.factories import NOW, a_request, a_snapshot
from tests.render.page import Page


def test_one_row_a_job_in_the_order_given() -> None:
    """Each job is a row with its state, time, prompt, parameters, seed, credits and reference."""
    jobs = [
        a_snapshot(JobState.GENERATING, ref="r1"),
        a_snapshot(JobState.DONE, ref="r2", charged="yes", cost_credits=45),
    ]
    page = Page(jobs_html(jobs, now=NOW))
    assert len([name for name, _ in page.elements if name == "tr"]) == 3
    assert page.text.index("r1") < page.text.index("r2")
    for fact in ("Generating", "0:34", "a slow push in", "720p · 5 s · 16:9", "42", "~60", "45", "Done", "34 s"):
        assert fact in page.text


def test_what_is_unusual_is_named() -> None:
    """Fast motion, another model and the sandbox stand in the row; the usual goes without saying."""
    usual = Page(jobs_html([a_snapshot(JobState.DONE)], now=NOW)).text
    job = a_snapshot(JobState.DONE, request=a_request(motion_mode="fast", model="v4"), is_sandbox=True)
    other = Page(jobs_html([job], now=NOW)).text
    for word in ("fast", "v4", "sandbox"):
        assert word in other
        assert word not in usual


def test_what_rests_is_not_called_under_way() -> None:
    """A stopped download, and a job that was never sent, stand in table and text as what they are."""
    stopped = a_snapshot(JobState.DOWNLOADING, is_paused=True, error="Disk full.")
    unsent = a_snapshot(JobState.WAITING, is_paused=True)
    for shown in (Page(jobs_html([stopped, unsent], now=NOW)).text, jobs_text([stopped, unsent], now=NOW)):
        assert "Download stopped" in shown
        assert "Not sent" in shown
        assert "Waiting" not in shown
    assert 'class="pvnb-at pvnb-warn"' in jobs_html([stopped], now=NOW)


def test_a_day_ago_has_its_date() -> None:
    """A job of another day shows the date of its creation."""
    old = a_snapshot(JobState.DONE, created_at=NOW - 3 * 86400)
    assert "2025-10-0" in jobs_text([old], now=NOW)
    assert "2025-10-0" not in jobs_text([a_snapshot(JobState.DONE, created_at=NOW)], now=NOW)


def test_no_jobs_is_a_sentence() -> None:
    """An empty ledger is said, not shown as an empty table."""
    assert "No jobs yet." in Page(jobs_html([], now=NOW)).text
    assert jobs_text([], now=NOW) == "No jobs yet."


def test_what_comes_from_outside_is_only_text() -> None:
    """Markup and e-mails in a prompt, a reference or an error are shown harmless."""
    bad = '"><script>alert(1)</script> maria@example.org'
    job = a_snapshot(JobState.FAILED, request=a_request(prompt=bad), ref=bad, error=bad, warning=bad)
    html = jobs_html([job], now=NOW)
    assert "script" not in {name for name, _ in Page(html).elements}
    assert "maria" not in html + jobs_text([job], now=NOW)


def test_the_text_is_one_aligned_line_a_job() -> None:
    """Columns stand below each other whatever their length."""
    jobs = [a_snapshot(JobState.DONE, ref="short"), a_snapshot(JobState.GENERATING, ref="a-longer-reference")]
    lines = jobs_text(jobs, now=NOW).splitlines()
    assert len(lines) == 2
    assert lines[0].index("Done") == lines[1].index("Generating")


def test_what_comes_next_stands_below_the_prompt() -> None:
    """What stands in the way and what comes next are said in the table and on a second line of the text."""
    job = a_snapshot(JobState.UNKNOWN, warning="No answer within 60 s.", coming="The list tells.", charged="unknown")
    page, text = Page(jobs_html([job], now=NOW)), jobs_text([job], now=NOW)
    assert "No answer within 60 s. The list tells." in page.text
    assert text.splitlines()[1] == "  No answer within 60 s. The list tells."


def test_earlier_paid_calls_are_said() -> None:
    """A job whose first calls were not accepted says how many there were, and that they cost nothing."""
    two, three = (jobs_text([a_snapshot(JobState.GENERATING, attempt=count)], now=NOW) for count in (2, 3))
    assert "Paid call 2; the one before was not accepted and cost nothing." in two
    assert "Paid call 3; the 2 before were not accepted and cost nothing." in three
    assert "aid call" not in jobs_text([a_snapshot(JobState.GENERATING, attempt=1)], now=NOW)


def test_whether_it_was_charged_has_its_column() -> None:
    """No, unknown and yes stand in the table, and the text, with the credits that went, may have gone or may yet go."""
    words = {
        "no": ("no", "not paid"),
        "unknown": ("unknown · ~60", "may be paid ~60"),
        "yes": ("yes · ~60", "paid ~60"),
    }
    for charged, (cell, word) in words.items():
        job = a_snapshot(JobState.CANCELLED, charged=charged)
        assert f">{cell}</td>" in jobs_html([job], now=NOW)
        assert f"  {word}  " in jobs_text([job], now=NOW)
    assert ">not yet · ~60</td>" in jobs_html([a_snapshot(JobState.WAITING)], now=NOW)
    known = a_snapshot(JobState.DONE, charged="yes", cost_credits=45)
    assert ">yes · 45</td>" in jobs_html([known], now=NOW)
    assert "  paid 45  " in jobs_text([known], now=NOW)
