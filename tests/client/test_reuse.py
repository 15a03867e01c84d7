"""The same call finds the same job: what is paid for once is not paid for again, unless it is asked for."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import APIError, JobFailed, JobModerated, Moderated
from tests.client.harness import A_JOB_S, TIMING, Harness, failed, fill, finished, order, picture, reached


def test_the_same_call_gives_the_open_job(still: Harness) -> None:
    """Run again while the video is being made, the call gives the same handle and nothing new is sent."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
    assert order(client) is job
    still.control.advance(A_JOB_S)
    finished(job)
    assert still.paid == 1


def test_the_same_call_gives_the_finished_job(client: Client, house: Harness) -> None:
    """Run again afterwards, it gives the video at once, and says when it was paid and how to pay anew."""
    job = order(client)
    video = finished(job)
    again = order(client)
    assert again is job
    assert finished(again).sha256 == video.sha256
    assert house.paid == 1
    (notice,) = again.notices
    assert notice.startswith("Already paid for on ")
    assert "45 credits" in notice
    assert "reuse=False pays for a new one" in notice
    assert again.snapshot().reused


def test_run_all_after_a_restart_pays_nothing(house: Harness) -> None:
    """A new client on the same home gives the same job, its video and its charge."""
    first = house.open()
    job = order(first)
    video = finished(job)
    first.close()
    again = order(house.open())
    assert again.ref == job.ref
    assert finished(again).sha256 == video.sha256
    assert house.paid == 1


def test_path_and_bytes_of_one_picture_are_the_same_call(client: Client, house: Harness, tmp_path: Path) -> None:
    """Pictures are known by their content, wherever they come from."""
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
def test_another_video_is_another_job(still: Harness, other: dict[str, Any]) -> None:
    """Whatever changes the video makes a job of its own, which is paid."""
    client = still.open()
    one, two = order(client), order(client, **other)
    reached(one, JobState.QUEUED)
    reached(two, JobState.QUEUED)
    assert one.ref != two.ref
    assert still.paid == 2


def test_what_does_not_change_the_video_does_not_pay(still: Harness) -> None:
    """Callback address, own reference, slots and deadline are no reason for a second payment."""
    client = still.open()
    job = order(client)
    same = order(client, reply_url="http://127.0.0.1:9/", reply_ref="x", max_jobs=2, deadline_s=50)
    assert same is job


def test_reuse_false_pays_anew(client: Client, house: Harness) -> None:
    """With `reuse=False` the same call makes a second generation; a later call gives the newer one."""
    one = order(client)
    finished(one)
    two = order(client, reuse=False)
    finished(two)
    assert one.ref != two.ref
    assert house.paid == 2
    assert order(client).ref == two.ref
    assert house.paid == 2


def test_without_a_seed_the_newest_such_job_is_given(client: Client, house: Harness) -> None:
    """A call that lets the seed be drawn finds the newest job that did so, not one whose seed was chosen."""
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
def test_what_came_to_nothing_is_not_given_back(client: Client, prompt: str, kind: type[Exception]) -> None:
    """A failed, moderated or refused job is over: the same call makes a new try."""
    one = order(client, prompt=prompt)
    assert isinstance(failed(one), kind)
    two = order(client, prompt=prompt)
    assert two.ref != one.ref
    assert isinstance(failed(two), kind)


def test_a_refused_request_may_be_tried_again(house: Harness) -> None:
    """What the vendor refused with a 400 is not given back either."""
    client = house.open()
    house.control.settings.refuse_combinations = True
    one = order(client, quality="1080p", duration=8, allow_refused=True)
    assert isinstance(failed(one), APIError)
    house.control.settings.refuse_combinations = False
    two = order(client, quality="1080p", duration=8, allow_refused=True)
    assert finished(two).size_bytes > 0
    assert one.ref != two.ref


def test_a_cancelled_job_that_is_paid_is_waited_for_again(still: Harness) -> None:
    """Cancelling ends the waiting, not the paying: "Run all" afterwards pays nothing again, but with reuse=False."""
    client = still.open()
    one = order(client)
    reached(one, JobState.QUEUED)
    one.cancel()
    assert order(client) is one
    assert "Already paid for" in one.notices[-1]
    still.control.advance(A_JOB_S)
    finished(one)
    assert still.paid == 1
    assert order(client, reuse=False).ref != one.ref


def test_what_was_cancelled_unpaid_is_asked_for_anew(still: Harness) -> None:
    """A job that was cancelled before it was sent is over: the same call is a new one."""
    client = still.open()
    fill(client)
    waiting = order(client, seed=9)
    reached(waiting, JobState.WAITING)
    waiting.cancel()
    assert order(client, seed=9).ref != waiting.ref


def test_two_threads_at_once_pay_once(still: Harness) -> None:
    """The same call from many threads at the same moment is one job and one generation."""
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


def test_two_clients_on_one_home_pay_once(still: Harness) -> None:
    """Two notebooks on the same home folder that make the same call share one job and one payment."""
    one, two = still.open(), still.open()
    mine, other = order(one), order(two)
    assert mine.ref == other.ref
    reached(other, JobState.QUEUED)
    still.control.advance(A_JOB_S)
    video = finished(other)
    assert finished(one.job(mine.ref)).sha256 == video.sha256
    assert still.paid == 1


def test_a_video_file_that_is_gone_is_fetched_again(client: Client, house: Harness) -> None:
    """Where the mp4 was deleted, the same call downloads it once more and pays nothing."""
    video = finished(order(client))
    video.path.unlink()
    again = finished(order(client))
    assert again.path.read_bytes()
    assert again.sha256 == video.sha256
    assert house.paid == 1


def test_find_paid_tells_without_asking_for_anything(client: Client, house: Harness) -> None:
    """`find_paid` gives the job that the same call would give back, and None where it would pay."""
    fields = {"quality": "360p", "seed": 7}
    assert client.find_paid(picture(0), picture(200), **fields) is None
    assert len(client.jobs()) == 0
    job = order(client)
    finished(job)
    assert client.find_paid(picture(0), picture(200), **fields) is job
    assert client.find_paid(picture(0), picture(201), **fields) is None
    assert house.paid == 1


def test_the_sandbox_never_gives_what_was_paid(house: Harness, tmp_path: Path) -> None:
    """In one and the same folder, what another service made stays out of sight of the sandbox, and the reverse."""
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
def test_the_line_that_makes_it_again_finds_it(
    client: Client, house: Harness, tmp_path: Path, fields: dict[str, Any]
) -> None:
    """The line of Python that stands under a video, run in a cell, gives that very job: nothing is paid again."""
    for name, shade in (("a.png", 0), ("b.png", 200)):
        (tmp_path / name).write_bytes(picture(shade, width=48, height=36))
    job = order(client, first=tmp_path / "a.png", last=tmp_path / "b.png", **fields)
    line = finished(job).python
    again = eval(line or "", {"client": client})  # noqa: S307  the line is ours
    assert again is job
    assert house.paid == 1
