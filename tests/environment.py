"""The environment in which tests start kernels, JupyterLab and our own command line."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWN = ("JUPYTER", "IPYTHON", "PIXVERSE", "USEAPI")


def private_environment(folder: Path) -> dict[str, str]:
    """Return this process's environment with every home inside `folder`, and no token or setting of the person's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return {
        **kept,
        "HOME": str(folder),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "config" / "lab" / "user-settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "config" / "lab" / "workspaces"),
        "PIXVERSE_NB_DATA": str(folder / "register"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
    }


@contextmanager
def sockets() -> Iterator[Path]:
    """Give a folder for the sockets through which kernels are spoken to.

    Their usual ports are drawn long before the kernel takes them, and a server of another test may get one meanwhile.
    The path of a socket is short (104 bytes on some systems), so the folder is at the root of all temporary ones.
    """
    with tempfile.TemporaryDirectory(prefix="pvnb-", dir="/tmp") as folder:
        yield Path(folder)
