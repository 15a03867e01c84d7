"""The demonstration: its own folder, its own home, no token, and a page that asks no other host."""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from pixverse_nb.cli import find_notebook, kernel_environment, page_of, run_demo
from pixverse_nb.errors import ConfigError, PixVerseError

MAKE_A_FILE = """
import os, pathlib
home = pathlib.Path(os.environ["PIXVERSE_NB_HOME"])
(home / "videos").mkdir(parents=True)
(home / "videos" / "one.mp4").write_bytes(b"film")
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


def test_it_leaves_three_files_and_sees_no_setting_of_the_person(tmp_path: Path) -> None:
    """The executed notebook, the page and the video are left; the kernel had no token and its own home."""
    person = {**os.environ, "USEAPI_TOKEN": "user:1-secret", "PIXVERSE_EMAIL": "a@b.c", "PIXVERSE_NB_HOME": "/mine"}
    made = run_demo(notebook_with(tmp_path / "here", MAKE_A_FILE), tmp_path / "demo", environ=person)
    assert made.video.read_bytes() == b"film"
    executed: Any = nbformat.read(made.notebook, as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[0].outputs[0].text == "['PIXVERSE_NB_HOME']\nTrue\n"
    assert (tmp_path / "demo" / "pictures" / "a.txt").read_text() == "picture"
    assert "widgets" not in executed.metadata
    assert "PIXVERSE_NB_HOME" in made.page.read_text(encoding="utf-8")


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    """The demo's own folder is made new, so that every run shows the whole story."""
    notebook = notebook_with(tmp_path / "here", MAKE_A_FILE)
    run_demo(notebook, tmp_path / "demo")
    assert run_demo(notebook, tmp_path / "demo").video.read_bytes() == b"film"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    """Where the folder holds a person's files the demo stops before it touches anything."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "thesis.txt").touch()
    with pytest.raises(ConfigError, match="left alone"):
        run_demo(notebook_with(tmp_path / "here", MAKE_A_FILE), tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["thesis.txt"]


def test_a_failing_cell_is_one_sentence_and_the_notebook_shows_it(tmp_path: Path) -> None:
    """What went wrong is named, and the notebook as far as it came is there to look at."""
    with pytest.raises(PixVerseError, match="ZeroDivisionError: division by zero"):
        run_demo(notebook_with(tmp_path / "here", "1 / 0"), tmp_path / "demo")
    executed: Any = nbformat.read(tmp_path / "demo" / "01_first_video.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert executed.cells[0].outputs[0].ename == "ZeroDivisionError"


def test_no_video_is_an_error(tmp_path: Path) -> None:
    """A notebook that runs to its end without a video is not a success."""
    with pytest.raises(PixVerseError, match="left no video"):
        run_demo(notebook_with(tmp_path / "here", "1"), tmp_path / "demo")


def test_the_page_asks_no_other_host() -> None:
    """Nothing in the page loads a script, a style, a font or a picture from elsewhere."""
    notebook: Any = v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [v4.new_markdown_cell("# A title"), v4.new_code_cell("1")]  # type: ignore[no-untyped-call]
    page = page_of(notebook, title="T")
    assert "A title" in page
    assert re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"'> ]+|url\(["']?(?:https?:)?//|@import""", page) == []
    assert "<script" not in page


def test_the_notebook_is_found_from_anywhere(tmp_path: Path) -> None:
    """Without one in the current folder the repository's own notebook is taken."""
    assert find_notebook(notebook_with(tmp_path / "here", "1").parent).parent == tmp_path / "here"
    assert find_notebook(tmp_path).name == "01_first_video.ipynb"


def test_the_kernel_gets_no_keyring(tmp_path: Path) -> None:
    """A token in the person's keyring is out of the demo's reach."""
    environment = kernel_environment({"PATH": "x", "USEAPI_TOKEN": "t"}, tmp_path)
    assert environment["PYTHON_KEYRING_BACKEND"] == "keyring.backends.null.Keyring"
    assert "USEAPI_TOKEN" not in environment
