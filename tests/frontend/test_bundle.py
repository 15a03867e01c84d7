"""The committed bundles of the widgets against their sources."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FRONTEND = ROOT / "frontend"
TABLE_SCRIPT = ROOT / "pixverse_nb" / "render" / "table.js"
COMMITTED = ROOT / "pixverse_nb" / "widgets" / "static"


def build(frontend: Path, out: Path, bundles: str = "widgets") -> dict[str, str]:
    """Build the bundles of `frontend` into `out` and return their text by name."""
    assert (frontend / "node_modules").exists(), "run `make widgets` once to install the build tools"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["npm", "run", "--silent", f"build:{bundles}", "--", f"--outdir={out}"]
    subprocess.run(command, cwd=frontend, env={**os.environ, "PATH": path}, check=True, stdin=subprocess.DEVNULL)
    return read(out)


def read(folder: Path) -> dict[str, str]:
    """Return the text of each file in `folder` by name."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture
def frontend(tmp_path: Path) -> Path:
    """A copy of the sources that a test may change, with the same build tools."""
    copy = tmp_path / "frontend"
    shutil.copytree(FRONTEND, copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(FRONTEND / "node_modules")
    return copy


def test_the_committed_bundles_are_up_to_date(tmp_path: Path) -> None:
    """A build of the sources gives the committed files; if not, run `make widgets`."""
    build(FRONTEND, tmp_path)
    built, committed = build(FRONTEND, tmp_path, "card"), read(COMMITTED)
    assert sorted(committed) == sorted(built)
    assert [name for name in built if committed[name] != built[name]] == []


def test_the_script_of_tables_is_up_to_date(tmp_path: Path) -> None:
    """A build of the script that tables contain gives the committed file."""
    assert build(FRONTEND, tmp_path, "table") == {"table.js": TABLE_SCRIPT.read_text(encoding="utf-8")}


@pytest.mark.parametrize("source", ["dom.js", "tokens.css"])
def test_a_change_of_a_shared_source_shows(frontend: Path, tmp_path: Path, source: str) -> None:
    """After a change of a shared script or stylesheet every bundle that contains it differs from the committed one."""
    path = frontend / "src" / source
    path.write_text(path.read_text(encoding="utf-8").replace("pvnb-icon", "pvnb-other"), encoding="utf-8")
    built, committed = build(frontend, tmp_path / "out"), read(COMMITTED)
    changed = {name for name in built if committed[name] != built[name]}
    assert {f"{widget}{path.suffix}" for widget in ("gallery", "compare", "standalone")} <= changed
