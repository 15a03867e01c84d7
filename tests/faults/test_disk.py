"""A disk that takes no more, at each write: nothing leaves without its intent, nothing is lost, and it is said."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.faults.kill_points import TRAPS
from tests.faults.ledger_checks import Habits
from tests.faults.matrix import TIMING
from tests.faults.process_group import PATIENCE_S, Family, family

WRITES = tuple(moment for moment in TRAPS if moment.endswith("being written"))
LOSES_ANSWERS = Habits(faults={"cut_after": 0.5})  # so that there are doubts to be written
SEEDS = range(1, 4)
SHORT = replace(TIMING, settle_s=0.4)  # this vendor shows at once what it has accepted


def mended(one: Family, said: str) -> None:
    """What was told is a sentence with a mend, and a worker on a mended disk finishes all, each paid once."""
    told = [line for line in said.splitlines() if line != "done"]
    assert all(line.startswith(("LedgerError: ", "DownloadError: ", "ConfigError: ")) for line in told), told
    assert all("cannot be used" in line or "cannot be stored" in line for line in told), told
    assert all("isk" in line or "File too large" in line or "pace" in line for line in told), told
    heir = one.start(*SEEDS, pictures=3)
    heir.says("asked")
    heir.says("done")
    heir.ends()
    one.is_well(requests=len(SEEDS))


@pytest.mark.parametrize("count", [1])
@pytest.mark.parametrize(
    "moment", [*WRITES, "the film has no name yet", "before the first byte", "the answer is there"]
)
def test_writes_fail_from_a_moment_on(tmp_path: Path, moment: str, count: int) -> None:
    """Every write fails (EFBIG) from this commit on: after the disk is mended every video is there, paid once."""
    with family(tmp_path, SHORT, LOSES_ANSWERS) as one:
        worker = one.start(*SEEDS, pictures=3, trap=(moment, count), fills=True)
        said, complained = worker.process.communicate(timeout=PATIENCE_S)
        assert worker.process.returncode == 0, complained[-3000:]
        mended(one, said)


@pytest.mark.parametrize("pages", [0, 1, 2])
def test_a_ledger_that_may_not_grow(tmp_path: Path, pages: int) -> None:
    """The database is full (SQLITE_FULL) after some pages: what cannot be written down is not sent."""
    with family(tmp_path, SHORT, LOSES_ANSWERS) as one:
        worker = one.start(*SEEDS, pictures=3, pages=pages)
        said, complained = worker.process.communicate(timeout=PATIENCE_S)
        assert worker.process.returncode == 0, complained[-3000:]
        assert "LedgerError: " in said or pages > 0, said
        mended(one, said)
