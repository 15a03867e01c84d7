"""A home on a read-only disk, or in use elsewhere, can be looked at; nothing is paid from there."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from tests.client.harness import Harness, create_job, wait_for_state, wait_for_video
from tests.client.mounts import run_read_only, skip_without_mounts

REFUSED = ("new call", "same call again", "new sweep", "reconcile", "repair", "rate")


@pytest.fixture(autouse=True)
def _can_mount(tmp_path: Path) -> None:
    """Skip where a process may not have mounts of its own."""
    skip_without_mounts(tmp_path)


def look(harness: Harness, home: Path) -> dict[str, Any]:
    """Return what `scripts/look.py` finds in `home` when it can only be read."""
    script = Path(__file__).parent / "scripts" / "look.py"
    archive = home.with_name("archive.zip")
    done = run_read_only(home, str(script), harness.sandbox.token, harness.sandbox.base_url, str(home), str(archive))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def listed(home: Path) -> list[str]:
    """Return the names of all files in a home."""
    return sorted(str(path.relative_to(home)) for path in home.rglob("*"))


def test_everything_can_be_looked_at_and_nothing_is_paid(harness: Harness) -> None:
    """Jobs, videos, tables, measurements and the archive of a read-only home are available; each paid call raises
    LedgerError before anything is sent.
    """
    with harness.open() as client:
        job = create_job(client)
        wait_for_video(job)
    sent, before = harness.control.requests.total(), listed(harness.home)
    found = look(harness, harness.home)
    assert found["jobs"] == {job.ref: "done"}
    assert (found["events"], found["results"], found["open result"]) == ([True], [True], [])
    assert (found["uploads"], found["verify"], found["export"]) == (2, True, 1)
    assert found["doctor"]["home"] == "not_writable"
    assert found["same call"] == job.ref
    assert (found["finished sweep"], found["table"], found["measured"]) == (1, 1, 1)
    assert {name: found[name] for name in REFUSED} == dict.fromkeys(REFUSED, "LedgerError")
    assert harness.paid == 1
    assert harness.control.requests.total() - sent <= 3  # a sweep asks for free slots; nothing else is sent
    assert listed(harness.home) == before


def test_an_open_job_of_a_read_only_home_is_not_waited_for(manual_harness: Harness) -> None:
    """An open job is shown as it is, and waiting for it is a LedgerError, because nobody there would continue it."""
    with manual_harness.open() as client:
        job = create_job(client)
        wait_for_state(job, JobState.QUEUED)
    found = look(manual_harness, manual_harness.home)
    assert (found["jobs"], found["open result"]) == ({job.ref: "queued"}, "LedgerError")
    assert manual_harness.paid == 1


def test_a_home_in_use_elsewhere_can_be_looked_at(harness: Harness, client: Client) -> None:
    """While another process has the home open, its newest jobs are seen from where it can only be read."""
    job = create_job(client)
    wait_for_video(job)
    assert look(harness, harness.home)["jobs"] == {job.ref: "done"}


def test_the_log_of_a_killed_process_is_read(harness: Harness, client: Client) -> None:
    """A job whose last commits are only in the write-ahead log is seen, and the copied files stay as they are."""
    job = create_job(client)
    wait_for_video(job)
    home = harness.home.with_name("copy")
    shutil.copytree(harness.home, home, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
    assert (home / "ledger.db-wal").stat().st_size > 0
    before = listed(home)
    assert look(harness, home)["jobs"] == {job.ref: "done"}
    assert listed(home) == before


@pytest.mark.parametrize("is_open", [False, True])
def test_the_command_line_lists_a_read_only_home(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, is_open: bool
) -> None:
    """`pixverse-nb jobs` and `doctor` read a read-only home, also while another process has it open."""
    client = harness.open()
    job = create_job(client)
    wait_for_video(job)
    if not is_open:
        client.close()
    monkeypatch.setenv("PIXVERSE_NB_BASE_URL", harness.sandbox.base_url)
    for arguments in (["jobs"], ["jobs", job.ref]):
        done = run_read_only(harness.home, "-m", "pixverse_nb", *arguments, "--home", str(harness.home))
        assert (done.returncode, done.stderr, job.ref in done.stdout) == (0, "", True)
    monkeypatch.setenv("USEAPI_TOKEN", harness.sandbox.token)
    done = run_read_only(harness.home, "-m", "pixverse_nb", "doctor", "--offline", "--home", str(harness.home))
    assert (done.returncode, done.stderr) == (1, "")  # the home is not writable
    assert "1 job," in done.stdout


def test_the_sandbox_opens_a_read_only_home(tmp_path: Path) -> None:
    """`Client.sandbox()` shows the jobs of a read-only home, and makes no new one."""
    home = tmp_path / "home"
    with Client.sandbox(speed=1000, home=home) as client:
        ref = create_job(client).ref
        client.job(ref).result(timeout=180)
    code = (
        "import sys, pixverse_nb as pv\nfrom tests.client.harness import create_job\n"
        "with pv.Client.sandbox(home=sys.argv[1]) as client:\n"
        "    print(client.jobs()[0].ref)\n"
        "    try:\n        create_job(client, seed=8)\n"
        "    except pv.LedgerError as error:\n        print(error.may_have_been_charged)\n"
    )
    done = run_read_only(home, "-c", code, str(home))
    assert done.stdout.splitlines()[-2:] == [ref, "no"], done.stderr
