"""The rows and buttons of the job list."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.render.job_views import cancel_explanation
from pixverse_nb.widgets.comm import BackgroundRunner
from pixverse_nb.widgets.job_list import MAX_ROWS, JobTracker, job_row
from tests.factories import a_request
from tests.render.factories import a_video, an_mp4
from tests.widgets.fakes import FakeClient, FakeJob
from tests.widgets.page import wait_for_threads

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


class ListPage:
    """A tracker of a fake client's jobs, and what its page sends and gets."""

    def __init__(self, client: FakeClient) -> None:
        self.client = client
        self.sent: list[dict[str, Any]] = []
        self.errors: list[Exception] = []
        self.tracker = JobTracker(
            client,
            BackgroundRunner(self.errors.append),
            send=lambda content, _: self.sent.append(content),
            on_rows=lambda: None,
            on_video=lambda _: None,
            on_balance_changed=lambda: None,
        )

    def add(self, state: JobState = JobState.GENERATING) -> FakeJob:
        """Track a new job."""
        job = self.client.new_job(state=state)
        self.tracker.track(job)
        return job

    @property
    def refs(self) -> list[str]:
        """The references of the rows, in order."""
        return [row["ref"] for row in self.rows]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows."""
        rows: list[dict[str, Any]] = self.tracker.to_json()["rows"]
        return rows


@pytest.fixture
def page(client: FakeClient) -> ListPage:
    """An empty list."""
    return ListPage(client)


# ---- rows ----


def test_a_row_shows_state_times_and_parameters() -> None:
    """A running job shows its state, the start of its clock, the usual duration and its parameters."""
    row = job_row(replace(JOB, typical_s=58.0))
    assert (row["state"], row["began_at"], row["ended_at"]) == ("Generating", 103.0, None)
    assert "58 s" in row["typical_time"]
    assert row["prompt"] == REQUEST.prompt
    assert row["facts"].split(" · ") == ["540p", "5 s", "16:9", "v5.6", "seed 7"]


def test_a_row_names_its_model() -> None:
    """The model is named, and its motion unless it is the usual one; a model without a seed shows none."""
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
        ({"state": JobState.TIMED_OUT, "charged": "yes"}, "Wait again", False),
        ({"state": JobState.CANCELLED, "charged": "yes"}, "Wait again", False),
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


# ---- the list ----


def test_the_newest_job_comes_first(page: ListPage) -> None:
    """Rows are sorted by creation, newest first, and a change does not move a row."""
    first, *_ = [page.add() for _ in range(3)]
    first.change(state=JobState.QUEUED)
    assert page.refs == ["job-3", "job-2", "job-1"]
    assert page.rows[2]["state"] != page.rows[1]["state"]


def test_at_most_twelve_rows_with_unfinished_jobs_first(page: ListPage) -> None:
    """A long list keeps what runs visible, then what waits to be sent, and counts the jobs that are not shown."""
    for state in (JobState.GENERATING, JobState.WAITING, *[JobState.DONE] * (MAX_ROWS + 3)):
        page.add(state)
    assert len(page.rows) == MAX_ROWS
    assert page.tracker.to_json()["more"] == 5
    assert page.refs[-2:] == ["job-2", "job-1"]
    for _ in range(MAX_ROWS):
        page.add(JobState.WAITING)
    assert page.refs[-1] == "job-1"
    assert "job-2" not in page.refs


def test_the_page_can_cancel_and_dismiss(page: ListPage) -> None:
    """A listed job is cancelled; unknown references are ignored; only a finished job can be dismissed."""
    job, other = page.add(), page.add()
    page.tracker.handle_message({"kind": "dismiss", "ref": job.ref})
    assert page.refs == ["job-2", "job-1"]
    references: tuple[object, ...] = ("unknown", None, [], {}, job.ref)
    for ref in references:
        page.tracker.handle_message({"kind": "cancel", "ref": ref})
    wait_for_threads()
    assert (job.cancelled.is_set(), other.cancelled.is_set()) == (True, False)
    page.tracker.handle_message({"kind": "dismiss", "ref": job.ref})
    assert page.refs == [other.ref]
    assert page.errors == []


def test_a_dismissed_row_takes_no_presses(page: ListPage) -> None:
    """A second page that still shows the row can do nothing with it."""
    job = page.add(JobState.CANCELLED)
    page.tracker.handle_message({"kind": "dismiss", "ref": job.ref})
    page.tracker.handle_message({"kind": "retry", "ref": job.ref})
    wait_for_threads()
    assert not job.resumed.is_set()


def test_a_page_without_the_player_gets_it_and_the_video(page: ListPage, tmp_path: Path) -> None:
    """A page that asks gets the player without the file in it, and then the file in chunks; an open job has none."""
    job = page.add()
    page.tracker.handle_message({"kind": "player", "ref": job.ref})
    wait_for_threads()
    assert page.sent == []
    file = an_mp4(tmp_path / "film.mp4")
    job.change(state=JobState.DONE, video=a_video(file, ref=job.ref))
    page.tracker.handle_message({"kind": "player", "ref": job.ref})
    wait_for_threads()
    (player,) = [message for message in page.sent if message["kind"] == "player"]
    assert player["ref"] == job.ref
    assert f'data-pvnb-ref="{job.ref}"' in player["html"]
    assert "data:video" not in player["html"]
    assert page.tracker.handle_stream({"kind": "request", "key": job.ref, "id": "one", "offset": 0})
    wait_for_threads()
    assert page.sent[-1]["size"] == file.stat().st_size


def test_the_page_can_ask_for_the_kernels_time(page: ListPage) -> None:
    """The answer to "clock" has the kernel's time in Unix seconds, because the browser's may differ."""
    page.tracker.handle_message({"kind": "clock"})
    (message,) = page.sent
    assert message["now"] > 1_700_000_000


def test_a_tracker_that_was_stopped_follows_nothing_more(page: ListPage) -> None:
    """It subscribes once, with the first job, and after the end not again."""
    assert page.client.callbacks == []
    page.add()
    page.add()
    assert len(page.client.callbacks) == 1
    page.tracker.stop()
    page.add()
    assert page.client.callbacks == []
