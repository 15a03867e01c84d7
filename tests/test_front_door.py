"""The public names, as programs and type checkers see them."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import assert_type

import pytest
from PIL import Image

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import Credits
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.job import Job, JobList
from pixverse_nb.joined import Joined
from pixverse_nb.sweep.chain import Chain
from pixverse_nb.sweep.sweep import Sweep
from pixverse_nb.video import Video
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.gallery import Gallery
from pixverse_nb.widgets.studio import Studio

ROOT = Path(__file__).parent.parent
STUB = ROOT / "pixverse_nb" / "__init__.pyi"
WIDE, CLOSE = (ROOT / "notebooks" / "pictures" / f"coffee_{name}.jpg" for name in ("wide", "close"))


def declared() -> set[str]:
    """Return every public name that the stub declares."""
    body = ast.parse(STUB.read_text(encoding="utf-8")).body
    return {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def test_every_declared_name_is_there() -> None:
    """The stub is the list of public names: `dir()` shows them, `__all__` adds the version, all can be imported."""
    assert set(dir(pv)) == declared()
    assert set(pv.__all__) == declared() | {"__version__"}
    assert all(hasattr(pv, name) for name in pv.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelled name raises AttributeError, as with any module."""
    with pytest.raises(AttributeError, match="cleint"):
        pv.cleint  # type: ignore[attr-defined]  # noqa: B018  the point of this test


def test_importing_the_package_imports_none_of_its_modules() -> None:
    """`import pixverse_nb` loads no module of the package, so that it costs milliseconds."""
    code = "import sys, pixverse_nb; print([name for name in sys.modules if name.startswith('pixverse_nb.')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_it_can_be_imported_from_a_zip_file(tmp_path: Path) -> None:
    """The public names are found if the package is in a zip file on sys.path."""
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        for path in (*STUB.parent.rglob("*.py"), *STUB.parent.rglob("*.pyi")):
            packed.write(path, path.relative_to(ROOT))
    code = "import pixverse_nb as pv; print(pv.__file__, pv.JobState.DONE.value, pv.Frame.__name__, pv.__version__)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "packed.zip")}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[1:] == ["done", "Frame", pv.__version__]
    assert "packed.zip" in done.stdout


def test_the_stub_is_in_the_wheel() -> None:
    """The stub and the mark of a typed package are neither ignored by git nor excluded from the wheel."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build == {"targets": {"wheel": {"packages": ["pixverse_nb"]}}}
    for path in (STUB, STUB.with_name("py.typed")):
        assert path.is_file()
        assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 1


def test_the_version_has_one_source() -> None:
    """The wheel is named by the version in `__init__.py`; no other file states it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"] == {"path": "pixverse_nb/__init__.py"}
    assert re.fullmatch(r"\d+\.\d+\.\d+", pv.__version__)


def test_a_users_program_has_types(tmp_path: Path) -> None:
    """Every public value has its own type, never Any: the type checker verifies each `assert_type`."""
    timing = replace(pv.Timing().scaled(0.005), answer_timeout_s=60.0, deadline_s=600.0)  # a busy machine may be slow
    with pv.Client.sandbox(speed=200, home=tmp_path, timing=timing) as client:
        assert_type(client, Client)
        assert_type(client.timing, Timing)
        assert_type(client.credits(), Credits)
        job = client.create_frames(WIDE, CLOSE, quality="360p", seed=7)
        assert_type(job, Job)
        assert_type(job.state, JobState)
        assert_type(job.request, GenerationRequest)
        assert_type(job.error, PixVerseError | None)
        video = job.result(timeout=180)
        assert_type(video, Video)
        assert_type(video.path, Path)
        assert_type(client.jobs(), JobList)
        assert_type(client.sweep(WIDE, CLOSE, seed=[7, 8]), Sweep)
        assert_type(client.chain([WIDE, CLOSE], loop=True), Chain)
        assert_type(video.last_frame(), Image.Image)
        assert_type(pv.join([video, video], tmp_path / "twice.mp4"), Joined)
        use_all(video)


def use_all(video: pv.Video) -> None:
    """Use the lazily imported functions."""
    pv.show(video)
    assert_type(pv.compare(video, video), Comparison)
    assert_type(pv.gallery([video]), Gallery)
    assert_type(pv.__version__, str)


def offer(client: pv.Client) -> Studio:
    """Return the form; a public function that returns Any would not pass the strict check here."""
    return pv.studio(client)


async def wait_for(job: pv.Job) -> pv.Video:
    """Wait without blocking; the awaited value has its type too."""
    return assert_type(await job, Video)


def test_the_samples_offer_two_pictures() -> None:
    """Completion after `pv.samples.` offers nothing else."""
    assert dir(pv.samples) == ["first", "last"]
