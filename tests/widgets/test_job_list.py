"""The rows and buttons of the job list."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.render.job_views import cancel_explanation
from pixverse_nb.widgets.comm import BackgroundRunner
from pixverse_nb.widgets.job_list import MAX_ROWS, JobListWidget, job_row
from tests.factories import a_request
from tests.widgets.page import messages_of, send_message, wait_for_threads

REQUEST = a_request(seed=7, prompt="a slow pan")
JOB = JobSnapshot(ref="j1", state=JobState.GENERATING, request=REQUEST, created_at=100.0, submitted_at=103.0)
STOPPED_DOWNLOAD = replace(
    JOB,
    state=JobState.DOWNLOADING,
    finished_at=160.0,
    charged="yes",
    error="HTTP 403",
    is_paused=True,
    can_resume=True,
)


@pytest.fixture
def cancelled() -> list[str]:
    """The references passed to `on_cancel`."""
    return []


@pytest.fixture
def retried() -> list[str]:
    """The references passed to `on_retry`."""
    return []


@pytest.fixture
def job_list(cancelled: list[str], retried: list[str]) -> JobListWidget:
    """An empty list."""
    errors: list[Any] = []
    return JobListWidget(on_cancel=cancelled.append, on_retry=retried.append, runner=BackgroundRunner(errors.append))


def refs(job_list: JobListWidget) -> list[str]:
    """Return the references of the rows, in order."""
    return [row["ref"] for row in job_list.rows]


# ---- rows ----


def test_a_row_shows_state_times_and_parameters() -> None:
    """A running job shows its state, the start of its clock, the usual duration and its parameters."""
    row = job_row(replace(JOB, typical_s=58.0))
    assert (row["state"], row["began_at"], row["ended_at"]) == ("Generating", 103.0, None)
    assert "58 s" in row["typical_time"]
    assert row["facts"].split(" · ") == [REQUEST.prompt, "540p", "5 s", "16:9", "seed 7"]


def test_a_row_names_a_model_that_is_not_the_default() -> None:
    """The model and its motion are named unless they are the usual ones; a model without a seed shows none."""
    request = a_request(model="v3.5", motion_mode="fast", seed=7)
    assert job_row(replace(JOB, request=request))["facts"].split(" · ")[-3:] == ["fast", "v3.5", "seed 7"]
    facts = job_row(replace(JOB, request=a_request(model="kling-o3", seed=None)))["facts"].split(" · ")
    assert facts == ["720p", "5 s", "16:9", "kling-o3"]


def test_unknown_values_are_left_out() -> None:
    """Without a usual duration or a queue position the row shows none, and it never shows a percentage."""
    row = job_row(JOB)
    assert row["typical_time"] == ""
    assert "%" not in str(row)
    assert "Position" not in job_row(replace(JOB, state=JobState.QUEUED))["details"]
    assert "Position 3" in job_row(replace(JOB, state=JobState.QUEUED, queue_position=3))["details"]


def test_the_clock_of_a_finished_job_is_stopped() -> None:
    """A finished job shows its end and its cost, and cannot be cancelled."""
    row = job_row(replace(JOB, state=JobState.DONE, finished_at=160.0, typical_s=58.0, charged="yes", cost_credits=60))
    assert (row["ended_at"], row["can_cancel"], row["is_final"], row["typical_time"]) == (160.0, False, True, "")
    assert row["facts"].endswith("60 credits")


def test_a_failed_job_shows_error_charge_and_next_step() -> None:
    """The row has the redacted error, and the charge and the suggested action in the details."""
    failed = replace(
        JOB, state=JobState.FAILED, finished_at=160.0, error="Blocked: maria@example.org", suggested_action="Wait"
    )
    row = job_row(failed)
    assert row["error"].startswith("Blocked")
    assert "maria" not in row["error"]
    assert "charged" in row["details"]
    assert row["details"].endswith("Wait.")


def test_errors_and_notices_are_separate() -> None:
    """A notice about a crop is not part of the error, and a cancelled job shows no error."""
    failed = job_row(replace(JOB, state=JobState.FAILED, error="Failed", notices=("Cropped",)))
    assert (failed["error"], failed["notices"]) == ("Failed.", "Cropped.")
    assert "Cropped" not in failed["details"]
    cancelled = job_row(replace(JOB, state=JobState.CANCELLED, error="Cancelled"))
    assert cancelled["error"] == ""
    assert cancelled["details"].startswith("Cancelled.")


def test_a_job_without_a_charge_shows_no_credits() -> None:
    """The expected price of a moderated job is not shown, because nothing was charged."""
    row = job_row(replace(JOB, state=JobState.MODERATED, finished_at=160.0, error="Moderated.", cost_credits=45))
    assert "credit" not in row["facts"]


def test_a_stopped_download_can_be_retried() -> None:
    """A stopped download has a stopped clock, a warning, its error and a retry button, and cannot be cancelled."""
    row = job_row(replace(STOPPED_DOWNLOAD, typical_s=58.0))
    assert row["state"] != job_row(replace(JOB, state=JobState.DOWNLOADING))["state"]
    assert row["severity"] == "warn"
    assert (row["is_clock_stopped"], row["ended_at"], row["typical_time"]) == (True, 160.0, "")
    assert "403" in row["error"]
    assert (bool(row["retry_label"]), row["can_cancel"], row["is_final"]) == (True, False, False)


def test_a_download_cannot_be_cancelled() -> None:
    """A video that is being downloaded is finished and paid for, so cancelling would stop nothing."""
    assert job_row(replace(JOB, state=JobState.DOWNLOADING))["can_cancel"] is False
    assert job_row(JOB)["can_cancel"] is True


@pytest.mark.parametrize(
    ("changes", "label", "is_paid"),
    [
        ({"state": JobState.TIMED_OUT, "charged": "yes"}, "Try again", False),
        ({"state": JobState.CANCELLED, "charged": "yes"}, "Resume", False),
        ({"state": JobState.DOWNLOADING, "charged": "yes", "is_paused": True}, "Try again", False),
        ({"state": JobState.TIMED_OUT, "charged": "no", "error": "Not sent."}, "Submit", True),
        ({"state": JobState.WAITING, "is_paused": True}, "Submit", True),
    ],
)
def test_the_retry_button_says_whether_it_costs_money(changes: dict[str, Any], label: str, is_paid: bool) -> None:
    """Only a job that was never submitted has a button that submits it, and its details name the paid call."""
    row = job_row(replace(JOB, can_resume=True, **changes))
    assert row["retry_label"] == label
    assert ("paid call" in row["details"]) is is_paid


def test_a_job_without_a_button_has_no_label() -> None:
    """A job that cannot be continued has no retry button."""
    assert job_row(JOB)["retry_label"] == ""


def test_a_job_that_was_never_submitted_has_no_clock() -> None:
    """A job that waits for a person shows no time and does not claim to wait for a slot."""
    row = job_row(replace(JOB, state=JobState.WAITING, submitted_at=None, is_paused=True, can_resume=True))
    assert (row["is_clock_stopped"], row["ended_at"]) == (True, None)
    assert "slots" not in row["details"]


@pytest.mark.parametrize("state", [JobState.PLANNED, JobState.UPLOADING, JobState.WAITING])
def test_before_the_paid_call_no_refund_is_mentioned(state: JobState) -> None:
    """Before the paid call, the explanation of cancelling says nothing about refunds."""
    assert "refund" not in cancel_explanation(replace(JOB, state=state))


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING])
def test_after_the_paid_call_credits_are_not_refunded(state: JobState) -> None:
    """After the paid call, the explanation mentions the refund, or the sandbox if no real credits are spent."""
    assert "refund" in cancel_explanation(replace(JOB, state=state))
    sandbox = cancel_explanation(replace(JOB, state=state, is_sandbox=True))
    assert ("refund" in sandbox, "sandbox" in sandbox) == (False, True)


# ---- the widget ----


def test_the_newest_job_comes_first(job_list: JobListWidget) -> None:
    """Rows are sorted by creation, newest first, and a change does not move a row."""
    for number in (1, 2, 3):
        job_list.set_job(replace(JOB, ref=f"j{number}", created_at=float(number)))
    job_list.set_job(replace(JOB, ref="j1", created_at=1.0, state=JobState.QUEUED))
    assert refs(job_list) == ["j3", "j2", "j1"]
    assert job_list.rows[2]["state"] != job_list.rows[1]["state"]


def test_at_most_twelve_rows_with_unfinished_jobs_first(job_list: JobListWidget) -> None:
    """A long list keeps unfinished jobs visible and counts the jobs that are not shown."""
    for number in range(MAX_ROWS + 5):
        state = JobState.GENERATING if number == 0 else JobState.DONE
        job_list.set_job(replace(JOB, ref=f"j{number}", created_at=float(number), state=state))
    assert len(job_list.rows) == MAX_ROWS
    assert job_list.more == 5
    assert refs(job_list)[-1] == "j0"


def test_only_new_does_not_overwrite_a_row(job_list: JobListWidget) -> None:
    """With `only_new`, a row that already exists is not changed."""
    job_list.set_job(replace(JOB, state=JobState.GENERATING))
    job_list.set_job(replace(JOB, state=JobState.PLANNED), only_new=True)
    assert job_list.rows[0]["state"] == "Generating"


def test_the_page_can_cancel_and_dismiss(job_list: JobListWidget, cancelled: list[str]) -> None:
    """A listed job is cancelled once; unknown references are ignored; only a finished job can be dismissed."""
    job_list.set_job(JOB)
    send_message(job_list, {"kind": "dismiss", "ref": "j1"})
    assert refs(job_list) == ["j1"]
    references: tuple[object, ...] = ("j1", "unknown", None, [], {})
    for ref in references:
        send_message(job_list, {"kind": "cancel", "ref": ref})
    wait_for_threads()
    assert cancelled == ["j1"]
    job_list.set_job(replace(JOB, state=JobState.CANCELLED, finished_at=9.0))
    send_message(job_list, {"kind": "dismiss", "ref": "j1"})
    assert refs(job_list) == []


def test_the_page_can_retry_a_job(job_list: JobListWidget, retried: list[str]) -> None:
    """A listed job is retried once; unknown references are ignored."""
    job_list.set_job(STOPPED_DOWNLOAD)
    for ref in ("j1", "unknown", None):
        send_message(job_list, {"kind": "retry", "ref": ref})
    wait_for_threads()
    assert retried == ["j1"]


def test_the_page_can_ask_for_the_kernels_time(job_list: JobListWidget) -> None:
    """The answer to "clock" has the kernel's time in Unix seconds, because the browser's may differ."""
    send_message(job_list, {"kind": "clock"})
    ((message, _),) = messages_of(job_list, "clock")
    assert message["now"] > 1_700_000_000
