"""Follow a recipe of docs/extending.md in a copy of the package, and run code on the result."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT, read_blocks


def recipe(heading: str) -> list[tuple[str, str]]:
    """Return the changes in a section of docs/extending.md, in order: the file, and the text for it."""
    return [(block.file, block.text) for block in read_blocks("docs/extending.md", heading=heading) if block.file]


class PackageCopy:
    """A copy of the package in `folder` that a test may change."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "pixverse_nb", folder / "pixverse_nb", ignore=ignored)

    def insert(self, file: str, text: str, *, before: str, after: str = "") -> None:
        """Insert `text` before the line that starts with `before`, the first such line after the text `after`."""
        path = self.folder / file
        source = path.read_text(encoding="utf-8")
        start = source.index(after)
        at = source.index(f"\n{before}", start) + 1
        indent = before[: len(before) - len(before.lstrip())]
        lines = "".join(f"{indent}{line}\n" for line in text.splitlines())
        path.write_text(source[:at] + lines + source[at:], encoding="utf-8")

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which occurs once."""
        path = self.folder / file
        source = path.read_text(encoding="utf-8")
        assert source.count(old) == 1
        path.write_text(source.replace(old, new), encoding="utf-8")

    def run(self, code: str) -> str:
        """Run `code` in a new process that imports this copy, and return what it prints."""
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()
