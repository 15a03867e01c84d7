"""The doctor at an address that is not the API's: it names the address and does not praise the token."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.doctor.report import Report, Severity

TOKEN = "user:123-abcdefgh"
HTML, JSON = "text/html", "application/json"


@contextmanager
def server(status: int, content_type: str, body: str) -> Iterator[str]:
    """Run a server that answers everything in one way; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "https://login.example.org/")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}/v2/pixverse"
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def report_on(url: str, tmp_path: Path) -> Report:
    """Return the doctor's report of a client with this address."""
    with Client(TOKEN, base_url=url, home=tmp_path / "home") as client:
        return client.doctor()


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, HTML, "<html>Welcome</html>"),
        (200, JSON, '{"status": "ok", "version": 3}'),
        (200, JSON, '{"data": {"items": []}, "meta": {}}'),
        (200, JSON, "[1, 2]"),
        (404, HTML, "<h1>Not Found</h1>"),
        (404, JSON, '{"detail": "Not Found"}'),
        (404, JSON, '{"error": "no such path"}'),
        (405, HTML, ""),
        (302, HTML, ""),
    ],
)
def test_an_address_that_is_not_the_api(tmp_path: Path, status: int, content_type: str, body: str) -> None:
    """One error names the address; nothing is said about token and accounts, and nothing else is asked."""
    with server(status, content_type, body) as url:
        report = report_on(url, tmp_path)
    (finding,) = (one for one in report if one.name == "address")
    assert (finding.severity, finding.kind, finding.data) == (Severity.ERROR, "not_the_api", {"status": status})
    assert url in finding.text
    assert not {one.name for one in report} & {"token", "accounts", "account", "slots", "vendor"}


def test_a_server_that_answers_everything_with_nothing(tmp_path: Path) -> None:
    """An empty object has no accounts, as the API may say; at another address the token is not said to be accepted."""
    with server(200, JSON, "{}") as url:
        report = report_on(url, tmp_path)
    (finding,) = (one for one in report if one.name == "accounts")
    assert finding.kind == "none"
    assert url in str(finding.fix)
    assert "token" not in {one.name for one in report}
