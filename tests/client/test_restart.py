"""The process ends during a job: the next client on the home continues it, and nothing is charged twice."""

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobTimeout
from tests.client.harness import (
    A_JOB_S,
    SETTLING,
    Harness,
    failed,
    finished,
    is_proved_absent,
    order,
    reached,
    running,
    states,
    until,
)


def kill_at(house: Harness, state: JobState, *, accepted: int = 0) -> None:
    """Run a process that requests a video; kill it (SIGKILL) in `state`, once `accepted` calls have arrived."""
    with running("killed.py", house) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline().strip()) != state.value:
            assert line, f"the process ended before its job was {state.value}"
        house.accepts(accepted)


def test_an_open_job_continues_in_the_next_client(still: Harness) -> None:
    """A new client on the home continues an open job by itself."""
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


def test_repeating_the_call_after_a_restart_reuses_the_job(still: Harness) -> None:
    """Repeating the call in a new client returns the open job with a notice that it is reused."""
    first = still.open()
    ref = order(first).ref
    reached(first.job(ref), JobState.QUEUED)
    first.close()
    job = order(still.open())
    assert job.ref == ref
    assert job.snapshot().reused
    assert "reuse=False" in job.notices[-1]
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert still.paid == 1


def test_killed_after_acceptance(still: Harness) -> None:
    """After SIGKILL while queued, the next client finishes the same generation."""
    kill_at(still, JobState.QUEUED)
    (job,) = still.open().jobs()
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert (still.paid, still.control.requests["create-frames-v3"]) == (1, 1)


def test_killed_between_the_call_and_its_answer(still: Harness) -> None:
    """After SIGKILL before the answer, the generation is found in the list and not sent again."""
    still.control.arm("late_answer", delay_s=10**6)
    kill_at(still, JobState.SUBMITTING, accepted=1)
    (job,) = still.open(timing=SETTLING).jobs()
    reached(job, JobState.QUEUED)
    (lost,) = [event for event in job.events() if event.kind == "response_lost"]
    assert lost.data["reason"] == "sender_gone"
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert (still.paid, still.control.requests["create-frames-v3"]) == (1, 1)


def test_killed_before_it_was_sent(still: Harness) -> None:
    """After SIGKILL during the uploads, the job stays uncharged until it is requested, then is sent once."""
    still.control.arm("late_answer", times=None, route="files", delay_s=10**6)  # so that it cannot get further
    kill_at(still, JobState.UPLOADING)
    still.control.disarm()
    client = still.open()
    (known,) = client.jobs()
    client.reconcile()
    assert known.snapshot().charged == "no"
    assert f'client.job("{known.ref}")' in str(known.snapshot().suggested_action)
    assert still.paid == 0
    job = client.job(known.ref)
    reached(job, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0
    assert still.paid == 1


def test_closed_during_the_paid_call(still: Harness) -> None:
    """After closing during the paid call, the next client finds the generation."""
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
    """A job that was unknown when the process ended is settled by the next client without a second call."""
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


def test_absence_is_proved_by_the_next_client(house: Harness) -> None:
    """The next client proves that a call was never accepted, and sends it once it is requested."""
    house.control.arm("drop_before", route="create*")
    first = house.open(timing=SETTLING)
    job = order(first)
    reached(job, JobState.UNKNOWN)
    first.close()
    second = house.open(timing=SETTLING)
    (known,) = second.jobs()
    until(known, is_proved_absent)
    assert finished(second.job(known.ref)).size_bytes > 0
    assert house.paid == 1


def test_a_timed_out_job_is_resumed(still: Harness) -> None:
    """A timed-out job is resumed by its ref without a second charge."""
    client = still.open()
    job = order(client, deadline_s=3.0)
    assert isinstance(failed(job), JobTimeout)
    again = client.job(job.ref)
    assert again is job
    still.control.advance(A_JOB_S)
    assert finished(again).size_bytes > 0
    assert still.paid == 1


def test_an_interrupted_download_is_repeated(still: Harness) -> None:
    """Closing during a download leaves no partial file, and the next client downloads it."""
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
def test_a_job_is_found_by_ref_or_video_id(house: Harness, by: str) -> None:
    """`client.job()` accepts our ref and the vendor's video id."""
    first = house.open()
    job = order(first)
    finished(job)
    first.close()
    name = job.ref if by == "ref" else house.control.generations[0].video_id
    assert house.open().job(name).ref == job.ref


def test_an_unknown_ref_is_rejected(house: Harness) -> None:
    """An unknown ref raises InvalidRequest without showing the e-mail address in it."""
    client = house.open()
    with pytest.raises(InvalidRequest) as caught:
        client.job("user:1-pixverse:maria@example.org-video:42")
    assert list(caught.value.fields) == ["ref"]
    assert "client.jobs()" in str(caught.value)
    assert "maria@example.org" not in str(caught.value)
