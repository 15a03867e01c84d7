"""Times, parameters and credits as text."""

from dataclasses import replace

import pytest

from pixverse_nb.domain.jobs import JobState, WaitingFor
from pixverse_nb.domain.operations import Operation
from pixverse_nb.render.formatting import (
    SHORT_STATE_LABELS,
    STATE_LABELS,
    charge_sentence,
    format_clock,
    format_credits,
    format_duration,
    format_parameters,
    format_row_parameters,
    job_severity,
    severity,
    short_state_label,
    shorten,
    state_explanation,
    state_label,
    typical_duration,
)
from tests.render.factories import NOW, a_request, a_snapshot


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.44, "0.4 s"),
        (5.0, "5 s"),
        (9.96, "10 s"),
        (58.2, "58 s"),
        (59.7, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
    ],
)
def test_durations_have_a_sensible_precision(seconds: float, text: str) -> None:
    """Short durations have a decimal, long ones have two units."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0:00"), (7.9, "0:07"), (750, "12:30"), (3723, "1:02:03")])
def test_a_clock_shows_whole_seconds(seconds: float, text: str) -> None:
    """A clock is rounded down and never negative."""
    assert format_clock(seconds) == text


def test_credits_are_counted_in_their_unit() -> None:
    """The singular, estimates, sandbox credits and thousands have their own forms; unknown credits are empty."""
    assert format_credits(1, is_estimate=False, is_sandbox=False) == "1 credit"
    assert format_credits(60, is_estimate=True, is_sandbox=True) == "about 60 sandbox credits (estimate)"
    assert format_credits(30060, is_estimate=False, is_sandbox=False) == "30,060 credits"
    assert format_credits(None, is_estimate=True, is_sandbox=False) == ""


def test_parameters_name_the_watermark_only_if_it_stays() -> None:
    """The watermark is the only parameter without a text of its own by default."""
    assert format_parameters(a_request()) == ("540p", "5 s", "16:9", "v5.6")
    assert format_parameters(a_request(model="v3.5")) == ("720p", "5 s", "16:9", "normal motion", "v3.5")
    assert len(format_parameters(a_request(model="v3.5", remove_watermark=False))) == 6


def test_a_row_names_the_model_and_what_is_unusual() -> None:
    """The model is always named; normal motion is left out of rows, and so is an operation that the pictures show."""
    assert format_row_parameters(a_request()) == ("540p", "5 s", "16:9", "v5.6")
    assert format_row_parameters(a_request(model="v3.5"))[3:] == ("v3.5",)
    assert format_row_parameters(a_request(model="v3.5", motion_mode="fast"))[3:] == ("fast", "v3.5")
    assert format_row_parameters(replace(a_request(), operation=Operation.EXTEND))[0] == "extend"


@pytest.mark.parametrize(
    ("text", "short"),
    [("one two", "one two"), ("one\n two", "one two"), ("one two three", "one two…"), ("abcdefghijkl", "abcdefghi…")],
)
def test_long_text_is_cut_at_a_word(text: str, short: str) -> None:
    """Text is cut at a word boundary if there is one near the end, and is never longer than asked."""
    assert shorten(text, max_length=10) == short
    assert len(short) <= 10


@pytest.mark.parametrize("state", list(JobState))
def test_every_state_has_labels_and_a_severity(state: JobState) -> None:
    """Each state has a label, a short label and a severity; states that need attention are not "run"."""
    assert STATE_LABELS[state]
    assert len(SHORT_STATE_LABELS[state]) <= 18
    needs_attention = state in (JobState.UNKNOWN, JobState.FAILED, JobState.MODERATED, JobState.REFUSED)
    assert (severity(state) in ("warn", "bad")) == (needs_attention or state is JobState.TIMED_OUT)


def test_a_paused_job_is_not_described_as_running() -> None:
    """A paused job has another label than its state, and never the severity "run"; with an error it is a warning."""
    for state in (JobState.UPLOADING, JobState.WAITING, JobState.DOWNLOADING, JobState.GENERATING):
        paused = a_snapshot(state, is_paused=True)
        assert state_label(paused) != STATE_LABELS[state]
        assert job_severity(paused) == "off"
    assert job_severity(a_snapshot(JobState.DOWNLOADING, is_paused=True, error="Disk full.")) == "warn"


def test_a_waiting_job_names_its_obstacle() -> None:
    """Each cause of waiting has its own labels and explanation; without one the job is only not sent yet."""
    causes: tuple[WaitingFor | None, ...] = ("slot", "network", None)
    waiting = [a_snapshot(JobState.WAITING, waiting_for=cause) for cause in causes]
    for describe in (state_label, short_state_label, state_explanation):
        assert len({describe(job) for job in waiting} - {""}) == len(waiting)
    assert state_label(waiting[-1]) == STATE_LABELS[JobState.WAITING]


def test_charges_are_mentioned_only_for_jobs_without_a_video() -> None:
    """A job that is going well has no sentence about charges; failed jobs and lost calls have one each."""
    assert charge_sentence(a_snapshot(JobState.GENERATING, charged="yes")) == ""
    sentences = {
        charge_sentence(a_snapshot(JobState.FAILED, charged="no", submitted_at=None)),
        charge_sentence(a_snapshot(JobState.FAILED, charged="unknown")),
        charge_sentence(a_snapshot(JobState.FAILED, charged="yes", cost_credits=60)),
        charge_sentence(a_snapshot(JobState.FAILED, charged="yes", estimated_credits=None)),
    }
    assert len(sentences - {""}) == 4
    assert "60 credits" in charge_sentence(a_snapshot(JobState.FAILED, charged="yes", cost_credits=60))


def test_a_job_without_a_video_tells_whether_it_was_refunded() -> None:
    """Unknown, not yet and refunded are three sentences."""
    sentences = [charge_sentence(a_snapshot(JobState.MODERATED, refund_credits=back)) for back in (None, 0, 60)]
    assert len({*sentences}) == 3


def test_the_typical_duration_changes_when_a_job_is_late() -> None:
    """After one and a half times the usual time the text says so; it needs a known duration and a submitted job."""
    on_time = typical_duration(a_snapshot(JobState.GENERATING), now=NOW)
    late = typical_duration(a_snapshot(JobState.GENERATING, submitted_at=NOW - 88), now=NOW)
    assert "58 s" in on_time
    assert "58 s" in late
    assert on_time != late
    assert typical_duration(a_snapshot(JobState.GENERATING, typical_s=None), now=NOW) == ""
    assert typical_duration(a_snapshot(JobState.WAITING), now=NOW) == ""
