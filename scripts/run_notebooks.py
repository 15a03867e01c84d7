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

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.environment import private_environment, sockets  # noqa: E402  the repository is not on a script's path

TIMEOUT_S = 300
REF = re.compile(r"\bpv-[0-9a-f]{12}-[0-9a-f]{8}\b")  # its second half is random


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
            cell.outputs = [printed for output in cell.outputs if (printed := keep(output))]
            cell.execution_count = None
    notebook.metadata.language_info = {"name": "python"}
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def keep(output: Any) -> Any:
    """Return an output of printed text as it is in every run; None for any other output."""
    if output.output_type != "stream" or output.name != "stdout":
        return None
    output.text = REF.sub("pv-…", output.text)
    return output


if __name__ == "__main__":
    for notebook_path in map(Path, sys.argv[1:] or sorted((ROOT / "notebooks").glob("*.ipynb"))):
        run(notebook_path)
