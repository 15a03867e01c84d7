"""A sweep whose process is killed repeatedly continues, and no video is paid twice or lost."""

import hashlib
from pathlib import Path

import pytest

from tests.client.conftest import BuildHarness
from tests.client.harness import run_script

CELLS = 32


@pytest.mark.parametrize("kills_after", [(1, 9, 20), (4, 13, 31)], ids=str)
def test_a_killed_sweep_continues(build_harness: BuildHarness, tmp_path: Path, kills_after: tuple[int, ...]) -> None:
    """After kill -9 at several moments, another run ends with 32 payments and 32 intact files, one for each cell."""
    with build_harness(tmp_path / "home", speed=200) as harness:
        for accepted in kills_after:
            with run_script("sweeping.py", harness) as process:
                harness.wait_for_accepted(accepted)
                process.kill()
        with run_script("sweeping.py", harness) as process:
            assert process.stdout is not None
            assert process.stdout.read().strip() == str(CELLS)
        assert harness.paid == CELLS
        client = harness.open()
        jobs = [job for job in client.jobs(limit=99) if job.video is not None]
        assert sorted(job.request.seed or 0 for job in jobs) == list(range(1, CELLS + 1))
        for job in jobs:
            video = job.result()
            assert hashlib.sha256(video.path.read_bytes()).hexdigest() == video.sha256
        assert len(list((harness.home / "videos").glob("*.mp4"))) == CELLS
