"""Which browser the tests use, and how one is installed if there is none."""

import subprocess
import sys
from pathlib import Path

import pytest
from find_browser import candidates, find_browser, starts, steps

SCRIPT = Path(__file__).parent.parent / "scripts" / "find_browser.py"


def fake_browser(folder: Path, name: str, does: str) -> Path:
    """Write a program that stands in for a browser."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


def test_an_installed_browser_is_preferred(tmp_path: Path) -> None:
    """Chromium comes before Chrome, and both before Playwright's own."""
    known = {"google-chrome": "/b/google-chrome", "chromium": "/b/chromium"}
    found = candidates({}, which=known.get, elsewhere=())
    assert [next(found), next(found)] == ["/b/chromium", "/b/google-chrome"]


def test_only_a_named_browser_is_used(tmp_path: Path) -> None:
    """If CHROMIUM names a browser, no other is used."""
    assert list(candidates({"CHROMIUM": "/my/own"}, which=lambda _: None, elsewhere=())) == ["/my/own"]
    assert find_browser({"CHROMIUM": str(tmp_path / "missing")}) is None


@pytest.mark.parametrize(
    ("does", "good"),
    [("echo Chromium 1.2", True), ("echo Google Chrome 1.2", True), ("echo please install the snap; exit 1", False)],
)
def test_only_a_browser_that_starts_counts(tmp_path: Path, does: str, *, good: bool) -> None:
    """A stub that only prints what to install does not count as a browser."""
    assert starts(str(fake_browser(tmp_path, "chromium", does))) is good


def test_a_file_that_is_no_program_does_not_count(tmp_path: Path) -> None:
    """A file that cannot be started is skipped without an error."""
    (tmp_path / "text").write_text("no program")
    assert not starts(str(tmp_path / "text"))
    assert not starts(str(tmp_path / "missing"))


def test_root_on_debian_installs_packages_first() -> None:
    """As root with apt-get the package list is updated and Chromium installed; Playwright's build is second."""
    first, second = steps(is_root=True, has_apt=True)
    assert [command[0] for command in first.commands] == ["apt-get", "apt-get"]
    assert "update" in first.commands[0]
    assert first.commands[1][-2:] == ("chromium", "chromium-driver")
    assert second.commands[0][-3:] == ("install", "--with-deps", "chromium")


@pytest.mark.parametrize(("is_root", "has_apt"), [(False, True), (True, False), (False, False)])
def test_elsewhere_playwrights_build_is_installed(*, is_root: bool, has_apt: bool) -> None:
    """Without root or apt-get only Playwright's Chromium is tried, which needs neither."""
    (only,) = steps(is_root=is_root, has_apt=has_apt)
    assert only.commands == ((sys.executable, "-m", "playwright", "install", "chromium"),)


def test_no_browser_is_one_sentence(tmp_path: Path) -> None:
    """If there is no browser the script prints one sentence that says what to install, with status 1."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={"CHROMIUM": str(tmp_path / "missing")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "CHROMIUM=" in done.stderr
