"""Two users with a token each on one home: nobody pays for the other's videos, and no job is lost for ever."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import JobError, OutcomeUnknown, PixVerseError
from pixverse_nb.jobs.job import Job
from tests.faults.ledger_checks import VendorBehavior
from tests.faults.matrix import TIMING
from tests.faults.process_group import PATIENCE_S, worker_group
from tests.faults.test_several_processes import NEVER_FINISHES
from tests.faults.vendor import Account, Vendor

# A job that was refused for want of a slot is not sent again during a test.
PATIENT = replace(TIMING, busy_wait_s=(1000.0, 1000.0))
OURS, OTHERS = "user:7-1001", "user:8-2002"


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A vendor that is closed at the end."""
    with Vendor() as one:
        yield one


class Home:
    """One home; each client on it shares nothing with the others, as if it ran in another process."""

    def __init__(self, account: Account, home: Path) -> None:
        self.account = account
        self.path = home
        self.clients: list[Client] = []

    def open(self, token: str) -> Client:
        """Open a client with this token."""
        kind: type[Client] = type("ClientOfAnotherProcess", (Client,), {})
        client = kind(token=token, base_url=self.account.base_url, home=self.path, timing=PATIENT)
        self.clients.append(client)
        return client


@pytest.fixture
def home(vendor: Vendor, tmp_path: Path) -> Iterator[Home]:
    """A home whose clients are closed at the end."""
    one = Home(vendor.account("home"), tmp_path / "home")
    yield one
    for client in one.clients:
        client.close()


def request(client: Client, seed: int = 1) -> Job:
    """Request a video of two plain pictures."""
    return client.create_frames(picture(0), picture(9), quality="360p", seed=seed)


def wait_until(job: Job, is_reached: Callable[[Job], bool]) -> None:
    """Wait until a change of the job makes `is_reached` true."""
    reached = threading.Event()

    def look(changed: Job) -> None:
        if is_reached(changed):
            reached.set()

    unsubscribe = job.subscribe(look)
    look(job)
    assert reached.wait(PATIENCE_S), job.state
    unsubscribe()


def wait_until_lost(job: Job) -> None:
    """Wait until the answer to its paid call is lost."""
    wait_until(job, lambda one: one.state is JobState.UNKNOWN)


def wait_until_refused(job: Job) -> None:
    """Wait until the vendor has refused it for want of a slot."""
    wait_until(job, lambda one: one.snapshot().waiting_for == "slot")


def error_of(job: Job) -> PixVerseError:
    """Return what `result()` raises."""
    with pytest.raises(PixVerseError) as caught:
        job.result(timeout=PATIENCE_S, quiet=True)
    return caught.value


def test_each_user_pays_for_its_own_videos(tmp_path: Path) -> None:
    """Two processes with the tokens of two users send their own jobs, although one of them came first."""
    with Vendor() as vendor, worker_group(tmp_path, TIMING) as group:
        group.account = ours = vendor.account("home", NEVER_FINISHES)
        others = vendor.account("home@8", NEVER_FINISHES)
        first = group.start(1)
        first.wait_for_line("requested")
        ours.moments.wait_for_accepted(1)
        second = group.start(2, user=8)
        second.wait_for_line("requested")
        others.moments.wait_for_accepted(1)
        for account, process in ((ours, first), (others, second)):
            account.state.finish(now=time.monotonic())
            process.wait_for_line("done")
            process.finish_process()
            assert account.state.senders == [process.process.pid]


def test_a_lost_call_of_another_user_is_not_proved_absent(vendor: Vendor, home: Home) -> None:
    """The list of one account proves nothing about a call of another one: only a person can decide that it was lost."""
    home.account.state.behavior = VendorBehavior(faults={"cut_before": 1.0})
    others = vendor.account("home@8")
    first = home.open(OURS)
    wait_until_lost(request(first))
    first.close()
    second = home.open(OTHERS)
    request(second, seed=2).result(timeout=PATIENCE_S, quiet=True)
    job = request(second)  # the same call
    assert job.state is JobState.UNKNOWN
    assert job.snapshot().is_paused
    assert job.snapshot().can_resume
    assert job.snapshot().is_others
    assert isinstance(error_of(job), JobError)
    assert others.state.creates == 1
    job.resume()
    assert isinstance(error_of(job), OutcomeUnknown)
    assert job._record().pending_question is not None
    assert others.state.creates == 1
    job.resolve(was_charged=False)
    job.result(timeout=PATIENCE_S, quiet=True)
    assert others.state.creates == 2


def test_the_first_user_goes_on_with_its_lost_call(vendor: Vendor, home: Home) -> None:
    """A new token of the same user continues by itself, and its list still proves that a call was not accepted."""
    home.account.state.behavior = VendorBehavior(faults={"cut_before": 1.0})
    first = home.open(OURS)
    job = request(first)
    wait_until_lost(job)
    first.close()
    home.account.state.behavior = VendorBehavior()
    again = home.open(f"{OURS}9")
    found = again.job(job.ref)
    found.resume()
    found.result(timeout=PATIENCE_S, quiet=True)
    assert len(home.account.state.generations) == 1


def test_an_unsent_job_of_another_user_waits_to_be_resumed(vendor: Vendor, home: Home) -> None:
    """Looking at it and waiting for it sends nothing; resuming it does, and then the second user's account pays."""
    home.account.state.behavior = VendorBehavior(faults={"busy": 1.0})
    others = vendor.account("home@8")
    first = home.open(OURS)
    ref = request(first).ref
    wait_until_refused(first.job(ref))
    first.close()
    second = home.open(OTHERS)
    job = second.job(ref)
    assert job.snapshot().is_paused
    assert isinstance(error_of(job), JobError)
    assert others.state.creates == 0
    job.resume()
    job.result(timeout=PATIENCE_S, quiet=True)
    assert others.state.creates == 1
    assert home.account.state.generations == []


def test_the_same_call_of_two_users_is_paid_by_the_last(vendor: Vendor, home: Home) -> None:
    """A job that waits for a slot belongs to the client that asked for it last; both get its video."""
    home.account.state.behavior = VendorBehavior(faults={"busy": 1.0})
    others = vendor.account("home@8")
    ours = request(home.open(OURS))
    wait_until_refused(ours)
    theirs = request(home.open(OTHERS))
    assert theirs.ref == ours.ref
    theirs.result(timeout=PATIENCE_S, quiet=True)
    ours.result(timeout=PATIENCE_S, quiet=True)
    assert others.state.creates == 1
    assert home.account.state.generations == []


def test_a_lost_file_of_another_user_is_downloaded_again(home: Home) -> None:
    """Any user of the home has a missing file downloaded again, also while the client of its payer is open."""
    made = request(home.open(OURS))
    video = made.result(timeout=PATIENCE_S, quiet=True)
    whole = video.path.read_bytes()
    video.path.unlink()
    found = home.open(OTHERS).job(made.ref)
    assert found.result(timeout=PATIENCE_S, quiet=True).path.read_bytes() == whole


def test_who_waits_for_another_user_hears_of_its_end(tmp_path: Path) -> None:
    """While the other user's process runs its job is followed; when that is killed, `result()` ends with advice."""
    with Vendor() as vendor, worker_group(tmp_path, TIMING) as group:
        group.account = account = vendor.account("home", NEVER_FINISHES)
        others = vendor.account("home@8")
        process = group.start(1)
        process.wait_for_line("requested")
        account.moments.wait_for_accepted(1)
        home = Home(account, group.home)
        client = home.open(OTHERS)
        (job,) = client.jobs()
        assert not job.snapshot().is_paused
        errors: list[Any] = []
        waiting = threading.Thread(target=lambda: errors.append(error_of(job)))
        waiting.start()
        process.kill()
        waiting.join(PATIENCE_S)
        client.close()
        assert [type(error) for error in errors] == [JobError]
        assert others.state.creates == 0


def picture(shade: int) -> Any:
    """Return a plain picture."""
    return Image.new("RGB", (640, 360), (shade, shade, shade))
