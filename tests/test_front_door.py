"""The front door as programs and type checkers see it."""

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
from pixverse_nb.domain.requests import FramesRequest
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


def promised() -> dict[str, str | None]:
    """Every name that the stub promises, and the module it comes from."""
    names: dict[str, str | None] = {}
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            names.update({alias.name: node.module for alias in node.names if alias.asname == alias.name})
        elif isinstance(node, ast.AnnAssign):
            names[ast.unparse(node.target)] = None
    return names


def test_type_checkers_see_the_names_that_are_there() -> None:
    """The stub promises the names of `__all__` and no others, each from the module that it is fetched from."""
    homes = {name: f"pixverse_nb.{home}" for name, home in vars(pv)["_HOMES"].items()}
    assert promised() == {**homes, "__version__": None, "__all__": None}
    assert sorted({*homes, "__version__"}) == pv.__all__


def test_the_stub_travels_in_the_wheel() -> None:
    """The stub and the mark of a typed package are neither ignored by git nor left out of the wheel."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build == {"targets": {"wheel": {"packages": ["pixverse_nb"]}}}
    for path in (STUB, STUB.with_name("py.typed")):
        assert path.is_file()
        assert subprocess.run(["git", "check-ignore", "--quiet", path], cwd=ROOT, check=False).returncode == 1


def test_the_version_is_the_one_that_is_built() -> None:
    """The package tells the version that its wheel is named by."""
    assert pv.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_a_users_program_has_types(tmp_path: Path) -> None:
    """What a program holds has its own type, never Any: each `assert_type` is judged by the strict type check."""
    with pv.Client.sandbox(speed=200, home=tmp_path, timing=pv.Timing().scaled(0.005)) as client:
        assert_type(client, Client)
        assert_type(client.timing, Timing)
        assert_type(client.credits(), Credits)
        job = client.create_frames(WIDE, CLOSE, quality="360p", seed=7)
        assert_type(job, Job)
        assert_type(job.state, JobState)
        assert_type(job.request, FramesRequest)
        assert_type(job.error, PixVerseError | None)
        video = job.result(timeout=60)
        assert_type(video, Video)
        assert_type(video.path, Path)
        assert_type(client.jobs(), JobList)
        assert_type(client.sweep(WIDE, CLOSE, seed=[7, 8]), Sweep)
        look_at(video)


def look_at(video: pv.Video) -> None:
    """Use what is fetched by name: a module of the same name (`show`) must not stand in its way."""
    pv.show(video)
    assert_type(pv.compare(video, video), Comparison)
    assert_type(pv.gallery([video]), Gallery)
    assert_type(pv.__version__, str)


def offer(client: pv.Client) -> Studio:
    """Return the form; a function of the front door that returns Any would not pass the strict check here."""
    return pv.studio(client)


async def wait_for(job: pv.Job) -> pv.Video:
    """Wait without blocking; what is awaited has its type too."""
    return assert_type(await job, Video)
