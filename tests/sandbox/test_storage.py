"""A sandbox with a folder: restarts, kills, and several sandboxes on one folder."""

import shutil
import subprocess
import sys
from pathlib import Path

from pixverse_nb.sandbox import Sandbox
from tests.sandbox.api_client import CANNED_VIDEO, ApiClient, write_canned_video
from tests.sandbox.conftest import HeldRenderer


def test_restart_continues(tmp_path: Path) -> None:
    """A restarted sandbox has its jobs, uploads, credits and videos, and finishes the open jobs."""
    with Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as box:
        api = ApiClient(box)
        with api.http:
            path = api.upload()
            done = api.create(first_frame_path=path, replyRef="mine")
            api.control.advance(80)
            begun = api.create(first_frame_path=path, seed=3)
            api.control.advance(10)
            balance, now = api.control.balance(), api.control.now()
    with Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as box:
        api = ApiClient(box)
        with api.http:
            assert api.control.now() >= now
            assert api.control.balance() == balance
            assert [one.video_id for one in api.control.generations] == [done, begun]
            assert f":{box.port}/" in api.row(done)["url"]
            assert api.get_video(done).content == CANNED_VIDEO
            assert api.row(begun)["video_status"] in (9, 10)
            api.control.advance(80)
            assert api.row(begun)["video_status"] == 1
            assert api.get_video(begun).content == CANNED_VIDEO
            assert api.create(first_frame_path=path) not in (done, begun)


def test_accepted_job_is_stored_before_its_answer(tmp_path: Path) -> None:
    """A job is on disk before its create call is answered; the token never is."""
    with Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as box:
        api = ApiClient(box)
        with api.http:
            video_id = api.create()
            stored = [file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.json")]
            assert any(video_id in text for text in stored)
            assert not any(box.token in text for text in stored)


def test_kill_while_rendering(tmp_path: Path, held_renderer: HeldRenderer) -> None:
    """A sandbox that was killed while rendering renders the video again after a restart."""
    begun, released, render = held_renderer
    with Sandbox(speed=0, render=render, folder=tmp_path / "before") as box:
        api = ApiClient(box)
        with api.http:
            video_id = api.create()
            api.control.advance(10)
            assert begun.wait(60)
            api.rows()  # the state is on disk when a call is answered
            shutil.copytree(tmp_path / "before", tmp_path / "after")
        released.set()
    with Sandbox(speed=0, render=write_canned_video, folder=tmp_path / "after") as box:
        api = ApiClient(box)
        with api.http:
            api.control.advance(80)
            assert api.get_video(video_id).content == CANNED_VIDEO


UNSTOPPED = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pixverse_nb.sandbox import Sandbox
from tests.sandbox.api_client import ApiClient

begun = threading.Event()

def render(task, out_path):
    begun.set()
    while True:  # until the interpreter ends, which raises RuntimeError here
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()

api = ApiClient(Sandbox(speed=0, render=render, folder=sys.argv[1]).start())
with api.http:
    print(api.create())
api.control.advance(10)
begun.wait(60)
"""


def test_exit_of_the_interpreter_fails_no_job(tmp_path: Path) -> None:
    """A process that exits without stopping its sandbox leaves its jobs open, and the next one finishes them."""
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", UNSTOPPED, str(tmp_path)]
    ended = subprocess.run(run, cwd=root, capture_output=True, text=True, check=True)
    with Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as box:
        api = ApiClient(box)
        with api.http:
            api.control.advance(80)
            assert api.row(ended.stdout.strip())["video_status"] == 1


def test_two_sandboxes_share_a_folder(tmp_path: Path) -> None:
    """Two sandboxes on one folder see each other's jobs and overwrite nothing."""
    with (
        Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as one,
        Sandbox(speed=0, render=write_canned_video, folder=tmp_path) as other,
    ):
        first, second = ApiClient(one), ApiClient(other)
        with first.http, second.http:
            path = first.upload()
            mine = first.create(first_frame_path=path)
            yours = second.create(first_frame_path=path)
            assert [row["video_id"] for row in first.rows()] == [yours, mine]
            first.control.advance(80)
            assert {row["video_status"] for row in second.rows()} == {1}
            assert second.get_video(mine).content == CANNED_VIDEO
            second.call("DELETE", f"/videos/{mine}")
            assert [row["video_id"] for row in first.rows()] == [yours]
    with Sandbox(speed=0, folder=tmp_path) as box:
        api = ApiClient(box)
        with api.http:
            assert [(row["video_id"], row["video_status"]) for row in api.rows()] == [(yours, 1)]
