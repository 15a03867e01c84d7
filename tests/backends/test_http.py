"""`HttpTransport` against a hostile server: retries, paid calls, secrets, downloads."""

import asyncio
import errno
import gzip
import json
import logging
import os
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pixverse_nb.backends.base import Accepted, Indeterminate, PaidOutcome, Rejected
from pixverse_nb.backends.http import HttpTransport, check_network_variables
from pixverse_nb.backends.useapi import UseapiBackend
from pixverse_nb.config import Timing
from pixverse_nb.errors import (
    AccountPending,
    APIError,
    Busy,
    ConfigError,
    DownloadError,
    EndpointGone,
    NoAnswer,
    PixVerseError,
    ServerError,
)
from pixverse_nb.redaction import Secret
from pixverse_nb.sandbox import Sandbox
from tests.broken_tls import broken_server, trust_file
from tests.factories import EMAIL, TOKEN, a_request, a_video_id
from tests.hostile import (
    Act,
    Hostile,
    answer,
    close_after_request,
    closed_port,
    cut_in_the_body,
    cut_in_the_head,
    head,
    never_answer,
    never_end,
    raw,
    reset_after_head,
    reset_after_request,
    reset_in_the_body,
    reset_unread,
    send_nonsense,
)
from tests.render.factories import an_mp4

T = TypeVar("T")

PATIENCE_S = 60.0  # a test that hangs fails after this time
FAST = replace(Timing().scaled(0.005), answer_timeout_s=PATIENCE_S)  # a busy machine may hold up any answer
IMPATIENT = replace(FAST, answer_timeout_s=1.0)  # for answers that never come

OK = answer(200, {"data": []})
OK_WITH_COOKIE = answer(200, {"data": []}, set_cookie="session=secret; Path=/")
BACKEND = UseapiBackend()
LIST = BACKEND.list_videos(account=EMAIL, limit=40)
PAID = BACKEND.submit(
    a_request(prompt="A cat"),
    inputs={"first": "upload/1.png", "last": "upload/2.png"},
    reply_ref="pv-1:1",
    account=EMAIL,
)


def a_transport(base_url: str, timing: Timing = FAST) -> HttpTransport:
    """A transport of the BACKEND.net backend."""
    return HttpTransport(BACKEND, base_url, Secret(TOKEN), timing)


def run(
    acts: list[Act], talk: Callable[[HttpTransport, Hostile], Awaitable[T]], *, timing: Timing | None = None
) -> tuple[T, Hostile]:
    """Return what `talk` returns with a transport to a server that plays `acts`, and that server.

    Unless `timing` is given, the transport waits for every answer that ends.
    """
    chosen = timing or (IMPATIENT if {never_answer, never_end} & {*acts} else FAST)

    async def scene() -> tuple[T, Hostile]:
        async with asyncio.timeout(PATIENCE_S), Hostile(*acts) as server:
            transport = a_transport(f"{server.url}/v2", chosen)
            try:
                return await talk(transport, server), server
            finally:
                await transport.aclose()

    return asyncio.run(scene())


async def listed(transport: HttpTransport, _: Hostile) -> object:
    """Read the list."""
    return await transport.send(LIST)


async def failed(transport: HttpTransport, _: Hostile) -> PixVerseError:
    """Read the list and return the error."""
    with pytest.raises(PixVerseError) as caught:
        await transport.send(LIST)
    return caught.value


async def paid(transport: HttpTransport, _: Hostile) -> PaidOutcome:
    """Make the paid call."""
    return await transport.send_once(PAID, before_send=lambda: True)


# -- calls -----------------------------------------------------------------------------------------------------------


def test_a_call_arrives_as_documented() -> None:
    """Method, raw path, encoded query and token arrive as the vendor's pages show them."""

    async def talk(transport: HttpTransport, _: Hostile) -> None:
        await transport.send(LIST)
        await transport.send(BACKEND.get_video(a_video_id()))
        await transport.send(BACKEND.stop_tracking(a_video_id()))

    _, server = run([OK, answer(200, {}), answer(200, b"")], talk)
    seen = [(request.method, request.target) for request in server.requests]
    assert seen == [
        ("GET", "/v2/videos/?email=maria.lopez%40example.org&limit=40"),
        ("GET", f"/v2/videos/user:7-pixverse:{EMAIL}-video:1"),
        ("DELETE", f"/v2/scheduler/user:7-pixverse:{EMAIL}-video:1"),
    ]
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}


def test_a_plus_in_an_address_arrives_as_a_plus() -> None:
    """A plus in an e-mail address is encoded, so the server does not read a space."""

    async def talk(transport: HttpTransport, _: Hostile) -> None:
        await transport.send(BACKEND.list_videos(account="a+b@example.org", limit=1))

    _, server = run([OK], talk)
    assert server.requests[0].target.endswith("email=a%2Bb%40example.org&limit=1")


def test_an_upload_arrives_as_documented() -> None:
    """The body of an upload is the picture, byte for byte, with its content type."""
    data = bytes(range(256)) * 300

    async def talk(transport: HttpTransport, _: Hostile) -> str:
        sent = await transport.send(BACKEND.upload(data, media_type="image/jpeg", account=None))
        return sent.path

    path, server = run([answer(200, {"result": [{"path": "upload/a.jpeg"}]})], talk)
    assert path == "upload/a.jpeg"
    assert server.requests[0].body == data
    assert server.requests[0].headers["content-type"] == "image/jpeg"


def test_a_paid_call_arrives_as_documented() -> None:
    """The paid call is sent as JSON on its own connection, which is then closed."""
    outcome, server = run([answer(200, {"video_id": a_video_id(), "cost_credits": 60})], paid)
    assert outcome == Accepted(a_video_id(), 60)
    (request,) = server.requests
    assert (request.method, request.target) == ("POST", "/v2/videos/create-frames")
    assert json.loads(request.body) == PAID.body
    assert request.headers["content-type"] == "application/json"
    assert request.headers["connection"].lower() == "close"
    assert "idempotency-key" not in request.headers


def test_reads_share_a_connection_and_a_paid_call_never_does() -> None:
    """Reads reuse a connection; a paid call always opens a new one, since an old one may be half closed."""

    async def talk(transport: HttpTransport, server: Hostile) -> list[int]:
        counts = []
        for _ in range(3):
            await transport.send(LIST)
            counts.append(server.connections)
        await transport.send_once(PAID, before_send=lambda: True)
        counts.append(server.connections)
        await transport.send(LIST)
        return [*counts, server.connections, transport.requests_sent]

    accepted = answer(200, {"video_id": a_video_id()})
    counts, _ = run([OK, OK, OK, accepted, OK], talk)
    assert counts == [1, 1, 1, 2, 2, 5]


def test_each_kind_of_call_has_its_own_method() -> None:
    """`send` refuses a billable call and `send_once` a free one; nothing is sent."""

    async def talk(transport: HttpTransport, _: Hostile) -> None:
        with pytest.raises(ValueError, match="send_once"):
            await transport.send(PAID)
        with pytest.raises(ValueError, match="send"):
            await transport.send_once(BACKEND.get_video("x"), before_send=lambda: True)  # type: ignore[arg-type]  # the fact tested

    _, server = run([OK], talk)
    assert (server.requests, server.connections) == ([], 0)


# -- reads are repeated ----------------------------------------------------------------------------------------------

BREAKS: dict[str, Act] = {
    "reset before reading": reset_unread,
    "reset after the head": reset_after_head,
    "reset after the request": reset_after_request,
    "closed without an answer": close_after_request,
    "cut in the head": cut_in_the_head,
    "cut in the body": cut_in_the_body,
    "reset in the body": reset_in_the_body,
    "nonsense": send_nonsense,
    "silence": never_answer,
    "an answer without end": never_end,
}
TRANSIENT: dict[str, Act] = {
    "429": answer(429, {"error": "Reached the limit for concurrent generations."}),
    "500": answer(500, {"error": "Internal"}),
    "502 of a proxy": answer(502, b"<html>Bad gateway</html>"),
    "503": answer(503, b""),
    "200 that is not JSON": answer(200, b"<html>Hello</html>"),
    "200 that is cut JSON": answer(200, b'{"data": [{"video_'),
    "broken gzip": answer(200, b"no gzip", content_encoding="gzip"),
}


@pytest.mark.parametrize("failure", [*BREAKS, *TRANSIENT])
def test_a_read_is_repeated_until_it_works(failure: str) -> None:
    """After a lost connection, a 429, a 5xx or a broken answer a read is repeated and returns the second answer."""
    rows, server = run([{**BREAKS, **TRANSIENT}[failure], OK], listed)
    assert rows == ()
    assert server.requests[-1].target.startswith("/v2/videos/")
    assert server.connections + len(server.requests) >= 3  # two requests, or two connections where one was not read


@pytest.mark.parametrize("failure", ["429", "500", "200 that is not JSON"])
def test_a_read_is_repeated_three_times_at_most(failure: str) -> None:
    """After four attempts the last error is raised."""
    error, server = run([TRANSIENT[failure]], failed)
    assert isinstance(error, Busy | ServerError)
    assert len(server.requests) == 4


def test_a_lost_read_is_no_answer() -> None:
    """If no attempt is answered, NoAnswer states that the request was sent."""
    error, server = run([reset_after_request], failed)
    assert isinstance(error, NoAnswer)
    assert error.sent is True
    assert len(server.requests) == 4


def test_the_number_of_attempts_can_be_set() -> None:
    """`attempts=1` sends the call once."""

    async def talk(transport: HttpTransport, _: Hostile) -> None:
        with pytest.raises(ServerError):
            await transport.send(LIST, attempts=1)

    _, server = run([TRANSIENT["500"], OK], talk)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 412, 422, 596])
def test_a_rejected_read_is_not_repeated(status: int) -> None:
    """A 4xx and 596 are not repeated."""
    error, server = run([answer(status, {"error": "No."}), OK], failed)
    assert isinstance(error, APIError)
    assert error.status == status
    assert isinstance(error, AccountPending) is (status == 596)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(status: int) -> None:
    """A read is repeated after the vendor's Retry-After (here 0), not after our own wait of 1000 s."""
    timing = replace(FAST, retry_s=(1000.0, 1000.0), busy_wait_s=(1000.0, 1000.0))
    acts = [answer(status, {}, retry_after="0")] * 3
    rows, server = run([*acts, OK], listed, timing=timing)
    assert rows == ()
    assert len(server.requests) == 4


def test_a_long_retry_after_is_cut() -> None:
    """A Retry-After of a day is cut to the longest wait after a 429."""
    acts = [answer(503, {}, retry_after="86400"), answer(429, {}, retry_after="1e300"), OK]
    rows, _ = run(acts, listed)
    assert rows == ()


def test_a_redirect_of_the_api_is_not_followed() -> None:
    """A redirect of the API is an error, and the other host, which could read the token, receives nothing."""

    async def talk(_: HttpTransport, __: Hostile) -> tuple[PixVerseError, int]:
        async with Hostile(OK) as other:
            moved = answer(307, b"", location=f"{other.url}/v2/videos/")
            async with Hostile(moved) as api:
                elsewhere = a_transport(f"{api.url}/v2")
                error = await failed(elsewhere, api)
                await elsewhere.aclose()
            return error, other.connections

    (error, connections), _ = run([OK], talk)
    assert isinstance(error, APIError)
    assert error.status == 307
    assert connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_of_a_paid_call_is_a_rejection_and_is_not_followed(status: int) -> None:
    """A redirect of a paid call is EndpointGone with the new address; that host, which could be paid, gets nothing."""

    async def talk(_: HttpTransport, __: Hostile) -> tuple[PaidOutcome, str, int, list[str]]:
        async with Hostile(answer(200, {"video_id": a_video_id()})) as other:
            new_place = f"{other.url}/v2/videos/create-frames"
            async with Hostile(answer(status, b"", location=new_place)) as api:
                elsewhere = a_transport(f"{api.url}/v2")
                outcome = await elsewhere.send_once(PAID, before_send=lambda: True)
                await elsewhere.aclose()
                return outcome, new_place, other.connections, [request.target for request in api.requests]

    (outcome, new_place, connections, targets), _ = run([OK], talk)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, EndpointGone)
    assert outcome.error.status == status
    assert new_place in str(outcome.error.vendor_text)
    assert connections == 0
    assert targets == ["/v2/videos/create-frames"]


# -- paid calls are sent once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", BREAKS)
def test_a_lost_answer_leaves_the_outcome_open_and_is_not_sent_again(failure: str) -> None:
    """If the connection breaks after the first byte, there is one connection, at most one request, and no proof."""
    timing = replace(FAST, answer_timeout_s=5.0)  # for the two that never end; a busy machine has to send the call
    outcome, server = run([BREAKS[failure], answer(200, {"video_id": a_video_id()})], paid, timing=timing)
    assert isinstance(outcome, Indeterminate)
    assert server.connections == 1
    assert len(server.requests) <= 1


@pytest.mark.parametrize("failure", ["500", "502 of a proxy", "503", "200 that is not JSON", "200 that is cut JSON"])
def test_a_broken_answer_leaves_the_outcome_open_and_is_not_sent_again(failure: str) -> None:
    """A 5xx, or a 200 without an id, may have been accepted: one request, indeterminate."""
    outcome, server = run([TRANSIENT[failure], answer(200, {"video_id": a_video_id()})], paid)
    assert isinstance(outcome, Indeterminate)
    assert (server.connections, len(server.requests)) == (1, 1)


def test_a_5xx_with_a_pace_is_still_not_sent_again() -> None:
    """A Retry-After does not make a paid call go out twice."""
    outcome, server = run([answer(503, {}, retry_after="0")], paid)
    assert isinstance(outcome, Indeterminate)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 404, 412, 422, 429, 596])
def test_a_rejection_is_proof_and_is_not_sent_again(status: int) -> None:
    """A rejection has its error, and the transport does not repeat the call, even if the account is busy."""
    outcome, server = run([answer(status, {"error": "No."}, retry_after="0")], paid)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, APIError)
    assert outcome.error.status == status
    assert (server.connections, len(server.requests)) == (1, 1)


def test_before_send_can_stop_the_call() -> None:
    """`before_send` is called once on an open connection; if it returns False, nothing is sent: rejected."""
    calls: list[int] = []

    async def talk(transport: HttpTransport, server: Hostile) -> PaidOutcome:
        def before_send() -> bool:
            calls.append(server.connections)
            return False

        return await transport.send_once(PAID, before_send=before_send)

    outcome, server = run([answer(200, {"video_id": a_video_id()})], talk)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False
    assert len(calls) == 1
    assert server.requests == []


def not_sent(base_url: str, timing: Timing = FAST) -> PaidOutcome:
    """Make the paid call to an address that no request can reach."""

    async def scene() -> PaidOutcome:
        transport = a_transport(base_url, timing)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await transport.send_once(PAID, before_send=lambda: True)
        finally:
            await transport.aclose()

    return asyncio.run(scene())


def test_without_a_connection_nothing_was_sent() -> None:
    """A refused connection proves that nothing was sent: rejected, with `sent` False."""
    outcome = not_sent(closed_port())
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False


def test_without_tls_nothing_was_sent() -> None:
    """A server that does not speak TLS never receives the request: rejected, with `sent` False."""

    async def talk(transport: HttpTransport, server: Hostile) -> PaidOutcome:
        secure = a_transport(server.url.replace("http:", "https:"))
        try:
            return await secure.send_once(PAID, before_send=lambda: True)
        finally:
            await secure.aclose()

    outcome, server = run([send_nonsense_at_once], talk)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False
    assert server.requests == []


def test_a_broken_tls_record_leaves_the_outcome_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the answer cannot be decrypted, the request was sent: indeterminate, not an error of the TLS library."""
    trusted = trust_file(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    async def scene() -> tuple[PaidOutcome, Hostile]:
        async with asyncio.timeout(PATIENCE_S), broken_server(trusted) as server:
            transport = a_transport(server.url, FAST)
            try:
                return await transport.send_once(PAID, before_send=lambda: True), server
            finally:
                await transport.aclose()

    outcome, server = asyncio.run(scene())
    assert isinstance(outcome, Indeterminate)
    assert (server.connections, len(server.requests)) == (1, 1)


async def send_nonsense_at_once(connection: Any) -> None:
    """Answer the first bytes of a handshake with plain text."""
    await connection.reader.read(1)
    await connection.send(b"HTTP/1.1 400 Plain\r\n\r\n")
    connection.writer.close()


def test_a_paid_call_that_is_cancelled_is_not_sent_again() -> None:
    """A cancelled paid call has been sent once, and the cancellation is raised."""

    async def talk(transport: HttpTransport, server: Hostile) -> None:
        task = asyncio.create_task(transport.send_once(PAID, before_send=lambda: True))
        await server.has_request.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _, server = run([never_answer], talk, timing=Timing())
    assert (server.connections, len(server.requests)) == (1, 1)


# -- secrets -----------------------------------------------------------------------------------------------------


def verbose(error: BaseException) -> str:
    """Return the traceback with the local variables of every frame, as a notebook's verbose mode prints it."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize("act", [reset_after_request, never_answer, answer(500, {"error": f"{EMAIL} {TOKEN}"})])
def test_a_verbose_traceback_shows_neither_token_nor_account(act: Act) -> None:
    """Neither the local variables of our frames nor the error show the token or the e-mail address."""
    error, _ = run([act], failed)
    assert TOKEN not in verbose(error)
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [frame for frame in frames if "/pixverse_nb/" in frame.filename]
    assert ours
    shown = [(frame.name, name) for frame in ours for name, value in (frame.locals or {}).items() if "maria" in value]
    assert shown == []
    assert "maria" not in f"{error} {error!r} {vars(error)}"


def test_no_repr_shows_the_token() -> None:
    """Neither the transport nor anything it holds prints the token."""
    transport = a_transport("http://127.0.0.1:9")
    assert TOKEN not in repr(transport)
    assert TOKEN not in repr(vars(transport))


def test_neither_token_nor_account_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """At log level DEBUG no record holds the e-mail address or the token; our own line is redacted."""

    async def talk(transport: HttpTransport, server: Hostile) -> None:
        await transport.send(LIST)
        await transport.send(BACKEND.get_video(a_video_id()))
        await transport.send_once(PAID, before_send=lambda: True)
        with pytest.raises(DownloadError):
            await transport.download(f"{server.url}/{EMAIL}.mp4", tmp_path / "one.mp4")

    with caplog.at_level(logging.DEBUG):
        run([OK, answer(200, {}), answer(500, {}), answer(404)], talk)
    assert "maria" not in caplog.text
    assert TOKEN not in caplog.text
    assert "GET /videos/user:7-pixverse:m…@e…-video:1: 200" in caplog.text


def test_requests_of_other_programs_are_still_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only the log records of our own calls are dropped; a program that uses httpx itself keeps its log."""
    with caplog.at_level(logging.INFO):
        run([OK], listed)
        logging.getLogger("httpx").info("theirs")
    assert "theirs" in caplog.text


# -- downloads -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real, small mp4."""
    return an_mp4(tmp_path_factory.mktemp("video") / "video.mp4").read_bytes()


def downloaded(acts: list[Act], path: Path, *, address: str = "/a.mp4") -> tuple[Any, Hostile]:
    """Download from a server that plays `acts`; return the result or the error, and the server."""

    async def talk(transport: HttpTransport, server: Hostile) -> object:
        try:
            return await transport.download(server.url + address, path)
        except (PixVerseError, OSError) as error:
            return error

    return run(acts, talk)


def beside(path: Path) -> list[str]:
    """The names of all files in the folder of `path`."""
    return sorted(found.name for found in path.parent.iterdir())


def test_a_video_arrives_complete(tmp_path: Path, video: bytes) -> None:
    """The file equals the host's, byte for byte, and no other file is left in the folder."""
    path = tmp_path / "videos" / "one.mp4"
    info, server = downloaded([answer(200, video)], path)
    assert path.read_bytes() == video
    assert (info.size_bytes, info.width, info.height) == (len(video), 64, 36)
    assert beside(path) == ["one.mp4"]
    assert len(server.requests) == 1


def test_the_address_is_requested_unchanged(tmp_path: Path, video: bytes) -> None:
    """A %2F in the address is neither decoded nor encoded a second time."""
    address = "/pixverse%2Fmp4%2Fmedia%2Fweb%2F9f0e_seed0.mp4?x=1%202"
    _, server = downloaded([answer(200, video)], tmp_path / "one.mp4", address=address)
    assert server.requests[0].target == address


def test_no_credential_goes_to_the_media_host(tmp_path: Path, video: bytes) -> None:
    """Downloads send no token: not to the media host, not after a redirect, not to the API's own host."""

    async def talk(transport: HttpTransport, server: Hostile) -> list[dict[str, str]]:
        async with (
            Hostile(answer(200, video)) as second,
            Hostile(answer(302, b"", location=f"{second.url}/b")) as first,
        ):
            await transport.send(LIST)
            await transport.download(f"{first.url}/a", tmp_path / "one.mp4")
            await transport.download(f"{server.url}/a", tmp_path / "two.mp4")
            await transport.fetch_picture(f"{server.url}/picture.png")
            return [request.headers for request in (*first.requests, *second.requests, *server.requests[1:])]

    heads, _ = run([OK, answer(200, video)], talk)
    assert len(heads) == 4
    for headers in heads:
        assert "authorization" not in headers
        assert "cookie" not in headers
        assert TOKEN not in str(headers)


def chunked(data: bytes, *, ends: bool) -> Act:
    """Answer in chunks, with or without the final one."""
    piece = b"%x\r\n%s\r\n" % (len(data), data)
    return raw(head(200, transfer_encoding="chunked"), piece + (b"0\r\n\r\n" if ends else b""))


BROKEN: dict[str, Callable[[bytes], Act]] = {
    "cut in the middle": lambda video: raw(head(200, content_length=str(len(video))) + video[: len(video) // 2]),
    "cut without an announced length": lambda video: raw(head(200) + video[: len(video) // 2]),
    "cut at a box": lambda video: raw(head(200) + video[: video.index(b"mdat") - 4]),
    "the last chunk missing": lambda video: chunked(video, ends=False),
    "empty": lambda _: answer(200, b""),
    "a web page": lambda _: answer(200, b"<html><body>Sign in</body></html>"),
    "a message": lambda _: answer(200, {"error": "expired"}),
    "garbage": lambda video: answer(200, bytes(len(video))),
    "more than was announced": lambda video: raw(head(200, content_length=str(len(video) - 99)) + video),
    "404": lambda _: answer(404, b"gone"),
    "403": lambda _: answer(403, b"<Error>AccessDenied</Error>"),
    "500": lambda _: answer(500, b""),
    "closed at once": lambda _: reset_unread,
    "no answer": lambda _: close_after_request,
    "not HTTP": lambda _: send_nonsense,
    "silence": lambda _: never_answer,
}


@pytest.mark.parametrize("failure", BROKEN)
def test_a_broken_download_is_repeated(failure: str, tmp_path: Path, video: bytes) -> None:
    """After two broken attempts of any kind the third one downloads the complete video."""
    broken = BROKEN[failure](video)
    info, _ = downloaded([broken, broken, answer(200, video)], tmp_path / "one.mp4")
    assert not isinstance(info, Exception), info
    assert (tmp_path / "one.mp4").read_bytes() == video
    assert beside(tmp_path / "one.mp4") == ["one.mp4"]


@pytest.mark.parametrize("failure", BROKEN)
def test_a_download_that_stays_broken_leaves_nothing(failure: str, tmp_path: Path, video: bytes) -> None:
    """A video that never arrives complete is an error; no .part is left, and the existing file is untouched."""
    path = tmp_path / "one.mp4"
    path.write_bytes(b"what was there before")
    error, server = downloaded([BROKEN[failure](video)], path)
    assert isinstance(error, NoAnswer | DownloadError)
    assert server.connections + len(server.requests) >= 5
    assert path.read_bytes() == b"what was there before"
    assert beside(path) == ["one.mp4"]


def test_a_compressed_video_is_decoded(tmp_path: Path, video: bytes) -> None:
    """A compressed answer may announce a length other than the video's."""
    packed = gzip.compress(video)
    info, _ = downloaded([answer(200, packed, content_encoding="gzip")], tmp_path / "one.mp4")
    assert info.size_bytes == len(video)


@pytest.mark.parametrize("address", ["not an address", "file:///etc/passwd", "http://", "ftp://example.org/a.mp4"])
def test_an_invalid_address_is_one_of_our_errors(address: str, tmp_path: Path) -> None:
    """An invalid address raises one of our own errors and leaves no file."""

    async def talk(transport: HttpTransport, _: Hostile) -> None:
        with pytest.raises(PixVerseError):
            await transport.download(address, tmp_path / "one.mp4")

    run([OK], talk)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_at_once(tmp_path: Path, video: bytes) -> None:
    """A full disk is an OSError after one request; once there is space, the same download works."""
    path = tmp_path / "one.mp4"
    (tmp_path / f"one.mp4.{os.getpid()}.part").symlink_to("/dev/full")
    error, server = downloaded([answer(200, video)], path)
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []
    downloaded([answer(200, video)], path)
    assert path.read_bytes() == video


def test_a_folder_that_cannot_be_created_is_an_error_first(tmp_path: Path, video: bytes) -> None:
    """If the folder cannot be created, the error is an OSError and no request is sent."""
    (tmp_path / "videos").write_text("a file")
    error, server = downloaded([answer(200, video)], tmp_path / "videos" / "one.mp4")
    assert isinstance(error, OSError)
    assert server.requests == []


def test_a_cookie_is_neither_kept_nor_sent_on(tmp_path: Path, video: bytes) -> None:
    """A cookie is sent to nobody: not to the media host, not to the API, not back to its own host."""
    cookie = {"set_cookie": "session=secret; Path=/"}

    async def talk(transport: HttpTransport, server: Hostile) -> None:
        await transport.fetch_picture(f"{server.url}/picture.png")
        await transport.download(f"{server.url}/video.mp4", tmp_path / "one.mp4")
        await transport.send(LIST)
        await transport.send(LIST)

    _, server = run([answer(200, b"a picture", **cookie), answer(200, video, **cookie), OK_WITH_COOKIE, OK], talk)
    assert len(server.requests) == 4
    assert all("cookie" not in request.headers for request in server.requests)


# -- pictures at an address ------------------------------------------------------------------------------------------


def test_a_picture_is_fetched() -> None:
    """The bytes at an address are returned as they are, also after a transient failure."""

    async def talk(transport: HttpTransport, server: Hostile) -> bytes:
        return await transport.fetch_picture(f"{server.url}/p%20q.png")

    data, server = run([cut_in_the_body, answer(200, b"\x89PNG")], talk)
    assert data == b"\x89PNG"
    assert server.requests[0].target == "/p%20q.png"


def test_a_picture_that_never_arrives_is_no_answer() -> None:
    """A picture is a NoAnswer if its host cannot be reached and if the connection breaks each time."""

    async def talk(transport: HttpTransport, server: Hostile) -> None:
        for url in (f"{closed_port()}/p.png", f"{server.url}/p.png"):
            with pytest.raises(NoAnswer):
                await transport.fetch_picture(url)

    _, server = run([cut_in_the_body], talk)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_missing_picture_is_an_error(status: int) -> None:
    """An address that answers with an error is a DownloadError that names the status."""

    async def talk(transport: HttpTransport, server: Hostile) -> str:
        with pytest.raises(DownloadError) as caught:
            await transport.fetch_picture(f"{server.url}/p.png")
        return str(caught.value)

    text, _ = run([answer(status)], talk)
    assert str(status) in text


# -- the environment -------------------------------------------------------------------------------------------------

UNUSABLE_VARIABLES = [
    ("ALL_PROXY", "socks5://127.0.0.1:9"),
    ("ALL_PROXY", "socks://127.0.0.1:9"),
    ("https_proxy", "http://[::1"),
    ("NO_PROXY", "localhost,fd07:b51a:cc66:f0::/64"),
    ("SSL_CERT_FILE", "/nonexistent/cacert.pem"),
    ("SSLKEYLOGFILE", "/nonexistent/keys.log"),
]


@pytest.mark.parametrize(("name", "value"), UNUSABLE_VARIABLES)
def test_an_unusable_variable_is_a_config_error(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A proxy or TLS variable that httpx cannot use is a ConfigError that names it, and a paid call is not sent."""
    monkeypatch.setenv(name, value)
    if name == "https_proxy":
        monkeypatch.delenv("HTTPS_PROXY", raising=False)

    async def use() -> PaidOutcome:
        transport = HttpTransport(BACKEND, "https://api.example.org/v2", Secret(TOKEN), FAST)
        with pytest.raises(ConfigError, match=name):
            await transport.send(BACKEND.list_running())
        return await transport.send_once(PAID, before_send=lambda: True)

    outcome = asyncio.run(use())
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, ConfigError)
    with pytest.raises(ConfigError, match=name):
        check_network_variables()


@pytest.mark.parametrize(("name", "value"), [*UNUSABLE_VARIABLES, ("HTTP_PROXY", "http://127.0.0.1:9")])
def test_this_machine_needs_no_proxy(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """Proxy and TLS variables, usable or not, do not apply to a server on this machine."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(name, value)
    with Sandbox(speed=0) as box:

        async def use() -> None:
            transport = HttpTransport(BACKEND, box.base_url, Secret(box.token), FAST)
            await transport.send(BACKEND.list_running())
            await transport.aclose()

        asyncio.run(use())
        assert box.control.requests["scheduler"] == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/v2", "http://127.0.0.1:port/v2"])
def test_an_unusable_base_url_is_a_config_error(url: str) -> None:
    """A base URL that httpx cannot use is a ConfigError of the first call."""
    with pytest.raises(ConfigError, match="base_url"):
        asyncio.run(HttpTransport(BACKEND, url, Secret(TOKEN), FAST).send(BACKEND.list_running()))


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999/a.png", "http://127.0.0.1/\ud83d", "http://[::1/a.png"])
def test_an_unusable_picture_address_is_a_download_error(url: str) -> None:
    """The address of a picture that httpx cannot use is a DownloadError."""
    with pytest.raises(DownloadError):
        asyncio.run(HttpTransport(BACKEND, "http://127.0.0.1:9", Secret(TOKEN), FAST).fetch_picture(url))
