"""Run the notebooks on the sandbox and commit what they print.

`python scripts/run_notebooks.py` runs all, `python scripts/run_notebooks.py notebooks/05_inside_the_sandbox.ipynb` one.
Printed text is kept. Views with pictures, videos, times and references are left out: they differ in each run, and they
would make the files too large to be read on a code host.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbformat import v4

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.environment import private_environment, sockets  # noqa: E402  the repository is not on a script's path

TIMEOUT_S = 300
# What differs in each run or on each machine: folders, references, times.
VARYING = re.compile(
    r"(?<=')/[^']*(?=/samples/)|(?<=')/[^']*(?=')|\bpv-[0-9a-f]{12}-[0-9a-f]{8}\b|\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?"
)


def run(path: Path) -> None:
    """Run one notebook in an empty folder and write it back with its printed text."""
    notebook: Any = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    with tempfile.TemporaryDirectory() as folder, sockets() as socket_folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            kernel_name="python3",
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        )
        environment = {**private_environment(Path(folder)), "JUPYTER_RUNTIME_DIR": str(socket_folder)}
        client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            text = printed_text(cell.outputs)
            cell.outputs = [v4.new_output("stream", name="stdout", text=text)] if text else []  # type: ignore[no-untyped-call]
            cell.execution_count = None
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def printed_text(outputs: list[Any]) -> str:
    """Return what a cell printed, as it is in every run."""
    printed = "".join(one.text for one in outputs if one.output_type == "stream" and one.name == "stdout")
    return VARYING.sub("…", printed)


if __name__ == "__main__":
    for notebook_path in [Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb")):
        run(notebook_path)
