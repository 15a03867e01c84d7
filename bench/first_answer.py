"""From the start of a process to its first answer: ours beside fal_client, each asking one server on this machine.

Ours asks for the balance and fal_client for the status of a request; both print what they got. They run in turn, so
that both meet the same load. fal_client knows its own hosts only: its address is replaced, which costs nothing.
"""

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.fixtures import compiled_modules

RUNS = 15

_STATUS = {"status": "IN_PROGRESS", "logs": []}
_BALANCE = {"credit_monthly": 40}

OURS = """
import pixverse_nb as pv
client = pv.Client(token="user:1-benchbenchbench", base_url={url!r}, home={home!r})
print(client.balance)
"""
THEIRS = """
import fal_client
fal_client.client.QUEUE_URL_FORMAT = {url!r} + "/"
print(fal_client.SyncClient(key="bench:bench").status("bench/model", "1"))
"""
ANSWERED = """{code}
import sys, time
sys.stdout.flush()
print(time.process_time())
"""
HTTPX = """
import httpx
print(httpx.get({url!r} + "/features/").json())
"""


class Answers(BaseHTTPRequestHandler):
    """Answers both questions at once."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a status for fal_client, or a balance."""
        answer = _STATUS if "/requests/" in self.path else _BALANCE
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Print how long each takes, and the ratio."""
    with server() as url, tempfile.TemporaryDirectory() as folder:
        home, environment = str(Path(folder, "home")), compiled_modules(Path(folder))
        programs = {"ours": OURS.format(url=url, home=home), "httpx alone": HTTPX.format(url=url)}
        if importlib.util.find_spec("fal_client") is None:
            print("fal_client is not installed, so there is nothing to compare with. Install it and run again.")
        else:
            programs["fal_client"] = THEIRS.format(url=url)
        for code in programs.values():
            answer_s(code, environment)  # compiles the modules, and makes the home
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for _ in range(RUNS):
            for name, code in programs.items():
                taken[name].append(answer_s(code, environment))
    for name, runs in taken.items():
        waited, used = zip(*runs, strict=True)
        print(
            f"process start to first answer, {name}: {statistics.median(waited) * 1e3:.0f} ms, best "
            f"{min(waited) * 1e3:.0f} ms ({statistics.median(used) * 1e3:.0f} ms of the processor)"
        )
        if name != "ours":
            print(f"  ours / {name}: {ratio(taken, name, 0):.2f} ({ratio(taken, name, 1):.2f} of the processor)")
    print("wanted at most 1.1 × fal_client")


def ratio(taken: dict[str, list[tuple[float, float]]], name: str, at: int) -> float:
    """Return the median ratio of ours to another program, run by run; `at` is 0 for waiting, 1 for the processor."""
    return statistics.median(ours[at] / other[at] for ours, other in zip(taken["ours"], taken[name], strict=True))


def answer_s(code: str, environment: Mapping[str, str]) -> tuple[float, float]:
    """Return the seconds until a fresh interpreter has printed its answer, and those of the processor until then."""
    started = time.perf_counter()
    command = [sys.executable, "-c", ANSWERED.format(code=code)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        answer = process.stdout.readline() if process.stdout else ""
        waited = time.perf_counter() - started
        used = process.stdout.readline() if process.stdout else ""
    if process.returncode or not answer:
        raise RuntimeError("a program gave no answer; see its error above")
    return waited, float(used)


@contextmanager
def server() -> Iterator[str]:
    """Give the address of a server on a free port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


if __name__ == "__main__":
    main()
