"""The client: its lists, its estimates, and how it opens and closes."""

import asyncio
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Prices
from pixverse_nb.domain.catalogue import CATALOGUE
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.errors import AccountPending, ConfigError, InvalidRequest, LedgerError, NotFound
from pixverse_nb.jobs.results import _thumbnail
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.sandbox import Account
from tests.client.conftest import BuildHarness
from tests.client.harness import (
    LONGEST_JOB_S,
    WAIT_LIMIT_S,
    Harness,
    client_threads,
    create_job,
    make_picture,
    run_script,
    wait_for_state,
    wait_for_video,
    wait_until_released,
)


def test_jobs_are_listed_newest_first(client: Client) -> None:
    """`jobs()` lists the newest job first, at most `limit` of them, and displays as text and HTML."""
    refs = [create_job(client, seed=seed).ref for seed in (1, 2, 3)]
    assert [job.ref for job in client.jobs()] == refs[::-1]
    assert [job.ref for job in client.jobs(limit=1)] == refs[-1:]
    bundle = client.jobs()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert all(ref in repr(client.jobs()) or ref in bundle["text/html"] for ref in refs)


def test_a_slice_of_jobs_is_a_table(client: Client) -> None:
    """A slice of `jobs()` displays as a table, and an item is a job."""
    refs = [create_job(client, seed=seed).ref for seed in (1, 2, 3)]
    jobs = client.jobs()
    part = jobs[:2]
    assert [job.ref for job in part] == refs[:0:-1]
    assert "<table" in part._repr_mimebundle_()["text/html"]
    assert (jobs[0].ref, jobs[-1].ref) == (refs[2], refs[0])
    assert len(part.timeline().rows) == 2


def test_a_job_list_renders_no_poster(harness: Harness) -> None:
    """Listing jobs renders no poster, but the video of a listed job has one."""
    first = harness.open()
    wait_for_state(create_job(first), JobState.DONE)
    first.close()
    made = _thumbnail.cache_info().misses
    jobs = harness.open().jobs()
    jobs._repr_mimebundle_()
    assert _thumbnail.cache_info().misses == made
    video = jobs[0].video
    assert video is not None
    assert video.poster_jpeg is not None


def test_one_job_has_one_handle(client: Client) -> None:
    """However it is looked up, a job has one handle while somebody holds it."""
    job = create_job(client)
    assert client.job(job.ref) is job
    assert client.jobs()[0] is job
    wait_for_video(job)
    assert client.job(str(job.video_id)) is job


def test_uploads_lists_uploaded_files(client: Client) -> None:
    """`uploads()` returns the path, id, size and hash of every uploaded file."""
    wait_for_video(create_job(client))
    uploads = client.uploads()
    assert len(uploads) == 2
    for upload in uploads:
        assert upload.path.startswith("upload/")
        assert upload.id is not None
        assert upload.size_bytes
        assert len(str(upload.sha256)) == 64


def test_videos_returns_the_vendors_list(client: Client, harness: Harness) -> None:
    """`videos()` returns the vendor's list in pages, with all fields of a row in `.raw`."""
    for seed in (1, 2, 3):
        wait_for_video(create_job(client, seed=seed))
    rows = client.videos()
    assert [row.seed for row in rows] == [3, 2, 1]
    assert {row.state for row in rows} == {RemoteState.COMPLETED}
    assert [row.seed for row in client.videos(limit=1, offset=1)] == [2]
    assert rows[0].raw["account_id"] == next(iter(harness.control.accounts.values())).number


def test_credits_returns_the_balance(client: Client, harness: Harness) -> None:
    """`credits()` returns the vendor's balance before and after a video."""
    before = client.credits()
    assert before.total == harness.control.balance()
    wait_for_video(create_job(client))
    assert client.credits().total == before.total - 20
    assert before.can_remove_watermark is True


def test_capacity_adds_all_accounts(build_harness: BuildHarness, tmp_path: Path) -> None:
    """`capacity()` adds the slots of all accounts and subtracts the running jobs."""
    with build_harness(tmp_path, accounts=["one@example.com", "two@example.com"], speed=0) as harness:
        client = harness.open()
        assert (client.capacity().max_jobs, client.capacity().available) == (16, 16)
        wait_for_state(create_job(client), JobState.QUEUED)
        assert client.capacity().available == 15


def test_credits_and_videos_combine_all_accounts(build_harness: BuildHarness, tmp_path: Path) -> None:
    """With several accounts and none chosen, balances are added and rows are merged by time."""
    names = ["one@example.com", "two@example.com"]
    with build_harness(tmp_path, accounts=[Account(name, plan_name="Pro") for name in names], speed=0) as harness:
        client = harness.open()
        for seed in range(1, 6):
            job = create_job(client, seed=seed, email=names[seed % 2])
            harness.wait_for_accepted(seed)
            harness.control.advance(LONGEST_JOB_S)
            wait_for_video(job)
        assert client.credits().total == sum(harness.control.balance(name) for name in names)
        assert client.credits().plan == "Pro"
        assert client.credits().factors == {"off_peak_mode": 0.5, "preview_mode": 0.8}
        assert [row.seed for row in client.videos()] == [5, 4, 3, 2, 1]
        assert [row.seed for row in client.videos(limit=2)] == [5, 4]
        assert [row.seed for row in client.videos(limit=2, offset=1)] == [4, 3]


def test_a_pending_account_is_skipped(build_harness: BuildHarness, tmp_path: Path) -> None:
    """A pending account is skipped in `credits()`; if all are pending, AccountPending is raised."""
    pending = Account("one@example.com", pending=True)
    with build_harness(tmp_path, accounts=[pending, "two@example.com"], speed=0) as harness:
        client = harness.open()
        assert client.credits().total == harness.control.balance("two@example.com")
        assert client.videos() == []
        harness.control.add_account(Account("two@example.com", pending=True))
        with pytest.raises(AccountPending):
            client.credits()


def test_an_unknown_account_is_not_found(harness: Harness) -> None:
    """A request for an account that is not configured raises NotFound."""
    with pytest.raises(NotFound) as caught:
        harness.open(email="nobody@example.com").credits()
    assert caught.value.status == 404


def test_an_estimate_uses_the_price_list(harness: Harness) -> None:
    """`estimate()` uses the catalogue's prices of the model; corrections can be passed in."""
    client = harness.open()
    assert client.estimate() == 30
    assert client.estimate(quality="720p") == 40
    assert client.estimate(quality="540p", duration=8) == 60
    assert client.estimate(model="v6", duration=10) == 70
    assert client.estimate(model="v3.5", quality="540p", motion_mode="fast") == 90
    assert client.estimate(model="kling-o3") is None
    assert client.estimate(model="kling-4.0") is None
    own = harness.open(prices=Prices({"540p": 25}))
    assert own.estimate(quality="540p") == 25
    assert own.estimate(quality="720p") == 40
    assert own.estimate(quality="540p", prompt="rain", seed=7, fit=None, reuse=False, audio=None) == 25
    assert own.estimate(quality=None, duration=np.int64(8)) == 50
    assert harness.control.requests.total() == 0


def test_an_estimate_equals_the_charge(harness: Harness) -> None:
    """For each model with a price, the sandbox charges what was estimated."""
    client = harness.open()
    for spec in client.models("frames"):
        if spec.price is not None:
            job = create_job(client, model=spec.name, quality=None)
            assert wait_for_video(job).cost_credits == client.estimate(model=spec.name)


def test_the_models_are_listed(harness: Harness) -> None:
    """`models()` returns the rows of an operation, those of the user among them, and nothing is sent."""
    row = {"operations": ["text"], "durations": [3], "qualities": ["900p"]}
    client = harness.open(models={"v9": row, "v5.6": {"default_quality": "720p"}})
    assert [spec.name for spec in client.models("frames")] == [spec.name for spec in CATALOGUE.models("frames")]
    assert client.models()[-1].name == "v9"
    assert client.models("text")[-1].durations == (3,)
    assert client.estimate() == 40
    with pytest.raises(InvalidRequest):
        client.models("film")
    assert harness.control.requests.total() == 0


@pytest.mark.parametrize("models", [7, {"v9": {}}, {"v5.6": {"durations": "5"}}, {"v5.6": {"colour": 1}}], ids=repr)
def test_malformed_models_are_a_config_error(harness: Harness, tmp_path: Path, models: Any) -> None:
    """`Client(models=…)` with an unusable row raises ConfigError, and the home is not left locked or open."""
    with pytest.raises(ConfigError):
        harness.open(models=models)
    with pytest.raises(ConfigError):
        Client.sandbox(home=tmp_path / "play", models=models)
    wait_for_video(create_job(harness.open()))


def test_an_estimate_rejects_unknown_fields(client: Client) -> None:
    """An unknown field raises InvalidRequest with the nearest name, or with all names."""
    with pytest.raises(InvalidRequest) as caught:
        client.estimate(qualty="1080p", colour="blue")
    assert "'quality'" in caught.value.fields["qualty"]
    assert all(name in caught.value.fields["colour"] for name in ("model", "prompt", "seed"))


def test_reconcile_polls_and_returns_open_jobs(manual_harness: Harness) -> None:
    """`reconcile()` polls the vendor's list now and returns the jobs that are still open."""
    client = manual_harness.open()
    jobs = [create_job(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        wait_for_state(job, JobState.QUEUED)
    assert {job.ref for job in client.reconcile()} == {job.ref for job in jobs}
    manual_harness.control.advance(20)
    client.reconcile()
    assert {job.state for job in jobs} == {JobState.GENERATING}
    manual_harness.control.advance(LONGEST_JOB_S)
    client.reconcile()
    for job in jobs:
        wait_for_video(job)
    assert client.reconcile() == []


def test_reconcile_without_open_jobs_sends_nothing(client: Client, harness: Harness) -> None:
    """Without open jobs, `reconcile()` returns an empty list and sends no request."""
    assert client.reconcile() == []
    assert harness.control.requests.total() == 0


def test_polling_stops_when_no_job_is_open(client: Client, harness: Harness) -> None:
    """After the last job has ended, the client sends no more requests."""
    wait_for_video(create_job(client))
    client.reconcile()
    before = harness.control.requests.total()
    client.reconcile()
    assert harness.control.requests.total() == before
    assert client.requests_sent == before - harness.control.requests["media"]


def test_opening_a_client_sends_nothing(harness: Harness) -> None:
    """Opening a client sends no request and starts no thread."""
    before = client_threads()
    client = harness.open()
    assert client_threads() <= before
    assert harness.control.requests.total() == 0
    client.close()


def test_counting_the_requests_opens_no_connection(client: Client) -> None:
    """Before the first request `requests_sent` is 0, and reading it does not open the connection."""
    assert client.requests_sent == 0
    assert "transport" not in vars(client._engine)


def test_a_client_that_cannot_open_leaves_nothing_open(manual_harness: Harness) -> None:
    """If a damaged row makes opening fail, the thread that has started ends, and the ledger is closed."""
    before = client_threads()
    client = manual_harness.open()
    create_job(client, seed=1)
    ended = create_job(client, seed=2)
    client.close()
    path = manual_harness.home / "ledger.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER job_changed")
        db.execute("UPDATE jobs SET state = 'done', data = '{' WHERE ref = ?", (ended.ref,))
        db.commit()
    with pytest.raises(LedgerError) as caught:  # the traceback keeps the client alive
        manual_harness.open()
    assert client_threads() <= before
    for name in ("ledger.db", "ledger.db-wal"):
        assert str(manual_harness.home / name) not in open_files()
    del caught


def open_files() -> list[str]:
    """Return the paths of the files that this process has open (on Linux)."""
    links = Path("/proc/self/fd")
    paths: list[str] = []
    for link in links.iterdir() if links.is_dir() else ():
        with suppress(FileNotFoundError):  # another thread has closed it meanwhile
            paths.append(str(link.readlink()))
    return paths


def test_closing_ends_all_threads(harness: Harness) -> None:
    """`close()` ends all threads of the client, even with open jobs; a second call does nothing."""
    before = client_threads()
    client = harness.open()
    wait_for_video(create_job(client, seed=1))
    create_job(client, seed=2)
    client.close()
    assert client_threads() <= before
    client.close()
    assert client_threads() <= before


def test_a_with_block_closes_the_client(harness: Harness) -> None:
    """A `with` block closes the client, also if it raises."""
    before = client_threads()

    def mistaken() -> None:
        with harness.open() as client:
            create_job(client)
            raise KeyError("a mistake in the block")

    with pytest.raises(KeyError):
        mistaken()
    assert client_threads() <= before


def test_a_closed_client_raises_config_error(harness: Harness) -> None:
    """A closed client raises ConfigError, but its job handles keep their last state."""
    client = harness.open()
    job = create_job(client)
    video = wait_for_video(job)
    client.close()
    for use in (client.credits, client.reconcile, client.videos, client.jobs, lambda: create_job(client, seed=2)):
        with pytest.raises(ConfigError):
            use()
    assert (job.state, job.video, job.result()) == (JobState.DONE, video, video)
    assert job.snapshot().video == video
    assert job.ref in repr(job)


def test_waiting_ends_when_the_client_closes(manual_harness: Harness) -> None:
    """Closing the client raises ConfigError in a thread and a coroutine that wait for a job."""
    client = manual_harness.open()
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    told: list[BaseException] = []

    def wait_in_a_thread() -> None:
        try:
            job.result()
        except ConfigError as error:
            told.append(error)

    async def wait_in_a_loop() -> None:
        waiting = asyncio.ensure_future(_awaited())
        await asyncio.sleep(0)
        client.close()
        await waiting

    async def _awaited() -> None:
        try:
            await job
        except ConfigError as error:
            told.append(error)

    thread = threading.Thread(target=wait_in_a_thread, daemon=True)
    thread.start()
    asyncio.run(asyncio.wait_for(wait_in_a_loop(), WAIT_LIMIT_S))
    thread.join(WAIT_LIMIT_S)
    assert not thread.is_alive()
    assert len(told) == 2


def test_a_subscriber_may_close_the_client(harness: Harness) -> None:
    """`close()` in a subscriber does not deadlock."""
    before = client_threads()
    client = harness.open()
    client.subscribe(lambda job: client.close() if job.state is JobState.QUEUED else None)
    is_told = threading.Event()
    client.subscribe(lambda job: is_told.set() if job.state is JobState.QUEUED else None)
    create_job(client)
    assert is_told.wait(WAIT_LIMIT_S)
    client.close()
    wait_until_released(before)  # another thread closes the files


def test_a_client_raises_after_fork(harness: Harness) -> None:
    """A forked child gets ConfigError; the parent's client continues."""
    with run_script("forked.py", harness) as script:
        printed, _ = script.communicate(timeout=180)
    assert printed == "ConfigError\ndone\n"


def test_the_repr_names_service_and_home(client: Client, harness: Harness) -> None:
    """The repr names the service and the home folder."""
    assert harness.sandbox.base_url in repr(client)
    assert str(harness.home) in repr(client)
    assert not client.is_sandbox
    with pytest.raises(ConfigError, match=r"Client\.sandbox\(\)"):
        _ = client.sandbox_control


def test_the_repr_of_a_job_shows_its_state(manual_harness: Harness) -> None:
    """The repr of a job contains its ref and its state."""
    job = create_job(manual_harness.open())
    wait_for_state(job, JobState.QUEUED)
    assert job.ref in repr(job)
    assert STATE_LABELS[JobState.QUEUED] in repr(job)


def test_the_embedded_sandbox_makes_a_real_video(tmp_path: Path) -> None:
    """`Client.sandbox()` generates an mp4 of the requested size and length without a token."""
    before = client_threads()
    with Client.sandbox(speed=200, home=tmp_path) as client:
        video = client.create_frames(make_picture(0), make_picture(200), quality="360p", seed=3).result(timeout=180)
        assert (video.width, video.height, round(video.duration_s or 0)) == (640, 360, 5)
        assert video.is_sandbox
        assert client.is_sandbox
        assert "sandbox" in repr(client)
        assert client.sandbox_control.requests["create-frames"] == 1
    assert client_threads() <= before


def test_a_sandbox_with_manual_time(tmp_path: Path) -> None:
    """With `speed=0` a job advances only when the sandbox's time is advanced."""
    with Client.sandbox(speed=0, home=tmp_path) as client:
        job = create_job(client)
        wait_for_state(job, JobState.QUEUED)
        client.sandbox_control.advance(LONGEST_JOB_S)
        client.reconcile()
        assert job.result(timeout=180).size_bytes > 0


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), "fast", True])
def test_an_invalid_speed_is_rejected(tmp_path: Path, speed: Any) -> None:
    """An invalid speed raises ConfigError before a sandbox is started."""
    before = client_threads()
    with pytest.raises(ConfigError, match="speed"):
        Client.sandbox(speed=speed, home=tmp_path)
    assert client_threads() <= before


def test_a_client_that_cannot_be_opened_leaves_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a client cannot be opened, the sandbox that was started for it is stopped."""
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(tmp_path))
    before = client_threads()
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "ledger.db").write_bytes(b"garbage" * 100)
    with pytest.raises(LedgerError):
        Client.sandbox()
    with pytest.raises(LedgerError):
        Client()
    with pytest.raises(ConfigError, match="budget_credits"):
        Client.sandbox(home=tmp_path / "good", budget_credits=-1)
    assert client_threads() <= before
