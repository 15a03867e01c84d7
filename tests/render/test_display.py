"""Outputs in a real IPython shell, in a terminal and in a plain script."""

import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from pixverse_nb.errors import DownloadError
from pixverse_nb.render.display import LiveOutput, bundle_of, show_bundle
from pixverse_nb.render.player import show
from tests.render.factories import a_video, an_mp4


class ClosedChannel:
    """The channel of a frontend that has gone: whatever is sent fails."""

    def publish(self, **message: Any) -> None:
        """Fail as a closed socket does."""
        raise OSError("closed")


def test_a_bundle_is_one_output(outputs: list[dict[str, Any]]) -> None:
    """In a notebook HTML and text go out together, once."""
    show_bundle(bundle_of("<p>x</p>", "x"))
    (output,) = outputs
    assert output["data"] == {"text/html": "<p>x</p>", "text/plain": "x"}
    assert not output["update"]


def test_a_live_output_is_replaced_in_place(outputs: list[dict[str, Any]]) -> None:
    """Updates carry the display id of the first output, so the saved notebook holds only the last."""
    live = LiveOutput(bundle_of("<p>1</p>", "1"))
    live.update(bundle_of("<p>2</p>", "2"))
    first, second = outputs
    assert (first["update"], second["update"]) == (False, True)
    assert first["transient"] == second["transient"]
    assert second["data"]["text/html"] == "<p>2</p>"


def test_two_live_outputs_do_not_mix(outputs: list[dict[str, Any]]) -> None:
    """Each live output has a display id of its own."""
    LiveOutput(bundle_of("a", "a"))
    LiveOutput(bundle_of("b", "b"))
    assert outputs[0]["transient"] != outputs[1]["transient"]


def test_the_same_again_is_not_sent(outputs: list[dict[str, Any]]) -> None:
    """An update that changes nothing costs nothing."""
    live = LiveOutput(bundle_of("a", "a"))
    live.update(bundle_of("a", "a"))
    assert len(outputs) == 1


def test_an_update_may_come_from_another_thread(outputs: list[dict[str, Any]]) -> None:
    """A thread without a cell of its own replaces the output."""
    live = LiveOutput(bundle_of("a", "a"))
    thread = Thread(target=live.update, args=(bundle_of("b", "b"),))
    thread.start()
    thread.join()
    assert [output["data"]["text/plain"] for output in outputs] == ["a", "b"]


def test_a_frontend_that_has_gone_is_no_trouble(outputs: list[dict[str, Any]]) -> None:
    """A closed channel is no reason for the thread that reports to stop."""
    live = LiveOutput(bundle_of("a", "a"))
    shell: Any = InteractiveShell.instance()
    shell.display_pub = ClosedChannel()
    live.update(bundle_of("b", "b"))
    assert len(outputs) == 1


def run_python(code: str) -> str:
    """What a fresh interpreter writes on its standard output."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_a_plain_script_gets_text() -> None:
    """Without IPython the text is written once, updates are left out, and IPython is not even loaded."""
    code = (
        "import sys; from pixverse_nb.render.display import LiveOutput, bundle_of\n"
        "live = LiveOutput(bundle_of('<p>', 'one'))\nlive.update(bundle_of('<p>', 'two'))\n"
        "print(live.can_update, 'IPython' in sys.modules)"
    )
    assert run_python(code).splitlines() == ["one", "False False"]


def test_a_terminal_gets_the_card_once() -> None:
    """In IPython's terminal nothing can be replaced, so the first text stays alone."""
    code = (
        "from IPython.terminal.interactiveshell import TerminalInteractiveShell as Shell\n"
        "from traitlets.config import Config\n"
        "config = Config()\nconfig.HistoryManager.enabled = False\nShell.instance(config=config)\n"
        "from pixverse_nb.render.display import LiveOutput, bundle_of\n"
        "live = LiveOutput(bundle_of('<p>', 'one'))\nlive.update(bundle_of('<p>', 'two'))\nprint(live.can_update)"
    )
    assert run_python(code).splitlines()[-2:] == ["one", "False"]


def test_a_video_is_shown(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """`show(video)` puts out the player once and returns nothing that a cell would show again."""
    assert show(a_video(an_mp4(tmp_path / "x.mp4"))) is None  # type: ignore[func-returns-value]  # the fact tested
    (output,) = outputs
    assert "<video" in output["data"]["text/html"]


def test_any_mp4_is_shown(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """A path to a film that this package did not make plays too, at its own size."""
    show(str(an_mp4(tmp_path / "x.mp4", width=96, height=54)))
    assert "96 × 54" in outputs[0]["data"]["text/html"]


def test_what_is_no_film_is_refused(tmp_path: Path, outputs: list[dict[str, Any]]) -> None:
    """A file that is not an mp4 is a DownloadError and no broken player."""
    page = tmp_path / "x.mp4"
    page.write_text("<html>not found</html>")
    with pytest.raises(DownloadError):
        show(page)
    assert outputs == []
