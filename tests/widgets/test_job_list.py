"""The list of jobs."""

from dataclasses import replace
from typing import Any

import pytest

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.widgets.comm import BackgroundRunner
from pixverse_nb.widgets.job_list import SHOWN_MAX, Progress, cancel_words, row_of
from tests.factories import a_request
from tests.widgets.page import heard, say, settle

REQUEST = a_request(seed=7, prompt="a slow pan")
JOB = JobSnapshot(ref="j1", state=JobState.GENERATING, request=REQUEST, created_at=100.0, submitted_at=103.0)
STOPPED = replace(
    JOB,
    state=JobState.DOWNLOADING,
    finished_at=160.0,
    charged="yes",
    error="The media host answered HTTP 403.",
    is_paused=True,
    can_resume=True,
)


@pytest.fixture
def cancelled() -> list[str]:
    """The jobs that were given up."""
    return []


@pytest.fixture
def resumed() -> list[str]:
    """The jobs that were taken up again."""
    return []


@pytest.fixture
def progress(cancelled: list[str], resumed: list[str]) -> Progress:
    """An empty list."""
    errors: list[Any] = []
    return Progress(on_cancel=cancelled.append, on_again=resumed.append, dispatcher=BackgroundRunner(errors.append))


def refs(progress: Progress) -> list[str]:
    """Return the jobs shown, in order."""
    return [row["ref"] for row in progress.rows]


def test_a_row_tells_state_time_and_what_it_is() -> None:
    """A running job shows its state, when its clock began, the usual time, and its parameters."""
    row = row_of(replace(JOB, typical_s=58.0))
    assert (row["state"], row["began"], row["ended"]) == ("Generating", 103.0, None)
    assert row["typical_time"] == "usually about 58 s"
    assert row["facts"] == "a slow pan · 720p · 5 s · 16:9 · seed 7"


def test_nothing_is_invented() -> None:
    """Where the usual time or the position is not known nothing is said of it, and there is no percentage."""
    row = row_of(JOB)
    assert row["typical_time"] == ""
    assert "%" not in str(row)
    assert "Position" not in row_of(replace(JOB, state=JobState.QUEUED))["details"]
    assert "Position 3." in row_of(replace(JOB, state=JobState.QUEUED, queue_position=3))["details"]


def test_a_finished_job_stops_its_clock() -> None:
    """The clock ends with the job, and a row that is over can be dismissed but not cancelled."""
    row = row_of(replace(JOB, state=JobState.DONE, finished_at=160.0, typical_s=58.0, charged="yes", cost_credits=60))
    assert (row["ended"], row["can_cancel"], row["is_final"], row["typical_time"]) == (160.0, False, True, "")
    assert row["facts"].endswith("60 credits")


def test_a_failure_says_why_what_it_cost_and_what_to_do() -> None:
    """A failed job's row has the error, the charge and the next step, as sentences, with e-mails masked."""
    failed = replace(
        JOB,
        state=JobState.FAILED,
        finished_at=160.0,
        error="Refused for maria@example.org",
        suggested_action="Try another prompt",
    )
    row = row_of(failed)
    assert row["error"] == "Refused for m…@e…."
    assert row["details"] == "Nothing was charged. Try another prompt."


def test_what_is_wrong_stands_apart_from_what_is_only_worth_knowing() -> None:
    """How a picture was cut is no part of why a job failed; a cancelled job is not wrong."""
    cut = "Last picture: cut from 451×300 to 451×254, which is 16:9"
    failed = row_of(replace(JOB, state=JobState.FAILED, error="The generation failed", notices=(cut,)))
    assert (failed["error"], failed["notices"]) == ("The generation failed.", f"{cut}.")
    assert "cut" not in failed["details"]
    cancelled = row_of(replace(JOB, state=JobState.CANCELLED, error="Cancelled here"))
    assert cancelled["error"] == ""
    assert cancelled["details"].startswith("Cancelled here.")


def test_what_cost_nothing_names_no_credits() -> None:
    """Beside "Nothing was charged." stands no amount."""
    row = row_of(replace(JOB, state=JobState.MODERATED, finished_at=160.0, error="Moderated.", cost_credits=45))
    assert "Nothing was charged." in row["details"]
    assert "credit" not in row["facts"]


def test_a_stopped_download_stands_still_and_can_be_tried_again() -> None:
    """It is not called under way, its clock has stopped, it says why, and that trying again pays nothing twice."""
    row = row_of(replace(STOPPED, typical_s=58.0))
    assert row["state"] == "Download stopped"
    assert row["tone"] == "warn"
    assert (row["is_clock_stopped"], row["ended"], row["typical_time"]) == (True, 160.0, "")
    assert row["error"] == "The media host answered HTTP 403."
    assert "nothing is paid twice" in row["details"]
    assert (row["retry_label"], row["can_cancel"], row["is_final"]) == ("Try again", False, False)


def test_a_download_is_not_offered_to_be_cancelled() -> None:
    """The video is paid and finished: there is nothing that cancelling would stop."""
    assert row_of(replace(JOB, state=JobState.DOWNLOADING))["can_cancel"] is False
    assert row_of(JOB)["can_cancel"] is True


@pytest.mark.parametrize(
    ("changes", "button", "step"),
    [
        ({"state": JobState.TIMED_OUT, "charged": "yes"}, "Try again", "Trying again goes on waiting for it"),
        ({"state": JobState.CANCELLED, "charged": "yes"}, "Take it up again", "nothing is paid twice"),
        ({"state": JobState.TIMED_OUT, "charged": "no", "error": "Not sent."}, "Send it", "Sending it is the paid"),
        ({"state": JobState.WAITING, "is_paused": True}, "Send it", "It was never sent. Sending it is the paid call."),
    ],
)
def test_the_button_says_whether_taking_it_up_again_pays(changes: dict[str, Any], button: str, step: str) -> None:
    """What is paid is tried again for nothing; what was never sent says that sending it is the paid call."""
    row = row_of(replace(JOB, can_resume=True, **changes))
    assert row["retry_label"] == button
    assert step in row["details"]


def test_what_was_never_sent_shows_no_clock() -> None:
    """A job that waits for a person's word does not count seconds, and is not said to be waiting for a slot."""
    row = row_of(replace(JOB, state=JobState.WAITING, submitted_at=None, is_paused=True, can_resume=True))
    assert (row["state"], row["is_clock_stopped"], row["ended"]) == ("Not sent", True, None)
    assert "slots" not in row["details"]


@pytest.mark.parametrize("state", [JobState.PLANNED, JobState.UPLOADING, JobState.WAITING])
def test_cancelling_before_the_paid_call_costs_nothing_and_says_so(state: JobState) -> None:
    """Before anything was paid for, cancelling stops everything."""
    assert "Nothing has been paid for yet" in cancel_words(replace(JOB, state=state))


@pytest.mark.parametrize("state", [JobState.SUBMITTING, JobState.UNKNOWN, JobState.QUEUED, JobState.GENERATING])
def test_cancelling_afterwards_says_what_goes_on(state: JobState) -> None:
    """Once it may have been accepted, the generation may go on and the credits are gone; in the sandbox none are."""
    words = cancel_words(replace(JOB, state=state))
    assert "may go on at PixVerse. Its credits are not given back." in words
    assert "No real credits" in cancel_words(replace(JOB, state=state, is_sandbox=True))


def test_the_newest_job_stands_first(progress: Progress) -> None:
    """Rows are ordered by creation, newest first, and a change does not move them."""
    for number in (1, 2, 3):
        progress.show(replace(JOB, ref=f"j{number}", created_at=float(number)))
    progress.show(replace(JOB, ref="j1", created_at=1.0, state=JobState.DOWNLOADING))
    assert refs(progress) == ["j3", "j2", "j1"]
    assert progress.rows[2]["state"] == "Downloading the video"


def test_at_most_twelve_rows_are_shown_and_open_jobs_before_finished_ones(progress: Progress) -> None:
    """A long list keeps the open jobs in view and counts the rest."""
    for number in range(SHOWN_MAX + 5):
        state = JobState.GENERATING if number == 0 else JobState.DONE
        progress.show(replace(JOB, ref=f"j{number}", created_at=float(number), state=state))
    assert len(progress.rows) == SHOWN_MAX
    assert progress.more == 5
    assert refs(progress)[-1] == "j0"


def test_an_older_snapshot_does_not_replace_a_newer_one(progress: Progress) -> None:
    """`only_new` puts a job in, but leaves a row that is there already."""
    progress.show(replace(JOB, state=JobState.GENERATING))
    progress.show(replace(JOB, state=JobState.PLANNED), only_new=True)
    assert progress.rows[0]["state"] == "Generating"


def test_the_page_cancels_and_dismisses(progress: Progress, cancelled: list[str]) -> None:
    """Cancel reaches the owner once for a job that is shown; only a job that is over can be dismissed."""
    progress.show(JOB)
    say(progress, {"kind": "dismiss", "ref": "j1"})
    assert refs(progress) == ["j1"]
    given: tuple[object, ...] = ("j1", "unknown", None, [], {})
    for ref in given:
        say(progress, {"kind": "cancel", "ref": ref})
    settle()
    assert cancelled == ["j1"]
    progress.show(replace(JOB, state=JobState.CANCELLED, finished_at=9.0))
    say(progress, {"kind": "dismiss", "ref": "j1"})
    assert refs(progress) == []


def test_the_page_takes_a_job_up_again(progress: Progress, resumed: list[str]) -> None:
    """The press reaches the owner once, for a job that is shown."""
    progress.show(STOPPED)
    for ref in ("j1", "unknown", None):
        say(progress, {"kind": "retry", "ref": ref})
    settle()
    assert resumed == ["j1"]


def test_the_page_learns_the_kernels_clock(progress: Progress) -> None:
    """A page that asks for the time gets it, because its own may be another."""
    say(progress, {"kind": "clock"})
    ((message, _),) = heard(progress, "clock")
    assert message["now"] > 1_700_000_000
