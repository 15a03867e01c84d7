"""Video files: a missing or modified one is detected and downloaded again."""

from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError
from pixverse_nb.jobs.job import Job
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    create_job,
    event_kinds,
    wait_for_state,
    wait_for_video,
    wait_until,
)


def create_video(client: Client, **fields: object) -> tuple[Job, Path, bytes]:
    """Generate a video; return its job, its path and its bytes."""
    job = create_job(client, **fields)
    path = wait_for_video(job).path
    return job, path, path.read_bytes()


def damage(path: Path, how: str) -> None:
    """Delete, truncate or modify a file."""
    whole = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "cut":
        path.write_bytes(whole[:-9])
    else:
        path.write_bytes(whole[:-9] + bytes(9))


HARMS = ["deleted", "cut", "one part altered"]


@pytest.mark.parametrize("how", HARMS)
def test_a_damaged_file_is_downloaded_again(harness: Harness, client: Client, how: str) -> None:
    """A missing or modified file is downloaded again with the same bytes, without a charge."""
    job, path, whole = create_video(client)
    damage(path, how)
    assert wait_for_video(client.job(job.ref)).path.read_bytes() == whole
    damage(path, how)
    assert wait_for_video(job).path.read_bytes() == whole  # the handle alone notices it too
    assert (harness.paid, harness.control.requests["create-frames"]) == (1, 1)


def test_repeating_the_call_restores_the_file(harness: Harness, client: Client) -> None:
    """Repeating the call downloads a deleted file again, without a charge."""
    _, path, whole = create_video(client)
    path.unlink()
    assert wait_for_video(create_job(client)).path.read_bytes() == whole
    assert harness.paid == 1


@pytest.mark.parametrize("how", ["deleted", "cut"])
def test_a_new_client_restores_files(harness: Harness, how: str) -> None:
    """A new client downloads missing and truncated files again by itself."""
    first = harness.open()
    job, path, whole = create_video(first)
    first.close()
    damage(path, how)
    second = harness.open()
    found = second.job(job.ref)
    wait_for_state(found, JobState.DONE)
    assert wait_for_video(found).path.read_bytes() == whole
    assert [event.state for event in found.events()].count(JobState.DONE) == 2


def test_a_modified_file_is_kept(client: Client) -> None:
    """A modified file is kept under another name when the original is downloaded again."""
    job, path, whole = create_video(client)
    path.write_bytes(b"with music")
    wait_for_video(client.job(job.ref))
    assert path.read_bytes() == whole
    assert path.with_suffix(".modified.mp4").read_bytes() == b"with music"


def test_every_modified_file_is_kept(client: Client) -> None:
    """A kept file is never overwritten by a later one."""
    job, path, whole = create_video(client)
    for work in (b"with music", b"with titles", b"with both"):
        path.write_bytes(work)
        wait_for_video(client.job(job.ref))
    kept = {found.name: found.read_bytes() for found in path.parent.glob(f"{job.ref}.*")}
    assert kept == {
        path.name: whole,
        f"{job.ref}.modified.mp4": b"with music",
        f"{job.ref}.modified-2.mp4": b"with titles",
        f"{job.ref}.modified-3.mp4": b"with both",
    }


def test_kept_files_survive_a_failed_download(harness: Harness, client: Client) -> None:
    """A failed download leaves the modified file and the kept one in place."""
    job, path, _ = create_video(client)
    path.write_bytes(b"with music")
    wait_for_video(client.job(job.ref))
    path.write_bytes(b"with titles")
    harness.control.arm("media_status", times=None)
    with pytest.raises(DownloadError):
        wait_for_video(job)
    kept = {found.name: found.read_bytes() for found in path.parent.glob(f"{job.ref}.*")}
    assert kept == {path.name: b"with titles", f"{job.ref}.modified.mp4": b"with music"}


def test_resuming_an_intact_video_does_nothing(harness: Harness, client: Client) -> None:
    """`resume()` of a finished job with an intact file changes nothing and sends nothing."""
    job, path, whole = create_video(client)
    before = event_kinds(job), harness.control.requests.total()
    harness.stop_sandbox()
    job.resume()
    assert (job.state, wait_for_video(job).path) == (JobState.DONE, path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert path.read_bytes() == whole
    assert (event_kinds(job), harness.control.requests.total()) == before


def test_a_restored_copy_ends_the_download(persistent_harness: Harness) -> None:
    """A copy that is put back while the vendor is unreachable ends the download."""
    client = persistent_harness.open()
    job = create_job(client)
    persistent_harness.wait_for_accepted(1)
    persistent_harness.control.advance(LONGEST_JOB_S)
    path = wait_for_video(job).path
    whole = path.read_bytes()
    path.unlink()
    persistent_harness.stop_sandbox()
    job.resume()
    wait_until(job, lambda changed: changed.snapshot().warning is not None)
    path.write_bytes(whole)
    assert wait_for_video(job).path.read_bytes() == whole


def test_a_file_lost_on_both_sides_is_reported(harness: Harness, client: Client) -> None:
    """A file that the vendor no longer has raises DownloadError; the job stays done and charged, and a restored copy is
    accepted.
    """
    job, path, whole = create_video(client)
    sha256 = wait_for_video(job).sha256
    path.unlink()
    harness.control.arm("media_status", times=None)
    with pytest.raises(DownloadError) as caught:
        wait_for_video(client.job(job.ref))
    assert sha256 in str(caught.value)
    assert caught.value.may_have_been_charged == "yes"
    assert job.state is JobState.DONE
    assert [one.ref for one in client.jobs()] == [job.ref]
    assert str(job.error) == str(caught.value)
    assert event_kinds(job)[-1] == "file_lost"
    path.write_bytes(whole)
    assert wait_for_video(job).sha256 == sha256
    assert job.error is None
    path.unlink()
    harness.control.disarm()
    assert wait_for_video(client.job(job.ref)).sha256 == sha256
    assert harness.paid == 1


def test_a_new_client_does_not_retry_lost_files(harness: Harness) -> None:
    """A new client does not request a file that is known to be lost."""
    first = harness.open()
    job, path, _ = create_video(first)
    path.unlink()
    harness.control.arm("media_status", times=None)
    with pytest.raises(DownloadError):
        wait_for_video(job)
    first.close()
    before = sum(harness.control.requests.values())
    second = harness.open()
    assert second.jobs()[0].state is JobState.DONE
    second.close()
    assert sum(harness.control.requests.values()) == before


def test_verify_detects_damaged_files(client: Client) -> None:
    """`verify()` reads every file and names the jobs of those that are missing or modified."""
    jobs = [create_video(client, seed=seed) for seed in (1, 2, 3)]
    intact = client.verify()
    assert (intact.checked, intact.missing, intact.modified, intact.is_intact) == (3, (), (), True)
    for (_, path, _), how in zip(jobs, HARMS, strict=True):
        damage(path, how)
    found = client.verify()
    assert found.missing == (jobs[0][0].ref,)
    assert set(found.modified) == {jobs[1][0].ref, jobs[2][0].ref}
    assert not found.is_intact
    assert jobs[0][0].ref in str(found)


def test_verify_repairs_damaged_files(harness: Harness, client: Client) -> None:
    """`verify(repair=True)` downloads damaged files again and names those that are lost."""
    jobs = [create_video(client, seed=seed) for seed in (1, 2)]
    for _, path, _ in jobs:
        path.unlink()
    repaired = client.verify(repair=True)
    assert set(repaired.fetched) == {job.ref for job, _, _ in jobs}
    assert repaired.is_intact
    assert all(path.read_bytes() == whole for _, path, whole in jobs)
    jobs[0][1].unlink()
    harness.control.arm("media_status", times=None)
    lost = client.verify(repair=True)
    assert (lost.missing, lost.fetched, lost.lost) == ((jobs[0][0].ref,), (), (jobs[0][0].ref,))
    assert not lost.is_intact
