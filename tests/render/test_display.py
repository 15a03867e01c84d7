"""Outputs in a real IPython shell, in a terminal and in a plain script."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from pixverse_nb.errors import InvalidRequest
from pixverse_nb.render.display import LiveOutput, mime_bundle, show_bundle
from pixverse_nb.render.player import show
from tests.render.factories import a_video, an_mp4


class ClosedChannel:
    """The channel of a frontend that has disconnected: every message fails."""

    def publish(self, **message: Any) -> None:
        """Fail like a closed socket."""
        raise OSError("closed")


def test_a_bundle_is_one_output(outputs: list[dict[str, Any]]) -> None:
    """A notebook gets HTML and text in one output."""
    show_bundle(mime_bundle("<p>x</p>", "x"))
    (output,) = outputs
    assert output["data"] == {"text/html": "<p>x</p>", "text/plain": "x"}
    assert not output["update"]


def test_a_live_output_is_replaced_in_place(outputs: list[dict[str, Any]]) -> None:
    """Updates have the display id of the first output, so the saved notebook contains only the last one."""
    live = LiveOutput(mime_bundle("<p>1</p>", "1"))
    live.update(mime_bundle("<p>2</p>", "2"))
    first, second = outputs
    assert (first["update"], second["update"]) == (False, True)
    assert first["transient"] == second["transient"]
    assert second["data"]["text/html"] == "<p>2</p>"


def test_live_outputs_are_independent(outputs: list[dict[str, Any]]) -> None:
    """Each live output has its own display id."""
    LiveOutput(mime_bundle("a", "a"))
    LiveOutput(mime_bundle("b", "b"))
    assert outputs[0]["transient"] != outputs[1]["transient"]


def test_an_update_without_changes_is_not_sent(outputs: list[dict[str, Any]]) -> None:
    """A bundle that equals the current one is not published again."""
    live = LiveOutput(mime_bundle("a", "a"))
    live.update(mime_bundle("a", "a"))
    assert len(outputs) == 1


def test_any_thread_can_update(outputs: list[dict[str, Any]]) -> None:
    """A thread that runs no cell can replace the output."""
    live = LiveOutput(mime_bundle("a", "a"))
    thread = Thread(target=live.update, args=(mime_bundle("b", "b"),))
    thread.start()
    thread.join()
    assert [output["data"]["text/plain"] for output in outputs] == ["a", "b"]


def test_a_disconnected_frontend_raises_nothing(outputs: list[dict[str, Any]]) -> None:
    """A closed channel does not stop the thread that updates."""
    live = LiveOutput(mime_bundle("a", "a"))
    shell: Any = InteractiveShell.instance()
    shell.display_pub = ClosedChannel()
    live.update(mime_bundle("b", "b"))
    assert len(outputs) == 1


def run_python(code: str) -> str:
    """The standard output of a new interpreter that runs `code`."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_plain_script_gets_text() -> None:
    """Without IPython the text is printed once, updates do nothing, and IPython is not imported."""
    code = (
        "import sys; from pixverse_nb.render.display import LiveOutput, mime_bundle\n"
        "live = LiveOutput(mime_bundle('<p>', 'one'))\nlive.update(mime_bundle('<p>', 'two'))\n"
        "print(live.can_update, 'IPython' in sys.modules)"
    )
    assert run_python(code).splitlines() == ["one", "False False"]


def test_a_terminal_gets_the_card_once() -> None:
    """In IPython's terminal no output can be replaced, so only the first text is printed."""
    code = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell\n"
        "from traitlets.config import Config\n"
        "config = Config()\nconfig.HistoryManager.enabled = False\nShell.instance(config=config)\n"
        "from pixverse_nb.render.display import LiveOutput, mime_bundle\n"
        "live = LiveOutput(mime_bundle('<p>', 'one'))\nlive.update(mime_bundle('<p>', 'two'))\nprint(live.can_update)"
    )
    assert run_python(code).splitlines()[-2:] == ["one", "False"]


def test_a_video_is_shown(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """`show(video)` publishes the player once and returns None, so that the cell shows nothing else."""
    assert show(a_video(an_mp4(tmp_path / "x.mp4"))) is None
    (output,) = outputs
    assert "<video" in output["data"]["text/html"]


def test_any_mp4_is_shown(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """The path of an mp4 from elsewhere is shown with its own size."""
    show(str(an_mp4(tmp_path / "x.mp4", width=96, height=54)))
    assert "96 × 54" in outputs[0]["data"]["text/html"]


def test_other_files_are_rejected(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """A file that is not an mp4 is a wrong argument, and nothing is shown."""
    page = tmp_path / "x.mp4"
    page.write_text("<html>not found</html>")
    with pytest.raises(InvalidRequest):
        show(page)
    assert outputs == []


class BrokenStream(io.StringIO):
    """A standard output whose reader has gone."""

    def write(self, text: str) -> int:
        """Fail as a closed pipe does."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def closed_stream() -> io.StringIO:
    """Return a stream that is closed."""
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stream", [None, BrokenStream(), closed_stream()], ids=["missing", "broken", "closed"])
def test_a_message_without_standard_output_is_no_error(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO | None
) -> None:
    """Without a usable standard output a message is dropped and the work goes on."""
    monkeypatch.setattr("sys.stdout", stream)
    show_bundle(mime_bundle("<p>text</p>", "text"))


def test_characters_that_the_encoding_lacks_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a standard output with a narrow encoding the other characters of a message are still shown."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    monkeypatch.setattr("sys.stdout", stream)
    show_bundle(mime_bundle("<p>☕ 7</p>", "☕ 7"))
    assert raw.getvalue().strip() == b"? 7"
