"""`create_frames`: what it returns, and what the vendor receives."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Account
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    Harness,
    create_job,
    make_picture,
    state_names,
    wait_for_state,
    wait_for_video,
)


def test_the_call_returns_an_open_job(manual_harness: Harness) -> None:
    """The call returns an open job with its request at once."""
    job = create_job(manual_harness.open(), prompt="a slow push in", duration=8)
    assert isinstance(job, Job)
    assert not job.state.is_final
    assert job.video is None
    assert (job.request.prompt, job.request.duration, job.request.seed) == ("a slow push in", 8, 7)


def test_the_result_is_a_complete_file(client: Client, harness: Harness) -> None:
    """The video file matches its sha256 and size, and no partial file remains."""
    video = wait_for_video(create_job(client))
    data = video.path.read_bytes()
    assert hashlib.sha256(data).hexdigest() == video.sha256
    assert len(data) == video.size_bytes
    assert video.path.parent == harness.home / "videos"
    assert [path.name for path in video.path.parent.iterdir()] == [video.path.name]


def test_the_video_holds_its_request_and_cost(client: Client) -> None:
    """The video holds its request, size, confirmed cost, and the Python call that generates it again."""
    job = create_job(client, prompt="rain", quality="540p")
    video = wait_for_video(job)
    assert video.request == job.request
    assert (video.width, video.height) == (64, 36)
    assert (video.cost_credits, video.cost_is_estimate) == (45, False)
    assert video.ref == job.ref
    assert video.python is not None
    assert "prompt='rain'" in video.python
    assert "seed=7" in video.python


def test_events_cover_every_state_in_order(manual_harness: Harness) -> None:
    """The events of a job cover every state, oldest first."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    manual_harness.control.advance(20)
    wait_for_state(job, JobState.GENERATING)
    manual_harness.control.advance(LONGEST_JOB_S)
    wait_for_video(job)
    assert state_names(job) == [
        "planned",
        "uploading",
        "waiting",
        "submitting",
        "queued",
        "generating",
        "downloading",
        "done",
    ]
    times = [event.at for event in job.events()]
    assert times == sorted(times)


def test_each_field_reaches_the_vendor(manual_harness: Harness) -> None:
    """Every field of the request is in the vendor's row."""
    client = manual_harness.open()
    job = create_job(
        client,
        prompt="dolly in",
        duration=5,
        quality="540p",
        motion_mode="fast",
        aspect_ratio="4:3",
        seed=99,
        remove_watermark=False,
    )
    wait_for_state(job, JobState.QUEUED)
    (row,) = client.videos()
    named = ("prompt", "duration", "quality", "motion_mode", "aspect_ratio", "seed", "remove_watermark", "model")
    assert [row.raw[name] for name in named] == ["dolly in", 5, "540p", "fast", "4:3", 99, 0, "v3.5"]


def test_a_random_seed_is_sent_and_recorded(client: Client, harness: Harness) -> None:
    """Without a seed, a random one is sent and is in the request."""
    job = create_job(client, seed=None)
    wait_for_video(job)
    (generation,) = harness.control.generations
    assert generation.seed == job.request.seed


def test_the_users_reply_ref_follows_ours(client: Client, harness: Harness) -> None:
    """The user's `reply_ref` is sent after the job's own reference."""
    job = create_job(client, reply_ref="shot 12")
    wait_for_video(job)
    (generation,) = harness.control.generations
    assert generation.reply_ref == f"{job.ref}:1 shot 12"


def test_newer_models_use_the_newer_route(client: Client, harness: Harness) -> None:
    """A model after v3.5 is requested on create-frames."""
    wait_for_video(create_job(client, model="v4.5"))
    (generation,) = harness.control.generations
    assert generation.route == "create-frames"


def test_all_picture_types_are_accepted(client: Client, tmp_path: Path) -> None:
    """Paths, path strings, arrays, PIL images, files and bytes are accepted."""
    path = tmp_path / "first.png"
    path.write_bytes(make_picture(0))
    pixels = np.full((18, 32, 3), 77, np.uint8)
    with path.open("rb") as file:
        pairs = [(path, str(path)), (pixels, Image.fromarray(pixels)), (file, make_picture(9))]
        for first, last in pairs:
            assert wait_for_video(create_job(client, first=first, last=last)).path.is_file()


def test_a_picture_is_uploaded_once(harness: Harness) -> None:
    """Jobs share uploads of the same picture, also after a restart."""
    client = harness.open()
    wait_for_video(create_job(client, seed=1))
    wait_for_video(create_job(client, seed=2))
    client.close()
    wait_for_video(create_job(harness.open(), seed=3))
    assert harness.control.requests["files"] == 2
    assert harness.paid == 3


def test_the_same_picture_for_both_frames_is_uploaded_once(client: Client, harness: Harness) -> None:
    """A picture used for both frames is uploaded once, even by concurrent jobs."""
    jobs = [create_job(client, first=make_picture(5), last=make_picture(5), seed=seed) for seed in (1, 2, 3)]
    for job in jobs:
        wait_for_video(job)
    assert harness.control.requests["files"] == 1


def test_an_uploaded_file_is_not_uploaded_again(client: Client, harness: Harness) -> None:
    """An `UploadedFile` from `client.uploads()` is not uploaded again."""
    wait_for_video(create_job(client, seed=1))
    last, first = client.uploads()
    wait_for_video(create_job(client, first=first, last=last, seed=2))
    wait_for_video(create_job(client, first=UploadedFile(first.path), last=make_picture(200), seed=3))
    assert harness.control.requests["files"] == 2
    assert harness.paid == 3


def test_the_account_with_free_slots_is_chosen(build_harness: BuildHarness, tmp_path: Path) -> None:
    """Of several accounts, the one with free slots gets the job and both pictures."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"]) as harness:
        busy = harness.control.accounts["one@example.com"]
        busy.plan_jobs = 0
        harness.control.add_account(busy)
        job = create_job(harness.open())
        wait_for_video(job)
        (generation,) = harness.control.generations
        assert generation.email == "two@example.com"
        assert (job.account or "").startswith("t…@e…")


def test_email_selects_the_account(build_harness: BuildHarness, tmp_path: Path) -> None:
    """`email` of the call or the client selects the account for jobs, lists and credits."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"]) as harness:
        one, two = harness.open(email="one@example.com"), harness.open(email="two@example.com")
        wait_for_video(create_job(one, seed=1))
        wait_for_video(create_job(two, seed=2))
        wait_for_video(create_job(one, seed=3, email="two@example.com"))
        assert [generation.email[:3] for generation in harness.control.generations] == ["one", "two", "two"]
        assert (len(one.videos()), len(two.videos())) == (1, 2)
        assert one.credits().total == two.credits().total + 45
        assert harness.control.requests["files"] == 4  # each picture once for each account


def test_jobs_are_distributed_over_accounts(build_harness: BuildHarness, tmp_path: Path) -> None:
    """Concurrent jobs fill the slots of all accounts without a rejected call."""
    accounts = [Account("one@example.com", max_jobs=2), Account("two@example.com", max_jobs=3)]
    with build_harness(tmp_path, speed=0, accounts=accounts) as harness:
        client = harness.open()
        jobs = [create_job(client, seed=seed) for seed in range(1, 8)]
        harness.wait_for_accepted(5)
        emails = [generation.email for generation in harness.control.generations]
        assert (emails.count("one@example.com"), emails.count("two@example.com")) == (2, 3)
        harness.control.advance(LONGEST_JOB_S)
        harness.wait_for_accepted(7)
        harness.control.advance(LONGEST_JOB_S)
        for job in jobs:
            wait_for_video(job)
        assert harness.control.requests["create-frames-v3"] == 7
        assert harness.control.requests["files"] == 4


def test_jobs_move_away_from_an_account_without_credits(build_harness: BuildHarness, tmp_path: Path) -> None:
    """After a 412, the account's jobs move to another account."""
    poor = Account("one@example.com", max_jobs=4, credits={"daily": 45, "monthly": 0, "package": 0})
    with build_harness(tmp_path, accounts=[poor, Account("two@example.com", max_jobs=1)]) as harness:
        client = harness.open()
        jobs = [create_job(client, seed=seed) for seed in range(1, 7)]
        for job in jobs:
            wait_for_video(job)
        emails = [generation.email for generation in harness.control.generations]
        assert (emails.count("one@example.com"), emails.count("two@example.com")) == (1, 5)


def test_jobs_move_away_from_a_pending_account(build_harness: BuildHarness, tmp_path: Path) -> None:
    """After a 596 on an upload, the account's jobs move to another account."""
    pending = Account("one@example.com", pending=True)
    with build_harness(tmp_path, accounts=[pending, Account("two@example.com", max_jobs=2)]) as harness:
        client = harness.open()
        for job in [create_job(client, seed=seed) for seed in range(1, 5)]:
            wait_for_video(job)
        assert {generation.email for generation in harness.control.generations} == {"two@example.com"}


def test_an_account_that_has_credits_again_is_used_again(build_harness: BuildHarness, tmp_path: Path) -> None:
    """An account that was stopped by a 412 is used again for new jobs."""
    poor = Account("one@example.com", max_jobs=4, credits={"daily": 45, "monthly": 0, "package": 0})
    with build_harness(tmp_path, accounts=[poor, Account("two@example.com", max_jobs=1)]) as harness:
        client = harness.open()
        for job in [create_job(client, seed=seed) for seed in range(1, 5)]:
            wait_for_video(job)
        harness.control.set_credits("one@example.com", daily=10_000)
        for job in [create_job(client, seed=seed) for seed in range(11, 19)]:
            wait_for_video(job)
        emails = [generation.email for generation in harness.control.generations]
        assert emails[4:].count("one@example.com") >= 4
