"""Queue cells on several versions of ipykernel and Python: every cell gets its reply, and a job finishes.

`make test-matrix` runs it: each Python that is found gets its own environment in `.matrix/`, with each version of
ipykernel in turn. `python scripts/test_matrix.py check` checks the environment of that Python alone.
"""

import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
MATRIX = ROOT / ".matrix"
PYTHONS = ("3.11", "3.12", "3.13")
KERNELS = ("==6.31.*", "==7.0.*", "==7.3.*", "")  # "": the newest
CHECK_S = 300
REPLY_S = 120.0
CELLS = (
    "import sys, pixverse_nb as pv",
    "client = pv.Client.sandbox(speed=100)",
    "job = client.create_frames(pv.samples.first, pv.samples.last, quality='360p', seed=7); job",
    "video = await job",
    "print(video.path.stat().st_size > 0)",
    "job.result().sha256 == video.sha256",
    "print('nest_asyncio' in sys.modules and hasattr(__import__('asyncio'), '_nest_patched'))",
    "client.close()",
)
PRINTED = ["True", "False"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the matrix, or one check, and return the exit status."""
    if list(sys.argv[1:] if arguments is None else arguments) == ["check"]:
        return check_kernel()
    failed = [result for result in run_matrix() if not result]
    return 1 if failed else 0


def run_matrix() -> Iterator[bool]:
    """Yield whether each combination works. A Python that is not found is named and left out."""
    for version in PYTHONS:
        python = find_python(version)
        if python is None:
            print(f"Python {version}: not found, left out", flush=True)
            continue
        own = make_environment(python, version)
        for kernel in KERNELS:
            install(own, f"ipykernel{kernel}", upgrade=True)
            done = subprocess.run(
                [own, __file__, "check"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=CHECK_S,
                check=False,
            )
            print(f"Python {version}, {done.stdout.strip() or done.stderr.strip()[-500:]}", flush=True)
            yield done.returncode == 0


def find_python(version: str) -> str | None:
    """Return a Python of this version from pyenv or the PATH, or None."""
    installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for place in sorted(installed.glob(f"{version}.*")):
        if (place / "bin" / "python").exists():
            return str(place / "bin" / "python")
    found = shutil.which(f"python{version}")
    is_usable = found and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
    return found if is_usable else None


def make_environment(python: str, version: str) -> str:
    """Return the Python of the environment of one version, which is made once."""
    folder = MATRIX / version
    own = str(folder / "bin" / "python")
    if not Path(own).exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    install(own, "-e", f"{ROOT}[sandbox]", "jupyter-client>=8.6")
    return own


def install(python: str, *what: str, upgrade: bool = False) -> None:
    """Install packages into an environment, with uv if there is one."""
    uv = shutil.which("uv")
    pip = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    subprocess.run([*pip, "--quiet", *(["--upgrade"] if upgrade else []), *what], check=True)


def check_kernel() -> int:
    """Queue every cell at once on a kernel of this Python, and print the versions and what happened."""
    from importlib.metadata import version

    from jupyter_client.manager import start_new_kernel

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"PIXVERSE_NB_DATA": folder, "IPYTHONDIR": folder}
        manager, client = start_new_kernel(cwd=folder)
        try:
            asked = [client.execute(cell, stop_on_error=False) for cell in CELLS]
            replies: dict[str, str] = {}
            while len(replies) < len(asked):
                try:
                    message = client.get_shell_msg(timeout=REPLY_S)
                except queue.Empty:
                    break
                content, cell = message["content"], message["parent_header"].get("msg_id")
                if cell in asked:  # a late reply to the question whether the kernel is ready is none
                    replies[cell] = content.get("evalue") or content["status"]
            printed = re.findall(r"True|False", _printed(client))
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    outcome = [replies.get(one, "lost") for one in asked]
    is_good = outcome == ["ok"] * len(CELLS) and printed == PRINTED
    print(f"ipykernel {version('ipykernel')}: {'ok' if is_good else json.dumps([outcome, printed])}")
    return 0 if is_good else 1


def _printed(client: object) -> str:
    """Return what the cells have written to standard output."""
    text = ""
    while True:
        try:
            message = client.get_iopub_msg(timeout=2)  # type: ignore[attr-defined]  # of an untyped library
        except queue.Empty:
            return text
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            text += message["content"]["text"]


if __name__ == "__main__":
    sys.exit(main())
