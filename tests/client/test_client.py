"""The client itself: what it lists and tells, and how it begins and ends."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import RemoteState
from pixverse_nb.errors import AccountPending, ConfigError, InvalidRequest, LedgerError, NotFound
from pixverse_nb.jobs.results import _thumbnail
from pixverse_nb.render.formatting import STATE_LABELS
from pixverse_nb.sandbox import Account
from tests.client.conftest import Build
from tests.client.harness import A_JOB_S, PATIENCE_S, Harness, finished, order, picture, reached, running


def own_threads() -> set[str]:
    """Return the names of the threads that clients have begun."""
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("pixverse-nb")}


def sandboxes() -> set[threading.Thread]:
    """Return the threads of the sandboxes that run in this process."""
    return {thread for thread in threading.enumerate() if thread.name == "pixverse-sandbox"}


def test_jobs_are_listed_newest_first(client: Client) -> None:
    """`jobs()` has the newest first, at most `limit` of them, and is a table in words and in HTML."""
    refs = [order(client, seed=seed).ref for seed in (1, 2, 3)]
    assert [job.ref for job in client.jobs()] == refs[::-1]
    assert [job.ref for job in client.jobs(limit=1)] == refs[-1:]
    bundle = client.jobs()._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert all(ref in repr(client.jobs()) or ref in bundle["text/html"] for ref in refs)


def test_a_part_of_the_list_is_a_table_too(client: Client) -> None:
    """A slice of `jobs()` looks as the whole does; one of them is a job."""
    refs = [order(client, seed=seed).ref for seed in (1, 2, 3)]
    jobs = client.jobs()
    part = jobs[:2]
    assert [job.ref for job in part] == refs[:0:-1]
    assert "<table" in part._repr_mimebundle_()["text/html"]
    assert (jobs[0].ref, jobs[-1].ref) == (refs[2], refs[0])
    assert len(part.timeline().rows) == 2


def test_a_list_of_jobs_makes_no_poster(house: Harness) -> None:
    """The table shows no pictures, so none are made for it; the video of a job has its poster nevertheless."""
    first = house.open()
    reached(order(first), JobState.DONE)
    first.close()
    made = _thumbnail.cache_info().misses
    jobs = house.open().jobs()
    jobs._repr_mimebundle_()
    assert _thumbnail.cache_info().misses == made
    video = jobs[0].video
    assert video is not None
    assert video.poster_jpeg is not None


def test_one_job_has_one_handle(client: Client) -> None:
    """However it is asked for, the same job is the same object while somebody holds it."""
    job = order(client)
    assert client.job(job.ref) is job
    assert client.jobs()[0] is job
    finished(job)
    assert client.job(str(job.video_id)) is job


def test_uploads_are_told(client: Client) -> None:
    """`uploads()` gives what the vendor holds: path, id, size and hash."""
    finished(order(client))
    uploads = client.uploads()
    assert len(uploads) == 2
    for upload in uploads:
        assert upload.path.startswith("upload/")
        assert upload.id is not None
        assert upload.size_bytes
        assert len(str(upload.sha256)) == 64


def test_videos_asks_the_vendor(client: Client, house: Harness) -> None:
    """`videos()` is the vendor's own list, in pages, with every field of the row in `.raw`."""
    for seed in (1, 2, 3):
        finished(order(client, seed=seed))
    rows = client.videos()
    assert [row.seed for row in rows] == [3, 2, 1]
    assert {row.state for row in rows} == {RemoteState.COMPLETED}
    assert [row.seed for row in client.videos(limit=1, offset=1)] == [2]
    assert rows[0].raw["account_id"] == next(iter(house.control.accounts.values())).number


def test_credits_are_the_vendors(client: Client, house: Harness) -> None:
    """`credits()` is the balance, before and after a video."""
    before = client.credits()
    assert before.total == house.control.balance()
    finished(order(client))
    assert client.credits().total == before.total - 45
    assert before.can_remove_watermark is True


def test_capacity_is_told_for_every_account(built: Build, tmp_path: Path) -> None:
    """`capacity()` adds up the slots of all accounts, less what runs."""
    with built(tmp_path, accounts=["one@example.com", "two@example.com"], speed=0) as house:
        client = house.open()
        assert (client.capacity().max_jobs, client.capacity().available) == (16, 16)
        reached(order(client), JobState.QUEUED)
        assert client.capacity().available == 15


def test_credits_and_videos_are_told_over_all_accounts(built: Build, tmp_path: Path) -> None:
    """With several accounts and none chosen, the balance is their sum and the list has every one's rows by time."""
    names = ["one@example.com", "two@example.com"]
    with built(tmp_path, accounts=[Account(name, plan_name="Pro") for name in names], speed=0) as house:
        client = house.open()
        for seed in range(1, 6):
            job = order(client, seed=seed, email=names[seed % 2])
            house.accepts(seed)
            house.control.advance(A_JOB_S)
            finished(job)
        assert client.credits().total == sum(house.control.balance(name) for name in names)
        assert client.credits().plan == "Pro"
        assert [row.seed for row in client.videos()] == [5, 4, 3, 2, 1]
        assert [row.seed for row in client.videos(limit=2)] == [5, 4]
        assert [row.seed for row in client.videos(limit=2, offset=1)] == [4, 3]


def test_an_account_that_waits_for_its_owner_hides_no_balance(built: Build, tmp_path: Path) -> None:
    """The others are counted all the same; where every account waits, that is the error."""
    pending = Account("one@example.com", pending=True)
    with built(tmp_path, accounts=[pending, "two@example.com"], speed=0) as house:
        client = house.open()
        assert client.credits().total == house.control.balance("two@example.com")
        assert client.videos() == []
        house.control.add_account(Account("two@example.com", pending=True))
        with pytest.raises(AccountPending):
            client.credits()


def test_a_question_that_the_vendor_refuses(house: Harness) -> None:
    """A question about an account that is not configured is the vendor's 404."""
    with pytest.raises(NotFound, match="Configuration not found"):
        house.open(email="nobody@example.com").credits()


def test_an_estimate_uses_the_price_list(house: Harness) -> None:
    """`estimate` is the list's figure, doubled for 8 s and for fast; another list may be handed in."""
    assert house.open().estimate(quality="720p") == 60
    assert house.open().estimate(quality="540p", duration=8) == 90
    assert house.open().estimate(quality="540p", motion_mode="fast") == 90
    own = house.open(prices=Prices({"540p": 30}))
    assert own.estimate(quality="540p") == 30
    assert own.estimate(quality="720p") is None
    assert own.estimate(quality="540p", prompt="rain", seed=7, fit=None, reuse=False) == 30
    assert house.control.requests.total() == 0


def test_an_estimate_of_an_unknown_field_is_refused(client: Client) -> None:
    """A slip of the pen is named with the field that was meant, and is no other price."""
    with pytest.raises(InvalidRequest) as caught:
        client.estimate(qualty="1080p", colour="blue")
    assert caught.value.fields["qualty"] == "is no field of a request: did you mean 'quality'?"
    assert "there are first, last, " in caught.value.fields["colour"]


def test_reconcile_asks_once_and_tells_what_is_open(still: Harness) -> None:
    """`reconcile()` looks at the vendor's list now and gives the jobs that are still open."""
    client = still.open()
    jobs = [order(client, seed=seed) for seed in (1, 2)]
    for job in jobs:
        reached(job, JobState.QUEUED)
    assert {job.ref for job in client.reconcile()} == {job.ref for job in jobs}
    still.control.advance(20)
    client.reconcile()
    assert {job.state for job in jobs} == {JobState.GENERATING}
    still.control.advance(A_JOB_S)
    client.reconcile()
    for job in jobs:
        finished(job)
    assert client.reconcile() == []


def test_reconcile_with_nothing_open_asks_nobody(client: Client, house: Harness) -> None:
    """Where no job is open, `reconcile()` is an empty list and no request."""
    assert client.reconcile() == []
    assert house.control.requests.total() == 0


def test_waiting_costs_no_requests_when_nothing_is_open(client: Client, house: Harness) -> None:
    """After the last job has ended, the client asks for nothing more."""
    finished(order(client))
    client.reconcile()
    before = house.control.requests.total()
    client.reconcile()
    assert house.control.requests.total() == before
    assert client.requests_sent == before - house.control.requests["media"]


def test_a_client_is_quiet_until_it_is_used(house: Harness) -> None:
    """Opening one sends nothing and begins no thread."""
    before = own_threads()
    client = house.open()
    assert own_threads() == before
    assert house.control.requests.total() == 0
    client.close()


def test_closing_ends_every_thread(house: Harness) -> None:
    """After `close()`, also in the middle of jobs, no thread of the client is left; a second close does nothing."""
    client = house.open()
    finished(order(client, seed=1))
    order(client, seed=2)
    client.close()
    assert own_threads() == set()
    client.close()
    assert own_threads() == set()


def test_a_with_block_closes(house: Harness) -> None:
    """As a context manager the client ends with its block, also where that raises."""

    def mistaken() -> None:
        with house.open() as client:
            order(client)
            raise KeyError("a mistake in the block")

    with pytest.raises(KeyError):
        mistaken()
    assert own_threads() == set()


def test_a_closed_client_says_so(house: Harness) -> None:
    """Every use after `close()` names the reason and the way on; the handles of its jobs keep their last word."""
    client = house.open()
    job = order(client)
    video = finished(job)
    client.close()
    for use in (client.credits, client.reconcile, client.videos, lambda: order(client, seed=2)):
        with pytest.raises(ConfigError, match=r"This Client is closed\. Make a new one; its ledger knows every job\."):
            use()
    assert (job.state, job.video, job.result()) == (JobState.DONE, video, video)
    assert job.snapshot().video == video
    assert job.ref in repr(job)
    with pytest.raises(LedgerError, match=r"is closed\. Make a new one"):
        client.jobs()


def test_waiting_ends_when_the_client_closes(still: Harness) -> None:
    """A thread and a coroutine that wait for a job are told when the client is closed under them."""
    client = still.open()
    job = order(client)
    reached(job, JobState.QUEUED)
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
    asyncio.run(asyncio.wait_for(wait_in_a_loop(), PATIENCE_S))
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert len(told) == 2


def test_a_subscriber_may_close_the_client(house: Harness) -> None:
    """`close()` called on the client's own thread ends it and does not wait for itself."""
    client = house.open()
    client.subscribe(lambda job: client.close() if job.state is JobState.QUEUED else None)
    thread = threading.Event()
    client.subscribe(lambda job: thread.set() if job.state is JobState.QUEUED else None)
    order(client)
    assert thread.wait(PATIENCE_S)
    client.close()
    assert own_threads() == set()


def test_a_fork_is_refused(house: Harness) -> None:
    """In a forked child the client says that it does not survive that; the parent's goes on."""
    with running("forked.py", house) as script:
        said, _ = script.communicate(timeout=60)
    assert said == "A Client does not survive a fork: make a new one in the new process.\ndone\n"


def test_what_a_client_shows_of_itself(client: Client, house: Harness) -> None:
    """The repr names the service and the home."""
    assert repr(client) == f"<Client on {house.box.base_url}; home {house.home}>"
    assert not client.is_sandbox
    with pytest.raises(ConfigError, match=r"Only Client\.sandbox\(\) has a sandbox to control"):
        _ = client.sandbox_control


def test_a_job_shows_where_it_stands(still: Harness) -> None:
    """The repr of a job is its state, its time and the next step, in words."""
    job = order(still.open())
    reached(job, JobState.QUEUED)
    assert job.ref in repr(job)
    assert STATE_LABELS[JobState.QUEUED] in repr(job)


def test_the_embedded_sandbox_makes_a_real_film(tmp_path: Path) -> None:
    """`Client.sandbox()` alone is enough: an mp4 of the asked size and length, and nothing paid."""
    with Client.sandbox(speed=200, home=tmp_path) as client:
        video = client.create_frames(picture(0), picture(200), quality="360p", seed=3).result(timeout=60)
        assert (video.width, video.height, round(video.duration_s or 0)) == (640, 360, 5)
        assert video.is_sandbox
        assert client.is_sandbox
        assert "sandbox" in repr(client)
        assert client.sandbox_control.requests["create-frames-v3"] == 1
    assert own_threads() == set()


def test_a_sandbox_whose_time_stands_still(tmp_path: Path) -> None:
    """At speed 0 a job waits until somebody moves the time by hand."""
    with Client.sandbox(speed=0, home=tmp_path) as client:
        job = order(client)
        reached(job, JobState.QUEUED)
        client.sandbox_control.advance(A_JOB_S)
        client.reconcile()
        assert job.result(timeout=60).size_bytes > 0


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), "fast", True])
def test_a_speed_that_is_none(tmp_path: Path, speed: Any) -> None:
    """What is no speed is refused before a sandbox is started."""
    before = sandboxes()
    with pytest.raises(ConfigError, match="speed must be a number from 0"):
        Client.sandbox(speed=speed, home=tmp_path)
    assert sandboxes() <= before


def test_a_client_that_cannot_be_opened_leaves_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged ledger or a wrong setting raises, and the sandbox that was started for it is stopped."""
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(tmp_path))
    before = sandboxes()
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "ledger.db").write_bytes(b"garbage" * 100)
    with pytest.raises(LedgerError):
        Client.sandbox()
    with pytest.raises(LedgerError):
        Client()
    with pytest.raises(ConfigError, match="budget_credits"):
        Client.sandbox(home=tmp_path / "good", budget_credits=-1)
    assert sandboxes() <= before
