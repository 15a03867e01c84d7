"""`%pixverse` and `%%pixverse` in a real IPython shell, on the sandbox."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import pixverse_nb as pv
from pixverse_nb.default_client import default_client
from pixverse_nb.doctor.report import Report
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.operations import Operation
from pixverse_nb.errors import InvalidCall, InvalidImage, InvalidRequest
from pixverse_nb.jobs.job import Job, JobList
from pixverse_nb.render.model_table import ModelTable
from pixverse_nb.render.spending_table import SpendingTable
from tests.client.conftest import build_harness
from tests.client.harness import Harness, wait_for_video
from tests.render.conftest import outputs

__all__ = ["build_harness", "outputs"]  # fixtures

PICTURE = str(pv.samples.first)


@pytest.fixture
def harness(build_harness: Any, tmp_path: Path) -> Iterator[Harness]:
    """Return a harness whose sandbox generates a video at once."""
    with build_harness(tmp_path / "home") as one:
        yield one


@pytest.fixture
def shell(outputs: list[dict[str, Any]], harness: Harness) -> Any:
    """Return a shell with the extension, whose notebook has a client and the paths of two pictures."""
    shell: Any = InteractiveShell.instance()
    shell.run_line_magic("load_ext", "pixverse_nb")
    shell.user_ns |= {"client": harness.open(), "first": pv.samples.first, "last": pv.samples.last}
    return shell


def run(shell: Any, cell: str) -> Any:
    """Return the value of a cell, as IPython displays it; a failed cell raises its error."""
    result = shell.run_cell(cell)
    result.raise_error()
    return result.result


def problems(shell: Any, cell: str) -> dict[str, str]:
    """Return what is wrong with a cell, by option or picture."""
    with pytest.raises(InvalidRequest) as caught:
        run(shell, cell)
    return caught.value.fields


def test_two_pictures_and_a_body_are_a_job(shell: Any, harness: Harness) -> None:
    """The cell returns the job of `create_frames` with the body as prompt, and the same cell finds the same job."""
    line = '%%pixverse {first} "{last}" --seed 7 --quality=360p --audio --no-off-peak-mode'
    cell = f"{line}\na slow dolly\ntowards the cup\n"
    job = run(shell, cell)
    assert isinstance(job, Job)
    assert job.request.operation is Operation.FRAMES
    params = job.request.params
    assert params["prompt"] == "a slow dolly\ntowards the cup"
    assert [params[name] for name in ("seed", "quality", "audio", "off_peak_mode")] == [7, "360p", True, False]
    wait_for_video(job)
    assert run(shell, cell).ref == job.ref
    assert harness.paid == 1


@pytest.mark.parametrize(
    ("count", "operation"),
    [(0, Operation.TEXT), (1, Operation.IMAGE), (2, Operation.FRAMES), (3, Operation.TRANSITION)],
)
def test_the_number_of_pictures_chooses_the_call(shell: Any, count: int, operation: Operation) -> None:
    """No picture is a video from text, one is its first picture, two are first and last, more are a transition."""
    job = run(shell, f"%%pixverse {'{first} ' * count}--quality 360p --seed 7\na paper boat")
    assert job.request.operation is operation


def test_an_option_that_is_not_known_pays_nothing(shell: Any, harness: Harness) -> None:
    """A misspelled option is an InvalidCall that names the closest one."""
    with pytest.raises(InvalidCall) as caught:
        run(shell, "%%pixverse {first} {last} --sede 7\na boat")
    assert list(caught.value.fields) == ["--sede"]
    assert "'seed'" in caught.value.fields["--sede"]
    assert harness.paid == 0


@pytest.mark.parametrize("options", ["--seed", "--seed 7 --seed 8", "--quality --seed 7", '"', "--prompt boat"])
def test_a_line_that_cannot_be_read_pays_nothing(shell: Any, harness: Harness, options: str) -> None:
    """An option without its value, one given twice, an open quotation mark and a second prompt are refused."""
    with pytest.raises(InvalidCall):
        run(shell, f"%%pixverse {{first}} {{last}} {options}\na boat")
    assert harness.paid == 0


def test_values_and_pictures_are_checked_as_in_a_call(shell: Any, harness: Harness) -> None:
    """A wrong value names its field, a missing picture its role; nothing is sent."""
    assert set(problems(shell, "%%pixverse {first} {last} --duration 99\na boat")) == {"duration"}
    with pytest.raises(InvalidImage):
        run(shell, "%%pixverse nowhere.jpg {last}\na boat")
    assert harness.paid == 0


def test_the_tables_of_the_home(shell: Any) -> None:
    """`%pixverse jobs`, `doctor`, `models` and `spending` return what the client's methods return."""
    job = run(shell, "%%pixverse {first} {last} --quality 360p --seed 7\na boat")
    wait_for_video(job)
    assert isinstance(run(shell, "%pixverse jobs"), JobList)
    assert [one.ref for one in run(shell, "%pixverse jobs done")] == [job.ref]
    assert run(shell, "%pixverse jobs failed") == []
    assert isinstance(run(shell, "%pixverse doctor"), Report)
    assert isinstance(run(shell, "%pixverse models frames"), ModelTable)
    assert isinstance(run(shell, "%pixverse spending model"), SpendingTable)
    assert job.state is JobState.DONE


def test_a_command_that_is_not_known(shell: Any) -> None:
    """`%pixverse job` names `jobs`, and a word too many is refused."""
    assert "'jobs'" in problems(shell, "%pixverse job")["job"]
    assert set(problems(shell, "%pixverse")) == {"command"}
    assert set(problems(shell, "%pixverse jobs done now")) == {"now"}


def test_without_a_client_the_default_one_is_used(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable `client` of another kind is left alone: the default client of `pv.studio()` makes the video."""
    monkeypatch.setenv("PIXVERSE_NB_HOME", str(tmp_path / "default"))
    shell.user_ns["client"] = "somebody else's"
    assert run(shell, "%pixverse jobs") == []
    assert (tmp_path / "default" / "sandbox").is_dir()
    default_client().close()


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("%pixverse jo", "jobs"),
        ("%pixverse models fr", "frames"),
        ("%pixverse jobs fai", "failed"),
        ("%pixverse spending ", "sweep"),
        ("%%pixverse ", "--seed"),
        ("%%pixverse a.jpg b.jpg --se", "--seed"),
        ("%%pixverse a.jpg b.jpg --quality 7", "720p"),
        ("%%pixverse a.jpg b.jpg --model v5.", "v5.6"),
    ],
)
def test_the_line_is_completed(shell: Any, line: str, wanted: str) -> None:
    """The completer offers the commands, the options of the call, and the values of the catalogue."""
    with provisionalcompleter():
        assert wanted in {one.text for one in shell.Completer.completions(line, len(line))}
        del shell.user_ns["client"]  # the catalogue is known without it
        assert wanted in {one.text for one in shell.Completer.completions(line, len(line))}


@pytest.mark.parametrize("line", ["%%pixverse a.jpg b.jpg --", "%pixverse ", "%%pixverse a.jpg b.jpg --quality "])
def test_only_what_the_magic_takes_is_offered(shell: Any, line: str) -> None:
    """The names and words of Python are left out; every option and value begins as it should."""
    with provisionalcompleter():
        offered = {one.text for one in shell.Completer.completions(line, len(line))}
    assert offered
    assert not offered & {"--abs", "--print", "and", "if", "%alias"}


def test_an_error_shows_no_frame_of_ipython(shell: Any) -> None:
    """The traceback of a magic shows the cell and folds the rest."""
    error = shell.run_cell("%%pixverse {first} {last} --sede 7\na boat").error_in_exec
    assert isinstance(error, InvalidCall)
    lines = error._render_traceback_()
    assert sum("----> " in line for line in lines) == 1
