"""The lock under which a home sends a job: one of the operating system, which ends with its process."""

import errno
import fcntl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.ledger.home_register import HomeRegister
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import a_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the register."""
    return tmp_path / "data"


@pytest.fixture
def register(tmp_path: Path, folder: Path) -> Iterator[HomeRegister]:
    """The register of a new home."""
    with closing(Ledger(tmp_path / "ledger.db", service="s")) as ledger:
        yield HomeRegister(ledger, tmp_path, folder=folder)


def try_lock(folder: Path) -> None:
    """Take the lock as another process would; raises BlockingIOError if it is held."""
    with (folder / "homes.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_lock_is_held_while_a_job_is_sent(register: HomeRegister, folder: Path) -> None:
    """Until the end of the block no other process gets the lock; then the next one does."""
    with register.sending(a_record()), pytest.raises(BlockingIOError):
        try_lock(folder)
    try_lock(folder)


def test_a_file_is_no_substitute_for_the_lock(
    register: HomeRegister, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system without locks sends without one: a file that stands for it would outlive a process that is killed."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr(fcntl, "flock", flock)
    with register.sending(a_record()) as is_sent_elsewhere:
        assert not is_sent_elsewhere
        assert {path.read_bytes() for path in folder.glob("*.lock")} <= {b""}  # it names no holder


@pytest.mark.parametrize(("called_at", "is_ahead"), [(20.0, True), (5.0, False)])
def test_a_call_is_under_way_in_another_home(
    register: HomeRegister, tmp_path: Path, folder: Path, *, called_at: float, is_ahead: bool
) -> None:
    """Its copy of the job has sent it if its call is the later one, although it was refused less often than ours."""
    other = tmp_path / "other"
    other.mkdir()
    ours = a_record(state=JobState.WAITING, attempt=3, intent_at=10.0, charged="no")
    theirs = replace(ours, state=JobState.SUBMITTING, attempt=1, intent_at=called_at, charged="unknown")
    with closing(Ledger(other / "ledger.db", service="s")) as ledger:
        ledger.find_or_add(theirs, reuse=False)
        HomeRegister(ledger, other, folder=folder).note(theirs)
    with register.sending(ours) as is_sent_elsewhere:
        assert is_sent_elsewhere == is_ahead
