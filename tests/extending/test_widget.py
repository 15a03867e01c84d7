"""A new widget is one ES module, one stylesheet and one class."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT
from tests.extending.recipes import PackageCopy, recipe

USE = """
from pixverse_nb.widgets.counter import Counter

counter = Counter(count=3)
counter.count += 1
print(counter.count, "as default" in counter._esm, "--pvnb-accent:" in counter._css, "pvnb-counter" in counter._css)
"""


def test_a_widget_is_built_and_used(tmp_path: Path) -> None:
    """After the recipe the module passes lint and type check, and the class shows the built bundle."""
    copy = PackageCopy(tmp_path)
    frontend = tmp_path / "frontend"
    shutil.copytree(ROOT / "frontend", frontend, ignore=shutil.ignore_patterns("node_modules"))
    (frontend / "node_modules").symlink_to(ROOT / "frontend" / "node_modules")
    for file, text in recipe("## A widget"):
        (tmp_path / file).write_text(text, encoding="utf-8")
    copy.replace(
        "frontend/package.json", "esbuild src/gallery.js", "esbuild src/counter.js src/counter.css src/gallery.js"
    )
    for script in ("lint", "types", "build"):
        run_npm(frontend, script)
    assert copy.run(USE).split() == ["4", "True", "True", "True"]


def run_npm(frontend: Path, script: str) -> None:
    """Run a script of package.json; it must succeed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    command = ["npm", "run", "--silent", script]
    done = subprocess.run(
        command, cwd=frontend, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
