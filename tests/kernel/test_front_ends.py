"""One notebook outside JupyterLab: run by nbclient and papermill, converted, and as a script and in a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter, SlidesExporter
from nbformat import v4

from tests.environment import private_environment, sockets
from tests.kernel.real_kernel import PATIENCE_S

START = """from dataclasses import replace
import pixverse_nb as pv
timing = replace(pv.Timing().scaled(0.01), answer_timeout_s=60, deadline_s=600)  # a busy machine may be slow
client = pv.Client.sandbox(speed=200, home={home!r}, timing=timing)
job = client.create_frames(pv.samples.first, pv.samples.last, quality="360p", seed=7)"""
WIDGETS = ("pv.gallery([job])", "pv.compare(job, video)", "pv.studio(client)")
CELLS = (
    *("job", "video = job.result()", "video", "client.jobs()"),
    *WIDGETS,
    'client.sweep(pv.samples.first, pv.samples.last, quality="360p", seed=[7]).run()',
    "print(len(client.jobs()), client.credits().total)",
)


def run_notebook(folder: Path, home: Path) -> Any:
    """Return a notebook with a card, a player and a table, run by nbclient in `folder`."""
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    codes = (START.format(home=str(home)), *CELLS)
    notebook.cells = [v4.new_code_cell(code) for code in codes]  # type: ignore[no-untyped-call]
    folder.mkdir(exist_ok=True)
    nbformat.write(notebook, folder / "notebook.ipynb")  # type: ignore[no-untyped-call]
    with sockets() as places:
        options = ["--KernelManager.transport=ipc", f"--KernelManager.ip={places / 'one'}"]
        options += [f"--ExecutePreprocessor.{wait}_timeout={PATIENCE_S:.0f}" for wait in ("startup", "iopub")]
        subprocess.run(
            [sys.executable, "-m", "nbconvert", "--to=notebook", "--execute", "--inplace", *options, "notebook.ipynb"],
            cwd=folder,
            env=private_environment(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    return nbformat.read(folder / "notebook.ipynb", as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the notebook with its outputs."""
    folder = tmp_path_factory.mktemp("notebook")
    return run_notebook(folder, folder / "home")


@pytest.mark.parametrize("exporter", [HTMLExporter, SlidesExporter])
def test_a_page_plays_the_video_without_a_script(executed: Any, exporter: type[Any]) -> None:
    """HTML and slides have the player with its video inside, the table and the sweep; none of them is in a script."""
    page, _ = exporter().from_notebook_node(executed)
    plain = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert re.search(r'<video[^>]*\bsrc="data:video/mp4;base64,|<source[^>]*\bsrc="data:video/mp4;base64,', plain)
    assert "pvnb-table" in plain
    assert len(re.findall(r'class="[^"]*\bpvnb-sweep-card\b', plain)) == 1


@pytest.mark.parametrize("code", WIDGETS)
def test_markdown_shows_a_widget_once(executed: Any, code: str) -> None:
    """In place of a widget there is HTML, and no text that says the same."""
    exporter: Any = MarkdownExporter
    text, _ = exporter().from_notebook_node(executed)
    shown = text.split(f"```python\n{code}\n```")[1].split("```python")[0]
    assert 'class="pvnb' in shown
    assert not re.search(r"^ {4}\S", shown, re.MULTILINE)


def test_markdown_has_no_stylesheet(executed: Any) -> None:
    """Markdown has the player and no lines of a stylesheet."""
    exporter: Any = MarkdownExporter
    text, _ = exporter().from_notebook_node(executed)
    assert "<video" in text
    assert max((style.count("\n") for style in re.findall(r"<style.*?</style>", text, re.DOTALL)), default=0) <= 2


def test_another_folder_pays_once(tmp_path: Path) -> None:
    """nbclient in two folders with one home: one job, and the balance is the same."""
    first, second = (run_notebook(tmp_path / name, tmp_path / "home") for name in ("here", "there"))
    counts = [notebook.cells[-1].outputs[0].text for notebook in (first, second)]
    assert counts[0].split()[0] == "1"
    assert counts[0] == counts[1]


PAPERMILL_CELLS = (
    "reuse = True",
    "import pixverse_nb as pv\nclient = pv.Client.sandbox(speed=200)\nbefore = client.balance",
    'job = client.create_frames(pv.samples.first, pv.samples.last, quality="360p", seed=7, reuse=reuse)\njob.result()',
    "print(before - client.balance, client.home)",
)


def run_papermill(notebook: Path, folder: Path, *parameters: str) -> tuple[str, str]:
    """Start papermill in `folder`, and return what the notebook has paid and its home."""
    folder.mkdir(exist_ok=True)
    done = folder / "done.ipynb"
    kernel = ["--kernel=python3", "--language=python", f"--start-timeout={PATIENCE_S:.0f}"]
    options = [*kernel, "--no-progress-bar", *parameters]
    subprocess.run(
        [sys.executable, "-m", "papermill", *options, str(notebook), str(done)],
        cwd=folder,
        env=private_environment(notebook.parent),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    executed: Any = nbformat.read(done, as_version=4)  # type: ignore[no-untyped-call]
    paid, home = executed.cells[-1].outputs[0].text.split()
    return paid, Path(home).relative_to(notebook.parent).as_posix()


def test_papermill_pays_once_wherever_it_starts(tmp_path: Path) -> None:
    """A folder below an earlier home uses that home, and elsewhere `reuse="any"` takes the video that is paid."""
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [v4.new_code_cell(code) for code in PAPERMILL_CELLS]  # type: ignore[no-untyped-call]
    notebook.cells[0].metadata.tags = ["parameters"]
    path = tmp_path / "notebook.ipynb"
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    assert run_papermill(path, tmp_path / "here") == ("20", "here/pixverse/sandbox")
    assert run_papermill(path, tmp_path / "here" / "below") == ("0", "here/pixverse/sandbox")
    assert run_papermill(path, tmp_path / "there", "-p", "reuse", "any") == ("0", "there/pixverse/sandbox")


@pytest.mark.parametrize("command", [["-c"], ["-m", "IPython", "--no-banner", "--colors=NoColor", "-c"]])
def test_nothing_is_printed_twice(tmp_path: Path, command: list[str]) -> None:
    """A script and IPython in a terminal print what they show once, and nothing else on standard output."""
    code = START.format(home=str(tmp_path / "home")) + "\njob.result()\npv.show(job)\nprint('end')\nclient.close()"
    done = subprocess.run(
        [sys.executable, *command, code],
        cwd=tmp_path,
        env={**private_environment(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    assert lines[-1] == "end"
    assert len(lines) == len(set(lines)) > 1
    assert sum("Done" in line for line in done.stderr.splitlines()) <= 1
