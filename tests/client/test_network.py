"""Network and disk failures: unreachable vendor, damaged downloads, full disk."""

import errno
import os
import re
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, DownloadError
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Account
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, Harness, failed, finished, kinds, order, reached, until, warning_kinds

CREATE = "create-frames-v3"


def test_the_vendor_becomes_unreachable_during_a_job(lasting: Harness) -> None:
    """While the vendor is unreachable, the job keeps its state with a warning, and continues by itself."""
    job = order(lasting.open())
    reached(job, JobState.QUEUED)
    lasting.go_away()
    until(job, lambda changed: "poll_offline" in warning_kinds(changed))
    assert job.state is JobState.QUEUED
    assert job.snapshot().warning
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert job.snapshot().warning is None
    assert lasting.paid == 1


def test_the_vendor_is_unreachable_from_the_start(lasting: Harness) -> None:
    """A job created without a network waits, uncharged, and continues when the network is back."""
    client = lasting.open()
    lasting.go_away()
    job = order(client)
    until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    assert job.snapshot().charged == "no"
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert lasting.paid == 1


def test_no_connection_for_the_paid_call_is_proof(lasting: Harness) -> None:
    """If no byte of the paid call left, nothing is unknown, and it is sent again without a poll."""
    client = lasting.open()
    finished_one = order(client, seed=1)
    reached(finished_one, JobState.QUEUED)
    lasting.go_away()
    job = order(client, seed=2)
    until(job, lambda changed: "NoAnswer" in warning_kinds(changed))
    assert job.attempts()[0].outcome == "call_postponed"
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert "response_lost" not in kinds(job)
    assert (lasting.paid, lasting.control.requests[CREATE]) == (2, 1)


def test_the_list_fails_temporarily(still: Harness) -> None:
    """While the list answers 500, the job keeps its state with a warning."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    fault = still.control.arm("error_before", times=None, route="videos")
    until(job, lambda changed: "poll_failed" in warning_kinds(changed))
    assert job.state is JobState.QUEUED
    still.control.disarm(fault.id)
    still.control.advance(A_JOB_S)
    assert finished(job).size_bytes > 0


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
def test_a_damaged_download_is_repeated(house: Harness, fault: str, options: dict[str, object]) -> None:
    """A damaged download is repeated until the complete file is stored."""
    house.control.arm(fault, **options)  # type: ignore[arg-type]  # each fault has options of its own
    job = order(house.open())
    video = finished(job)
    assert video.path.read_bytes().endswith(b"free" + str(job.request.seed).encode())
    assert [path.name for path in video.path.parent.iterdir()] == [video.path.name]


@pytest.mark.parametrize("fault", ["media_status", "garbage_media"])
def test_a_failed_download_can_be_resumed(house: Harness, fault: str) -> None:
    """After several tries the job is blocked with DownloadError; `client.job(ref)` resumes it without a charge."""
    house.control.arm(fault, times=None)
    client = house.open()
    job = order(client)
    error = failed(job)
    assert isinstance(error, DownloadError)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "yes")
    assert f'client.job("{job.ref}")' in str(error)
    assert not job.state.is_final
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (True, True)
    assert list((house.home / "videos").iterdir()) == []
    house.control.disarm()
    assert finished(client.job(job.ref)).size_bytes > 0
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (False, False)
    assert house.paid == 1


def test_a_failed_download_can_be_resumed_after_a_restart(house: Harness) -> None:
    """A blocked download stays blocked in a new client until it is requested."""
    house.control.arm("media_status", times=None)
    first = house.open()
    job = order(first)
    failed(job)
    first.close()
    house.control.disarm()
    second = house.open()
    (known,) = second.jobs()
    assert isinstance(failed(known), DownloadError)
    assert finished(second.job(job.ref)).size_bytes > 0
    assert house.paid == 1


def test_a_full_disk_blocks_the_job(still: Harness) -> None:
    """A full disk blocks the job with the reason and the folder; it continues without a charge."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    full = still.home / "videos" / f"{job.ref}.mp4.{os.getpid()}.part"
    full.parent.mkdir()
    full.symlink_to("/dev/full")  # every byte written there is answered with: no space left
    still.control.advance(A_JOB_S)
    error = failed(job)
    assert isinstance(error, DownloadError)
    assert os.strerror(errno.ENOSPC) in str(error)
    assert str(still.home / "videos") in str(error)
    assert error.may_have_been_charged == "yes"
    assert f'client.job("{job.ref}")' in (job.snapshot().suggested_action or "")
    full.unlink(missing_ok=True)
    assert finished(client.job(job.ref)).size_bytes > 0
    assert job.error is None
    assert still.paid == 1


def test_an_unusable_video_folder_blocks_the_job(house: Harness) -> None:
    """If the videos folder cannot be created, the job is blocked until it can be."""
    client = house.open()
    in_the_way = house.home / "videos"
    in_the_way.write_text("a file where the folder should be")
    job = order(client)
    error = failed(job)
    assert isinstance(error, DownloadError)
    assert str(in_the_way) in str(error)
    in_the_way.unlink()
    assert finished(client.job(job.ref)).size_bytes > 0
    assert house.paid == 1


def test_an_unusable_picture_folder_stops_the_call(house: Harness) -> None:
    """If the pictures cannot be stored, the call raises ConfigError and nothing is sent."""
    client = house.open()
    (house.home / "pictures").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=re.escape(str(house.home / "pictures"))):
        order(client)
    assert house.control.requests.total() == 0


def test_a_missing_stored_picture_refuses_the_job(lasting: Harness) -> None:
    """A job whose stored picture was deleted before the upload is refused without a charge."""
    client = lasting.open()
    lasting.go_away()
    job = order(client)
    until(job, lambda changed: "upload_postponed" in warning_kinds(changed))
    for path in (lasting.home / "pictures").iterdir():
        path.unlink()
    lasting.come_back(speed=0)
    error = failed(job)
    assert isinstance(error, ConfigError)
    assert error.may_have_been_charged == "no"
    assert lasting.paid == 0


def test_no_credential_reaches_the_media_host(house: Harness, tmp_path: Path) -> None:
    """The media host never receives the token, on uploads, URL pictures, or repeated downloads."""
    client = house.open()
    house.control.arm("truncated_media")
    house.control.arm("media_status", status=503)
    video = finished(order(client, seed=1))
    finished(order(client, seed=2, first=client.uploads()[0].url))
    video.path.unlink()
    finished(client.job(str(video.ref)))
    assert house.control.requests["media"] >= 6
    assert house.control.leaked_credentials == []


def test_a_removed_account_keeps_its_job_open(built: Build, tmp_path: Path) -> None:
    """While its account is not configured, a job stays open; it ends when the account is back."""
    accounts = [Account("one@example.com"), Account("two@example.com")]
    with built(tmp_path / "home", speed=0, accounts=accounts) as house:
        client = house.open()
        job = order(client, email="one@example.com")
        reached(job, JobState.QUEUED)
        gone = house.control.accounts["one@example.com"]
        house.control.remove_account("one@example.com")
        client.reconcile()
        assert not job.state.is_final
        assert job.snapshot().charged == "yes"
        assert finish_job(order(client, email="two@example.com", seed=8), house)
        house.control.add_account(gone)
        house.control.advance(A_JOB_S)
        client.reconcile()
        assert finished(job).size_bytes > 0
        assert house.paid == 2


def finish_job(job: Job, house: Harness) -> bool:
    """Let a job of another account finish."""
    reached(job, JobState.QUEUED)
    house.control.advance(A_JOB_S)
    return finished(job).size_bytes > 0
