"""The process ends in the middle: the next one on the same home goes on, and nothing is paid twice."""

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobTimeout
from tests.client.harness import (
    A_JOB_S,
    SETTLING,
    Harness,
    failed,
    finished,
    history,
    order,
    reached,
    running,
    states,
    until,
)


def kill_at(house: Harness, state: JobState, *, accepted: int = 0) -> None:
    """Run a process that asks for a video; kill it (SIGKILL) in `state`, when `accepted` calls have arrived."""
    with running("killed.py", house) as process:
        assert process.stdout is not None
        while (said := process.stdout.readline().strip()) != state.value:
            assert said, f"the process ended before its job was {state.value}"
        house.accepts(accepted)


def test_an_open_job_goes_on_in_the_next_client(still: Harness) -> None:
    """Closed while the video is being made: a new client on the home waits on, unasked, and fetches it."""
    first = still.open()
    job = order(first)
    reached(job, JobState.QUEUED)
    first.close()
    second = still.open()
    (known,) = second.jobs()
    assert known is not job
    assert known.ref == job.ref
    assert known.request == job.request
    still.control.advance(A_JOB_S)
    assert finished(known).size_bytes > 0
    assert still.paid == 1


def test_the_same_call_after_a_restart_goes_on(still: Harness) -> None:
    """Run All in a restarted kernel finds the open job, with the notice that it was paid."""
    first = still.open()
    ref = order(first).ref
    reached(first.job(ref), JobState.QUEUED)
    first.close()
    job = order(still.open())
    assert job.ref == ref
    assert job.notices[-1].startswith("Already paid for on ")
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert still.paid == 1


def test_killed_while_it_waits(still: Harness) -> None:
    """SIGKILL after the acceptance: the next client finishes the one generation."""
    kill_at(still, JobState.QUEUED)
    (job,) = still.open().jobs()
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert (still.paid, still.control.requests["create-frames-v3"]) == (1, 1)


def test_killed_between_the_call_and_its_answer(still: Harness) -> None:
    """SIGKILL while the answer is on its way: the generation is found in the list and never sent again."""
    still.control.arm("late_answer", delay_s=10**6)
    kill_at(still, JobState.SUBMITTING, accepted=1)
    (job,) = still.open(timing=SETTLING).jobs()
    reached(job, JobState.QUEUED)
    assert "no answer to the paid call" in history(job)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert (still.paid, still.control.requests["create-frames-v3"]) == (1, 1)


def test_killed_before_it_was_sent(still: Harness) -> None:
    """SIGKILL during the uploads: the job stays unpaid until it is asked for, then it is sent once."""
    still.control.arm("late_answer", times=None, route="files", delay_s=10**6)  # so that it cannot get further
    kill_at(still, JobState.UPLOADING)
    still.control.disarm()
    client = still.open()
    (known,) = client.jobs()
    client.reconcile()
    assert known.snapshot().charged == "no"
    assert f'It was never sent; client.job("{known.ref}") sends it.' == known.snapshot().suggested_action
    assert still.paid == 0
    job = client.job(known.ref)
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert still.paid == 1


def test_closed_while_the_answer_is_on_its_way(still: Harness) -> None:
    """A client closed in the middle of the paid call: the next one finds the generation; one payment."""
    still.control.arm("late_answer", delay_s=10**6)
    first = still.open()
    order(first)
    still.accepts(1)
    first.close()
    second = still.open(timing=SETTLING)
    (known,) = second.jobs()
    reached(known, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(known).size_bytes > 0
    assert still.paid == 1


def test_a_lost_answer_is_settled_by_the_next_client(house: Harness) -> None:
    """Unknown when the process ended, settled at the start of the next one, without a second call."""
    fault = house.control.arm("list_lag", lag_s=10**9)
    house.control.arm("lost_answer")
    first = house.open()
    job = order(first)
    reached(job, JobState.UNKNOWN)
    first.close()
    assert fault.times_fired == 1
    house.control.advance(10**9)
    second = house.open()
    (known,) = second.jobs()
    assert finished(known).size_bytes > 0
    assert states(known)[3:5] == ["submitting", "unknown"]
    assert (house.paid, house.control.requests["create-frames-v3"]) == (1, 1)


def test_a_proof_of_absence_survives_the_restart(house: Harness) -> None:
    """A call that was never accepted: the next client proves it; who asks for the job has it sent once."""
    house.control.arm("drop_before", route="create*")
    first = house.open(timing=SETTLING)
    job = order(first)
    reached(job, JobState.UNKNOWN)
    first.close()
    second = house.open(timing=SETTLING)
    (known,) = second.jobs()
    until(known, lambda changed: "proved: never accepted" in history(changed))
    assert finished(second.job(known.ref)).size_bytes > 0
    assert house.paid == 1


def test_a_job_that_timed_out_is_taken_up_again(still: Harness) -> None:
    """By its ref in the same client, with a new deadline, and without a new payment."""
    client = still.open()
    job = order(client, deadline_s=3.0)
    assert isinstance(failed(job), JobTimeout)
    again = client.job(job.ref)
    assert again is job
    still.control.advance(A_JOB_S)
    assert finished(again).size_bytes > 0
    assert still.paid == 1


def test_a_download_that_was_cut_off_is_made_again(still: Harness) -> None:
    """Closed while the film is coming in: nothing half-made stays, and the next client fetches it whole."""
    still.control.arm("slow_media", times=None, delay_s=10**6)
    first = still.open()
    job = order(first)
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    reached(job, JobState.DOWNLOADING)
    first.close()
    assert list((still.home / "videos").glob("*")) == []
    still.control.disarm()
    second = still.open()
    assert finished(second.job(job.ref)).size_bytes > 0
    assert still.paid == 1


@pytest.mark.parametrize("by", ["ref", "video_id"])
def test_a_job_is_found_by_either_name(house: Harness, by: str) -> None:
    """`client.job` takes our ref and the vendor's video id, also in another process's home."""
    first = house.open()
    job = order(first)
    finished(job)
    first.close()
    name = job.ref if by == "ref" else house.control.generations[0].video_id
    assert house.open().job(name).ref == job.ref


def test_an_unknown_name_is_said(house: Harness) -> None:
    """A ref that this ledger does not know: InvalidRequest, with where to look, and without an e-mail."""
    client = house.open()
    with pytest.raises(InvalidRequest) as caught:
        client.job("user:1-pixverse:maria@example.org-video:42")
    assert list(caught.value.fields) == ["ref"]
    assert "client.jobs() lists those there are" in str(caught.value)
    assert "maria@example.org" not in str(caught.value)
