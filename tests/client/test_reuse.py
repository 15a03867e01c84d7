"""Repeating a call returns the same job: a video is not charged twice unless the caller asks for that."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import APIError, JobFailed, JobModerated, Moderated
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    Harness,
    create_job,
    fill_slots,
    make_picture,
    wait_for_error,
    wait_for_state,
    wait_for_video,
)


def test_repeating_the_call_returns_the_open_job(manual_harness: Harness) -> None:
    """Repeating the call during generation returns the same handle and sends nothing."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    assert create_job(client) is job
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    assert manual_harness.paid == 1


def test_repeating_the_call_returns_the_finished_job(client: Client, harness: Harness) -> None:
    """Repeating the call afterwards returns the video with a notice of the price and of `reuse=False`."""
    job = create_job(client)
    video = wait_for_video(job)
    again = create_job(client)
    assert again is job
    assert wait_for_video(again).sha256 == video.sha256
    assert harness.paid == 1
    (notice,) = again.notices
    assert "20" in notice
    assert "reuse=False" in notice
    assert again.snapshot().reused


def test_repeating_the_call_in_a_new_client_charges_nothing(harness: Harness) -> None:
    """A new client on the same home returns the same job and video."""
    first = harness.open()
    job = create_job(first)
    video = wait_for_video(job)
    first.close()
    again = create_job(harness.open())
    assert again.ref == job.ref
    assert wait_for_video(again).sha256 == video.sha256
    assert harness.paid == 1


def test_pictures_are_compared_by_content(client: Client, harness: Harness, tmp_path: Path) -> None:
    """Pictures are compared by content, not by source."""
    path = tmp_path / "renamed.png"
    path.write_bytes(make_picture(0))
    job = create_job(client)
    wait_for_video(job)
    assert create_job(client, first=path).ref == job.ref
    assert harness.paid == 1


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "rain"},
        {"duration": 8},
        {"quality": "540p"},
        {"model": "v5"},
        {"audio": True},
        {"audio": False},
        {"preview_mode": True},
        {"off_peak_mode": True},
        {"auto_sound": True},
        {"sound_effect_prompt": "rain"},
        {"aspect_ratio": "1:1"},
        {"seed": 8},
        {"fit": "contain"},
        {"first": make_picture(1)},
        {"last": make_picture(201)},
        {"first": make_picture(200), "last": make_picture(0)},
    ],
    ids=lambda other: "+".join(other),
)
def test_every_video_parameter_makes_another_job(manual_harness: Harness, other: dict[str, Any]) -> None:
    """Every parameter that changes the video creates a separate, charged job."""
    client = manual_harness.open()
    one, two = create_job(client), create_job(client, **other)
    wait_for_state(one, JobState.QUEUED)
    wait_for_state(two, JobState.QUEUED)
    assert one.ref != two.ref
    assert manual_harness.paid == 2


@pytest.mark.parametrize(
    "other", [{"motion_mode": "fast"}, {"remove_watermark": False}], ids=lambda other: "+".join(other)
)
def test_every_parameter_of_the_first_model_makes_another_job(manual_harness: Harness, other: dict[str, Any]) -> None:
    """Every field that only v3.5 has creates a separate, charged job too."""
    client = manual_harness.open()
    one, two = create_job(client, model="v3.5"), create_job(client, model="v3.5", **other)
    wait_for_state(one, JobState.QUEUED)
    wait_for_state(two, JobState.QUEUED)
    assert one.ref != two.ref
    assert manual_harness.paid == 2


def test_delivery_options_do_not_make_another_job(manual_harness: Harness) -> None:
    """Reply URL, own reference, slots and deadline do not create another job."""
    client = manual_harness.open()
    job = create_job(client)
    same = create_job(client, reply_url="http://127.0.0.1:9/", reply_ref="x", max_jobs=2, deadline_s=50)
    assert same is job


def test_reuse_false_creates_another_job(client: Client, harness: Harness) -> None:
    """`reuse=False` creates a second generation; later calls return the newer one."""
    one = create_job(client)
    wait_for_video(one)
    two = create_job(client, reuse=False)
    wait_for_video(two)
    assert one.ref != two.ref
    assert harness.paid == 2
    assert create_job(client).ref == two.ref
    assert harness.paid == 2


def test_without_a_seed_the_newest_seedless_job_is_reused(client: Client, harness: Harness) -> None:
    """A call without a seed reuses the newest job that had none, not one with a chosen seed."""
    drawn = create_job(client, seed=None)
    newer = create_job(client, seed=None, reuse=False)
    chosen = create_job(client, seed=5)
    for job in (drawn, newer, chosen):
        wait_for_video(job)
    assert create_job(client, seed=None).ref == newer.ref
    assert create_job(client, seed=drawn.request.seed).ref == drawn.ref
    assert harness.paid == 3


@pytest.mark.parametrize(
    ("prompt", "kind"), [("[[failed]]", JobFailed), ("[[moderated-later]]", JobModerated), ("[[moderated]]", Moderated)]
)
def test_failed_jobs_are_not_reused(client: Client, prompt: str, kind: type[Exception]) -> None:
    """A failed, moderated or refused job is not reused: the same call is a new attempt."""
    one = create_job(client, prompt=prompt)
    assert isinstance(wait_for_error(one), kind)
    two = create_job(client, prompt=prompt)
    assert two.ref != one.ref
    assert isinstance(wait_for_error(two), kind)


def test_rejected_jobs_are_not_reused(harness: Harness) -> None:
    """A job that was rejected with a 400 is not reused."""
    client = harness.open()
    harness.control.settings.refuse_combinations = True
    one = create_job(client, model="v3.5", quality="1080p", duration=8)
    assert isinstance(wait_for_error(one), APIError)
    harness.control.settings.refuse_combinations = False
    two = create_job(client, model="v3.5", quality="1080p", duration=8)
    assert wait_for_video(two).size_bytes > 0
    assert one.ref != two.ref


def test_a_cancelled_charged_job_is_reused(manual_harness: Harness) -> None:
    """A charged job that was cancelled is reused, unless the call says `reuse=False`."""
    client = manual_harness.open()
    one = create_job(client)
    wait_for_state(one, JobState.QUEUED)
    one.cancel()
    assert create_job(client) is one
    assert "reuse=False" in one.notices[-1]
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(one)
    assert manual_harness.paid == 1
    assert create_job(client, reuse=False).ref != one.ref


def test_a_cancelled_uncharged_job_is_not_reused(manual_harness: Harness) -> None:
    """A job that was cancelled before it was sent is not reused."""
    client = manual_harness.open()
    fill_slots(client)
    waiting = create_job(client, seed=9)
    wait_for_state(waiting, JobState.WAITING)
    waiting.cancel()
    assert create_job(client, seed=9).ref != waiting.ref


def test_concurrent_threads_share_one_job(manual_harness: Harness) -> None:
    """The same call from several threads at once creates one job and one generation."""
    client = manual_harness.open()
    together = threading.Barrier(6)

    def ask(_: int) -> str:
        together.wait()
        return create_job(client).ref

    with ThreadPoolExecutor(6) as pool:
        refs = set(pool.map(ask, range(6)))
    assert len(refs) == 1
    (job,) = client.jobs()
    wait_for_state(job, JobState.QUEUED)
    assert manual_harness.paid == 1


def test_two_clients_on_one_home_share_one_job(manual_harness: Harness) -> None:
    """The same call in two clients on one home creates one job and one charge."""
    one, two = manual_harness.open(), manual_harness.open()
    mine, other = create_job(one), create_job(two)
    assert mine.ref == other.ref
    wait_for_state(other, JobState.QUEUED)
    manual_harness.control.advance(LONGEST_JOB_S)
    video = wait_for_video(other)
    assert wait_for_video(one.job(mine.ref)).sha256 == video.sha256
    assert manual_harness.paid == 1


def test_repeating_the_call_downloads_a_deleted_file(client: Client, harness: Harness) -> None:
    """Repeating the call downloads a deleted file again, without a charge."""
    video = wait_for_video(create_job(client))
    video.path.unlink()
    again = wait_for_video(create_job(client))
    assert again.path.read_bytes()
    assert again.sha256 == video.sha256
    assert harness.paid == 1


def test_find_paid_returns_the_reusable_job(client: Client, harness: Harness) -> None:
    """`find_paid` returns the job that the call would reuse, or None, and sends nothing."""
    fields = {"quality": "360p", "seed": 7}
    assert client.find_paid(make_picture(0), make_picture(200), **fields) is None
    assert len(client.jobs()) == 0
    job = create_job(client)
    wait_for_video(job)
    assert client.find_paid(make_picture(0), make_picture(200), **fields) is job
    assert client.find_paid(make_picture(0), make_picture(201), **fields) is None
    assert harness.paid == 1


def test_sandbox_and_service_jobs_are_separate(harness: Harness, tmp_path: Path) -> None:
    """In one home folder, jobs of the sandbox and of another service are kept apart."""
    home = tmp_path / "one"
    wait_for_video(create_job(harness.open(home=home)))
    with Client.sandbox(home=home, timing=TIMING, speed=100) as play:
        assert play.is_sandbox
        assert list(play.jobs()) == []
        assert play.find_paid(make_picture(0), make_picture(200), quality="360p", seed=7) is None
        made = create_job(play)
        made.cancel()
        assert [job.ref for job in play.jobs()] == [made.ref]
        assert made.snapshot().is_sandbox
    assert made.ref not in {job.ref for job in harness.open(home=home).jobs()}


OTHER_THAN_USUAL: dict[str, Any] = {
    "prompt": "a 'slow' turn",
    "duration": 8,
    "quality": "720p",
    "aspect_ratio": "1:1",
    "audio": True,
    "off_peak_mode": False,
    "sound_effect_prompt": "it's raining",
    "model": "v4.5",
    "fit": "contain",
}


@pytest.mark.parametrize(
    "fields",
    [
        *({name: value} for name, value in OTHER_THAN_USUAL.items()),
        {"fit": None},
        {"seed": None},
        {"quality": None},
        {"model": "v3.5", "motion_mode": "fast"},
        {"model": "v3.5", "remove_watermark": False},
        {"model": "v3.5", "quality": "1080p", "duration": 8},
        {"model": "kling-o3", "seed": None, "quality": "720p"},
    ],
    ids=lambda fields: " ".join(fields),
)
def test_the_python_line_returns_the_same_job(
    client: Client, harness: Harness, tmp_path: Path, fields: dict[str, Any]
) -> None:
    """Running a video's Python line returns that very job, without a charge."""
    for name, shade in (("a.png", 0), ("b.png", 200)):
        (tmp_path / name).write_bytes(make_picture(shade, width=48, height=36))
    job = create_job(client, first=tmp_path / "a.png", last=tmp_path / "b.png", **fields)
    line = wait_for_video(job).python
    again = eval(line or "", {"client": client})  # noqa: S307  the line is ours
    assert again is job
    assert harness.paid == 1


def test_the_python_line_needs_no_default_of_the_catalogue(harness: Harness, tmp_path: Path) -> None:
    """The line returns the same job with a client whose rows have other defaults, and for a model of the user."""
    for name, shade in (("a.png", 0), ("b.png", 200)):
        (tmp_path / name).write_bytes(make_picture(shade))
    row = {"operations": ["frames"], "durations": [8, 5], "qualities": ["1080p", "720p"], "takes_seed": True}
    client = harness.open(models={"v4.5": row, "v5.6": {"default_quality": "720p", "default_duration": 8}})
    calls: list[dict[str, Any]] = [
        {"model": "v4.5", "quality": "720p", "duration": 5},
        {"model": "v4.5", "quality": None},
        {"quality": "540p", "duration": 5},
        {"quality": None},
    ]
    for fields in calls:
        job = create_job(client, first=tmp_path / "a.png", last=tmp_path / "b.png", **fields)
        line = wait_for_video(job).python
        assert eval(line or "", {"client": client}) is job  # noqa: S307  the line is ours
    assert harness.paid == len(calls)
