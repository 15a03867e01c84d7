"""The server of the toy vendor: it accepts a key once, can lose an answer, and finishes a job after two polls."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

KEY = "user:1-toyvendor"


class ToyServer(ThreadingHTTPServer):
    """What the vendor knows: `generations` by key, the paid `calls` that arrived, and `answers_to_lose`."""

    daemon_threads = True

    def __init__(self, video: Path) -> None:
        super().__init__(("127.0.0.1", 0), ToyHandler)
        self.video = video.read_bytes()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.answers_to_lose = 0
        self.calls: list[dict[str, Any]] = []
        self.generations: dict[str, int] = {}
        self.polls: dict[int, int] = {}
        self.uploads = 0

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class ToyHandler(BaseHTTPRequestHandler):
    """Answers one request to a `ToyServer`; a test may replace it with a hostile one."""

    server: ToyServer

    def do_POST(self) -> None:
        """Store an input, or accept a job."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["X-Api-Key"] != KEY:
            self.answer({"code": 1})
        elif self.path == "/inputs":
            self.server.uploads += 1
            self.answer({"code": 0, "result": {"id": self.server.uploads}})
        else:
            call = json.loads(body)
            self.server.calls.append(call)
            number = self.server.generations.setdefault(call["key"], len(self.server.generations) + 1)
            if self.server.answers_to_lose:
                self.server.answers_to_lose -= 1
                self.connection.close()
                return
            self.answer({"code": 0, "result": {"id": number}})

    def do_GET(self) -> None:
        """Return a job, or the video."""
        if self.path == "/video.mp4":
            self.send_response(200)
            self.send_header("Content-Length", str(len(self.server.video)))
            self.end_headers()
            self.wfile.write(self.server.video)
            return
        number = int(self.path.rpartition("/")[2])
        self.server.polls[number] = self.server.polls.get(number, 0) + 1
        row: dict[str, Any] = {"id": number, "state": 5}
        if self.server.polls[number] > 2:
            row = {"id": number, "state": 1, "file": f"{self.server.url}/video.mp4"}
        self.answer({"code": 0, "result": row})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Log nothing."""

    def answer(self, envelope: dict[str, Any]) -> None:
        """Send the vendor's envelope."""
        body = json.dumps(envelope).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
