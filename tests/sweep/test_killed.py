"""A sweep whose process is killed, again and again: the same line goes on, and nothing is paid twice or lost."""

import hashlib
from pathlib import Path

import pytest

from tests.client.conftest import BuildHarness
from tests.client.harness import SETTLING, run_script

CELLS = 32


@pytest.mark.parametrize("moments", [(1, 9, 20), (4, 13, 31)], ids=str)
def test_a_killed_sweep_goes_on(build_harness: BuildHarness, tmp_path: Path, moments: tuple[int, ...]) -> None:
    """Kill -9 at several moments, then run again: 32 payments, 32 files, each one whole and the one of its cell."""
    with build_harness(tmp_path / "home", speed=200) as harness:
        for accepted in moments:
            with run_script("sweeping.py", harness) as process:
                harness.wait_for_accepted(accepted)
                process.kill()
        with run_script("sweeping.py", harness) as process:
            assert process.stdout is not None
            assert process.stdout.read().strip() == str(CELLS)
        assert harness.paid == CELLS
        client = harness.open(timing=SETTLING)
        done = [job for job in client.jobs(limit=99) if job.video is not None]
        seeds = sorted(job.request.seed or 0 for job in done)
        assert seeds == list(range(1, CELLS + 1))
        for job in done:
            video = job.result()
            assert hashlib.sha256(video.path.read_bytes()).hexdigest() == video.sha256
        assert len({video.name for video in (harness.home / "videos").glob("*.mp4")}) == CELLS
