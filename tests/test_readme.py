"""Every block of the README does what it says: Python in a real kernel, commands against what they name."""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import pixverse_nb as pv
from pixverse_nb.sandbox.server import Sandbox
from tests.kernel.real_kernel import kernels
from tests.test_architecture import ALONE, LAYERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = ROOT / "notebooks" / "pictures"
BLOCKS = re.findall(r"^```(\w+)[^\n]*\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language in ("python", "py")]
SHELL = [
    line.removeprefix("$ ").split("  #")[0].strip()
    for language, text in BLOCKS
    if language in ("console", "sh", "bash", "shell")
    for line in text.splitlines()
    if line.strip() and not line.startswith("#") and (language != "console" or line.startswith("$ "))
]
OTHER_LANGUAGES = {"text", "json", "toml", "make", "mermaid"}


def test_every_block_has_a_language_that_is_tested() -> None:
    """No block of the README escapes these tests by its language."""
    known = {"python", "py", "console", "sh", "bash", "shell"} | OTHER_LANGUAGES
    assert {language for language, _ in BLOCKS} <= known
    assert README.count("\n```") == 2 * len(BLOCKS), "a block without a language, or one that does not end"


def test_the_readme_shows_both_commands() -> None:
    """The two commands that a stranger needs stand in the README."""
    assert {"make demo", "make test"} <= set(SHELL)


def test_python_blocks_run(tmp_path: Path) -> None:
    """The Python blocks run as cells of one notebook, in order, against the sandbox, with the pictures they name."""
    assert PYTHON
    shutil.copytree(PICTURES, tmp_path / "notebooks" / "pictures")
    lay_pictures(tmp_path)
    with Sandbox(speed=50) as box, kernels(tmp_path) as start:
        kernel = start({"USEAPI_TOKEN": box.token, "PIXVERSE_NB_BASE_URL": box.base_url})
        replies = [kernel.run(block) for block in PYTHON]
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * len(PYTHON)


@pytest.mark.parametrize("line", sorted(set(SHELL)))
def test_commands_name_what_is_there(line: str) -> None:
    """Every command of the README is known here: its target, its options, its extras."""
    words = shlex.split(line)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    match words:
        case ["make", *targets]:
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all("=" in name or re.search(rf"^{re.escape(name)}:", makefile, re.MULTILINE) for name in targets)
        case ["pixverse-nb", command, *rest] | ["python", "-m", "pixverse_nb", command, *rest]:
            asked = [sys.executable, "-m", "pixverse_nb", command, "--help"]
            shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            assert all(word in shown for word in rest if word.startswith("--"))
        case ["pip" | "%pip", "install", *rest]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = re.search(r"\[(.*)\]", " ".join(rest))
            assert set(named[1].split(",") if named else []) <= set(extras)
        case ["git", "clone", *_] | ["cd", _] | ["export", _] | ["jupyter", "lab", *_]:
            pass
        case _:
            pytest.fail(f"nobody tests this command: {line}")


def test_files_that_are_linked_are_there() -> None:
    """Every relative link of the README leads to a file."""
    links = re.findall(r"\]\(([^)#\s]+)", README) + re.findall(r'src="([^"]+)"', README)
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert missing == []


def test_the_parts_are_listed_in_their_layers() -> None:
    """The list of parts names every part once, what is imported before what imports it, and the sandbox last."""
    rows = re.findall(r"^\| (.+?) \|", README.partition("## How it is built")[2].partition("\n- ")[0], re.MULTILINE)
    listed = [part for row in rows for part in re.findall(r"`(\w+)/?`", row)]
    layer_of = {part: number for number, layer in enumerate([*LAYERS, {ALONE}]) for part in layer}
    assert sorted(listed) == sorted(layer_of)
    assert listed == sorted(listed, key=layer_of.__getitem__)


def test_every_error_of_the_front_door_is_named() -> None:
    """The README tells of each error that a program can catch."""
    names = [
        name for name in pv.__all__ if isinstance(getattr(pv, name), type) and issubclass(getattr(pv, name), Exception)
    ]
    assert [name for name in names if not re.search(rf"`(pv\.)?{name}`", README)] == []


def lay_pictures(folder: Path) -> None:
    """Put a real picture wherever a Python block names one that is not there."""
    pictures = sorted(path for path in PICTURES.iterdir() if path.suffix in (".jpg", ".png"))
    for number, name in enumerate(re.findall(r"""["']([\w./-]+\.(?:jpe?g|png))["']""", "\n".join(PYTHON))):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            shutil.copy(pictures[number % len(pictures)], path)
