"""The demonstration: notebook 01 run from top to bottom without a browser, against the embedded sandbox.

It works in a folder of its own with a home of its own, and the kernel that runs it is given no token, so that
nothing can be paid and nothing of the person's can be touched.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import ConfigError, PixVerseError

NOTEBOOK: Final = "01_first_video.ipynb"
MARK: Final = ".made-by-pixverse-nb-demo"
CELL_TIMEOUT_S: Final = 600
SETTINGS: Final = ("USEAPI_", "PIXVERSE_")

# The page of nbconvert without what it would load from other hosts.
PAGE: Final = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
"""


@dataclass(frozen=True)
class Demo:
    """Where the demonstration left its three files."""

    notebook: Path
    page: Path
    video: Path


def run_demo(notebook: Path, folder: Path, *, environ: Mapping[str, str] = os.environ) -> Demo:
    """Run `notebook` in `folder` and return what was made; what an earlier demonstration left there is replaced.

    ConfigError where the notebook, or a package that runs it, is missing, or where `folder` holds something else;
    PixVerseError where a cell fails.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError
    except ImportError as error:
        raise ConfigError(
            f"The demo needs JupyterLab's packages, and {error.name} is not installed: "
            'pip install "pixverse-nb[sandbox,lab]"'
        ) from error
    _lay_out(notebook, folder)
    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        content,
        timeout=CELL_TIMEOUT_S,
        kernel_name="python3",
        store_widget_state=False,  # it would write typed secrets into the file
        extra_arguments=["--log-level=ERROR"],  # what a kernel warns of at its start is not about the demo
        resources={"metadata": {"path": str(folder)}},
    )
    executed = folder / notebook.name
    try:
        client.execute(env=kernel_environment(environ, folder))
    except CellExecutionError as error:
        raise PixVerseError(f"A cell of the demo failed with {error.ename}: {error.evalue} (see {executed})") from error
    except CellTimeoutError as error:
        raise PixVerseError(
            f"A cell of the demo did not end within {CELL_TIMEOUT_S} seconds (see {executed})"
        ) from error
    finally:
        nbformat.write(content, executed)  # type: ignore[no-untyped-call]
    page = executed.with_suffix(".html")
    page.write_text(page_of(content, title="Two pictures in, one video out"), encoding="utf-8")
    return Demo(notebook=executed, page=page, video=_take_video(folder))


def find_notebook(start: Path) -> Path:
    """Return the demo's notebook: in `start`, in notebooks/ there, or beside this installation; else ConfigError."""
    places = (start, start / "notebooks", Path(__file__).parent.parent / "notebooks")
    found = next((place / NOTEBOOK for place in places if (place / NOTEBOOK).is_file()), None)
    if found is None:
        raise ConfigError(
            f"{NOTEBOOK} was not found here nor in notebooks/: call this inside a copy of the repository, "
            "or name it: pixverse-nb demo --notebook PATH"
        )
    return found


def kernel_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return `environ` without any setting of this package or token of a person's, and with a home in `folder`."""
    kept = {name: value for name, value in environ.items() if not name.startswith(SETTINGS)}
    return {
        **kept,
        "PIXVERSE_NB_HOME": str(folder / "pixverse"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "IPYTHONDIR": str(folder / ".ipython"),
    }


def page_of(notebook: Any, *, title: str) -> str:
    """Return an executed notebook as one HTML page that asks no other host for anything."""
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter(raw_template=PAGE)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(html)


def _lay_out(notebook: Path, folder: Path) -> None:
    """Make `folder` ready, with the pictures beside the notebook."""
    mark = folder / MARK
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file; choose another place: pixverse-nb demo --folder PATH")
    if folder.is_dir() and any(folder.iterdir()) and not mark.exists():
        raise ConfigError(
            f"{folder} holds something that is not of the demo and is left alone; choose another place: "
            "pixverse-nb demo --folder PATH"
        )
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
    for made in ("pixverse", "pictures", ".ipython"):
        shutil.rmtree(folder / made, ignore_errors=True)
    if (notebook.parent / "pictures").is_dir():
        shutil.copytree(notebook.parent / "pictures", folder / "pictures")


def _take_video(folder: Path) -> Path:
    """Copy the newest video of the demo's home to a place where it is found at once."""
    made = sorted((folder / "pixverse").rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    if not made:
        raise PixVerseError(f"The demo ran to its end but left no video in {folder / 'pixverse'}")
    return Path(shutil.copy(made[-1], folder / "first_video.mp4"))
