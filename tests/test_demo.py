"""The demo: its own folder and home, no token, and a page that loads nothing from other hosts."""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from pixverse_nb.demo import execute_demo, export_page, find_notebook, kernel_environment
from pixverse_nb.errors import ConfigError, PixVerseError

MAKE_A_FILE = """
import os, pathlib
home = pathlib.Path(os.environ["PIXVERSE_NB_HOME"])
(home / "videos").mkdir(parents=True)
(home / "videos" / "one.mp4").write_bytes(b"video")
print(sorted(name for name in os.environ if name.startswith(("USEAPI", "PIXVERSE"))))
print(os.getcwd() == str(home.parent))
"""


def notebook_with(folder: Path, *cells: str) -> Path:
    """Write a notebook with these code cells beside a folder of pictures."""
    folder.mkdir()
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.txt").write_text("picture")
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [v4.new_code_cell(cell) for cell in cells]  # type: ignore[no-untyped-call]
    nbformat.write(notebook, folder / "01_first_video.ipynb")  # type: ignore[no-untyped-call]
    return folder / "01_first_video.ipynb"


def test_it_makes_three_files_and_sees_no_settings(tmp_path: Path) -> None:
    """It leaves the executed notebook, the page and the video; its kernel had no token and a home of its own."""
    environ = {**os.environ, "USEAPI_TOKEN": "user:1-secret", "PIXVERSE_EMAIL": "a@b.c", "PIXVERSE_NB_HOME": "/mine"}
    made = execute_demo(notebook_with(tmp_path / "here", MAKE_A_FILE), tmp_path / "demo", environ=environ)
    assert made.video.read_bytes() == b"video"
    executed: Any = nbformat.read(made.notebook, as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[0].outputs[0].text == "['PIXVERSE_NB_HOME']\nTrue\n"
    assert (tmp_path / "demo" / "pictures" / "a.txt").read_text() == "picture"
    assert "widgets" not in executed.metadata
    assert "PIXVERSE_NB_HOME" in made.page.read_text(encoding="utf-8")


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    """The results of an earlier demo are replaced."""
    notebook = notebook_with(tmp_path / "here", MAKE_A_FILE)
    execute_demo(notebook, tmp_path / "demo")
    assert execute_demo(notebook, tmp_path / "demo").video.read_bytes() == b"video"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    """If the folder contains other files, the demo raises ConfigError and touches nothing."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").touch()
    with pytest.raises(ConfigError):
        execute_demo(notebook_with(tmp_path / "here", MAKE_A_FILE), tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["thesis.txt"]


def test_a_failing_cell_is_reported(tmp_path: Path) -> None:
    """The error names the exception, and the notebook is saved as far as it ran."""
    with pytest.raises(PixVerseError, match="ZeroDivisionError"):
        execute_demo(notebook_with(tmp_path / "here", "1 / 0"), tmp_path / "demo")
    executed: Any = nbformat.read(tmp_path / "demo" / "01_first_video.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[0].outputs[0].ename == "ZeroDivisionError"


def test_no_video_is_an_error(tmp_path: Path) -> None:
    """A notebook that finishes without a video raises an error."""
    with pytest.raises(PixVerseError):
        execute_demo(notebook_with(tmp_path / "here", "1"), tmp_path / "demo")


def test_the_page_loads_nothing_from_other_hosts() -> None:
    """The page loads no script, style, font or picture from another host."""
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [v4.new_markdown_cell("# A title"), v4.new_code_cell("1")]  # type: ignore[no-untyped-call]
    page = export_page(notebook, title="T")
    assert "A title" in page
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"'> ]+|url\(["']?(?:https?:)?//|@import""", page) == []
    assert "<script" not in page


def test_the_notebook_is_found_from_anywhere(tmp_path: Path) -> None:
    """Without one in the current folder the repository's own notebook is used."""
    assert find_notebook(notebook_with(tmp_path / "here", "1").parent).parent == tmp_path / "here"
    assert find_notebook(tmp_path).name == "01_first_video.ipynb"


def test_the_kernel_gets_no_keyring(tmp_path: Path) -> None:
    """The demo cannot read a token from the keyring."""
    environment = kernel_environment({"PATH": "x", "USEAPI_TOKEN": "t"}, tmp_path)
    assert environment["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    assert "USEAPI_TOKEN" not in environment
