"""Webhooks to replyUrl: several per job, and only to this machine."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pixverse_nb.sandbox.webhooks import is_loopback
from tests.sandbox.api_client import ApiClient


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
        """Keep the body and answer with the receiver's status."""
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Location", "http://example.com/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Log nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a running receiver."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_progress_and_end_are_reported(api: ApiClient, receiver: Receiver) -> None:
    """A job sends its row with replyRef when queued, three times while generating, and at its end."""
    api.control.settings.queue_s, api.control.settings.generation_s = (2, 2), (60, 60)
    video_id = api.create(replyUrl=receiver.url, replyRef="mine")
    for seconds in (0, 5, 20, 20, 20):
        api.control.advance(seconds)
    assert [body["video_status_name"] for body in receiver.bodies] == ["QUEUED", *["GENERATING"] * 3, "COMPLETED"]
    assert [body["video_status_final"] for body in receiver.bodies] == [False, False, False, False, True]
    assert {(body["video_id"], body["replyRef"]) for body in receiver.bodies} == {(video_id, "mine")}
    assert set(receiver.bodies[-1]) == {*api.row(video_id), "replyRef"}


def test_row_can_be_wrapped(api: ApiClient, receiver: Receiver) -> None:
    """The setting `callback_wrapped` puts the row under `response`."""
    api.control.settings.callback_wrapped = True
    api.create(replyUrl=receiver.url)
    api.control.advance()
    assert set(receiver.bodies[0]) == {"response"}


def test_untracked_job_sends_no_webhooks(api: ApiClient, receiver: Receiver) -> None:
    """DELETE /scheduler/<id> stops the webhooks of a job."""
    video_id = api.create(replyUrl=receiver.url)
    api.control.advance()
    api.call("DELETE", f"/scheduler/{video_id}")
    api.control.advance(80)
    assert len(receiver.bodies) == 1


def test_failing_receiver_changes_nothing(api: ApiClient, receiver: Receiver) -> None:
    """A receiver that fails, redirects or is not running is logged, and the job completes."""
    receiver.status = 302
    moved = api.create(replyUrl=receiver.url)
    api.control.advance()
    receiver.status = 500
    api.control.advance(200)
    nobody = api.create(replyUrl="http://127.0.0.1:9/")
    api.control.advance(200)
    assert [api.row(one)["video_status"] for one in (moved, nobody)] == [1, 1]
    assert {entry.kind for entry in api.control.log} == {"webhook_rejected", "webhook_failed"}
    assert len(receiver.bodies) == 3  # redirects are not followed


@pytest.mark.parametrize(
    "url", ["http://example.com/x", "https://127.0.0.1/x", "http://192.168.1.1/", "http://[fe80::1]/"]
)
def test_other_machines_are_never_called(api: ApiClient, url: str) -> None:
    """A replyUrl on another machine is accepted and logged, but not called."""
    api.create(replyUrl=url)
    api.control.advance()
    assert [entry.kind for entry in api.control.log] == ["webhook_refused"]


def test_is_loopback() -> None:
    """localhost and loopback addresses are this machine, other hosts are not."""
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_loopback, ("", "example.com", "0.0.0.0", "127.0.0.1.example.com", "10.0.0.1")))  # noqa: S104 - not bound
