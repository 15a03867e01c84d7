"""Lost answers of calls with one picture, a video or none: found by reference, by content, or a person is asked."""

from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import OutcomeUnknown
from pixverse_nb.jobs.job import Job
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    is_proved_absent,
    state_names,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)
from tests.client.operation_calls import BY_NAME, CALLS, OperationCall, Sources, make_sources

EACH = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.operation)
BY_CONTENT = pytest.mark.parametrize(
    "call", [call for call in CALLS if call.operation != "lipsync"], ids=lambda call: call.operation
)


@pytest.fixture
def sources(harness: Harness, tmp_path: Path) -> Sources:
    """Return what the calls start from; the client that made it is closed, so that it does not lead the next one."""
    with harness.open() as client:
        return make_sources(client, tmp_path)


def hide_references(harness: Harness) -> None:
    """Let neither the rows nor the scheduler name our reference, as the vendor's page allows."""
    harness.control.settings.reply_ref_in_rows = False
    harness.control.settings.reply_ref_in_scheduler = False


@EACH
def test_a_lost_call_is_found_by_its_reference(harness: Harness, sources: Sources, call: OperationCall) -> None:
    """A call that was accepted without an answer is found by our reference: one call, one charge."""
    harness.control.settings.reply_ref_in_rows = True
    harness.control.arm("lost_answer")
    job = call.start(harness.open(), sources)
    assert wait_for_video(job).size_bytes > 0
    assert "unknown" in state_names(job)
    assert (harness.paid, harness.control.requests[call.route]) == (2, 1 + (call.operation in ("text", "image")))


@BY_CONTENT
def test_a_lost_call_is_found_by_its_content(harness: Harness, sources: Sources, call: OperationCall) -> None:
    """Without a reference the row is recognised: by the seed, or an upscale by its source."""
    hide_references(harness)
    harness.control.arm("lost_answer")
    job = call.start(harness.open(), sources)
    assert wait_for_video(job).size_bytes > 0
    assert "unknown" in state_names(job)
    assert harness.paid == 2


def ask_about(harness: Harness, client: Client, sources: Sources, name: str) -> Job:
    """Lose the answer of a call that cannot be told from another one, and wait for the question."""
    hide_references(harness)
    harness.control.arm("lost_answer")
    match name:
        case "text":  # of a model without seeds
            job = client.create_video("rain", model="veo-3.1-lite")
        case "file":
            job = client.upscale(sources.film)
        case _:
            job = BY_NAME[name].start(client, sources)
    harness.pass_settle_window(job)
    assert isinstance(wait_for_error(job), OutcomeUnknown)
    assert harness.paid == 2
    return job


@pytest.mark.parametrize("name", ["text", "file", "lipsync"])
def test_a_person_is_asked_where_nothing_tells(harness: Harness, sources: Sources, name: str) -> None:
    """Without a seed and without a source that the row names, the job asks; the answer yes takes the video."""
    client = harness.open()
    job = ask_about(harness, client, sources, name)
    job.resolve(was_charged=True)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 2


@pytest.mark.parametrize("name", ["text", "file"])
def test_a_person_may_say_no(harness: Harness, sources: Sources, name: str) -> None:
    """The answer no sends the call again, and only then is a second one paid."""
    client = harness.open()
    job = ask_about(harness, client, sources, name)
    job.resolve(was_charged=False)
    assert wait_for_video(job).size_bytes > 0
    assert harness.paid == 3


@pytest.mark.parametrize("name", ["text", "extend", "upscale", "lipsync"])
def test_an_unaccepted_call_is_sent_again_after_proof(harness: Harness, sources: Sources, name: str) -> None:
    """A call that never arrived is proved absent and sent again: one payment."""
    hide_references(harness)
    harness.control.arm("drop_before", route="paid")
    job = BY_NAME[name].start(harness.open(), sources)
    harness.pass_settle_window(job)
    assert wait_for_video(job).size_bytes > 0
    assert is_proved_absent(job)
    assert harness.paid == 2


@pytest.mark.parametrize("name", ["upscale", "restyle"])
def test_a_debit_without_a_known_price_is_noticed(harness: Harness, sources: Sources, name: str) -> None:
    """If the list lacks the call but credits are gone, the job asks, though the price was not known before."""
    hide_references(harness)
    harness.control.arm("lost_answer")
    harness.control.arm("list_lag", lag_s=10**6)
    job = BY_NAME[name].start(harness.open(), sources)
    harness.pass_settle_window(job)
    assert isinstance(wait_for_error(job), OutcomeUnknown)
    assert harness.paid == 2


@pytest.mark.parametrize("name", ["text", "extend", "upscale"])
def test_a_lost_call_is_found_after_a_restart(persistent_harness: Harness, tmp_path: Path, name: str) -> None:
    """The process ends while the outcome is unknown; the next one finds the generation, which is finished by then."""
    harness = persistent_harness
    with harness.open() as client:
        boat = client.create_video("a paper boat", duration=3, quality="360p", seed=1)
        wait_for_state(boat, JobState.QUEUED)
        harness.control.advance(LONGEST_JOB_S)
        film, sound = tmp_path / "film.mp4", tmp_path / "voice.mp3"
        sources = Sources(wait_for_video(boat), film, sound)
        hide_references(harness)
        harness.control.arm("late_answer", delay_s=10**6)
        job = BY_NAME[name].start(client, sources)
        harness.wait_for_accepted(2)
    harness.control.disarm()
    harness.control.advance(LONGEST_JOB_S)
    reopened = harness.open()
    assert wait_for_video(reopened.job(job.ref)).size_bytes > 0
    assert BY_NAME[name].start(reopened, sources).ref == job.ref
    assert harness.paid == 2


@pytest.mark.parametrize("status", [404, 405, 410, 301, 308])
def test_a_route_that_is_gone_is_a_refusal(harness: Harness, sources: Sources, status: int) -> None:
    """The operations' routes may be withdrawn like any other: nothing is charged, and nothing is sent twice."""
    harness.control.arm("html_error", status=status, route="extend")
    error = wait_for_error(BY_NAME["extend"].start(harness.open(), sources))
    assert getattr(error, "may_have_been_charged", None) == "no"
    assert (harness.paid, harness.control.requests["extend"]) == (1, 1)
