"""How `make test` runs the tests: in parts beside each other, none left out, and a failure is one."""

import sys

import pytest
from run_tests import PLACES, ROOT, commands, run_parts


def test_every_test_is_in_one_part() -> None:
    """What one part takes is left out by the rest, and by every other part."""
    parts = commands()
    taken = [place for places in PLACES.values() for place in places]
    assert len(set(taken)) == len(taken)
    assert [place for place in taken if not (ROOT / place).exists()] == []
    assert [word for word in parts["rest"] if word.startswith("--ignore=")] == [f"--ignore={place}" for place in taken]
    assert "tests" in parts["rest"]
    for name, places in PLACES.items():
        assert parts[name][-len(places) :] == list(places)


def test_options_go_to_each_pytest() -> None:
    """What is asked of one part is asked of all that run tests; the type checker is asked nothing."""
    parts = commands(["--maxfail=3"])
    assert {name for name, command in parts.items() if "--maxfail=3" in command} == {*PLACES, "rest"}
    assert parts["types"][1:] == ["-m", "mypy"]


def test_one_failure_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    """Where one part fails the status is 1; what each has said is printed whole, also on the error stream."""
    bad = "import sys; print('a test failed'); sys.stderr.write('with this\\n'); sys.exit(3)"
    parts = {"good": [sys.executable, "-c", "print('all well')"], "bad": [sys.executable, "-c", bad]}
    assert run_parts(parts) == 1
    said = capfd.readouterr().out
    assert "---- good ----\nall well\n" in said
    assert {"a test failed", "with this"} <= set(said.splitlines())
    assert "bad: FAILED in" in said
    assert "good: passed in" in said


def test_all_well_is_well(capfd: pytest.CaptureFixture[str]) -> None:
    """Where every part ends with 0, so does the whole."""
    assert run_parts({"one": [sys.executable, "-c", ""], "two": [sys.executable, "-c", ""]}) == 0
    assert "FAILED" not in capfd.readouterr().out
