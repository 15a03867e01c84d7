"""The checklist of what only a live account can tell: free calls alone, and no secret in what it shows."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.client import Client
from pixverse_nb.doctor.report import Finding, Report, Severity
from pixverse_nb.domain.catalogue import Price
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.operations import Operation
from pixverse_nb.errors import InvalidRequest
from tests.client.harness import TIMING, Harness, create_job, wait_for_state, wait_for_video
from tests.extending.toy_backend import ToyBackend
from tests.extending.toy_server import KEY, ToyServer
from tests.render.factories import an_mp4

EMAIL = "maria@example.org"
TOKEN = "user:7-abcdefgh"
PROMPT = "a secret garden"
VIDEO_ID = f"user:7-pixverse:{EMAIL}-video:12"
ROWS = [
    {
        "video_id": VIDEO_ID,
        "video_status": 1,
        "model": "v6",
        "prompt": PROMPT,
        "original_video_id": 11,
        "extended": 1,
        "task_kind": "extend",
        "cost_credits": 35,
        EMAIL: 1,
    },
    {"video_id": VIDEO_ID.replace(":12", ":11"), "video_status": 44, "prompt": PROMPT},
]
ANSWERS: dict[str, Any] = {
    "accounts": {EMAIL: {"email": EMAIL, "maxJobs": 3}},
    "features": {"credit_monthly": 90, "off_peak_discount": 0.5},
    "videos": {"data": ROWS},
    "scheduler": [{"id": VIDEO_ID, "type": "video"}],
    "scheduler/available": {"available": [{"email": EMAIL, "maxJobs": 3, "executing": 1, "available": 2}]},
    "videos/restyles": {"data": [{"restyle_id": 7, "restyle_name": "clay"}]},
}


@contextmanager
def counting_server(answers: dict[str, Any]) -> Iterator[tuple[str, Counter[str]]]:
    """Serve `answers` by path (404 for any other), and count the requests by method."""
    methods: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            methods[self.command] += 1
            path, _, query = self.path.partition("?")
            value = answers.get(path.strip("/"))
            body = json.dumps({"data": []} if "offset=" in query else value or {"error": EMAIL}).encode()
            self.send_response(404 if value is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815  names of the library

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", methods
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def live(report: Report) -> dict[str, Finding]:
    """Return the findings of the checklist by their names, without the word in front."""
    return {one.name.removeprefix("live "): one for one in report if one.name.startswith("live ")}


@pytest.fixture
def answered(tmp_path: Path) -> tuple[Report, Counter[str]]:
    """Return the report about the server of `ANSWERS`, and its requests by method."""
    with (
        counting_server(ANSWERS) as (url, methods),
        Client(TOKEN, base_url=url, home=tmp_path / "home", timing=TIMING) as client,
    ):
        return client.doctor(live=True), methods


def test_only_get_requests_are_sent(answered: tuple[Report, Counter[str]]) -> None:
    """No POST goes out, not even the quote's; the quote and the routes are named with what they would tell."""
    report, methods = answered
    assert set(methods) == {"GET"}
    assert live(report)["quote"].kind == "untestable"
    assert {one.kind for name, one in live(report).items() if name.startswith("route ")} == {"paid"}


def test_what_the_answers_tell(answered: tuple[Report, Counter[str]]) -> None:
    """Each question has its answer, with the names of fields that no document has."""
    found = live(answered[0])
    assert {name: one.kind for name, one in found.items() if not name.startswith("route ")} == {
        "accounts": "found",
        "discounts": "not_found",
        "slots": "found",
        "running": "found",
        "model": "found",
        "charge": "found",
        "reference": "not_found",
        "source video": "found",
        "operation": "found",
        "off-peak rows": "untestable",
        "statuses": "found",
        "styles": "found",
        "speakers": "not_found",
        "models": "paid",
        "quote": "untestable",
        "refund": "untestable",
    }
    assert found["running"].data == {"running": 1, "ids": 1, "references": 0, "fields": ["id", "type"]}
    assert found["styles"].data == {"entries": 1, "fields": ["restyle_id", "restyle_name"]}
    assert "task_kind" in found["operation"].data["fields"]
    assert (found["discounts"].data["off-peak"], found["discounts"].data["preview"]) == (0.5, None)
    assert found["models"].data["working"] == ["v6"]
    assert max(map(len, (found["models"].text, *found["models"].details))) < 160
    listed = ", ".join(line.partition(": ")[2] for line in found["models"].details).split(", ")
    assert sorted(listed) == sorted(found["models"].data["credits"])
    assert found["models"].data["credits"]["v5.6"] == 30


def test_the_checklist_shows_no_secret(answered: tuple[Report, Counter[str]]) -> None:
    """No token, e-mail, prompt or message of the vendor is in the lines, the table or the data."""
    report, _ = answered
    shown = str(report) + report._repr_mimebundle_()["text/html"] + str([one.data for one in report])
    for secret in ("abcdefgh", "maria", "garden"):
        assert secret not in shown


def test_an_account_without_videos(harness: Harness, client: Client) -> None:
    """Nothing is listed: what rows would tell cannot be tested, every route needs a paid call, nothing is charged."""
    report = client.doctor(live=True)
    found = live(report)
    assert report.is_ok
    assert {found[name].kind for name in ("model", "charge", "operation", "source video")} == {"untestable"}
    routes = {name.removeprefix("route "): one for name, one in found.items() if name.startswith("route ")}
    assert set(routes) == set(Operation)
    assert {name: one.data["credits"] for name, one in routes.items()} == {
        "frames": 30,
        "text": 35,
        "image": 35,
        "transition": 30,
        "extend": 35,
        "upscale": 30,
        "restyle": None,
        "modify": None,
        "fusion": 50,
        "lipsync": None,
        "motion": None,
    }
    assert {found[name].kind for name in ("discounts", "slots", "styles", "speakers")} == {"found"}
    assert harness.paid == 0


def test_our_own_video_proves_its_route(harness: Harness, client: Client) -> None:
    """A finished job of this home proves the route and the model; a generation from elsewhere proves only the model."""
    wait_for_video(create_job(client, model="v6"))
    assert live(client.doctor(live=True))["route frames"].kind == "found"
    other = harness.open(home=harness.home.parent / "other")
    found = live(other.doctor(live=True))
    assert (found["route frames"].kind, found["route frames"].data["is_listed"]) == ("paid", True)
    assert "v6" not in found["models"].data["credits"]
    other.adopt_all()
    assert live(other.doctor(live=True))["route frames"].kind == "paid"


def test_a_running_job_tells_its_fields(manual_harness: Harness) -> None:
    """The spelling of the id in the list of running jobs is named."""
    manual_harness.control.settings.scheduler_id = "id"
    client = manual_harness.open()
    wait_for_state(create_job(client), JobState.QUEUED)
    found = live(client.doctor(live=True))["running"]
    assert (found.kind, found.data["ids"]) == ("found", 1)
    assert {"id", "type"} <= set(found.data["fields"])


def test_a_call_that_fails_is_a_warning(harness: Harness, client: Client) -> None:
    """A list that cannot be read is a warning of its own, and the other questions are still asked."""
    harness.control.arm("error_before", route="restyles", times=None)
    found = live(client.doctor(live=True))
    assert (found["styles"].kind, found["styles"].severity) == ("unreadable", Severity.WARNING)
    assert found["speakers"].kind == "found"


def test_the_prices_are_those_of_the_client(harness: Harness) -> None:
    """`Client(models=…)` adds its model to those that need a paid call."""
    row = {"operations": ["frames"], "durations": [5], "qualities": ["720p"], "price": Price({"720p": 77})}
    client = harness.open(models={"kling-9": row})
    assert live(client.doctor(live=True))["models"].data["credits"]["kling-9"] == 77


def test_live_and_offline_exclude_each_other(client: Client) -> None:
    """Both at once is an error that names the field."""
    with pytest.raises(InvalidRequest) as caught:
        client.doctor(live=True, offline=True)
    assert set(caught.value.fields) == {"live"}


def test_a_service_without_these_calls(tmp_path: Path) -> None:
    """A service that lists nothing leaves its questions open."""
    with (
        ToyServer(an_mp4(tmp_path / "served.mp4")) as server,
        Client(KEY, base_url=server.url, backend=ToyBackend(), home=tmp_path / "home") as client,
    ):
        found = live(client.doctor(live=True))
    assert {one.kind for one in found.values()} == {"untestable", "paid"}
