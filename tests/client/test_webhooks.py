"""Webhooks trigger early polls, and nothing else."""

import asyncio
import json
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
from tests.client.harness import (
    LONGEST_JOB_S,
    TIMING,
    WAIT_LIMIT_S,
    Harness,
    create_job,
    wait_for_state,
    wait_for_video,
    wait_until,
)

# Without webhooks the first poll comes after 32 s, longer than a test waits: the videos are expected in eleven days.
SPARSE = replace(TIMING, poll_s=4.0, typical_s=1e6)
# Within a test nothing may poll.
NEVER = replace(TIMING, poll_s=1000.0, typical_s=1e6)


@pytest.fixture
def quiet(manual_harness: Harness) -> Iterator[tuple[Harness, Client, WebhookListener]]:
    """Give a harness whose client listens and never polls by itself."""
    client = manual_harness.open(timing=NEVER)
    with client.listen_webhooks() as listener:
        yield manual_harness, client, listener


def post(url: str, body: object) -> int:
    """Send a webhook as the vendor or a forger would; return the status."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(url, content=data, timeout=WAIT_LIMIT_S, trust_env=False).status_code


def settled(client: Client) -> None:
    """Return when the client's thread has done everything that was scheduled so far."""
    for _ in range(2):  # the body is passed on one step after the answer
        client._loop.call(asyncio.sleep(0))


def test_a_webhook_reveals_the_end(manual_harness: Harness) -> None:
    """Every poll up to the end of the job was triggered by a webhook; regular polling had not started."""
    client = manual_harness.open(timing=SPARSE)
    with client.listen_webhooks() as listener:
        job = create_job(client)
        wait_for_state(job, JobState.QUEUED)
        manual_harness.control.advance(LONGEST_JOB_S)
        wait_for_video(job)
        assert manual_harness.control.requests["videos"] == listener.polls > 0
        assert listener.matched > 0
    assert manual_harness.paid == 1
    assert manual_harness.control.log == []


def test_a_webhook_finds_a_lost_call(manual_harness: Harness) -> None:
    """If the answer to a paid call is lost, a webhook names it, a poll confirms it, and nothing is sent again."""
    manual_harness.control.settings.reply_ref_in_rows = True
    manual_harness.control.arm("lost_answer", times=1)
    client = manual_harness.open(timing=SPARSE)
    with client.listen_webhooks():
        job = create_job(client)
        wait_until(job, lambda changed: changed.state in (JobState.QUEUED, JobState.GENERATING))
        assert JobState.UNKNOWN in {event.state for event in job.events()}
    assert manual_harness.paid == 1


def test_a_forged_end_changes_nothing(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """A webhook that says completed, failed or moderated changes neither state nor ledger."""
    harness, client, listener = quiet
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
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
    assert listener.received >= 6
    assert harness.paid == 1


def test_many_webhooks_poll_no_more_than_the_schedule_allows(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """A hundred webhooks about an open job within `poll_s` of the last poll trigger none."""
    harness, client, listener = quiet
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    for _ in range(100):
        post(listener.url, {"replyRef": f"{job.ref}:1"})
    settled(client)
    assert listener.matched >= 100
    assert (listener.polls, harness.control.requests["videos"]) == (0, 0)


def test_a_webhook_without_an_open_job_is_ignored(quiet: tuple[Harness, Client, WebhookListener]) -> None:
    """Webhooks about other jobs, partial references, finished jobs or nothing at all are accepted and ignored."""
    harness, client, listener = quiet
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    harness.control.advance()  # the sandbox has sent its own webhook
    settled(client)
    before = listener.matched
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
    assert listener.matched == before
    job.cancel()
    post(listener.url, {"replyRef": f"{job.ref}:1"})
    settled(client)
    assert listener.matched == before
    assert harness.paid == 1


def test_the_address_is_sent_if_it_is_reachable(manual_harness: Harness) -> None:
    """Jobs carry the listener's address if the API is on this machine or it is public; a given `reply_url` wins."""
    client = manual_harness.open(timing=NEVER)
    assert create_job(client, seed=1).request.delivery.reply_url is None
    with client.listen_webhooks() as listener:
        assert create_job(client, seed=2).request.delivery.reply_url == listener.url
        mine = "http://127.0.0.1:9/mine"
        assert create_job(client, seed=3, reply_url=mine).request.delivery.reply_url == mine
    assert create_job(client, seed=4).request.delivery.reply_url is None
    with client.listen_webhooks(public_url="https://tunnel.example/way/") as listener:
        job = create_job(client, seed=5)
        assert str(job.request.delivery.reply_url).startswith("https://tunnel.example/way/")
        assert urlsplit(listener.url).path.rpartition("/")[2] not in repr(job)


def test_an_unreachable_address_is_not_sent(manual_harness: Harness) -> None:
    """With a vendor elsewhere and no public address, the listener's address stays on this machine."""
    client = Client(token="user:1-abcdefgh", base_url="https://api.example/v2", home=manual_harness.home)
    with client, client.listen_webhooks() as listener:
        assert listener.reply_url is None
        assert listener.url.startswith("http://127.0.0.1:")


def test_a_listener_does_not_change_the_job(manual_harness: Harness) -> None:
    """The address is no part of the video: the same call finds the same job and pays nothing again."""
    client = manual_harness.open(timing=NEVER)
    job = create_job(client)
    with client.listen_webhooks():
        assert create_job(client) is job


def test_one_listener_at_a_time(manual_harness: Harness) -> None:
    """A second listener is refused while the first is open; closing twice does nothing; the port is free again."""
    client = manual_harness.open()
    first = client.listen_webhooks()
    with pytest.raises(ConfigError):
        client.listen_webhooks()
    first.close()
    first.close()
    assert client.listen_webhooks(first.port).port == first.port


def test_it_closes_with_its_client(manual_harness: Harness) -> None:
    """After `client.close()` nothing listens, and a closed client cannot listen."""
    client = manual_harness.open()
    listener = client.listen_webhooks()
    client.close()
    listener.close()
    assert listener.is_closed
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.port))
    with pytest.raises(ConfigError):
        client.listen_webhooks()


@pytest.mark.parametrize("public_url", ["", "tunnel.example", "ftp://x", "https://a b", "https://x/" + "a" * 1000])
def test_an_invalid_public_address_is_refused(manual_harness: Harness, public_url: str) -> None:
    """An address that is not http(s), or too long for the secret path, raises ConfigError and opens nothing."""
    client = manual_harness.open()
    with pytest.raises(ConfigError, match="public_url"):
        client.listen_webhooks(public_url=public_url)
    client.listen_webhooks()


def test_the_secret_path_stays_secret(
    quiet: tuple[Harness, Client, WebhookListener], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither logs nor reprs nor the job's history contain the secret path."""
    caplog.set_level(1)
    _, client, listener = quiet
    secret = listener.url.rpartition("/")[2]
    job = create_job(client)
    wait_for_state(job, JobState.QUEUED)
    assert post(listener.url, {"replyRef": f"{job.ref}:1"}) == 200
    job.cancel()
    logged = " ".join(
        record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))
    )
    shown = " ".join([repr(listener), repr(job), repr(job.request), repr(job.events()), repr(client.jobs()), logged])
    assert secret in str(job.request.delivery.reply_url)
    assert secret not in shown
