"""`make test` runs every test once, in parallel parts, and fails if one part fails."""

import re
import sys

import pytest
from run_tests import PATHS, ROOT, commands, run_parts


def test_every_test_is_in_one_part() -> None:
    """Each path belongs to one part and is excluded from the rest."""
    parts = commands()
    taken = [path for paths in PATHS.values() for path in paths]
    assert len(set(taken)) == len(taken)
    assert [path for path in taken if not (ROOT / path).exists()] == []
    assert [word for word in parts["rest"] if word.startswith("--ignore=")] == [f"--ignore={path}" for path in taken]
    assert "tests" in parts["rest"]
    for name, paths in PATHS.items():
        assert parts[name][-len(paths) :] == list(paths)


def test_options_go_to_each_pytest() -> None:
    """Options are passed to every pytest, not to the type checker."""
    parts = commands(["--maxfail=3"])
    assert {name for name, command in parts.items() if "--maxfail=3" in command} == {*PATHS, "rest"}
    assert parts["types"][1:] == ["-m", "mypy"]


def test_one_failure_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    """If one part fails the status is 1, and the output of each is printed, including its stderr."""
    bad = "import sys; print('stdout-of-bad'); sys.stderr.write('stderr-of-bad\\n'); sys.exit(3)"
    parts = {"good": [sys.executable, "-c", "print('stdout-of-good')"], "bad": [sys.executable, "-c", bad]}
    assert run_parts(parts) == 1
    printed = capfd.readouterr().out
    assert "---- good ----\nstdout-of-good\n" in printed
    assert {"stdout-of-bad", "stderr-of-bad"} <= set(printed.splitlines())
    assert set(re.findall(r"^(\w+): (FAILED|passed) ", printed, re.MULTILINE)) == {
        ("bad", "FAILED"),
        ("good", "passed"),
    }


def test_success(capfd: pytest.CaptureFixture[str]) -> None:
    """If every part exits with 0, so does the whole."""
    assert run_parts({"one": [sys.executable, "-c", ""], "two": [sys.executable, "-c", ""]}) == 0
    assert "FAILED" not in capfd.readouterr().out
