"""The Markdown documents of the repository and their code blocks."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (
        *sorted(ROOT.glob("*.md")),
        *sorted((ROOT / "docs").glob("*.md")),
        ROOT / "notebooks/pictures/README.md",
    )
)
SHELLS = frozenset({"console", "sh"})

_BLOCK = re.compile(r"^( *)```(\w*) *([\w./]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its language, the file that it names ("" if none), and its text without indentation."""

    language: str
    file: str
    text: str


def read_document(name: str) -> str:
    """Return the text of a document."""
    return (ROOT / name).read_text(encoding="utf-8")


def read_blocks(name: str, *, heading: str | None = None) -> list[Block]:
    """Return the code blocks of a document, or of the section under `heading` ("## A metric")."""
    text = read_document(name)
    if heading is not None:
        text = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    return [Block(language, file, textwrap.dedent(code)) for _, language, file, code in _BLOCK.findall(text)]


def python_cells(name: str) -> list[str]:
    """Return the Python examples of a document, without excerpts of files."""
    return [block.text for block in read_blocks(name) if block.language == "python" and not block.file]


def shell_commands(name: str) -> list[str]:
    """Return the commands of a document."""
    return [
        line.removeprefix("$ ").split("  #")[0].strip()
        for block in read_blocks(name)
        if block.language in SHELLS
        for line in block.text.splitlines()
        if block.language == "sh" or line.startswith("$ ")
    ]
