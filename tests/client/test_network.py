"""The way is broken: a vendor out of reach, a film that arrives damaged, a disk that takes no more."""

import os
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, DownloadError
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Account
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, Harness, failed, finished, history, order, reached, until

CREATE = "create-frames-v3"


def test_a_vendor_that_goes_away_while_a_job_runs(lasting: Harness) -> None:
    """The job says that there is no connection, stays what it is, and goes on by itself; paid once."""
    job = order(lasting.open())
    reached(job, JobState.QUEUED)
    lasting.go_away()
    until(job, lambda changed: "No connection to the vendor just now" in (changed.snapshot().warning or ""))
    assert job.state is JobState.QUEUED
    assert "nothing is lost" in (job.snapshot().warning or "")
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert job.snapshot().warning is None
    assert lasting.paid == 1


def test_a_vendor_out_of_reach_from_the_start(lasting: Harness) -> None:
    """A job that is asked for without network waits, unpaid, and is made when the network is back."""
    client = lasting.open()
    lasting.go_away()
    job = order(client)
    until(job, lambda changed: "not accepted, nothing paid" in history(changed))
    assert job.snapshot().charged == "no"
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert lasting.paid == 1


def test_no_connection_for_the_paid_call_is_proof(lasting: Harness) -> None:
    """Where not one byte of the paid call could leave, nothing is unknown: it is tried again at once."""
    client = lasting.open()
    finished_one = order(client, seed=1)
    reached(finished_one, JobState.QUEUED)
    lasting.go_away()
    job = order(client, seed=2)
    until(job, lambda changed: "no connection to the host" in history(changed))
    lasting.come_back(speed=1000)
    assert finished(job).size_bytes > 0
    assert "checking the vendor's list" not in history(job)
    assert (lasting.paid, lasting.control.requests[CREATE]) == (2, 1)


def test_a_list_that_fails_for_a_while(still: Harness) -> None:
    """While the list answers 500 the job says so and keeps its state; afterwards it goes on."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    fault = still.control.arm("error_before", times=None, route="videos")
    until(job, lambda changed: "The vendor's list fails" in (changed.snapshot().warning or ""))
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
    """A film that does not arrive whole is fetched again; what is kept is the vendor's film, byte for byte."""
    house.control.arm(fault, **options)  # type: ignore[arg-type]  # each fault has options of its own
    job = order(house.open())
    video = finished(job)
    assert video.path.read_bytes().endswith(b"free" + str(job.request.seed).encode())
    assert [path.name for path in video.path.parent.iterdir()] == [video.path.name]


@pytest.mark.parametrize("fault", ["media_status", "garbage_media"])
def test_a_film_that_is_gone_can_be_taken_up_again(house: Harness, fault: str) -> None:
    """After several tries the job rests with DownloadError: paid, and `client.job(ref)` fetches it later."""
    house.control.arm(fault, times=None)
    client = house.open()
    job = order(client)
    error = failed(job)
    assert isinstance(error, DownloadError)
    assert (error.ref, error.may_have_been_charged) == (job.ref, "yes")
    assert f'client.job("{job.ref}") goes on; nothing is paid again.' in str(error)
    assert not job.state.is_final
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (True, True)
    assert list((house.home / "videos").iterdir()) == []
    house.control.disarm()
    assert finished(client.job(job.ref)).size_bytes > 0
    assert (job.snapshot().is_paused, job.snapshot().can_resume) == (False, False)
    assert house.paid == 1


def test_a_film_that_is_gone_is_taken_up_after_a_restart(house: Harness) -> None:
    """The same in a new client: the job rests until it is asked for, then it is fetched."""
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


def test_a_full_disk_is_said_and_mended(still: Harness) -> None:
    """No space for the film: the job says so and where; when there is room, it goes on without paying."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    full = still.home / "videos" / f"{job.ref}.mp4.{os.getpid()}.part"
    full.parent.mkdir()
    full.symlink_to("/dev/full")  # every byte written there is answered with: no space left
    still.control.advance(A_JOB_S)
    error = failed(job)
    assert isinstance(error, DownloadError)
    assert "No space left on device" in str(error)
    assert str(still.home / "videos") in str(error)
    assert error.may_have_been_charged == "yes"
    assert "Mend that, then" in (job.snapshot().suggested_action or "")
    full.unlink(missing_ok=True)
    assert finished(client.job(job.ref)).size_bytes > 0
    assert job.error is None
    assert still.paid == 1


def test_a_folder_that_takes_no_videos_is_said_and_mended(house: Harness) -> None:
    """Where the folder for the videos cannot be made, the job rests and goes on once it can."""
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


def test_a_home_that_takes_no_pictures_pays_nothing(house: Harness) -> None:
    """Where the pictures cannot be stored the call fails before anything is sent."""
    client = house.open()
    (house.home / "pictures").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="nothing was sent and nothing was paid"):
        order(client)
    assert house.control.requests.total() == 0


def test_a_stored_picture_that_is_gone_is_said(lasting: Harness) -> None:
    """Where the prepared picture was deleted before its upload, the job is refused, unpaid, and says what to do."""
    client = lasting.open()
    lasting.go_away()
    job = order(client)
    until(job, lambda changed: "not accepted, nothing paid" in history(changed))
    for path in (lasting.home / "pictures").iterdir():
        path.unlink()
    lasting.come_back(speed=0)
    error = failed(job)
    assert isinstance(error, ConfigError)
    assert "make the call again with the pictures" in str(error)
    assert error.may_have_been_charged == "no"
    assert lasting.paid == 0


def test_no_credential_reaches_the_media_host(house: Harness, tmp_path: Path) -> None:
    """Over uploads, pictures given by address, repeated and resumed downloads, the media host never sees the token."""
    client = house.open()
    house.control.arm("truncated_media")
    house.control.arm("media_status", status=503)
    video = finished(order(client, seed=1))
    finished(order(client, seed=2, first=client.uploads()[0].url))
    video.path.unlink()
    finished(client.job(str(video.ref)))
    assert house.control.requests["media"] >= 6
    assert house.control.leaked_credentials == []


def test_an_account_that_vanishes_loses_no_paid_job(built: Build, tmp_path: Path) -> None:
    """While the account is not configured its job stays open; when it is back the job ends, paid once."""
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
        assert finishes(order(client, email="two@example.com", seed=8), house)
        house.control.add_account(gone)
        house.control.advance(A_JOB_S)
        client.reconcile()
        assert finished(job).size_bytes > 0
        assert house.paid == 2


def finishes(job: Job, house: Harness) -> bool:
    """Let a job of another account end."""
    reached(job, JobState.QUEUED)
    house.control.advance(A_JOB_S)
    return finished(job).size_bytes > 0
