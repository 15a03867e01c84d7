"""A process for which a folder is on a read-only or a full disk. It needs no root, and permissions do not stop root."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0"'
NEARLY_FULL = 'mount -t tmpfs -o size=2m disk "$0"'


def run_mounted(mount: str, folder: Path, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a Python command in `cwd` (default: the root of the repository) in a process that has mounted `folder`."""
    script = f'{mount} && cd "$1" && shift && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script, folder, cwd or ROOT, sys.executable, *command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def run_read_only(folder: Path, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a Python command in a process for which `folder` is on a read-only disk."""
    return run_mounted(READ_ONLY, folder, *command, cwd=cwd)


def skip_without_mounts(folder: Path) -> None:
    """Skip where a process may not have mounts of its own."""
    if shutil.which("unshare") is None or run_read_only(folder, "-c", "").returncode != 0:
        pytest.skip("this machine does not let a process make mounts of its own, which a read-only disk needs")
