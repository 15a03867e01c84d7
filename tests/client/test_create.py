"""`create_frames`: what it returns, and what the vendor receives."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.errors import InvalidRequest
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
    assert (video.cost_credits, video.cost_is_estimate) == (30, False)
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
        model="v3.5",
    )
    wait_for_state(job, JobState.QUEUED)
    (row,) = client.videos()
    named = ("prompt", "duration", "quality", "motion_mode", "aspect_ratio", "seed", "remove_watermark", "model")
    assert [row.raw[name] for name in named] == ["dolly in", 5, "540p", "fast", "4:3", 99, 0, "v3.5"]


def test_each_field_of_the_default_model_reaches_the_vendor(manual_harness: Harness) -> None:
    """Every field of a request for the default model is in the vendor's row, on create-frames."""
    client = manual_harness.open()
    job = create_job(client, prompt="dolly in", duration=10, quality="720p", seed=99, audio=True, off_peak_mode=True)
    wait_for_state(job, JobState.QUEUED)
    (row,) = client.videos()
    named = ("prompt", "duration", "quality", "seed", "model", "off_peak")
    assert [row.raw[name] for name in named] == ["dolly in", 10, "720p", 99, "v5.6", 1]
    (generation,) = manual_harness.control.generations
    assert generation.route == "create-frames"


def test_an_off_peak_job_holds_no_slot(manual_harness: Harness) -> None:
    """An off-peak job is in the list and not in the scheduler, takes no slot, and is waited for like any other."""
    client = manual_harness.open()
    job = create_job(client, off_peak_mode=True)
    wait_for_state(job, JobState.QUEUED)
    assert client.capacity().available == 8
    assert [row.raw["off_peak"] for row in client.videos()] == [1]
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).cost_credits == 10


def test_the_vendors_own_example_is_sent_as_it_is(manual_harness: Harness) -> None:
    """The example of the page of create-frames-v3 goes out field by field, with a notice and without allow_refused."""
    client = manual_harness.open()
    job = create_job(
        client,
        model="v3.5",
        prompt="Cat and dog",
        duration=8,
        quality="1080p",
        motion_mode="normal",
        aspect_ratio="9:16",
        seed=654321,
        max_jobs=3,
    )
    wait_for_state(job, JobState.QUEUED)
    (generation,) = manual_harness.control.generations
    (row,) = client.videos()
    assert (generation.route, generation.seed, generation.cost) == ("create-frames-v3", 654321, 240)
    named = ("model", "duration", "quality", "motion_mode", "aspect_ratio", "seed", "remove_watermark")
    assert [row.raw[name] for name in named] == ["v3.5", 8, "1080p", "normal", "9:16", 654321, 1]
    assert job.request.delivery.max_jobs == 3
    assert [notice.kind for notice in job._record().notices if notice.kind == "documented_limit"] == [
        "documented_limit"
    ]
    assert not job._record().allow_refused


def test_the_first_picture_sets_the_ratio(client: Client) -> None:
    """On create-frames both pictures are cropped to the ratio, and the row has none of its own."""
    job = create_job(client, first=make_picture(0, width=64, height=64), aspect_ratio="9:16")
    wait_for_video(job)
    (row,) = client.videos()
    assert (row.raw["output_width"], row.raw["output_height"]) == (360, 640)
    assert row.raw["aspect_ratio"] == ""
    assert job.request.aspect_ratio == "9:16"


@pytest.mark.parametrize("model", ["kling-o3", "veo-3.1-fast"])
def test_a_model_without_a_seed_gets_none(manual_harness: Harness, model: str) -> None:
    """No seed is drawn or sent for a model that takes none, and the same call finds the same job."""
    client = manual_harness.open()
    job = create_job(client, model=model, quality="720p", seed=None)
    wait_for_state(job, JobState.QUEUED)
    assert job.request.seed is None
    assert create_job(client, model=model, quality="720p", seed=None) is job
    assert manual_harness.paid == 1


def test_a_model_without_a_row_is_sent_with_a_notice(client: Client, harness: Harness) -> None:
    """A model that is not in the catalogue is sent without an estimate; a row for it takes the notice away."""
    job = create_job(client, model="v4.5", seed=1)
    video = wait_for_video(job)
    assert [notice.kind for notice in job._record().notices] == ["unlisted_model"]
    assert job.snapshot().estimated_credits is None
    assert (video.cost_credits, video.cost_is_estimate) == (20, False)
    row = {"operations": ["frames"], "durations": [5, 8], "qualities": ["360p"], "takes_seed": True}
    known = harness.open(models={"v4.5": row})
    again = create_job(known, model="v4.5", seed=2)
    wait_for_video(again)
    assert again._record().notices == ()
    with pytest.raises(InvalidRequest) as caught:
        create_job(known, model="v4.5", seed=3, duration=6, quality="720p", audio=True)
    assert caught.value.fields.keys() == {"duration", "quality", "audio"}
    assert harness.paid == 2


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
    """Only v3.5 is requested on create-frames-v3; a model that is not in the catalogue is on create-frames."""
    for model in ("v5.6", "v4.5", "v3.5"):
        wait_for_video(create_job(client, model=model))
    routes = [generation.route for generation in harness.control.generations]
    assert routes == ["create-frames", "create-frames", "create-frames-v3"]


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
        assert one.credits().total == two.credits().total + 20
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
        assert harness.control.requests["create-frames"] == 7
        assert harness.control.requests["files"] == 4


def test_jobs_move_away_from_an_account_without_credits(build_harness: BuildHarness, tmp_path: Path) -> None:
    """After a 412, the account's jobs move to another account."""
    poor = Account("one@example.com", max_jobs=4, credits={"daily": 20, "monthly": 0, "package": 0})
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
    poor = Account("one@example.com", max_jobs=4, credits={"daily": 20, "monthly": 0, "package": 0})
    with build_harness(tmp_path, accounts=[poor, Account("two@example.com", max_jobs=1)]) as harness:
        client = harness.open()
        for job in [create_job(client, seed=seed) for seed in range(1, 5)]:
            wait_for_video(job)
        harness.control.set_credits("one@example.com", daily=10_000)
        for job in [create_job(client, seed=seed) for seed in range(11, 19)]:
            wait_for_video(job)
        emails = [generation.email for generation in harness.control.generations]
        assert emails[4:].count("one@example.com") >= 4
