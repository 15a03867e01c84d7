"""Network and disk failures: unreachable vendor, damaged downloads, full disk."""

import errno
import os
import re
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, DownloadError, ServerError
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Account
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    create_job,
    event_kinds,
    wait_for_error,
    wait_for_state,
    wait_for_video,
    wait_until,
    warning_kinds,
)

CREATE = "create-frames"


def test_the_vendor_becomes_unreachable_during_a_job(persistent_harness: Harness) -> None:
    """While the vendor is unreachable, the job keeps its state with a warning, and continues by itself."""
    job = create_job(persistent_harness.open())
    wait_for_state(job, JobState.QUEUED)
    persistent_harness.stop_sandbox()
    wait_until(job, lambda changed: "poll_offline" in warning_kinds(changed))
    assert job.state is JobState.QUEUED
    assert job.snapshot().warning
    persistent_harness.restart_sandbox(speed=1000)
    assert wait_for_video(job).size_bytes > 0
    assert job.snapshot().warning is None
    assert persistent_harness.paid == 1


def test_the_vendor_is_unreachable_from_the_start(persistent_harness: Harness) -> None:
    """A job created without a network waits, uncharged, and continues when the network is back."""
    client = persistent_harness.open()
    persistent_harness.stop_sandbox()
    job = create_job(client)
    wait_until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    assert job.snapshot().charged == "no"
    persistent_harness.restart_sandbox(speed=1000)
    assert wait_for_video(job).size_bytes > 0
    assert persistent_harness.paid == 1


def test_no_connection_for_the_paid_call_is_proof(persistent_harness: Harness) -> None:
    """If no byte of the paid call left, nothing is unknown, and it is sent again without a poll."""
    client = persistent_harness.open()
    finished_one = create_job(client, seed=1)
    wait_for_state(finished_one, JobState.QUEUED)
    persistent_harness.stop_sandbox()
    job = create_job(client, seed=2)
    wait_until(job, lambda changed: "NoAnswer" in warning_kinds(changed))
    assert job.attempts()[0].outcome == "call_postponed"
    persistent_harness.restart_sandbox(speed=1000)
    assert wait_for_video(job).size_bytes > 0
    assert "response_lost" not in event_kinds(job)
    assert (persistent_harness.paid, persistent_harness.control.requests[CREATE]) == (2, 1)


def test_the_list_fails_temporarily(manual_harness: Harness) -> None:
    """While the list answers 500, the job keeps its state with a warning."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    fault = manual_harness.control.arm("error_before", times=None, route="videos")
    wait_until(job, lambda changed: "poll_failed" in warning_kinds(changed))
    assert job.state is JobState.QUEUED
    manual_harness.control.disarm(fault.id)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).size_bytes > 0


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("truncated_media", {}),
        ("wrong_length", {"delta": -50}),
        ("wrong_length", {"delta": 50}),
        ("garbage_media", {}),
        ("media_status", {"status": 404}),
        ("media_status", {"status": 503}),
        ("drop_before", {"route": "media"}),
        ("slow_media", {"delay_s": 100}),
    ],
    ids=["truncated", "short", "long", "garbage", "404", "503", "dropped", "slow"],
)
def test_a_damaged_download_is_repeated(harness: Harness, fault: str, options: dict[str, object]) -> None:
    """A damaged download is repeated until the complete file is stored."""
    harness.control.arm(fault, **options)  # type: ignore[arg-type]  # each fault has options of its own
    job = create_job(harness.open())
    video = wait_for_video(job)
    assert video.path.read_bytes().endswith(b"free" + str(job.request.seed).encode())
    assert [path.name for path in video.path.parent.iterdir()] == [video.path.name]


@pytest.mark.parametrize("fault", ["media_status", "garbage_media"])
def test_a_failed_download_can_be_resumed(harness: Harness, fault: str) -> None:
    """After several tries the job is blocked with DownloadError; `client.job(ref)` resumes it without a charge."""
    harness.control.arm(fault, times=None)
    client = harness.open()
    job = create_job(client)
    error = wait_for_error(job)
    assert isinstance(error, DownloadError)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "yes")
    assert f'client.job("{job.ref}")' in str(error)
    assert not job.state.is_final
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (True, True)
    assert list((harness.home / "videos").iterdir()) == []
    harness.control.disarm()
    assert wait_for_video(client.job(job.ref)).size_bytes > 0
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (False, False)
    assert harness.paid == 1


def test_a_failed_download_is_tried_again_after_a_restart(harness: Harness) -> None:
    """A new client downloads a stopped file again; what it lists at once is running, not failed."""
    harness.control.arm("media_status", times=None)
    first = harness.open()
    job = create_job(first)
    wait_for_error(job)
    first.close()
    harness.control.disarm()
    second = harness.open()
    (known,) = second.jobs()
    assert wait_for_video(known).size_bytes > 0
    assert harness.paid == 1


def test_a_full_disk_blocks_the_job(manual_harness: Harness) -> None:
    """A full disk blocks the job with the reason and the folder; it continues without a charge."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    full = manual_harness.home / "videos" / f"{job.ref}.mp4.{os.getpid()}.part"
    full.parent.mkdir()
    full.symlink_to("/dev/full")  # every byte written there is answered with: no space left
    manual_harness.control.advance(LONGEST_JOB_S)
    error = wait_for_error(job)
    assert isinstance(error, DownloadError)
    assert os.strerror(errno.ENOSPC) in str(error)
    assert str(manual_harness.home / "videos") in str(error)
    assert error.may_have_been_charged == "yes"
    assert f'client.job("{job.ref}")' in (job.snapshot().suggested_action or "")
    full.unlink(missing_ok=True)
    assert wait_for_video(client.job(job.ref)).size_bytes > 0
    assert job.error is None
    assert manual_harness.paid == 1


def test_an_unusable_video_folder_blocks_the_job(harness: Harness) -> None:
    """If the videos folder cannot be created, the job is blocked until it can be."""
    client = harness.open()
    in_the_way = harness.home / "videos"
    in_the_way.write_text("a file where the folder should be")
    job = create_job(client)
    error = wait_for_error(job)
    assert isinstance(error, DownloadError)
    assert str(in_the_way) in str(error)
    in_the_way.unlink()
    assert wait_for_video(client.job(job.ref)).size_bytes > 0
    assert harness.paid == 1


def test_an_unusable_picture_folder_stops_the_call(harness: Harness) -> None:
    """If the pictures cannot be stored, the call raises ConfigError and nothing is sent."""
    client = harness.open()
    (harness.home / "pictures").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=re.escape(str(harness.home / "pictures"))):
        create_job(client)
    assert harness.control.requests.total() == 0


def test_a_missing_stored_input_refuses_the_job(persistent_harness: Harness) -> None:
    """A job whose stored picture was deleted before the upload is refused without a charge."""
    client = persistent_harness.open()
    persistent_harness.stop_sandbox()
    job = create_job(client)
    wait_until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    for path in (persistent_harness.home / "pictures").iterdir():
        path.unlink()
    persistent_harness.restart_sandbox(speed=0)
    error = wait_for_error(job)
    assert isinstance(error, ConfigError)
    assert error.may_have_been_charged == "no"
    assert persistent_harness.paid == 0


def test_no_credential_reaches_the_media_host(harness: Harness, tmp_path: Path) -> None:
    """The media host never receives the token, on uploads, URL pictures, or repeated downloads."""
    client = harness.open()
    harness.control.arm("truncated_media")
    harness.control.arm("media_status", status=503)
    video = wait_for_video(create_job(client, seed=1))
    wait_for_video(create_job(client, seed=2, first=client.uploads()[0].url))
    video.path.unlink()
    wait_for_video(client.job(str(video.ref)))
    assert harness.control.requests["media"] >= 6
    assert harness.control.leaked_credentials == []


def test_a_removed_account_keeps_its_job_open(build_harness: BuildHarness, tmp_path: Path) -> None:
    """While its account is not configured, a job stays open; it ends when the account is back."""
    accounts = [Account("one@example.com"), Account("two@example.com")]
    with build_harness(tmp_path / "home", speed=0, accounts=accounts) as harness:
        client = harness.open()
        job = create_job(client, email="one@example.com")
        wait_for_state(job, JobState.QUEUED)
        gone = harness.control.accounts["one@example.com"]
        harness.control.remove_account("one@example.com")
        client.reconcile()
        assert not job.state.is_final
        assert job.snapshot().charged == "yes"
        assert finish_job(create_job(client, email="two@example.com", seed=8), harness)
        harness.control.add_account(gone)
        harness.control.advance(LONGEST_JOB_S)
        client.reconcile()
        assert wait_for_video(job).size_bytes > 0
        assert harness.paid == 2


def finish_job(job: Job, harness: Harness) -> bool:
    """Let a job of another account finish."""
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    return wait_for_video(job).size_bytes > 0


def test_a_page_in_place_of_an_answer_is_not_a_missing_network(harness: Harness) -> None:
    """If a web page answers (a login page, say), the job waits for the vendor, and the error names that."""
    client = harness.open()
    harness.control.arm("html_error", times=None, status=200)
    with pytest.raises(ServerError) as caught:
        client.credits()
    assert "base_url" in str(caught.value)
    job = create_job(client)
    wait_until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    assert job.snapshot().waiting_for is None
    assert "base_url" in repr(job)
    assert job.cancel()
