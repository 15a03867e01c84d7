"""Fixtures: a fresh real kernel, or several."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kernel.real_kernel import Kernel, StartKernel, kernels


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start kernels of this environment in a folder of their own; `env` adds environment variables."""
    with kernels(tmp_path) as start:
        yield start


@pytest.fixture
def kernel(start_kernel: StartKernel) -> Kernel:
    """A fresh kernel."""
    return start_kernel()
