"""A full disk, at each write: nothing is sent without its intent, nothing is lost, and the error says so."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.kill_points import TRAPS
from tests.faults.ledger_checks import VendorBehavior
from tests.faults.matrix import TIMING
from tests.faults.process_group import PATIENCE_S, WorkerGroup, worker_group

WRITES = tuple(moment for moment in TRAPS if moment.endswith("_committing"))
LOSES_ANSWERS = VendorBehavior(faults={"cut_after": 0.5})  # so that some jobs become unknown
SEEDS = range(1, 4)
SHORT = replace(TIMING, settle_s=0.4)  # this vendor lists accepted calls at once


def assert_recovers(one: WorkerGroup, output: str) -> None:
    """Assert that every error has an expected type, and that a worker with space finishes everything, each charged
    once.
    """
    assert set(output.split()) <= {"done", "LedgerError", "DownloadError", "ConfigError"}, output
    recovered = one.start(*SEEDS, pictures=3)
    recovered.wait_for_line("requested")
    recovered.wait_for_line("done")
    recovered.finish_process()
    one.assert_consistent(requests=len(SEEDS))


@pytest.mark.parametrize("count", [1])
@pytest.mark.parametrize("moment", [*WRITES, "before_rename", "before_first_byte", "response_complete"])
def test_writes_fail_from_a_moment_on(tmp_path: Path, moment: str, count: int) -> None:
    """If every write fails (EFBIG) from one commit on, a later worker with space finishes every video, charged once."""
    with worker_group(tmp_path, SHORT, LOSES_ANSWERS) as one:
        worker = one.start(*SEEDS, pictures=3, trap=(moment, count), fill_disk=True)
        output, errors = worker.process.communicate(timeout=PATIENCE_S)
        assert worker.process.returncode == 0, errors[-3000:]
        assert_recovers(one, output)


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_a_full_database(tmp_path: Path, pages: int) -> None:
    """If the database is full (SQLITE_FULL) after some pages, what cannot be recorded is not sent."""
    with worker_group(tmp_path, SHORT, LOSES_ANSWERS) as one:
        worker = one.start(*SEEDS, pictures=3, pages=pages)
        output, errors = worker.process.communicate(timeout=PATIENCE_S)
        assert worker.process.returncode == 0, errors[-3000:]
        assert "LedgerError" in output or pages > 0, output
        assert_recovers(one, output)
