"""Starting and stopping the server, and `serve` for the command line."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pixverse_nb.sandbox import Sandbox, serve
from pixverse_nb.sandbox.simulation import RenderTask
from tests.sandbox.api_client import CANNED_VIDEO, ApiClient, write_canned_video


@pytest.mark.usefixtures("all_stopped")
def test_stop_cleans_up() -> None:
    """Stopping closes the port and the threads and removes the temporary folder; a second stop does nothing."""
    before = set(threading.enumerate())
    box = Sandbox().start()
    folder = box._simulator.folder
    assert folder.is_dir()
    assert box.start() is box
    box.stop()
    box.stop()
    assert set(threading.enumerate()) <= before
    assert not folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", box.port)) != 0
    with pytest.raises(RuntimeError):
        box.start()


_STOPPED_LATE = """
import atexit, urllib.error, urllib.request
from pixverse_nb.sandbox import Sandbox
box = Sandbox(speed=0).start()
atexit.register(box.stop)
headers = {"Authorization": f"Bearer {box.token}", "Content-Type": "image/jpeg"}
try:
    urllib.request.urlopen(urllib.request.Request(f"{box.base_url}/files/", data=b"?", headers=headers))
except urllib.error.HTTPError as error:
    print(error.code)
"""


def test_it_stops_quietly_while_the_interpreter_ends() -> None:
    """Stopped when no thread can be started any more, also after a request that needed one, it prints no traceback."""
    command = [sys.executable, "-c", _STOPPED_LATE]
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "PYTHONPATH": root}
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "400\n", "")


def test_tokens_differ_and_stay_hidden() -> None:
    """Every sandbox creates a token of the vendor's form, which its repr does not show."""
    one, other = Sandbox(), Sandbox()
    assert one.token != other.token
    assert one.token.startswith("user:1001-")
    with one:
        assert one.token not in repr(one)


def test_taken_port_is_an_error() -> None:
    """Starting on a port that is in use raises OSError."""
    with Sandbox() as box, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        Sandbox(port=box.port).start()


def test_stop_sends_delayed_answers() -> None:
    """Stopping sends an answer that a fault delays at once."""
    accepted = threading.Event()

    def render(task: RenderTask, out_path: Path) -> None:
        write_canned_video(task, out_path)
        accepted.set()

    held: list[int] = []
    box = Sandbox(speed=0, render=render).start()
    api = ApiClient(box)
    with api.http:
        api.control.settings.queue_s = (0, 0)
        api.control.arm("late_answer", delay_s=9999)
        caller = threading.Thread(target=lambda: held.append(api.post_create().status_code))
        caller.start()
        assert accepted.wait(60)
        box.stop()
        caller.join()
    assert held == [200]


def test_real_video() -> None:
    """The default renderer makes a real mp4 with its index before its frames."""
    with Sandbox(speed=0) as box:
        api = ApiClient(box)
        with api.http:
            video_id = api.create("create-v4", first_frame_path=None, last_frame_path=None, prompt="x", quality="360p")
            api.control.advance(80)
            video = api.get_video(video_id).content
    assert video[4:8] == b"ftyp"
    assert video.index(b"moov") < video.index(b"mdat")


def test_time_runs_by_itself() -> None:
    """At a high speed a video is rendered without further calls."""
    ready = threading.Event()

    def render(task: RenderTask, out_path: Path) -> None:
        out_path.write_bytes(CANNED_VIDEO)
        ready.set()

    with Sandbox(speed=5000, render=render) as box:
        api = ApiClient(box)
        with api.http:
            api.create()
            assert ready.wait(60)


def test_serve_blocks_until_told() -> None:
    """`serve` calls `on_ready` and returns when `until` is set."""
    ended = threading.Event()
    seen: list[str] = []

    def ready(box: Sandbox) -> None:
        seen.append(box.base_url)
        ended.set()

    serve(token="user:5-chosen", speed=3, on_ready=ready, until=ended)
    assert seen[0].startswith("http://127.0.0.1:")


def test_serve_ends_at_sigterm() -> None:
    """SIGTERM ends `serve`, and the previous signal handler is restored."""
    before = signal.getsignal(signal.SIGTERM)
    serve(on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before
