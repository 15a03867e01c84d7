"""The demo of the command line: run a notebook in the embedded sandbox, and keep its page and its video."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.connection import SETTING_PREFIXES
from pixverse_nb.errors import ConfigError, PixVerseError

NOTEBOOK: Final = "01_first_video.ipynb"
_MARKER: Final = ".made-by-pixverse-nb-demo"
_CELL_TIMEOUT_S: Final = 600

# nbconvert's page without the scripts that it would load from other hosts
_PAGE: Final = """{% extends 'lab/index.html.j2' %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block jupyter_widgets %}{% endblock %}
"""


@dataclass(frozen=True)
class Demo:
    """The three files that the demo makes."""

    notebook: Path
    page: Path
    video: Path


def execute_demo(notebook: Path, folder: Path, *, environ: Mapping[str, str] = os.environ) -> Demo:
    """Run `notebook` in `folder`, replacing the results of an earlier demo, and return the files it made.

    Raises ConfigError if a package is missing or `folder` contains anything else, PixVerseError if a cell fails.
    """
    try:
        import nbformat
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError
    except ImportError as error:
        raise ConfigError(
            f'The demo needs a package that is not installed ({error.name}): pip install "pixverse-nb[sandbox,lab]"'
        ) from error
    _prepare_folder(notebook, folder)
    content: Any = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        content,
        timeout=_CELL_TIMEOUT_S,
        kernel_name="python3",
        store_widget_state=False,  # it would write typed secrets into the file
        extra_arguments=["--log-level=ERROR"],  # the kernel's own warnings do not concern the demo
        resources={"metadata": {"path": str(folder)}},
    )
    executed = folder / notebook.name
    try:
        client.execute(env=kernel_environment(environ, folder))
    except CellExecutionError as error:
        raise PixVerseError(f"A cell of the demo failed with {error.ename}: {error.evalue} (see {executed})") from error
    except CellTimeoutError as error:
        raise PixVerseError(f"A cell of the demo took more than {_CELL_TIMEOUT_S} seconds (see {executed})") from error
    finally:
        nbformat.write(content, executed)  # type: ignore[no-untyped-call]
    page = executed.with_suffix(".html")
    page.write_text(export_page(content, title="Two pictures in, one video out"), encoding="utf-8")
    return Demo(notebook=executed, page=page, video=_copy_newest_video(folder))


def find_notebook(start: Path) -> Path:
    """Return the demo's notebook from `start`, its notebooks/, or this installation; ConfigError if there is none."""
    places = (start, start / "notebooks", Path(__file__).parent.parent / "notebooks")
    found = next((place / NOTEBOOK for place in places if (place / NOTEBOOK).is_file()), None)
    if found is None:
        raise ConfigError(
            f"Notebook not found: {NOTEBOOK}. Run this inside a copy of the repository, "
            "or pass it: pixverse-nb demo --notebook PATH"
        )
    return found


def kernel_environment(environ: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return `environ` without the user's settings and token, and with a home in `folder`."""
    kept = {name: value for name, value in environ.items() if not name.startswith(SETTING_PREFIXES)}
    return {
        **kept,
        "PIXVERSE_NB_HOME": str(folder / "pixverse"),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "IPYTHONDIR": str(folder / ".ipython"),
    }


def export_page(notebook: Any, *, title: str) -> str:
    """Return an executed notebook as one HTML page that loads nothing from other hosts."""
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter(raw_template=_PAGE)  # type: ignore[no-untyped-call]
    html, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}})
    return str(html)


def _prepare_folder(notebook: Path, folder: Path) -> None:
    """Prepare `folder`: remove the results of an earlier demo, and copy the pictures."""
    marker = folder / _MARKER
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Choose another folder: pixverse-nb demo --folder PATH")
    if folder.is_dir() and any(folder.iterdir()) and not marker.exists():
        raise ConfigError(
            f"{folder} contains files that are not from the demo, so it was not touched. Choose another folder: "
            "pixverse-nb demo --folder PATH"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError as error:
        raise ConfigError(
            f"The demo cannot write to {folder} ({error.strerror or error}). Choose another folder: "
            "pixverse-nb demo --folder PATH"
        ) from error
    for made in ("pixverse", "pictures", ".ipython"):
        shutil.rmtree(folder / made, ignore_errors=True)
    if (notebook.parent / "pictures").is_dir():
        shutil.copytree(notebook.parent / "pictures", folder / "pictures")


def _copy_newest_video(folder: Path) -> Path:
    """Copy the newest video to the top of the demo's folder."""
    videos = sorted((folder / "pixverse").rglob("*.mp4"), key=lambda path: path.stat().st_mtime_ns)
    if not videos:
        raise PixVerseError(f"The demo finished but there is no video in {folder / 'pixverse'}")
    return Path(shutil.copy(videos[-1], folder / "first_video.mp4"))
