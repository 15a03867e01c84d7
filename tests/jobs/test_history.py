"""Reading the jobs of a home without running them."""

from contextlib import closing
from pathlib import Path

from pixverse_nb.jobs.history import read_history, read_jobs, read_services
from pixverse_nb.ledger.jobs import Ledger
from tests.factories import NOW, a_record


def add_job(home: Path, *, service: str, ref: str) -> None:
    """Add a new job to the ledger of a home."""
    with closing(Ledger(home / "ledger.db", service=service)) as ledger:
        ledger.find_or_add(a_record(ref=ref, service=service), reuse=False)


def test_the_services_of_a_home(tmp_path: Path) -> None:
    """Every service with a job is named once; a home without a ledger has none, and none is created."""
    assert read_services(tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
    for number, service in enumerate(("https://b", "https://a", "https://b")):
        add_job(tmp_path, service=service, ref=f"pv-{number}")
    assert read_services(tmp_path) == ("https://a", "https://b")


def test_an_unknown_timing_does_not_make_a_sandbox(tmp_path: Path) -> None:
    """Whether a job is one of the sandbox is said by the caller, not concluded from a missing timing."""
    add_job(tmp_path, service="https://a", ref="pv-1")
    (job,) = read_jobs(tmp_path, service="https://a", timing=None, is_sandbox=False, now=NOW, limit=9)
    found = read_history(tmp_path, "pv-1", service="https://a", timing=None, is_sandbox=True, now=NOW)
    assert found is not None
    assert (job.is_sandbox, found.snapshot.is_sandbox) == (False, True)
