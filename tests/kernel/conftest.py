"""Fixtures: a fresh real kernel, or several."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from tests.kernel.real_kernel import PATIENCE_S, Kernel, StartKernel


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start kernels of this environment in a folder of their own; `env` adds environment variables."""
    with ExitStack() as stack:

        def start(env: Mapping[str, str] | None = None) -> Kernel:
            manager = KernelManager(kernel_name="python3")
            manager.start_kernel(
                cwd=str(tmp_path), env={**private_environment(tmp_path), **(env or {})}, stdin=subprocess.DEVNULL
            )
            stack.callback(manager.shutdown_kernel, now=True)
            client = manager.client()
            client.start_channels()
            stack.callback(client.stop_channels)
            client.wait_for_ready(timeout=PATIENCE_S)
            return Kernel(manager, client)

        yield start


@pytest.fixture
def kernel(start_kernel: StartKernel) -> Kernel:
    """A fresh kernel."""
    return start_kernel()


def private_environment(folder: Path) -> dict[str, str]:
    """Return this process's environment without the person's own settings, tokens and Jupyter folders."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "PIXVERSE", "USEAPI"))
    }
    return {
        **kept,
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
    }
