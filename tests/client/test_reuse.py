"""Repeating a call returns the same job: a video is not charged twice unless the caller asks for that."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import APIError, JobFailed, JobModerated, Moderated
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, fill, finished, order, picture, reached


def test_repeating_the_call_returns_the_open_job(still: Harness) -> None:
    """Repeating the call during generation returns the same handle and sends nothing."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    assert order(client) is job
    still.control.advance(A_JOB_S)
    finished(job)
    assert still.paid == 1


def test_repeating_the_call_returns_the_finished_job(client: Client, house: Harness) -> None:
    """Repeating the call afterwards returns the video with a notice of the price and of `reuse=False`."""
    job = order(client)
    video = finished(job)
    again = order(client)
    assert again is job
    assert finished(again).sha256 == video.sha256
    assert house.paid == 1
    (notice,) = again.notices
    assert "45" in notice
    assert "reuse=False" in notice
    assert again.snapshot().reused


def test_repeating_the_call_in_a_new_client_charges_nothing(house: Harness) -> None:
    """A new client on the same home returns the same job and video."""
    first = house.open()
    job = order(first)
    video = finished(job)
    first.close()
    again = order(house.open())
    assert again.ref == job.ref
    assert finished(again).sha256 == video.sha256
    assert house.paid == 1


def test_pictures_are_compared_by_content(client: Client, house: Harness, tmp_path: Path) -> None:
    """Pictures are compared by content, not by source."""
    path = tmp_path / "renamed.png"
    path.write_bytes(picture(0))
    job = order(client)
    finished(job)
    assert order(client, first=path).ref == job.ref
    assert house.paid == 1


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "rain"},
        {"duration": 8},
        {"quality": "540p"},
        {"motion_mode": "fast"},
        {"aspect_ratio": "1:1"},
        {"seed": 8},
        {"remove_watermark": False},
        {"fit": "contain"},
        {"first": picture(1)},
        {"last": picture(201)},
        {"first": picture(200), "last": picture(0)},
    ],
    ids=lambda other: "+".join(other),
)
def test_every_video_parameter_makes_another_job(still: Harness, other: dict[str, Any]) -> None:
    """Every parameter that changes the video creates a separate, charged job."""
    client = still.open()
    one, two = order(client), order(client, **other)
    reached(one, JobState.QUEUED)
    reached(two, JobState.QUEUED)
    assert one.ref != two.ref
    assert still.paid == 2


def test_delivery_options_do_not_make_another_job(still: Harness) -> None:
    """Reply URL, own reference, slots and deadline do not create another job."""
    client = still.open()
    job = order(client)
    same = order(client, reply_url="http://127.0.0.1:9/", reply_ref="x", max_jobs=2, deadline_s=50)
    assert same is job


def test_reuse_false_creates_another_job(client: Client, house: Harness) -> None:
    """`reuse=False` creates a second generation; later calls return the newer one."""
    one = order(client)
    finished(one)
    two = order(client, reuse=False)
    finished(two)
    assert one.ref != two.ref
    assert house.paid == 2
    assert order(client).ref == two.ref
    assert house.paid == 2


def test_without_a_seed_the_newest_seedless_job_is_reused(client: Client, house: Harness) -> None:
    """A call without a seed reuses the newest job that had none, not one with a chosen seed."""
    drawn = order(client, seed=None)
    newer = order(client, seed=None, reuse=False)
    chosen = order(client, seed=5)
    for job in (drawn, newer, chosen):
        finished(job)
    assert order(client, seed=None).ref == newer.ref
    assert order(client, seed=drawn.request.seed).ref == drawn.ref
    assert house.paid == 3


@pytest.mark.parametrize(
    ("prompt", "kind"), [("[[failed]]", JobFailed), ("[[moderated-later]]", JobModerated), ("[[moderated]]", Moderated)]
)
def test_failed_jobs_are_not_reused(client: Client, prompt: str, kind: type[Exception]) -> None:
    """A failed, moderated or refused job is not reused: the same call is a new attempt."""
    one = order(client, prompt=prompt)
    assert isinstance(failed(one), kind)
    two = order(client, prompt=prompt)
    assert two.ref != one.ref
    assert isinstance(failed(two), kind)


def test_rejected_jobs_are_not_reused(house: Harness) -> None:
    """A job that was rejected with a 400 is not reused."""
    client = house.open()
    house.control.settings.refuse_combinations = True
    one = order(client, quality="1080p", duration=8, allow_refused=True)
    assert isinstance(failed(one), APIError)
    house.control.settings.refuse_combinations = False
    two = order(client, quality="1080p", duration=8, allow_refused=True)
    assert finished(two).size_bytes > 0
    assert one.ref != two.ref


def test_a_cancelled_charged_job_is_reused(still: Harness) -> None:
    """A charged job that was cancelled is reused, unless the call says `reuse=False`."""
    client = still.open()
    one = order(client)
    reached(one, JobState.QUEUED)
    one.cancel()
    assert order(client) is one
    assert "reuse=False" in one.notices[-1]
    still.control.advance(A_JOB_S)
    finished(one)
    assert still.paid == 1
    assert order(client, reuse=False).ref != one.ref


def test_a_cancelled_uncharged_job_is_not_reused(still: Harness) -> None:
    """A job that was cancelled before it was sent is not reused."""
    client = still.open()
    fill(client)
    waiting = order(client, seed=9)
    reached(waiting, JobState.WAITING)
    waiting.cancel()
    assert order(client, seed=9).ref != waiting.ref


def test_concurrent_threads_share_one_job(still: Harness) -> None:
    """The same call from several threads at once creates one job and one generation."""
    client = still.open()
    together = threading.Barrier(6)

    def ask(_: int) -> str:
        together.wait()
        return order(client).ref

    with ThreadPoolExecutor(6) as pool:
        refs = set(pool.map(ask, range(6)))
    assert len(refs) == 1
    (job,) = client.jobs()
    reached(job, JobState.QUEUED)
    assert still.paid == 1


def test_two_clients_on_one_home_share_one_job(still: Harness) -> None:
    """The same call in two clients on one home creates one job and one charge."""
    one, two = still.open(), still.open()
    mine, other = order(one), order(two)
    assert mine.ref == other.ref
    reached(other, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    video = finished(other)
    assert finished(one.job(mine.ref)).sha256 == video.sha256
    assert still.paid == 1


def test_repeating_the_call_downloads_a_deleted_file(client: Client, house: Harness) -> None:
    """Repeating the call downloads a deleted file again, without a charge."""
    video = finished(order(client))
    video.path.unlink()
    again = finished(order(client))
    assert again.path.read_bytes()
    assert again.sha256 == video.sha256
    assert house.paid == 1


def test_find_paid_returns_the_reusable_job(client: Client, house: Harness) -> None:
    """`find_paid` returns the job that the call would reuse, or None, and sends nothing."""
    fields = {"quality": "360p", "seed": 7}
    assert client.find_paid(picture(0), picture(200), **fields) is None
    assert len(client.jobs()) == 0
    job = order(client)
    finished(job)
    assert client.find_paid(picture(0), picture(200), **fields) is job
    assert client.find_paid(picture(0), picture(201), **fields) is None
    assert house.paid == 1


def test_sandbox_and_service_jobs_are_separate(house: Harness, tmp_path: Path) -> None:
    """In one home folder, jobs of the sandbox and of another service are kept apart."""
    home = tmp_path / "one"
    finished(order(house.open(home=home)))
    with Client.sandbox(home=home, timing=TIMING, speed=100) as play:
        assert play.is_sandbox
        assert list(play.jobs()) == []
        assert play.find_paid(picture(0), picture(200), quality="360p", seed=7) is None
        made = order(play)
        made.cancel()
        assert [job.ref for job in play.jobs()] == [made.ref]
        assert made.snapshot().is_sandbox
    assert made.ref not in {job.ref for job in house.open(home=home).jobs()}


OTHER_THAN_USUAL: dict[str, Any] = {
    "prompt": "a 'slow' turn",
    "duration": 8,
    "quality": "720p",
    "motion_mode": "fast",
    "aspect_ratio": "1:1",
    "remove_watermark": False,
    "model": "v4",
    "fit": "contain",
}


@pytest.mark.parametrize(
    "fields",
    [
        *({name: value} for name, value in OTHER_THAN_USUAL.items()),
        {"fit": None},
        {"seed": None},
    ],
    ids=lambda fields: " ".join(fields),
)
def test_the_python_line_returns_the_same_job(
    client: Client, house: Harness, tmp_path: Path, fields: dict[str, Any]
) -> None:
    """Running a video's Python line returns that very job, without a charge."""
    for name, shade in (("a.png", 0), ("b.png", 200)):
        (tmp_path / name).write_bytes(picture(shade, width=48, height=36))
    job = order(client, first=tmp_path / "a.png", last=tmp_path / "b.png", **fields)
    line = finished(job).python
    again = eval(line or "", {"client": client})  # noqa: S307  the line is ours
    assert again is job
    assert house.paid == 1
