"""The documents: their examples run, and the commands, files and names in them exist."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import make_reference
import pytest

from pixverse_nb.sandbox.faults import KINDS
from tests.documents import DOCUMENTS, ROOT, SHELLS, python_cells, read_blocks, read_document, shell_commands
from tests.kernel.real_kernel import kernels
from tests.test_architecture import ALONE, LAYERS

LANGUAGES = SHELLS | {"python", "js", "css", "text"}
WITH_EXAMPLES = [name for name in DOCUMENTS if python_cells(name)]
COMMANDS = sorted({command for name in DOCUMENTS for command in shell_commands(name)})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_block_has_a_known_language(name: str) -> None:
    """No code block escapes these tests: each is closed and has a language that they know."""
    blocks = read_blocks(name)
    assert {block.language for block in blocks} <= LANGUAGES
    assert len(re.findall(r"^ *```", read_document(name), re.MULTILINE)) == 2 * len(blocks)


def test_the_readme_shows_both_commands() -> None:
    """The README shows the two commands that a newcomer needs."""
    assert {"make demo", "make test"} <= set(shell_commands("README.md"))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name: str, tmp_path: Path) -> None:
    """The Python examples of a document run in order as cells of one notebook, in an empty folder."""
    cells = python_cells(name)
    with kernels(tmp_path) as start:
        kernel = start({})
        replies = [kernel.run(cell) for cell in cells]
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * len(cells)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_excerpts_are_up_to_date(name: str) -> None:
    """A block that names an existing test file is an excerpt of it."""
    for block in read_blocks(name):
        if block.file.startswith("tests/"):
            assert block.text in (ROOT / block.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist(command: str) -> None:
    """The targets, options, extras and scripts of every command exist."""
    match shlex.split(command):
        case ["make", *targets]:
            makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
            assert all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in targets)
        case ["pixverse-nb", subcommand, *rest]:
            asked = [sys.executable, "-m", "pixverse_nb", subcommand, "--help"]
            shown = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            assert all(word in shown for word in rest if word.startswith("--"))
        case ["pip", "install", target]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = re.search(r"\[(.*)\]", target)
            assert set(named[1].split(",") if named else []) <= set(extras)
        case ["python", "-m", "pytest", path] | ["python", path]:
            assert (ROOT / path).exists()
        case _:
            pytest.fail(f"no rule for this command: {command}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_linked_files_exist(name: str) -> None:
    """Every relative link leads to a file."""
    links = re.findall(r"\]\(([^)#\s]+)", read_document(name))
    folder = (ROOT / name).parent
    assert [link for link in links if "://" not in link and not (folder / link).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_named_files_exist(name: str) -> None:
    """Every path in the repository that a document names exists."""
    paths = re.findall(r"`((?:docs|tests|scripts|frontend|notebooks|pixverse_nb)/[\w./-]*)`", read_document(name))
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_named_modules_exist(name: str) -> None:
    """A module that a document names exists, and has the name that is said to be in it."""
    text = re.sub(r"\s+", " ", read_document(name))
    for path in re.findall(r"`([\w/]+/\w+\.py)`", text):
        assert any((root / path).is_file() for root in (ROOT, ROOT / "pixverse_nb")), path
    for symbol, path in re.findall(r"`(\w+)` (?:of|in) `([\w/]+\.py)`", text):
        files = [root / path for root in (ROOT, ROOT / "pixverse_nb") if (root / path).is_file()]
        assert any(re.search(rf"\b{symbol}\b", file.read_text(encoding="utf-8")) for file in files), (symbol, path)


def test_the_layout_lists_every_part_in_its_layer() -> None:
    """The table in CONTRIBUTING.md names every module and package once, each above those that it imports."""
    table = read_document("CONTRIBUTING.md").partition("## Layout")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)
    listed = [part for row in rows for part in re.findall(r"`(\w+)(?:/|\.py)`", row)]
    layer_of = {part: -number for number, layer in enumerate(LAYERS) for part in layer} | {ALONE: 1}
    assert sorted(listed) == sorted(layer_of)
    assert listed == sorted(listed, key=layer_of.__getitem__)


def test_the_table_of_faults_is_complete() -> None:
    """docs/sandbox.md has one row for each fault of the sandbox, with its options."""
    section = read_document("docs/sandbox.md").partition("## Inject faults")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .+ \| (.*)\|$", section, re.MULTILINE)
    listed = {name: re.findall(r"\w+", options) for name, options in rows}
    assert listed == {name: list(fault.options) for name, fault in KINDS.items()}


@pytest.mark.parametrize("name", ["reference.md", "models.md"])
def test_generated_documents_are_up_to_date(name: str) -> None:
    """docs/reference.md and docs/models.md are what scripts/make_reference.py makes."""
    path = ROOT / "docs" / name
    assert path.read_text(encoding="utf-8") == make_reference.make_documents()[path]


def test_the_changelog_has_the_known_sections() -> None:
    """Each version has the sections of Keep a Changelog, and one line for each change."""
    _, *versions = re.split(r"^## ", read_document("CHANGELOG.md"), flags=re.MULTILINE)
    known = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}
    for version in versions:
        _, *sections = re.split(r"^### ", version, flags=re.MULTILINE)
        names = [section.partition("\n")[0] for section in sections]
        assert set(names) <= known
        assert len(set(names)) == len(names)
        lines = [line for section in sections for line in section.splitlines()[1:] if line]
        assert [line for line in lines if not line.startswith("- ")] == []
