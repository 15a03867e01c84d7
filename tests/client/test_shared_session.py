"""Several clients on one home in one process, as a notebook opens them whose first cell is run again."""

import gc
import logging
import shutil
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError, PixVerseError
from pixverse_nb.jobs.job import Job
from pixverse_nb.sandbox import Sandbox
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    client_threads,
    create_job,
    event_kinds,
    run_script,
    wait_for_state,
    wait_for_video,
    wait_until,
    wait_until_released,
)
from tests.render.conftest import outputs

__all__ = ["outputs"]  # a fixture

RERUNS = 50


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def reopen(harness: Harness) -> Callable[..., Client]:
    """Give a function that opens a client as the first cell of a notebook does, each time it is run."""
    given = {"token": harness.sandbox.token, "base_url": harness.sandbox.base_url, "home": harness.home}

    def open_again(**options: Any) -> Client:
        return Client(**{**given, "timing": TIMING, **options})

    return open_again


def test_a_cell_that_is_run_again_adds_nothing(reopen: Callable[..., Client], harness: Harness) -> None:
    """Fifty runs of a cell that opens a client and waits for a video leave the threads and files of one run."""
    client = reopen()
    wait_for_video(create_job(client))
    before, files = client_threads(), open_files()
    for _ in range(RERUNS):
        client = reopen()
        job = create_job(client)
        wait_for_video(job)
    assert client_threads() <= before
    assert open_files() <= files  # a connection that is kept alive may have been closed
    assert harness.paid == 1
    client.close()
    assert job.state is JobState.DONE


def test_the_sandboxs_cell_that_is_run_again_adds_nothing(tmp_path: Path) -> None:
    """The same holds for `Client.sandbox()`, whose server is kept too; closing the last one stops it."""
    before = client_threads()
    client = Client.sandbox(speed=50, home=tmp_path)
    opened = client_threads()
    address = repr(client.sandbox_control)
    for _ in range(RERUNS):
        client = Client.sandbox(speed=50, home=tmp_path)
    assert client_threads() <= opened
    assert repr(client.sandbox_control) == address
    client.close()
    assert client_threads() <= before


def test_the_clients_have_the_same_jobs(reopen: Callable[..., Client]) -> None:
    """A job of the client that was opened first is the same object for the second one."""
    first, second = reopen(), reopen()
    job = create_job(first)
    assert second.job(job.ref) is job
    wait_for_video(job)
    first.close()
    second.close()


def test_a_job_of_the_earlier_run_goes_on(manual_harness: Harness) -> None:
    """Whoever waits for a job of a client that the notebook has replaced gets its video."""
    given: dict[str, Any] = {
        "token": manual_harness.sandbox.token,
        "base_url": manual_harness.sandbox.base_url,
        "timing": TIMING,
    }
    client = Client(home=manual_harness.home, **given)
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    client = Client(home=manual_harness.home, **given)
    manual_harness.control.advance(LONGEST_JOB_S)
    assert wait_for_video(job).path.exists()
    assert manual_harness.paid == 1
    client.close()


def test_closing_one_leaves_the_other_open(reopen: Callable[..., Client]) -> None:
    """`close()` ends one client: its next call raises, its subscribers are not called, and the other one goes on."""
    first, second = reopen(), reopen()
    calls: list[str] = []
    first.subscribe(lambda job: calls.append(job.ref))
    first.close()
    first.close()
    with pytest.raises(ConfigError):
        create_job(first)
    with pytest.raises(ConfigError):
        first.credits()
    wait_for_video(create_job(second))
    assert calls == []
    second.close()


@pytest.mark.parametrize(
    "other",
    [
        {"budget_credits": 1000},
        {"email": "someone@example.com"},
        {"timing": Timing().scaled(0.006)},
        {"prices": {"360p": 7}},
        {"models": {"v6": {"default_duration": 8}}},
        {"token": "user:1001-another-token"},
    ],
)
def test_another_setting_opens_a_client_of_its_own(reopen: Callable[..., Client], other: dict[str, Any]) -> None:
    """Clients that differ in any setting share nothing: each has its own budget, account, token and pace."""
    plain = reopen()
    different = reopen(**other)
    assert different._session is not plain._session
    plain.close()
    assert not different._loop.is_closed
    different.close()


@pytest.mark.parametrize(
    ("other", "count"),
    [({"token": "user:1001-another-token"}, 1), ({"budget_credits": 9}, 0), ({"token": "user:1-x", "home": "b"}, 0)],
)
def test_two_tokens_on_one_home_are_mentioned(
    reopen: Callable[..., Client], outputs: list[dict[str, Any]], tmp_path: Path, other: dict[str, Any], count: int
) -> None:
    """Opening a client with another token on a home that is open says so, because either may pay for both."""
    given = {**other, "home": tmp_path / other["home"]} if "home" in other else other
    first = reopen()
    second = reopen(**given)
    assert len(outputs) == count
    first.close()
    third = reopen(**{**given, "email": "someone@example.com"})
    assert len(outputs) == count
    second.close()
    third.close()


def test_equal_settings_are_recognized(reopen: Callable[..., Client]) -> None:
    """Settings are compared by value: equal budgets, models, prices and timings are the same."""
    given: dict[str, Any] = {"budget_credits": 5, "prices": {"360p": 7}, "models": {"v6": {"default_duration": 8}}}
    first, second = reopen(**given), reopen(**given)
    assert first._session is second._session
    first.close()
    second.close()


def test_a_client_that_nobody_holds_is_closed(reopen: Callable[..., Client], harness: Harness) -> None:
    """The threads of a client end once neither it nor one of its jobs is held any more."""
    held = client_threads()
    client: Client | None = reopen(email=None)
    assert client is not None
    wait_for_video(create_job(client))
    assert client_threads() - held
    client = None
    wait_until_released(held)
    assert harness.paid == 1


def test_an_embedded_sandbox_that_nobody_holds_is_stopped(tmp_path: Path) -> None:
    """The server of a sandbox ends with its last client, also if no job was ever made."""
    held = client_threads()
    Client.sandbox(speed=50, home=tmp_path)
    wait_until_released(held)


def test_a_job_keeps_what_it_needs(reopen: Callable[..., Client]) -> None:
    """A job can be waited for although its client is not held any more."""
    held = client_threads()
    job = create_job(reopen())
    gc.collect()
    assert wait_for_video(job).path.exists()
    del job
    wait_until_released(held)


def test_closing_the_last_client_closes_the_jobs_of_collected_ones(
    reopen: Callable[..., Client], manual_harness: Harness
) -> None:
    """A job whose own client was collected says that the client is closed; a new one has its video, paid once."""
    given: dict[str, Any] = {
        "token": manual_harness.sandbox.token,
        "base_url": manual_harness.sandbox.base_url,
        "home": manual_harness.home,
    }
    job = create_job(reopen(**given))
    gc.collect()
    wait_for_state(job, JobState.QUEUED)
    reopen(**given).close()
    assert job.state is JobState.QUEUED
    for ask in (job.result, job.wait, job.resume, job.cancel):
        with pytest.raises(ConfigError):
            ask()
    for read in (job.events, job.attempts, job.timeline):
        with pytest.raises(PixVerseError):
            read()
    with reopen(**given) as client:
        manual_harness.control.advance(LONGEST_JOB_S)
        assert wait_for_video(client.job(job.ref)).path.exists()
    assert manual_harness.paid == 1


def test_a_closed_client_leaves_nothing(reopen: Callable[..., Client], manual_harness: Harness) -> None:
    """A client that is closed while its job is open can be collected, with everything that it has opened."""
    client: Client | None = reopen(base_url=manual_harness.sandbox.base_url, token=manual_harness.sandbox.token)
    assert client is not None
    wait_for_state(create_job(client), JobState.QUEUED)
    session = weakref.ref(client._session)
    client.close()
    client = None
    gc.collect()
    assert session() is None


def test_a_subscriber_may_close_the_client(
    reopen: Callable[..., Client], harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    """The files are closed after the thread has stored what it knows; the next client goes on at once."""
    held = client_threads()
    client = reopen()
    is_closed = threading.Event()

    def close(job: Job) -> None:
        if job.state is JobState.QUEUED and not is_closed.is_set():
            client.close()
            is_closed.set()

    client.subscribe(close)
    job = create_job(client)
    assert is_closed.wait(WAIT_LIMIT_S)
    with pytest.raises(ConfigError):
        job.resume()
    wait_until_released(held)
    with reopen() as other:
        wait_for_video(other.job(job.ref))
    assert harness.paid == 1
    assert caplog.records == []


def test_a_call_is_sent_although_nobody_holds_it(reopen: Callable[..., Client], harness: Harness) -> None:
    """A job whose client and handle are collected right after the call is made by nobody else, so it is kept."""
    held = client_threads()
    create_job(reopen())
    gc.collect()
    wait_until_released(held)  # the threads end with the job
    assert harness.paid == 1


def test_an_open_job_runs_to_its_end_without_a_handle(manual_harness: Harness) -> None:
    """A job goes on although neither it nor its client is held; when it has ended, the threads do."""
    held = client_threads()
    client = Client(
        manual_harness.sandbox.token,
        base_url=manual_harness.sandbox.base_url,
        home=manual_harness.home,
        timing=TIMING,
    )
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    ref = job.ref
    del job, client
    gc.collect()
    assert client_threads() - held
    manual_harness.control.advance(LONGEST_JOB_S)
    with manual_harness.open() as other:
        wait_for_video(other.job(ref))
    wait_until_released(held)
    assert manual_harness.paid == 1


def test_a_job_that_another_user_takes_over_is_let_go(harness: Harness, caplog: pytest.LogCaptureFixture) -> None:
    """A client of another user takes over a job that waits here, and closes: its task ends without an error."""
    harness.control.arm("busy", times=None)
    first = harness.open(timing=replace(TIMING, poll_s=100.0, busy_wait_s=(600.0, 600.0)))  # it looks once a second
    job = create_job(first)
    wait_until(job, lambda waiting: "call_postponed" in event_kinds(waiting))
    harness.control.arm("drop_before", times=None)
    with harness.open(token="user:7-another-token") as second:
        second.job(job.ref).resume()
    wait_until(job, lambda _: first._engine.find_open(job.ref) is None)
    first._loop.run(lambda: None)  # the task has ended
    harness.control.disarm()
    job.resume()
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance(LONGEST_JOB_S)
    first.reconcile()
    wait_for_video(job)
    assert harness.paid == 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def test_a_home_that_was_deleted_is_opened_anew(reopen: Callable[..., Client], harness: Harness) -> None:
    """After its folder was deleted, the cell opens a new home instead of the connection to the deleted one."""
    first = reopen()
    wait_for_video(create_job(first))
    shutil.rmtree(harness.home)
    second = reopen()
    assert second.jobs() == []
    wait_for_video(create_job(second))
    first.close()
    second.close()


def test_a_forked_process_opens_its_own(tmp_path: Path) -> None:
    """In a forked process the same settings open a client of that process."""
    with Sandbox(speed=1000, folder=tmp_path / "world") as sandbox:
        harness = Harness(sandbox, tmp_path / "home")
        with run_script("forked_opens.py", harness) as script:
            printed, _ = script.communicate(timeout=180)
    assert printed == "done\ndone\n"


@pytest.mark.parametrize("ending", ["", "client.close()", "job.result(quiet=True)"])
def test_a_program_that_ends_names_its_open_jobs(tmp_path: Path, ending: str) -> None:
    """A script that ends while a job is open says so on standard error; a closed client and a finished job do not."""
    code = f"""
import pixverse_nb as pv
client = pv.Client.sandbox(speed={1000 if "result" in ending else 0}, home={str(tmp_path)!r})
job = client.create_frames(pv.samples.first, pv.samples.last, seed=7, quality="360p")
{ending}
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert (str(tmp_path) in ended.stderr) == (ending == "")
