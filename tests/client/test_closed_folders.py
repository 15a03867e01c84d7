"""The notebook's folder, a folder of the home or the register cannot be written, or the disk is full."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from tests.client.harness import Harness, create_job
from tests.client.mounts import NEARLY_FULL, READ_ONLY, run_mounted, run_read_only, skip_without_mounts

SCRIPTS = Path(__file__).parent / "scripts"


@pytest.fixture
def _can_mount(tmp_path: Path) -> None:
    """Skip where a process may not have mounts of its own."""
    skip_without_mounts(tmp_path)


def try_calls(folder: Path, *arguments: str, mount: str = READ_ONLY, cwd: Path | None = None) -> dict[str, Any]:
    """Return what `scripts/try_calls.py` finds in `cwd` (default: `folder`), with `folder` mounted."""
    done = run_mounted(mount, folder, str(SCRIPTS / "try_calls.py"), *arguments, cwd=cwd or folder)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def make_video(home: Path) -> Path:
    """Make a video in the sandbox of a home and return its file."""
    with Client.sandbox(speed=1000, home=home) as client:
        return create_job(client).result(timeout=180).path


@pytest.mark.usefixtures("_can_mount")
def test_a_read_only_notebook_folder(tmp_path: Path) -> None:
    """Whatever needs a home raises an error that names the folder and `home=`; videos can be looked at, and a file that
    cannot be written is an error of its own.
    """
    folder = tmp_path / "notebooks"
    folder.mkdir()
    video = make_video(tmp_path / "elsewhere")
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(video, folder / name)
    found = try_calls(folder, "notebook")
    for call in ("sandbox", "vendor", "no token", "form", "magic"):
        kind, message = found[call]
        assert kind in ("ConfigError", "LedgerError"), call
        assert str(folder) in message, call
        assert "home=" in message, call
    assert (found["show"], found["gallery"], found["compare"], found["frame"]) == ("shown", 2, "Comparison", "RGB")
    for call in ("save", "sheet", "page"):
        assert found[call][0] == "FileError", call
        assert str(folder) in found[call][1], call


@pytest.mark.usefixtures("_can_mount")
def test_the_demo_in_a_read_only_folder(tmp_path: Path) -> None:
    """`pixverse-nb demo` names the folder and the option that chooses another one."""
    done = run_read_only(tmp_path, "-m", "pixverse_nb", "demo", cwd=tmp_path)
    assert (done.returncode, str(tmp_path) in done.stderr, "--folder" in done.stderr) == (1, True, True)


@pytest.mark.usefixtures("_can_mount")
def test_a_read_only_project_is_read_from_its_subfolders(tmp_path: Path) -> None:
    """In a subfolder of a read-only project the project's own home is found, although it cannot be written."""
    video = make_video(tmp_path / "pixverse" / "sandbox")
    (tmp_path / "notebooks").mkdir()
    assert try_calls(tmp_path, "jobs", cwd=tmp_path / "notebooks")["jobs"] == [video.stem]


@pytest.mark.usefixtures("_can_mount")
@pytest.mark.parametrize("name", ["videos", "pictures"])
def test_nothing_is_paid_if_a_folder_of_the_home_is_closed(harness: Harness, name: str) -> None:
    """If videos or pictures cannot be stored, the call is a ConfigError that names the folder, and nothing is sent; the
    doctor names it too.
    """
    folder = harness.home / name
    folder.mkdir(parents=True)
    found = try_calls(folder, "call", harness.sandbox.token, harness.sandbox.base_url, str(harness.home))
    assert found["call"][0] == "ConfigError"
    assert str(folder) in found["call"][1]
    assert (found["sweep"][0], found["doctor"]["home"]) == ("ConfigError", "not_writable")
    assert (harness.paid, harness.control.requests["create-frames"]) == (0, 0)


@pytest.mark.usefixtures("_can_mount")
def test_nothing_is_paid_if_the_disk_is_full(harness: Harness) -> None:
    """If no video would fit on the disk, the call is a ConfigError and nothing is sent."""
    harness.home.mkdir()
    arguments = ("call", harness.sandbox.token, harness.sandbox.base_url, str(harness.home))
    found = try_calls(harness.home, *arguments, mount=NEARLY_FULL)
    assert (found["call"][0], found["sweep"][0]) == ("ConfigError", "ConfigError")
    assert found["doctor"]["disk"] == "nearly_full"
    assert (harness.paid, harness.control.requests["create-frames"]) == (0, 0)


@pytest.mark.usefixtures("_can_mount")
def test_a_read_only_register_stops_nothing(harness: Harness, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a writable register of homes videos are made, and the doctor says that other homes do not see them."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("PIXVERSE_NB_DATA", str(folder))
    found = try_calls(folder, "call", harness.sandbox.token, harness.sandbox.base_url, str(harness.home))
    assert (found["call"], found["doctor"]["register"]) == ("done", "not_writable")
    assert list(folder.iterdir()) == []
