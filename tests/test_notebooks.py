"""Every notebook runs from top to bottom without a token, and contains nothing that must not be committed."""

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat import v4
from run_notebooks import printed_text
from traitlets.config import Config

from tests.environment import private_environment, sockets

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TIMEOUT_S = 300
LOG_MAX = 4_000  # characters of a dead kernel's log
OUTPUT_MAX = 2_000  # characters of one committed output
SECRET = re.compile(r"user:\d+-[A-Za-z0-9._~+/=-]{6,}|Bearer\s+\S{8,}|[\w.+-]+@[\w-]+\.\w+")


def read_notebook(path: Path) -> Any:
    """Return the notebook as committed."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_the_first_notebook_exists() -> None:
    """The notebook that `make demo` runs is part of the repository."""
    assert "01_first_video.ipynb" in {path.name for path in NOTEBOOKS}


def execute(client: NotebookClient, *, environment: dict[str, str], log: Path) -> None:
    """Run a notebook; if its kernel dies, the error has the kernel's exit status and the end of its log."""
    kernels: list[subprocess.Popen[bytes]] = []  # the same one for each cell

    def note_kernel(**_: object) -> None:
        manager: Any = client.km
        kernels.append(manager.provisioner.process)

    client.on_cell_start = note_kernel
    try:
        with log.open("wb") as stderr:
            client.execute(env={**environment, "PYTHONFAULTHANDLER": "1"}, stdin=subprocess.DEVNULL, stderr=stderr)
    except DeadKernelError as error:
        error.add_note(f"{len(kernels)} cells have started; exit status {[one.returncode for one in kernels[-1:]]}")
        error.add_note(log.read_text(errors="replace")[-LOG_MAX:])
        raise


def test_a_dead_kernel_tells_why(tmp_path: Path) -> None:
    """If the kernel is killed, the error names the signal and has what the kernel wrote last."""
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    die = "import os, signal\nos.write(2, b'the end')\nos.kill(os.getpid(), signal.SIGKILL)"
    notebook.cells = [v4.new_code_cell(die)]  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3")
    with pytest.raises(DeadKernelError) as error:
        execute(client, environment=private_environment(tmp_path), log=tmp_path / "kernel.log")
    status, log = error.value.__notes__
    assert (str(-signal.SIGKILL) in status, "the end" in log) == (True, True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_offline(path: Path, tmp_path: Path) -> None:
    """Every cell runs without a token in an empty folder, without errors and warnings, and prints what is committed."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    shutil.copy(path, folder)
    shutil.copytree(FOLDER / "pictures", folder / "pictures")
    notebook = read_notebook(path)
    with sockets() as folder_of_sockets:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            startup_timeout=TIMEOUT_S,
            iopub_timeout=TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            config=Config(KernelManager={"transport": "ipc", "ip": str(folder_of_sockets / "kernel")}),
        )
        execute(client, environment=private_environment(tmp_path), log=tmp_path / "kernel.log")
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output.get("evalue") for output in outputs if output.output_type == "error"] == []
    assert [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"] == []
    committed = [printed_text(cell.get("outputs", [])) for cell in read_notebook(path).cells]
    assert [printed_text(cell.get("outputs", [])) for cell in notebook.cells] == committed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_small(path: Path) -> None:
    """A committed notebook contains no embedded files, no widget state and no long output."""
    notebook = read_notebook(path)
    assert "widgets" not in notebook.metadata
    longest = max((len(json.dumps(output)) for cell in notebook.cells for output in cell.get("outputs", [])), default=0)
    assert longest <= OUTPUT_MAX
    assert "base64," not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_contains_nothing_private(path: Path) -> None:
    """A committed notebook contains no token, no real e-mail address and no path of a machine."""
    text = path.read_text(encoding="utf-8")
    assert [hit for hit in SECRET.findall(text) if "example." not in hit] == []
    assert not re.search(r"/(?:home|Users|root|tmp|work)/\w", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_the_default_kernel(path: Path) -> None:
    """A notebook opens with the kernel of the environment, and each cell has an id."""
    notebook = read_notebook(path)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(cell.get("id") for cell in notebook.cells)
