"""Fixtures: a client on a real sandbox, and a sweep that has been run."""

import pytest

from pixverse_nb.client import Client
from pixverse_nb.sweep.sweep import Sweep
from tests.client.conftest import built, client, house, still
from tests.client.harness import Harness
from tests.sweep.small_sweeps import run, small_sweep

__all__ = ["built", "client", "finished_sweep", "house", "still"]


@pytest.fixture
def finished_sweep(client: Client, house: Harness) -> Sweep:
    """A sweep of eight cells: five finished, one failed, two refused by the vendor's documentation and skipped."""
    house.control.arm("failed")
    axes = {"seed": [1, 2], "motion_mode": ["normal", "fast"], "duration": [5, 8]}
    return run(small_sweep(client, **axes, skip_refused=True))
