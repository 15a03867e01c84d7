"""The process ends during a job: the next client on the home continues it, and nothing is charged twice."""

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest, JobTimeout
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    is_proved_absent,
    run_script,
    state_names,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
)


def kill_at(harness: Harness, state: JobState, *, accepted: int = 0) -> None:
    """Run a process that requests a video; kill it (SIGKILL) in `state`, once `accepted` calls have arrived."""
    with run_script("killed.py", harness) as process:
        assert process.stdout is not None
        while (line := process.stdout.readline().strip()) != state.value:
            assert line, f"the process ended before its job was {state.value}"
        harness.wait_for_accepted(accepted)


def test_an_open_job_continues_in_the_next_client(manual_harness: Harness) -> None:
    """A new client on the home continues an open job by itself."""
    first = manual_harness.open()
    job = create_job(first)
    wait_for_state(job, JobState.QUEUED)
    first.close()
    second = manual_harness.open()
    (known,) = second.jobs()
    assert known is not job
    assert known.ref == job.ref
    assert known.request == job.request
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(known).size_bytes > 0
    assert manual_harness.paid == 1


def test_repeating_the_call_after_a_restart_reuses_the_job(manual_harness: Harness) -> None:
    """Repeating the call in a new client returns the open job with a notice that it is reused."""
    first = manual_harness.open()
    ref = create_job(first).ref
    wait_for_state(first.job(ref), JobState.QUEUED)
    first.close()
    job = create_job(manual_harness.open())
    assert job.ref == ref
    assert job.snapshot().reused
    assert "reuse=False" in job.notices[-1]
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    assert manual_harness.paid == 1


def test_killed_after_acceptance(manual_harness: Harness) -> None:
    """After SIGKILL while queued, the next client finishes the same generation."""
    kill_at(manual_harness, JobState.QUEUED)
    (job,) = manual_harness.open().jobs()
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    assert (manual_harness.paid, manual_harness.control.requests["create-frames"]) == (1, 1)


def test_killed_between_the_call_and_its_answer(manual_harness: Harness) -> None:
    """After SIGKILL before the answer, the generation is found in the list and not sent again."""
    manual_harness.control.arm("late_answer", delay_s=10**6)
    kill_at(manual_harness, JobState.SUBMITTING, accepted=1)
    (job,) = manual_harness.open().jobs()
    wait_for_state(job, JobState.QUEUED)
    (lost,) = [event for event in job.events() if event.kind == "response_lost"]
    assert lost.data["reason"] == "sender_gone"
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    assert (manual_harness.paid, manual_harness.control.requests["create-frames"]) == (1, 1)


def test_killed_before_it_was_sent(manual_harness: Harness) -> None:
    """After SIGKILL during the uploads, the job stays uncharged until it is requested, then is sent once."""
    manual_harness.control.arm("late_answer", times=None, route="files", delay_s=10**6)  # so that it cannot get further
    kill_at(manual_harness, JobState.UPLOADING)
    manual_harness.control.disarm()
    client = manual_harness.open()
    (known,) = client.jobs()
    client.reconcile()
    assert known.snapshot().charged == "no"
    assert f'client.job("{known.ref}")' in str(known.snapshot().suggested_action)
    assert manual_harness.paid == 0
    job = client.job(known.ref)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0
    assert manual_harness.paid == 1


def test_closed_during_the_paid_call(manual_harness: Harness) -> None:
    """After closing during the paid call, the next client finds the generation."""
    manual_harness.control.arm("late_answer", delay_s=10**6)
    first = manual_harness.open()
    create_job(first)
    manual_harness.wait_for_accepted(1)
    first.close()
    second = manual_harness.open()
    (known,) = second.jobs()
    wait_for_state(known, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(known).size_bytes > 0
    assert manual_harness.paid == 1


def test_a_lost_answer_is_settled_by_the_next_client(harness: Harness) -> None:
    """A job that was unknown when the process ended is settled by the next client without a second call."""
    fault = harness.control.arm("list_lag", lag_s=10**9)
    harness.control.arm("lost_answer")
    first = harness.open()
    job = create_job(first)
    wait_for_state(job, JobState.UNKNOWN)
    first.close()
    assert fault.times_fired == 1
    harness.control.advance(10**9)
    second = harness.open()
    (known,) = second.jobs()
    assert wait_for_video(known).size_bytes > 0
    assert state_names(known)[3:5] == ["submitting", "unknown"]
    assert (harness.paid, harness.control.requests["create-frames"]) == (1, 1)


def test_absence_is_proved_by_the_next_client(harness: Harness) -> None:
    """The next client proves that a call was never accepted, and sends it once it is requested."""
    harness.control.arm("drop_before", route="create*")
    first = harness.open()
    job = create_job(first)
    wait_for_state(job, JobState.UNKNOWN)
    first.close()
    second = harness.open()
    (known,) = second.jobs()
    harness.pass_settle_window(known)
    wait_until(known, is_proved_absent)
    assert wait_for_video(second.job(known.ref)).size_bytes > 0
    assert harness.paid == 1


def test_a_timed_out_job_is_resumed(manual_harness: Harness) -> None:
    """A timed-out job is resumed by its ref without a second charge."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.skip(TIMING.deadline_s)
    assert isinstance(wait_for_error(job), JobTimeout)
    again = client.job(job.ref)
    assert again is job
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(again).size_bytes > 0
    assert manual_harness.paid == 1


def test_an_interrupted_download_is_repeated(manual_harness: Harness) -> None:
    """Closing during a download leaves no partial file, and the next client downloads it."""
    manual_harness.control.arm("slow_media", times=None, delay_s=10**6)
    first = manual_harness.open()
    job = create_job(first)
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_state(job, JobState.DOWNLOADING)
    first.close()
    assert list((manual_harness.home / "videos").glob("*")) == []
    manual_harness.control.disarm()
    second = manual_harness.open()
    assert wait_for_video(second.job(job.ref)).size_bytes > 0
    assert manual_harness.paid == 1


@pytest.mark.parametrize("by", ["ref", "video_id"])
def test_a_job_is_found_by_ref_or_video_id(harness: Harness, by: str) -> None:
    """`client.job()` accepts our ref and the vendor's video id."""
    first = harness.open()
    job = create_job(first)
    wait_for_video(job)
    first.close()
    name = job.ref if by == "ref" else harness.control.generations[0].video_id
    assert harness.open().job(name).ref == job.ref


def test_an_unknown_ref_is_rejected(harness: Harness) -> None:
    """An unknown ref raises InvalidRequest without showing the e-mail address in it."""
    client = harness.open()
    with pytest.raises(InvalidRequest) as caught:
        client.job("user:1-pixverse:maria@example.org-video:42")
    assert list(caught.value.fields) == ["ref"]
    assert "client.jobs()" in str(caught.value)
    assert "maria@example.org" not in str(caught.value)
