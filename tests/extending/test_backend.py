"""A second vendor is one file: a toy backend takes jobs to their videos without a change anywhere else."""

import asyncio
import hmac
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pixverse_nb.backends.base import CallbackIds
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.jobs.job import Job
from tests.client.harness import make_picture
from tests.extending.toy_backend import ToyBackend
from tests.extending.toy_server import KEY, ToyHandler, ToyServer
from tests.render.factories import an_mp4

# Faster than the real service, except for the timeouts: a busy machine is not the vendor's fault.
TIMING = replace(Timing().scaled(0.01), answer_timeout_s=60.0, deadline_s=600.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ToyServer]:
    """The toy vendor's server, running."""
    with ToyServer(an_mp4(tmp_path / "served.mp4")) as running:
        yield running


def open_client(server: ToyServer, home: Path) -> Client:
    """A client of the toy vendor."""
    return Client(KEY, base_url=server.url, backend=ToyBackend(), home=home, timing=TIMING)


def start_job(client: Client) -> Job:
    """The same request each time."""
    return client.create_frames(make_picture(1), make_picture(2), seed=7)


def test_the_backend_fits_in_sixty_lines() -> None:
    """The toy backend is one file of at most 60 lines."""
    assert len((Path(__file__).parent / "toy_backend.py").read_text().splitlines()) <= 60


def test_a_job_ends_with_its_video(server: ToyServer, tmp_path: Path) -> None:
    """A job goes from create_frames to a checked file on disk, one paid call in all."""
    with open_client(server, tmp_path / "home") as client:
        video = start_job(client).result(timeout=60)
        assert video.path.read_bytes() == server.video
    assert (len(server.calls), server.uploads) == (1, 2)
    assert server.calls[0]["inputs"].keys() == {"first", "last"}


def test_a_lost_answer_survives_a_restart_and_is_charged_once(server: ToyServer, tmp_path: Path) -> None:
    """The answer is lost and the client closes; the next client sends the same key again and gets the first video."""
    server.answers_to_lose = 1
    with open_client(server, tmp_path / "home") as client:
        job = start_job(client)
        lost = next_state(job, JobState.UNKNOWN)
        ref = lost.ref
    with open_client(server, tmp_path / "home") as client:
        assert client.job(ref).result(timeout=60).path.is_file()
    assert len({call["key"] for call in server.calls}) == 1
    assert len(server.calls) >= 2
    assert len(server.generations) == 1


def next_state(job: Job, state: JobState) -> Job:
    """Wait until the job has been in `state`."""

    reached = threading.Event()

    def look(changed: Job) -> None:
        if any(event.state is state for event in changed.events()):
            reached.set()

    unsubscribe = job.subscribe(look)
    look(job)
    assert reached.wait(60)
    unsubscribe()
    return job


class HoldingServer(ToyServer):
    """Holds its answer to the first poll until `may_answer`."""

    def __init__(self, video: Path) -> None:
        super().__init__(video)
        self.RequestHandlerClass = HoldingHandler
        self.is_polled = threading.Event()
        self.may_answer = threading.Event()


class HoldingHandler(ToyHandler):
    """Counts a poll when it begins."""

    server: HoldingServer

    def do_GET(self) -> None:  # noqa: N802 - the name is http.server's
        """Hold the first answer, and then answer like the toy vendor."""
        if not self.server.is_polled.is_set():
            self.server.is_polled.set()
            self.server.may_answer.wait(60)
        super().do_GET()


def test_a_poll_that_already_runs_does_not_answer_a_request(tmp_path: Path) -> None:
    """A poll that is requested while another one runs begins after it: the running one may be too old."""
    with HoldingServer(an_mp4(tmp_path / "served.mp4")) as server, open_client(server, tmp_path / "home") as client:
        start_job(client)
        assert server.is_polled.wait(60)
        engine = client._engine

        async def poll_during_a_poll() -> int:
            requested = asyncio.ensure_future(engine.poll_now())
            await asyncio.sleep(0)  # the request is made, and the first poll has no answer yet
            server.may_answer.set()
            await requested
            return server.polls[1]

        assert client._loop.call(poll_during_a_poll()) >= 2


class StrictBackend(ToyBackend):
    """A vendor with requirements of its own."""

    seed_min = 100
    prompt_required = True


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"seed": 99}, {"seed", "prompt"}),
        ({"seed": 99, "prompt": "a slow push in"}, {"seed"}),
        ({"seed": 100, "prompt": " "}, {"prompt"}),
    ],
)
def test_the_requirements_of_a_vendor_are_checked_first(
    server: ToyServer, tmp_path: Path, fields: dict[str, Any], wrong: set[str]
) -> None:
    """A seed below `seed_min` and a missing prompt raise InvalidRequest before a job is made or anything is sent."""
    home = tmp_path / "home"
    with Client(KEY, base_url=server.url, backend=StrictBackend(), home=home, timing=TIMING) as client:
        with pytest.raises(InvalidRequest) as caught:
            client.create_frames(make_picture(1), make_picture(2), **fields)
        assert caught.value.fields.keys() == wrong
        sweep = client.sweep(make_picture(1), make_picture(2), **fields)
        with pytest.raises(InvalidRequest) as caught:
            sweep.run().wait()
        assert caught.value.fields.keys() == wrong
        assert client.jobs() == []
    assert server.uploads == 0


class SigningBackend(ToyBackend):
    """A vendor that signs its callbacks."""

    signed_callbacks = True

    def verify_callback(self, body: bytes, headers: Mapping[str, str]) -> bool:
        """Compare the signature in the headers."""
        return hmac.compare_digest(headers.get("x-signature", ""), signature_of(body))

    def parse_callback(self, body: bytes) -> CallbackIds:
        """The body is the key of a job."""
        return CallbackIds(reply_refs=frozenset({body.decode()}))


def signature_of(body: bytes) -> str:
    """Return the toy vendor's signature."""
    return hmac.digest(KEY.encode(), body, "sha256").hex()


def test_a_callback_without_the_right_signature_is_ignored(tmp_path: Path) -> None:
    """Of a vendor that signs, only a callback with the right signature triggers a poll."""
    with (
        HoldingServer(an_mp4(tmp_path / "served.mp4")) as server,
        Client(KEY, base_url=server.url, backend=SigningBackend(), home=tmp_path / "home", timing=TIMING) as client,
        client.listen_webhooks() as listener,
    ):
        start_job(client)
        assert server.is_polled.wait(60)  # the job stays open, because its poll is held
        body = server.calls[0]["key"].encode()
        matched = []
        for signature in (None, "wrong", signature_of(body)):
            headers = {} if signature is None else {"X-Signature": signature}
            assert httpx.post(listener.url, content=body, headers=headers, trust_env=False).status_code == 200
            client._loop.call(asyncio.sleep(0))  # the listener handles a body after its answer
            matched.append((listener.received, listener.matched))
        server.may_answer.set()
    assert matched == [(1, 0), (2, 0), (3, 1)]
