"""The public names as programs and type checkers see them."""

import ast
import subprocess
import tomllib
from pathlib import Path
from typing import assert_type

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.remote import Credits
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import PixVerseError
from pixverse_nb.jobs.job import Job, JobList
from pixverse_nb.sweep.sweep import Sweep
from pixverse_nb.video import Video
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.gallery import Gallery
from pixverse_nb.widgets.studio import Studio

ROOT = Path(__file__).parent.parent
STUB = ROOT / "pixverse_nb" / "__init__.pyi"
WIDE, CLOSE = (ROOT / "notebooks" / "pictures" / f"coffee_{name}.jpg" for name in ("wide", "close"))


def stub_names() -> dict[str, str | None]:
    """Every name in the stub, and the module it is imported from."""
    names: dict[str, str | None] = {}
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names.update({alias.name: node.module for alias in node.names if alias.asname == alias.name})
        elif isinstance(node, ast.AnnAssign):
            names[ast.unparse(node.target)] = None
    return names


def test_the_stub_has_the_public_names() -> None:
    """The stub has exactly the names of `__all__`, each from the module that it is loaded from."""
    homes = {name: f"pixverse_nb.{home}" for name, home in vars(pv)["_HOMES"].items()}
    assert stub_names() == {**homes, "__version__": None, "__all__": None}
    assert sorted({*homes, "__version__"}) == pv.__all__


def test_the_stub_is_in_the_wheel() -> None:
    """The stub and py.typed are neither ignored by git nor left out of the wheel."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build == {"targets": {"wheel": {"packages": ["pixverse_nb"]}}}
    for path in (STUB, STUB.with_name("py.typed")):
        assert path.is_file()
        assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 1


def test_the_version_is_the_one_that_is_built() -> None:
    """`__version__` is the version of the wheel."""
    assert pv.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_a_users_program_has_types(tmp_path: Path) -> None:
    """Public calls return their own types, never Any: the strict type check verifies each `assert_type`."""
    with pv.Client.sandbox(speed=200, home=tmp_path, timing=pv.Timing().scaled(0.005)) as client:
        assert_type(client, Client)
        assert_type(client.timing, Timing)
        assert_type(client.credits(), Credits)
        job = client.create_frames(WIDE, CLOSE, quality="360p", seed=7)
        assert_type(job, Job)
        assert_type(job.state, JobState)
        assert_type(job.request, GenerationRequest)
        assert_type(job.error, PixVerseError | None)
        video = job.result(timeout=60)
        assert_type(video, Video)
        assert_type(video.path, Path)
        assert_type(client.jobs(), JobList)
        assert_type(client.sweep(WIDE, CLOSE, seed=[7, 8]), Sweep)
        use_the_viewers(video)


def use_the_viewers(video: pv.Video) -> None:
    """Call the functions that are loaded on first use, whatever modules have the same names."""
    pv.show(video)
    assert_type(pv.compare(video, video), Comparison)
    assert_type(pv.gallery([video]), Gallery)
    assert_type(pv.__version__, str)


def open_the_form(client: pv.Client) -> Studio:
    """Return the form; the strict type check would fail if `studio` returned Any."""
    return pv.studio(client)


async def wait_for(job: pv.Job) -> pv.Video:
    """Wait without blocking; an awaited job has the type Video."""
    return assert_type(await job, Video)
