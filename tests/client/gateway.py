"""A gateway between the client and the sandbox, which can withdraw a create route, and a host that only listens."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx

TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Withdrawal:
    """What the gateway answers to a create call instead of the vendor: a status and the new address, if any."""

    status: int
    location: str | None = None


@dataclass
class Heard:
    """One request as it arrived, header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


class Listener(ThreadingHTTPServer):
    """A server on loopback that records every request; answers 200 and a video id, as a create route does."""

    daemon_threads = True

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def reply(self, _: Heard) -> httpx.Response:
        """Return the answer to a request."""
        return httpx.Response(200, json={"video_id": "user:1-pixverse:b@example.com-video:1"})

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Serve until the end of the block."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class Gateway(Listener):
    """Passes every request on to `upstream`, except create calls while the route is withdrawn.

    `withdraw` withdraws the route at once, or after a number of further create calls. With `ignores_quotes` a question
    for a price is passed on as the paid call itself.
    """

    ignores_quotes = False

    def __init__(self, upstream: str) -> None:
        super().__init__()
        self._upstream = upstream
        self._http = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._lock = threading.Lock()
        self._withdrawal: Withdrawal | None = None
        self._passes = 0

    @property
    def created(self) -> list[Heard]:
        """The create calls that arrived."""
        return [one for one in self.heard if _is_create(one)]

    def withdraw(self, answer: Withdrawal | None, *, after: int = 0) -> None:
        """Answer create calls like this after `after` more of them; None serves the route again."""
        with self._lock:
            self._withdrawal, self._passes = answer, after

    def reply(self, heard: Heard) -> httpx.Response:
        """Return the vendor's answer, or the withdrawal."""
        with self._lock:
            answer = self._withdrawal if _is_create(heard) else None
            if answer is not None and self._passes > 0:
                self._passes -= 1
                answer = None
        if answer is not None:
            return httpx.Response(answer.status, headers={"location": answer.location} if answer.location else {})
        kept = {name: value for name, value in heard.headers.items() if name not in ("host", "connection")}
        body = heard.body
        if self.ignores_quotes and heard.path.endswith("/videos/upscale/"):
            body = json.dumps({**json.loads(body), "quote": False}).encode()
            kept["content-length"] = str(len(body))
        return self._http.request(heard.method, self._upstream + heard.path, headers=kept, content=body)

    def server_close(self) -> None:
        """Close the connections to the vendor too."""
        super().server_close()
        self._http.close()


def _is_create(heard: Heard) -> bool:
    return heard.method == "POST" and "/videos/create" in heard.path


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        heard = Heard(self.command, self.path, headers, body)
        self.server.heard.append(heard)
        answer = self.server.reply(heard)
        self.send_response(answer.status_code)
        for name in ("content-type", "location", "retry-after"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_GET  # noqa: N815  the name that the standard library looks up
    do_DELETE = do_GET  # noqa: N815  the same

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name in the standard library
        """Log nothing."""
