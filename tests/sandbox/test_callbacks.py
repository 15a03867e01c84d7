"""Callbacks to replyUrl: several a job, and only to this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pixverse_nb.sandbox.callbacks import is_loopback
from tests.sandbox.guest import Guest


class Receiver(ThreadingHTTPServer):
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Keep)
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}/done?x=1"


class _Keep(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Keep the body and answer the receiver's status."""
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "http://example.com/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Give a running receiver."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_progress_and_end_are_called(guest: Guest, receiver: Receiver) -> None:
    """A job is reported in the queue, generating, on the way and at its end, each time as its row with replyRef."""
    guest.control.switches.queue_s, guest.control.switches.generation_s = (2, 2), (60, 60)
    video_id = guest.create(replyUrl=receiver.url, replyRef="mine")
    for seconds in (0, 5, 20, 20, 20):
        guest.control.advance(seconds)
    assert [body["video_status_name"] for body in receiver.bodies] == ["QUEUED", *["GENERATING"] * 3, "COMPLETED"]
    assert [body["video_status_final"] for body in receiver.bodies] == [False, False, False, False, True]
    assert {(body["video_id"], body["replyRef"]) for body in receiver.bodies} == {(video_id, "mine")}
    assert set(receiver.bodies[-1]) == {*guest.row(video_id), "replyRef"}


def test_body_may_stand_under_response(guest: Guest, receiver: Receiver) -> None:
    """A switch puts the row under `response`."""
    guest.control.switches.callback_wrapped = True
    guest.create(replyUrl=receiver.url)
    guest.control.advance()
    assert set(receiver.bodies[0]) == {"response"}


def test_forgotten_job_is_reported_no_more(guest: Guest, receiver: Receiver) -> None:
    """DELETE /scheduler/<id> ends the callbacks."""
    video_id = guest.create(replyUrl=receiver.url)
    guest.control.advance()
    guest.call("DELETE", f"/scheduler/{video_id}")
    guest.control.advance(80)
    assert len(receiver.bodies) == 1


def test_failing_receiver_changes_nothing(guest: Guest, receiver: Receiver) -> None:
    """A receiver that fails, redirects or is not there leaves a note, and the job is completed."""
    receiver.status = 302
    moved = guest.create(replyUrl=receiver.url)
    guest.control.advance()
    receiver.status = 500
    guest.control.advance(200)
    nobody = guest.create(replyUrl="http://127.0.0.1:9/")
    guest.control.advance(200)
    assert [guest.row(one)["video_status"] for one in (moved, nobody)] == [1, 1]
    assert any("answered 500" in note for note in guest.control.notes)
    assert any("127.0.0.1:9 failed" in note for note in guest.control.notes)
    assert len(receiver.bodies) == 3  # the redirect was not followed


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "https://127.0.0.1/x", "http://192.168.1.1/", "http://[fe80::1]/"]
)
def test_other_machines_are_never_called(guest: Guest, url: str) -> None:
    """A replyUrl beyond this machine is accepted and noted, but not called."""
    guest.create(replyUrl=url)
    guest.control.advance()
    (note,) = guest.control.notes
    assert "refused" in note


def test_loopback_is_known() -> None:
    """localhost and loopback numbers are this machine, other names are not."""
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("", "example.com", "0.0.0.0", "127.0.0.1.example.com", "10.0.0.1")))  # noqa: S104 - not bound
