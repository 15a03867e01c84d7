"""What IPython shows of an error and of an interrupt: the message, the user's own lines, and how much is folded."""

from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from tests.render.conftest import outputs as outputs  # a fixture

TOKEN = "user:1001-secretpart"
INTERRUPTED = """
import pixverse_nb.event_loop as event_loop

class Waiting:
    def done(self):
        raise KeyboardInterrupt

event_loop.wait_for_future(Waiting(), None)
"""


@pytest.fixture
def shell(outputs: list[dict[str, Any]]) -> Any:
    """Return a real IPython shell that prints without colours."""
    shell: Any = InteractiveShell.instance()
    shell.colors = "nocolor"
    shell.run_cell("import pixverse_nb as pv")
    return shell


def shown(shell: Any, capsys: pytest.CaptureFixture[str], cell: str) -> list[str]:
    """Return the lines that a cell prints."""
    capsys.readouterr()
    shell.run_cell(cell)
    return capsys.readouterr().out.splitlines()


def test_the_message_comes_first_and_our_frames_are_folded(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line has the name of the error; of the frames only those of the user's code have a line."""
    lines = shown(shell, capsys, "def mine(x):\n    return pv.show(x)\n\nmine(5)")
    assert lines[0].startswith("InvalidRequest:")
    assert [line.split()[1] for line in lines if line.startswith("----> ")] == ["4", "2"]
    assert not any("player.py" in line for line in lines)
    assert lines[-1].startswith("…")


def test_tb_shows_every_frame(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """`%tb` after a folded error shows the frames of this package too; a new error is folded again."""
    shown(shell, capsys, "pv.show(5)")
    assert any("player.py" in line for line in shown(shell, capsys, "%tb"))
    assert not any("player.py" in line for line in shown(shell, capsys, "pv.show(5)"))


def test_the_library_code_of_a_callback_is_folded_too(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Frames of the standard library below ours have no line of their own, those above ours have."""
    lines = shown(shell, capsys, "import threading\nthreading.Thread(target=lambda: pv.show(5)).run()")
    places = [line for line in lines if "line" in line and not line.startswith("---->")]
    assert ["threading.py" in place for place in places] == [False, True, False]


def test_a_secret_in_the_line_is_not_shown(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the cell that the traceback repeats has no token in it."""
    lines = shown(shell, capsys, f"pv.Client(token={TOKEN!r}, tokken=1)")
    assert any("tokken" in line for line in lines)
    assert not any("secretpart" in line for line in lines)


def test_an_interrupt_of_our_waiting_is_folded(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A KeyboardInterrupt in one of our waits shows no frame of ours."""
    lines = shown(shell, capsys, INTERRUPTED)
    assert lines[0].startswith("KeyboardInterrupt")
    assert not any("event_loop.py" in line for line in lines)


def test_an_interrupt_inside_a_call_is_folded(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A KeyboardInterrupt that arrives while our code computes shows no frame of ours; `%tb` shows them."""
    cell = "class Slow:\n    def __fspath__(self):\n        raise KeyboardInterrupt\npv.Video.from_path(Slow())"
    lines = shown(shell, capsys, f"import os\n{cell.replace('class Slow:', 'class Slow(os.PathLike):')}")
    assert lines[0].startswith("KeyboardInterrupt")
    assert not any("arguments.py" in line for line in lines)
    assert any("arguments.py" in line for line in shown(shell, capsys, "%tb"))


def test_an_error_of_the_user_is_not_folded(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Any other error is IPython's own business: it ends with its message."""
    lines = shown(shell, capsys, "1 / 0")
    assert lines[-1].startswith("ZeroDivisionError")
