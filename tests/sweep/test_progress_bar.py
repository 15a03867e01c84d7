"""The progress bar of a sweep never decides over the work."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pixverse_nb.client import Client
from pixverse_nb.errors import JobTimeout
from tests.client.harness import WAIT_LIMIT_S, Harness
from tests.sweep.small_sweeps import small_sweep

ROOT = Path(__file__).parents[2]
CODE = """
import sys, pixverse_nb as pv
from tests.client.harness import TIMING
from tests.sweep.small_sweeps import small_sweep
with pv.Client(sys.argv[1], base_url=sys.argv[2], home=sys.argv[3], timing=TIMING) as client:
    sys.stdout.write(str(small_sweep(client, seed=[1, 2]).run(timeout=180).progress.done))
"""


class BrokenStream(io.TextIOBase):
    """A stream whose other end is gone."""

    def write(self, _text: str) -> int:
        """Fail as a closed pipe does."""
        raise BrokenPipeError(32, "Broken pipe")

    def flush(self) -> None:
        """Fail as a closed pipe does."""
        raise BrokenPipeError(32, "Broken pipe")


def test_a_sweep_runs_without_anybody_who_reads_its_bar(
    client: Client, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If standard error is a pipe that nobody reads, the bar is left out and the sweep runs to its end."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", BrokenStream())
        sweep = small_sweep(client, seed=[1, 2]).run(timeout=WAIT_LIMIT_S)
    assert (sweep.progress.done, harness.paid) == (2, 2)


def test_the_bar_shows_the_title_safely(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    """A title with control characters cannot steer the terminal that shows the bar."""
    small_sweep(client, seed=[1], title="red\x1b[31m\x07").run(timeout=WAIT_LIMIT_S)
    shown = capsys.readouterr().err
    assert "red" in shown
    assert "\x1b[31m" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize("name", ["TQDM_MININTERVAL", "TQDM_NCOLS"])
def test_an_unusable_variable_of_tqdm_does_not_stop_a_sweep(harness: Harness, name: str) -> None:
    """If tqdm cannot use one of its variables, there is no bar, and the sweep runs to its end."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, harness.sandbox.token, harness.sandbox.base_url, str(harness.home)],
        env={**os.environ, "PYTHONPATH": str(ROOT), name: "wide"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "2"), done.stderr
    assert "Traceback" not in done.stderr
    assert harness.paid == 2


def test_the_bar_ends_with_the_waiting(manual_harness: Harness, capsys: pytest.CaptureFixture[str]) -> None:
    """If the waiting ends before the sweep, the bar ends its line and is not drawn again."""
    sweep = small_sweep(manual_harness.open(), seed=[1])
    with pytest.raises(JobTimeout):
        sweep.run(timeout=0.1)
    assert capsys.readouterr().err.endswith("\n")
    manual_harness.wait_for_accepted(1)
    sweep.jobs[0].cancel()
    sweep.wait(WAIT_LIMIT_S, quiet=True)
    assert capsys.readouterr().err == ""
