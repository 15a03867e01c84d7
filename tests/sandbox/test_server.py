"""The server itself: start, stop, restart with a folder, the page, and the blocking way for the command line."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixverse_nb.sandbox import Sandbox, serve
from pixverse_nb.sandbox.clock import Clock
from pixverse_nb.sandbox.stage import Renderer
from tests.sandbox.guest import CANNED_FILM, Guest, canned_film


@pytest.mark.usefixtures("alone")
def test_start_and_stop_leave_nothing() -> None:
    """A stopped sandbox has closed its port, its threads and its temporary folder; stopping again does nothing."""
    before = set(threading.enumerate())
    box = Sandbox().start()
    folder = box._stage.folder
    assert folder.is_dir()
    assert box.start() is box
    box.stop()
    box.stop()
    assert set(threading.enumerate()) <= before
    assert not folder.exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", box.port)) != 0
    with pytest.raises(RuntimeError, match="another one"):
        box.start()


def test_tokens_differ_and_stay_hidden() -> None:
    """Each sandbox draws a token of the vendor's form, which its repr does not show."""
    one, other = Sandbox(), Sandbox()
    assert one.token != other.token
    assert one.token.startswith("user:1001-")
    with one:
        assert one.token not in repr(one)


def test_taken_port_is_an_error() -> None:
    """A port that is in use is an OSError at start."""
    with Sandbox() as box, pytest.raises(OSError, match="in use"):
        Sandbox(port=box.port).start()


def test_waiting_answers_end_with_the_server() -> None:
    """Stopping does not wait for an answer that a fault holds back: the answer goes out at once."""
    accepted = threading.Event()

    def render(first: bytes, last: bytes, out_path: Path, **_: object) -> None:
        canned_film(first, last, out_path)
        accepted.set()

    held: list[int] = []
    box = Sandbox(speed=0, render=render).start()
    guest = Guest(box)
    with guest.http:
        guest.control.switches.queue_s = (0, 0)
        guest.control.arm("late_answer", delay_s=9999)
        caller = threading.Thread(target=lambda: held.append(guest.post().status_code))
        caller.start()
        assert accepted.wait(30)
        box.stop()
        caller.join()
    assert held == [200]


def test_page_says_what_this_is(steady: Guest) -> None:
    """The root shows a page with the routes, nothing from outside, and no token."""
    answer = steady.http.get(steady.box.base_url.removesuffix("v2/pixverse"))
    assert answer.headers["content-type"].startswith("text/html")
    assert "/videos/create-frames-v3" in answer.text
    assert "costs nothing" in answer.text
    assert steady.box.token not in answer.text
    assert "https://" not in answer.text


def test_requests_are_counted_by_route(guest: Guest) -> None:
    """control.requests counts each call by the name of its route, refused ones too."""
    guest.rows()
    guest.call("GET", "/videos/")
    guest.call("GET", "/features", headers={"Authorization": "wrong"})
    assert guest.control.requests == {"videos": 2, "features": 1}


def test_restart_goes_on_with_its_jobs(tmp_path: Path) -> None:
    """With a folder a restarted sandbox knows its jobs, uploads, credits and films, and finishes what was open."""
    with Sandbox(speed=0, render=canned_film, folder=tmp_path) as box:
        guest = Guest(box)
        with guest.http:
            path = guest.upload()
            done = guest.create(first_frame_path=path, replyRef="mine")
            guest.control.advance(80)
            begun = guest.create(first_frame_path=path, seed=3)
            guest.control.advance(10)
            balance, now = guest.control.balance(), guest.control.now()
    with Sandbox(speed=0, render=canned_film, folder=tmp_path) as box:
        guest = Guest(box)
        with guest.http:
            assert guest.control.now() >= now
            assert guest.control.balance() == balance
            assert [one.video_id for one in guest.control.generations] == [done, begun]
            assert f":{box.port}/" in guest.row(done)["url"]
            assert guest.film(done).content == CANNED_FILM
            assert guest.row(begun)["video_status"] in (9, 10)
            guest.control.advance(80)
            assert guest.row(begun)["video_status"] == 1
            assert guest.film(begun).content == CANNED_FILM
            assert guest.create(first_frame_path=path) not in (done, begun)


def test_accepted_job_is_stored_before_its_answer(tmp_path: Path) -> None:
    """When a create is answered its job is on disk already."""
    with Sandbox(speed=0, render=canned_film, folder=tmp_path) as box:
        guest = Guest(box)
        with guest.http:
            video_id = guest.create()
            stored = [file.read_text(encoding="utf-8") for file in tmp_path.rglob("*.json")]
            assert any(video_id in text for text in stored)
            assert not any(box.token in text for text in stored)


Held = tuple[threading.Event, threading.Event, Renderer]


@pytest.fixture
def held() -> Iterator[Held]:
    """Give a renderer that says when it has begun, and holds its film back until it is released."""
    begun, released = threading.Event(), threading.Event()

    def render(first: bytes, last: bytes, out_path: Path, **_: object) -> None:
        begun.set()
        released.wait(30)
        canned_film(first, last, out_path)

    yield begun, released, render
    released.set()


def test_job_is_complete_when_its_film_is(held: Held) -> None:
    """A job that is due goes on generating until its film has been made."""
    begun, released, render = held
    with Sandbox(speed=0, render=render) as box:
        guest = Guest(box)
        with guest.http:
            video_id = guest.create()
            waiting = threading.Thread(target=guest.control.advance, args=(80,))
            waiting.start()
            assert begun.wait(30)
            assert guest.row(video_id)["video_status"] in (9, 10)
            released.set()
            waiting.join()
            assert guest.row(video_id)["video_status"] == 1


def test_kill_while_a_film_is_made(tmp_path: Path, held: Held) -> None:
    """A sandbox that was killed while it made a film makes it again when it comes back."""
    begun, released, render = held
    with Sandbox(speed=0, render=render, folder=tmp_path / "before") as box:
        guest = Guest(box)
        with guest.http:
            video_id = guest.create()
            guest.control.advance(10)
            assert begun.wait(30)
            guest.rows()  # what has happened is on disk when a call is answered
            shutil.copytree(tmp_path / "before", tmp_path / "after")
        released.set()
    with Sandbox(speed=0, render=canned_film, folder=tmp_path / "after") as box:
        guest = Guest(box)
        with guest.http:
            guest.control.advance(80)
            assert guest.film(video_id).content == CANNED_FILM


LEFT_ALONE = """
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pixverse_nb.sandbox import Sandbox
from tests.sandbox.guest import Guest

begun = threading.Event()

def render(first, last, out_path, **_):
    begun.set()
    while True:  # at work until the interpreter ends, which shows as a RuntimeError here
        with ThreadPoolExecutor(1) as pool:
            pool.submit(int).result()

guest = Guest(Sandbox(speed=0, render=render, folder=sys.argv[1]).start())
with guest.http:
    print(guest.create())
guest.control.advance(10)
begun.wait(30)
"""


def test_exit_of_the_interpreter_fails_no_job(tmp_path: Path) -> None:
    """A process that ends without stopping its sandbox leaves its jobs open, and the next one finishes them."""
    root = Path(__file__).parents[2]
    run = [sys.executable, "-c", LEFT_ALONE, str(tmp_path)]
    ended = subprocess.run(run, cwd=root, capture_output=True, text=True, check=True)
    with Sandbox(speed=0, render=canned_film, folder=tmp_path) as box:
        guest = Guest(box)
        with guest.http:
            guest.control.advance(80)
            assert guest.row(ended.stdout.strip())["video_status"] == 1


def test_two_sandboxes_share_a_folder(tmp_path: Path) -> None:
    """Two sandboxes on one folder see each other's jobs, and neither overwrites what the other has done."""
    with (
        Sandbox(speed=0, render=canned_film, folder=tmp_path) as one,
        Sandbox(speed=0, render=canned_film, folder=tmp_path) as other,
    ):
        first, second = Guest(one), Guest(other)
        with first.http, second.http:
            path = first.upload()
            mine = first.create(first_frame_path=path)
            yours = second.create(first_frame_path=path)
            assert [row["video_id"] for row in first.rows()] == [yours, mine]
            first.control.advance(80)
            assert {row["video_status"] for row in second.rows()} == {1}
            assert second.film(mine).content == CANNED_FILM
            second.call("DELETE", f"/videos/{mine}")
            assert [row["video_id"] for row in first.rows()] == [yours]
    with Sandbox(speed=0, folder=tmp_path) as box:
        guest = Guest(box)
        with guest.http:
            assert [(row["video_id"], row["video_status"]) for row in guest.rows()] == [(yours, 1)]


def test_video_ids_of_two_sandboxes_differ() -> None:
    """Two worlds never give the same video_id, so that a ledger which knew both would not mix them up."""
    ids = []
    for _ in range(2):
        with Sandbox(speed=0, render=canned_film) as box:
            guest = Guest(box)
            with guest.http:
                ids.append(guest.create())
    assert ids[0] != ids[1]


def test_real_film_is_made() -> None:
    """Without a stand-in the film is a real mp4."""
    with Sandbox(speed=0) as box:
        guest = Guest(box)
        with guest.http:
            video_id = guest.create(
                "create-v4", first_frame_path=None, last_frame_path=None, prompt="x", quality="360p"
            )
            guest.control.advance(80)
            film = guest.film(video_id).content
    assert film[4:8] == b"ftyp"
    assert film.index(b"moov") < film.index(b"mdat")


def test_time_runs_by_itself() -> None:
    """At a high speed the film of a job is made without anyone asking for it."""
    ready = threading.Event()

    def render(first: bytes, last: bytes, out_path: Path, **_: object) -> None:
        out_path.write_bytes(CANNED_FILM)
        ready.set()

    with Sandbox(speed=5000, render=render) as box:
        guest = Guest(box)
        with guest.http:
            guest.create()
            assert ready.wait(30)


def test_serve_blocks_until_told() -> None:
    """`serve` tells when it answers, and returns when it is told to end."""
    ended = threading.Event()
    seen: list[str] = []

    def ready(box: Sandbox) -> None:
        seen.append(box.base_url)
        ended.set()

    serve(token="user:5-chosen", speed=3, on_ready=ready, until=ended)
    assert seen[0].startswith("http://127.0.0.1:")


def test_serve_ends_at_sigterm() -> None:
    """SIGTERM ends `serve` in an orderly way, and the signal's former meaning comes back."""
    before = signal.getsignal(signal.SIGTERM)
    serve(on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert signal.getsignal(signal.SIGTERM) is before


def test_clock_runs_at_its_speed() -> None:
    """The clock multiplies real time by its speed, from the moment at which the speed was set."""
    real = [100.0]
    clock = Clock(speed=10, start=1000.0, tick=lambda: real[0])
    real[0] += 2
    assert clock.now() == 1020.0
    clock.speed = 1
    real[0] += 2
    assert clock.now() == 1022.0
    assert clock.real_wait_s(1032.0) == 10.0
    clock.speed = 0
    real[0] += 5
    assert (clock.now(), clock.real_wait_s(1032.0), clock.real_wait_s(1000.0)) == (1022.0, None, 0.0)
    clock.advance(8)
    assert (clock.now(), clock.stamp()) == (1030.0, 1030.0)
    for wrong in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="forward"):
            clock.advance(wrong)
        with pytest.raises(ValueError, match="speed"):
            clock.speed = wrong
