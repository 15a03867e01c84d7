"""The files of finished videos: a missing or altered one is noticed and fetched again, and none is forgotten."""

from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import DownloadError
from pixverse_nb.jobs.job import Job
from tests.client.harness import A_JOB_S, Harness, finished, history, order, reached, until


def made(client: Client, **fields: object) -> tuple[Job, Path, bytes]:
    """Make a video; return its job, its file and what was in it."""
    job = order(client, **fields)
    path = finished(job).path
    return job, path, path.read_bytes()


def harm(path: Path, how: str) -> None:
    """Do to a file what happens to files."""
    whole = path.read_bytes()
    if how == "deleted":
        path.unlink()
    elif how == "cut":
        path.write_bytes(whole[:-9])
    else:
        path.write_bytes(whole[:-9] + bytes(9))


HARMS = ["deleted", "cut", "one part altered"]


@pytest.mark.parametrize("how", HARMS)
def test_a_lost_file_is_fetched_again_when_it_is_asked_for(house: Harness, client: Client, how: str) -> None:
    """The job gives its video with the bytes it had; nothing is sent or paid for that."""
    job, path, whole = made(client)
    harm(path, how)
    assert finished(client.job(job.ref)).path.read_bytes() == whole
    harm(path, how)
    assert finished(job).path.read_bytes() == whole  # the handle alone notices it too
    assert (house.paid, house.control.requests["create-frames-v3"]) == (1, 1)


def test_the_same_call_gives_a_whole_file(house: Harness, client: Client) -> None:
    """Run All after the folder was cleared brings the film back unpaid."""
    _, path, whole = made(client)
    path.unlink()
    assert finished(order(client)).path.read_bytes() == whole
    assert house.paid == 1


@pytest.mark.parametrize("how", ["deleted", "cut"])
def test_a_start_looks_after_the_files(house: Harness, how: str) -> None:
    """A new client sees that a file is missing or shorter and fetches it, unasked."""
    first = house.open()
    job, path, whole = made(first)
    first.close()
    harm(path, how)
    second = house.open()
    found = second.job(job.ref)
    reached(found, JobState.DONE)
    assert finished(found).path.read_bytes() == whole
    assert [event.state for event in found.events()].count(JobState.DONE) == 2


def test_an_altered_file_is_kept_beside(client: Client) -> None:
    """Somebody may have worked on it: what was altered stays, under another name."""
    job, path, whole = made(client)
    path.write_bytes(b"with music")
    finished(client.job(job.ref))
    assert path.read_bytes() == whole
    assert path.with_suffix(".modified.mp4").read_bytes() == b"with music"


def test_every_altered_file_is_kept(client: Client) -> None:
    """What was kept beside once is never overwritten by the next one."""
    job, path, whole = made(client)
    for work in (b"with music", b"with titles", b"with both"):
        path.write_bytes(work)
        finished(client.job(job.ref))
    kept = {found.name: found.read_bytes() for found in path.parent.glob(f"{job.ref}.*")}
    assert kept == {
        path.name: whole,
        f"{job.ref}.modified.mp4": b"with music",
        f"{job.ref}.modified-2.mp4": b"with titles",
        f"{job.ref}.modified-3.mp4": b"with both",
    }


def test_what_was_kept_stays_where_the_vendor_fails(house: Harness, client: Client) -> None:
    """A try that brings nothing leaves the altered file in its place and the earlier one beside it."""
    job, path, _ = made(client)
    path.write_bytes(b"with music")
    finished(client.job(job.ref))
    path.write_bytes(b"with titles")
    house.control.arm("media_status", times=None)
    with pytest.raises(DownloadError):
        finished(job)
    kept = {found.name: found.read_bytes() for found in path.parent.glob(f"{job.ref}.*")}
    assert kept == {path.name: b"with titles", f"{job.ref}.modified.mp4": b"with music"}


def test_a_whole_film_is_not_taken_apart(house: Harness, client: Client) -> None:
    """`resume()` of a finished job whose file is whole changes nothing, and asks nobody."""
    job, path, whole = made(client)
    told, asked = history(job), house.control.requests.total()
    house.go_away()
    job.resume()
    assert (job.state, finished(job).path) == (JobState.DONE, path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    assert (path.read_bytes(), history(job), house.control.requests.total()) == (whole, told, asked)


def test_a_film_put_back_ends_the_waiting_for_the_vendor(lasting: Harness) -> None:
    """Where the vendor is away, a copy of the file is as good: it is taken at the next try."""
    client = lasting.open()
    job = order(client)
    lasting.accepts(1)
    lasting.control.advance(A_JOB_S)
    path = finished(job).path
    whole = path.read_bytes()
    path.unlink()
    lasting.go_away()
    job.resume()
    until(job, lambda changed: changed.snapshot().warning is not None)
    path.write_bytes(whole)
    assert finished(job).path.read_bytes() == whole


def test_what_the_vendor_has_no_more_is_said_and_kept(house: Harness, client: Client) -> None:
    """Gone on both sides: the error says what is known, the job stays done and paid, and a file put back is taken."""
    job, path, whole = made(client)
    sha256 = finished(job).sha256
    path.unlink()
    house.control.arm("media_status", times=None)
    with pytest.raises(DownloadError, match="the vendor gives it no more") as caught:
        finished(client.job(job.ref))
    assert sha256 in str(caught.value)
    assert caught.value.may_have_been_charged == "yes"
    assert job.state is JobState.DONE
    assert [one.ref for one in client.jobs()] == [job.ref]
    assert str(job.error) == str(caught.value)
    assert "the vendor gives it no more" in history(job)
    path.write_bytes(whole)
    assert finished(job).sha256 == sha256
    assert job.error is None
    path.unlink()
    house.control.disarm()
    assert finished(client.job(job.ref)).sha256 == sha256
    assert house.paid == 1


def test_a_start_does_not_ask_again_for_what_is_gone(house: Harness) -> None:
    """What is known to be gone is asked for when somebody wants it, not at every start."""
    first = house.open()
    job, path, _ = made(first)
    path.unlink()
    house.control.arm("media_status", times=None)
    with pytest.raises(DownloadError):
        finished(job)
    first.close()
    before = sum(house.control.requests.values())
    second = house.open()
    assert second.jobs()[0].state is JobState.DONE
    second.close()
    assert sum(house.control.requests.values()) == before


def test_verify_reads_every_film(client: Client) -> None:
    """Each film is compared byte for byte, and those that are not whole are named by their jobs."""
    jobs = [made(client, seed=seed) for seed in (1, 2, 3)]
    assert str(client.verify()) == "3 videos checked, all whole"
    for (_, path, _), how in zip(jobs, HARMS, strict=True):
        harm(path, how)
    found = client.verify()
    assert found.missing == (jobs[0][0].ref,)
    assert set(found.modified) == {jobs[1][0].ref, jobs[2][0].ref}
    assert not found.is_intact
    assert str(found).startswith("3 videos checked, 1 missing (")


def test_verify_repairs(house: Harness, client: Client) -> None:
    """With repair what is not whole is fetched again; what cannot be had is named."""
    jobs = [made(client, seed=seed) for seed in (1, 2)]
    for _, path, _ in jobs:
        path.unlink()
    mended = client.verify(repair=True)
    assert set(mended.fetched) == {job.ref for job, _, _ in jobs}
    assert mended.is_intact
    assert all(path.read_bytes() == whole for _, path, whole in jobs)
    jobs[0][1].unlink()
    house.control.arm("media_status", times=None)
    lost = client.verify(repair=True)
    assert (lost.missing, lost.fetched, lost.lost) == ((jobs[0][0].ref,), (), (jobs[0][0].ref,))
    assert not lost.is_intact
    assert "1 not to be had again" in str(lost)
