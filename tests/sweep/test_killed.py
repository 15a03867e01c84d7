"""A sweep whose process is killed, again and again: the same line goes on, and nothing is paid twice or lost."""

import hashlib
from pathlib import Path

import pytest

from tests.client.conftest import Build
from tests.client.harness import SETTLING, running

CELLS = 32


@pytest.mark.parametrize("moments", [(1, 9, 20), (4, 13, 31)], ids=str)
def test_a_killed_sweep_goes_on(built: Build, tmp_path: Path, moments: tuple[int, ...]) -> None:
    """Kill -9 at several moments, then run again: 32 payments, 32 files, each one whole and the one of its cell."""
    with built(tmp_path / "home", speed=200) as house:
        for accepted in moments:
            with running("sweeping.py", house) as process:
                house.accepts(accepted)
                process.kill()
        with running("sweeping.py", house) as process:
            assert process.stdout is not None
            assert process.stdout.read().strip() == str(CELLS)
        assert house.paid == CELLS
        client = house.open(timing=SETTLING)
        done = [job for job in client.jobs(limit=99) if job.video is not None]
        seeds = sorted(job.request.seed or 0 for job in done)
        assert seeds == list(range(1, CELLS + 1))
        for job in done:
            video = job.result()
            assert hashlib.sha256(video.path.read_bytes()).hexdigest() == video.sha256
        assert len({video.name for video in (house.home / "videos").glob("*.mp4")}) == CELLS
