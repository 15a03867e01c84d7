"""Every notebook runs from top to bottom without a token, and contains nothing that must not be committed."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from run_notebooks import printed_text
from traitlets.config import Config

from tests.environment import private_environment, sockets

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
TIMEOUT_S = 300
OUTPUT_MAX = 2_000  # characters of one committed output
SECRET = re.compile(r"user:\d+-[A-Za-z0-9._~+/=-]{6,}|Bearer\s+\S{8,}|[\w.+-]+@[\w-]+\.\w+")


def read_notebook(path: Path) -> Any:
    """Return the notebook as committed."""
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_the_first_notebook_exists() -> None:
    """The notebook that `make demo` runs is part of the repository."""
    assert "01_first_video.ipynb" in {path.name for path in NOTEBOOKS}


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
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            config=Config(KernelManager={"transport": "ipc", "ip": str(folder_of_sockets / "kernel")}),
        )
        client.execute(env=private_environment(tmp_path), stdin=subprocess.DEVNULL)
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
