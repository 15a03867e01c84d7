"""Callbacks as hints: they make the vendor's list be asked sooner, and nothing else."""

import asyncio
import json
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx
import pytest

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.webhooks import WebhookListener
from tests.client.harness import A_JOB_S, PATIENCE_S, TIMING, Harness, finished, order, reached, until

# The rhythm alone asks for the list after 32 s, longer than a test waits: the videos are expected in eleven days.
SPARSE = replace(TIMING, poll_s=4.0, typical_s=1e6)
# No list is asked for within a test unless something is wrong.
NEVER = replace(TIMING, poll_s=1000.0, typical_s=1e6)


@pytest.fixture
def quiet(still: Harness) -> Iterator[tuple[Harness, Client, WebhookListener]]:
    """Give a house whose client listens and asks for no list by itself."""
    client = still.open(timing=NEVER)
    with client.listen_webhooks() as listener:
        yield still, client, listener


def post(url: str, body: object) -> int:
    """Call `url` as a vendor or a forger does."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(url, content=data, timeout=PATIENCE_S, trust_env=False).status_code


def settled(client: Client) -> None:
    """Return when the client's thread has done all that was posted to it so far."""
    client._loop.call(asyncio.sleep(0))


def test_the_end_is_known_by_the_callback(still: Harness) -> None:
    """Each list that was asked for until the end of the job was asked for by a callback; the rhythm had not begun."""
    client = still.open(timing=SPARSE)
    with client.listen_webhooks() as listener:
        job = order(client)
        reached(job, JobState.QUEUED)
        still.control.advance(A_JOB_S)
        finished(job)
        assert still.control.requests["videos"] == listener.polls > 0
        assert listener.hints > 0
    assert still.paid == 1
    assert still.control.log == []


def test_a_lost_call_is_found_by_the_callback(still: Harness) -> None:
    """The answer of the paid call is lost; the callback names it, and the list then shows it: never sent again."""
    still.control.settings.reply_ref_in_rows = True
    still.control.arm("lost_answer", times=1)
    client = still.open(timing=SPARSE)
    with client.listen_webhooks():
        job = order(client)
        until(job, lambda changed: changed.state in (JobState.QUEUED, JobState.GENERATING))
        assert JobState.UNKNOWN in {event.state for event in job.events()}
    assert still.paid == 1


def test_a_forged_end_ends_nothing(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """A callback that says completed, failed or moderated changes neither state nor ledger."""
    house, client, listener = quiet
    job = order(client)
    reached(job, JobState.QUEUED)
    before = (job.state, len(job.events()))
    row = {
        "video_id": job.video_id,
        "replyRef": f"{job.ref}:1",
        "video_status_final": True,
        "url": "http://127.0.0.1:9/",
    }
    for status in (1, 7, 8):
        assert post(listener.url, {**row, "video_status": status}) == 200
        assert post(listener.url, {"response": {**row, "video_status": status, "errCode": 1}}) == 200
    settled(client)
    assert (job.state, len(job.events())) == before
    assert listener.heard >= 6
    assert house.paid == 1


def test_a_storm_of_callbacks_asks_no_more_than_the_rhythm_may(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """A hundred callbacks about an open job within `poll_s` cause no list at all: the last one is not that old."""
    house, client, listener = quiet
    job = order(client)
    reached(job, JobState.QUEUED)
    for _ in range(100):
        post(listener.url, {"replyRef": f"{job.ref}:1"})
    settled(client)
    assert listener.hints >= 100
    assert (listener.polls, house.control.requests["videos"]) == (0, 0)


def test_what_names_no_open_job_is_no_hint(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """Another's job, half a reference, one that has ended, a body without sense: heard, and nothing is done."""
    house, client, listener = quiet
    job = order(client)
    reached(job, JobState.QUEUED)
    house.control.advance()  # the sandbox has made its own call
    settled(client)
    before = listener.hints
    bodies: list[object] = [
        b"",
        b"no json",
        b"[" * 50_000,
        {},
        {"replyRef": "pv-other:1"},
        {"replyRef": job.ref},
        {"replyRef": job.ref[:-1] + ":1"},
        {"video_id": "user:1-pixverse:x@y.z-video:1"},
        {"deeper": {"response": {"replyRef": f"{job.ref}:1"}}},
    ]
    assert [post(listener.url, body) for body in bodies] == [200] * len(bodies)
    settled(client)
    assert listener.hints == before
    job.cancel()
    post(listener.url, {"replyRef": f"{job.ref}:1"})
    settled(client)
    assert listener.hints == before
    assert house.paid == 1


def test_the_address_is_sent_where_it_can_be_reached(still: Harness) -> None:
    """To a service on this machine, or with a public address, it goes along by itself; the person's own goes first."""
    client = still.open(timing=NEVER)
    assert order(client, seed=1).request.delivery.reply_url is None
    with client.listen_webhooks() as listener:
        assert order(client, seed=2).request.delivery.reply_url == listener.url
        assert (
            order(client, seed=3, reply_url="http://127.0.0.1:9/mine").request.delivery.reply_url
            == "http://127.0.0.1:9/mine"
        )
    assert order(client, seed=4).request.delivery.reply_url is None
    with client.listen_webhooks(public_url="https://tunnel.example/way/") as listener:
        assert str(order(client, seed=5).request.delivery.reply_url).startswith("https://tunnel.example/way/")
        assert urlsplit(listener.url).path.rpartition("/")[2] not in repr(order(client, seed=5))


def test_an_address_that_nobody_can_reach_is_not_sent(still: Harness) -> None:
    """With a vendor elsewhere and no public address, the listener's address stays here."""
    client = Client(token="user:1-abcdefgh", base_url="https://api.example/v2", home=still.home)
    with client, client.listen_webhooks() as listener:
        assert listener.reply_url is None
        assert listener.url.startswith("http://127.0.0.1:")


def test_the_same_call_is_the_same_job_with_and_without_a_listener(still: Harness) -> None:
    """The address makes no other video: nothing is paid again because somebody listens now."""
    client = still.open(timing=NEVER)
    job = order(client)
    with client.listen_webhooks():
        assert order(client) is job


def test_one_listener_at_a_time(still: Harness) -> None:
    """A second one is refused while the first is open; closing twice is one closing."""
    client = still.open()
    first = client.listen_webhooks()
    with pytest.raises(ConfigError, match=f"port {first.port}"):
        client.listen_webhooks()
    first.close()
    first.close()
    assert client.listen_webhooks(first.port).port == first.port


def test_it_ends_with_its_client(still: Harness) -> None:
    """After `close()` nobody listens, and the listener says so."""
    client = still.open()
    listener = client.listen_webhooks()
    client.close()
    listener.close()
    assert "closed" in repr(listener)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port))
    with pytest.raises(ConfigError, match="closed"):
        client.listen_webhooks()


@pytest.mark.parametrize("public_url", ["", "tunnel.example", "ftp://x", "https://a b", "https://x/" + "a" * 1000])
def test_a_strange_public_address_is_refused(still: Harness, public_url: str) -> None:
    """What is no http(s) address, or leaves no room for the path, is a ConfigError; nothing listens."""
    client = still.open()
    with pytest.raises(ConfigError, match="public_url"):
        client.listen_webhooks(public_url=public_url)
    client.listen_webhooks()


def test_the_secret_path_is_not_told(
    quiet: tuple[Harness, Client, WebhookListener], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the log, nor the listener's words, nor the job's history and line of Python hold it."""
    caplog.set_level(logging.DEBUG, logger="pixverse_nb")
    caplog.set_level(logging.DEBUG, logger="asyncio")
    _, client, listener = quiet
    secret = listener.url.rpartition("/")[2]
    job = order(client)
    reached(job, JobState.QUEUED)
    job.cancel()
    said = " ".join(
        [repr(listener), repr(job), repr(job.request), repr(job.events()), repr(client.jobs()), caplog.text]
    )
    assert secret in str(job.request.delivery.reply_url)
    assert secret not in said
