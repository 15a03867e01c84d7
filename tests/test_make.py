"""The commands of the Makefile, and the interpreter they choose."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAKE_VENV = ROOT / "scripts" / "make_venv.sh"


def fake_python(folder: Path, name: str, *, new_enough: bool, has_ensurepip: bool = True) -> None:
    """Write a program that answers like such a Python, and records the environment that it is asked to create."""
    answers = [
        f"*version_info*3,*11*) exit {0 if new_enough else 1};;",
        f"*ensurepip*) exit {0 if has_ensurepip else 1};;",
        "*print*) echo 3.12;;",
        "*--version*) echo Python 3.9.1;;",
        f'*"-m venv"*) mkdir -p "$3" && echo {name} > "$3/by";;',
    ]
    path = folder / name
    path.write_text('#!/bin/sh\ncase "$*" in\n' + "\n".join(answers) + "\nesac\n")
    path.chmod(0o755)


def make_venv(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the script with nothing on the PATH but the fake Pythons and the shell's own tools."""
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("sh", "mkdir", "rm"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    command = [str(shutil.which("sh")), str(MAKE_VENV), str(folder / "env"), *words]
    path = f"{folder}:{tools}"
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_the_newest_tested_python_is_used(tmp_path: Path) -> None:
    """python3.12 comes before python3.11, and both before a python3 of unknown age."""
    for name in ("python3", "python3.11", "python3.12"):
        fake_python(tmp_path, name, new_enough=True)
    assert make_venv(tmp_path).returncode == 0
    assert (tmp_path / "env" / "by").read_text() == "python3.12\n"


def test_a_python_that_does_not_start_is_skipped(tmp_path: Path) -> None:
    """A shim for a version that is not installed is skipped."""
    fake_python(tmp_path, "python3.13", new_enough=False)
    fake_python(tmp_path, "python3", new_enough=True)
    assert make_venv(tmp_path).returncode == 0
    assert (tmp_path / "env" / "by").read_text() == "python3\n"


def test_too_old_a_python_is_one_sentence(tmp_path: Path) -> None:
    """If every Python is too old, one line names the one found and the version needed."""
    fake_python(tmp_path, "python3", new_enough=False)
    done = make_venv(tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "3.11" in done.stderr
    assert "3.9.1" in done.stderr


def test_no_python_is_one_sentence(tmp_path: Path) -> None:
    """If there is no Python at all, the same line says so."""
    done = make_venv(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "none" in done.stderr


def test_a_python_without_ensurepip_is_one_sentence(tmp_path: Path) -> None:
    """Debian's bare python3 cannot create environments; the missing package is named."""
    fake_python(tmp_path, "python3", new_enough=True, has_ensurepip=False)
    done = make_venv(tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "python3.12-venv" in done.stderr
    assert not (tmp_path / "env").exists()


def test_only_a_named_python_is_used(tmp_path: Path) -> None:
    """`make PYTHON=...` uses that Python or none."""
    fake_python(tmp_path, "python3", new_enough=True)
    fake_python(tmp_path, "old", new_enough=False)
    done = make_venv(tmp_path, "old")
    assert done.returncode == 1
    assert "old" in done.stderr


def test_the_documented_commands_exist() -> None:
    """Every command of the README and of .ci/run is a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert targets >= {"demo", "lab", "test", "bench", "check", "clean", "constraints", "help"}
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_every_dependency_is_pinned_without_a_host() -> None:
    """constraints.txt pins every requirement of pyproject.toml and names no host."""
    pins = (ROOT / "constraints.txt").read_text()
    assert "://" not in pins
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    asked = {re.split(r"[<>=!~\[; ]", wanted)[0] for group in groups for wanted in group}
    missing = {name for name in asked if not re.search(rf"^{name}==", pins, flags=re.MULTILINE)}
    assert missing == set()
    assert {"httpx", "pillow", "jupyterlab", "av", "pytest"} <= asked
