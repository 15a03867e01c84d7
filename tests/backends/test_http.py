"""The door to the network against a hostile server: what is repeated, what is sent once, what is told, what is kept."""

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

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import Accepted, Indeterminate, PaidOutcome, Rejected
from pixverse_nb.backends.http import HttpTransport
from pixverse_nb.config import Timing
from pixverse_nb.errors import AccountPending, APIError, Busy, DownloadError, NoAnswer, PixVerseError, ServerError
from pixverse_nb.redaction import Secret
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
    never_end,
    raw,
    reset_after_head,
    reset_after_request,
    reset_in_the_body,
    reset_unread,
    say_nonsense,
    stay_silent,
)
from tests.render.factories import an_mp4

T = TypeVar("T")

FAST = replace(Timing().scaled(0.005), answer_timeout_s=1.0)  # what is heard here is answered in a moment
PATIENCE_S = 60.0  # no test waits so long: it is there to fail in place of hanging

OK = answer(200, {"data": []})
OK_WITH_COOKIE = answer(200, {"data": []}, set_cookie="session=secret; Path=/")
LIST = useapi.list_videos(email=EMAIL, limit=40)
PAID = useapi.create_frames(
    a_request(prompt="A cat"), first_path="upload/1.png", last_path="upload/2.png", reply_ref="pv-1:1", email=EMAIL
)


def run(
    acts: list[Act], talk: Callable[[HttpTransport, Hostile], Awaitable[T]], *, timing: Timing = FAST
) -> tuple[T, Hostile]:
    """Return what `talk` came to with a client of a server that plays `acts`, and that server."""

    async def scene() -> tuple[T, Hostile]:
        async with asyncio.timeout(PATIENCE_S), Hostile(*acts) as server:
            client = HttpTransport(f"{server.url}/v2", Secret(TOKEN), timing)
            try:
                return await talk(client, server), server
            finally:
                await client.aclose()

    return asyncio.run(scene())


async def listed(client: HttpTransport, _: Hostile) -> object:
    """Read the list."""
    return await client.send(LIST)


async def failed(client: HttpTransport, _: Hostile) -> PixVerseError:
    """Read the list and return the error."""
    with pytest.raises(PixVerseError) as caught:
        await client.send(LIST)
    return caught.value


async def paid(client: HttpTransport, _: Hostile) -> PaidOutcome:
    """Make the paid call."""
    return await client.send_once(PAID, before_send=lambda: True)


# -- what is said ----------------------------------------------------------------------------------------------------


def test_a_call_as_the_vendor_gets_it() -> None:
    """Method, raw path, encoded query and the token arrive as the vendor's pages show them."""

    async def talk(client: HttpTransport, _: Hostile) -> None:
        await client.send(LIST)
        await client.send(useapi.get_video(a_video_id()))
        await client.send(useapi.stop_tracking(a_video_id()))

    _, server = run([OK, answer(200, {}), answer(200, b"")], talk)
    asked = [(heard.method, heard.target) for heard in server.requests]
    assert asked == [
        ("GET", "/v2/videos/?email=maria.lopez%40example.org&limit=40"),
        ("GET", f"/v2/videos/user:7-pixverse:{EMAIL}-video:1"),
        ("DELETE", f"/v2/scheduler/user:7-pixverse:{EMAIL}-video:1"),
    ]
    assert {heard.headers["authorization"] for heard in server.requests} == {f"Bearer {TOKEN}"}


def test_a_plus_in_an_address_arrives_as_a_plus() -> None:
    """An e-mail with a plus is encoded so that the server does not read a space."""

    async def talk(client: HttpTransport, _: Hostile) -> None:
        await client.send(useapi.list_videos(email="a+b@example.org", limit=1))

    _, server = run([OK], talk)
    assert server.requests[0].target.endswith("email=a%2Bb%40example.org&limit=1")


def test_an_upload_as_the_vendor_gets_it() -> None:
    """A picture is the body, byte for byte, with its own type."""
    data = bytes(range(256)) * 300

    async def talk(client: HttpTransport, _: Hostile) -> str:
        sent = await client.send(useapi.upload_picture(data, media_type="image/jpeg", email=None))
        return sent.path

    path, server = run([answer(200, {"result": [{"path": "upload/a.jpeg"}]})], talk)
    assert path == "upload/a.jpeg"
    assert server.requests[0].body == data
    assert server.requests[0].headers["content-type"] == "image/jpeg"


def test_a_paid_call_as_the_vendor_gets_it() -> None:
    """The paid call is JSON on a connection of its own, which is closed after it."""
    outcome, server = run([answer(200, {"video_id": a_video_id(), "cost_credits": 60})], paid)
    assert outcome == Accepted(a_video_id(), 60)
    (heard,) = server.requests
    assert (heard.method, heard.target) == ("POST", "/v2/videos/create-frames-v3")
    assert json.loads(heard.body) == PAID.body
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["connection"].lower() == "close"
    assert "idempotency-key" not in heard.headers


def test_reads_share_a_connection_and_a_paid_call_never_does() -> None:
    """Reads are kept alive; the paid call goes out on a fresh connection, never on one that may be half closed."""

    async def talk(client: HttpTransport, server: Hostile) -> list[int]:
        counts = []
        for _ in range(3):
            await client.send(LIST)
            counts.append(server.connections)
        await client.send_once(PAID, before_send=lambda: True)
        counts.append(server.connections)
        await client.send(LIST)
        return [*counts, server.connections, client.requests_sent]

    accepted = answer(200, {"video_id": a_video_id()})
    counts, _ = run([OK, OK, OK, accepted, OK], talk)
    assert counts == [1, 1, 1, 2, 2, 5]


def test_each_kind_of_call_has_its_own_way() -> None:
    """A call that spends is refused by `send`, and one that does not by `send_once`: neither leaves."""

    async def talk(client: HttpTransport, _: Hostile) -> None:
        with pytest.raises(ValueError, match="send_once"):
            await client.send(PAID)
        with pytest.raises(ValueError, match="send"):
            await client.send_once(useapi.get_video("x"), before_send=lambda: True)  # type: ignore[arg-type]  # the fact tested

    _, server = run([OK], talk)
    assert (server.requests, server.connections) == ([], 0)


# -- reads are repeated ----------------------------------------------------------------------------------------------

BREAKS: dict[str, Act] = {
    "reset before reading": reset_unread,
    "reset after the head": reset_after_head,
    "reset after the request": reset_after_request,
    "closed without a word": close_after_request,
    "cut in the head": cut_in_the_head,
    "cut in the body": cut_in_the_body,
    "reset in the body": reset_in_the_body,
    "nonsense": say_nonsense,
    "silence": stay_silent,
    "an answer without end": never_end,
}
PASSING: dict[str, Act] = {
    "429": answer(429, {"error": "Reached the limit for concurrent generations."}),
    "500": answer(500, {"error": "Internal"}),
    "502 of a proxy": answer(502, b"<html>Bad gateway</html>"),
    "503": answer(503, b""),
    "200 that is no JSON": answer(200, b"<html>Hello</html>"),
    "200 that is cut JSON": answer(200, b'{"data": [{"video_'),
    "broken gzip": answer(200, b"no gzip", content_encoding="gzip"),
}


@pytest.mark.parametrize("warning", [*BREAKS, *PASSING])
def test_a_read_is_repeated_until_it_works(warning: str) -> None:
    """A lost connection, a 429, a 5xx or a broken answer: the read is made again, and its answer is the second one."""
    rows, server = run([{**BREAKS, **PASSING}[warning], OK], listed)
    assert rows == ()
    assert server.requests[-1].target.startswith("/v2/videos/")
    assert server.connections + len(server.requests) >= 3  # two requests, or two connections where one was not read


@pytest.mark.parametrize("warning", ["429", "500", "200 that is no JSON"])
def test_a_read_is_not_repeated_for_ever(warning: str) -> None:
    """After four tries the last error is raised."""
    error, server = run([PASSING[warning]], failed)
    assert isinstance(error, Busy | ServerError)
    assert len(server.requests) == 4


def test_a_lost_read_is_no_answer() -> None:
    """Where no try is answered, NoAnswer says that the request had left."""
    error, server = run([reset_after_request], failed)
    assert isinstance(error, NoAnswer)
    assert error.sent is True
    assert len(server.requests) == 4


def test_a_number_of_tries_can_be_named() -> None:
    """attempts=1 asks once."""

    async def talk(client: HttpTransport, _: Hostile) -> None:
        with pytest.raises(ServerError):
            await client.send(LIST, attempts=1)

    _, server = run([PASSING["500"], OK], talk)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 412, 422, 596])
def test_a_verdict_is_not_repeated(status: int) -> None:
    """A 4xx says the same the second time, and 596 is no 5xx: one request each."""
    error, server = run([answer(status, {"error": "No."}), OK], failed)
    assert isinstance(error, APIError)
    assert error.status == status
    assert isinstance(error, AccountPending) is (status == 596)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_named_pace_is_kept(status: int) -> None:
    """Retry-After decides when a read is made again: with 0 at once, although our own pause would be a quarter of an
    hour.
    """
    timing = replace(FAST, retry_s=(1000.0, 1000.0), busy_wait_s=(1000.0, 1000.0))
    acts = [answer(status, {}, retry_after="0")] * 3
    rows, server = run([*acts, OK], listed, timing=timing)
    assert rows == ()
    assert len(server.requests) == 4


def test_a_senseless_pace_is_bounded() -> None:
    """A Retry-After of a day does not stop a read for a day: it waits as long as for a full account, at most."""
    acts = [answer(503, {}, retry_after="86400"), answer(429, {}, retry_after="1e300"), OK]
    rows, _ = run(acts, listed)
    assert rows == ()


def test_a_redirect_of_the_api_is_not_followed() -> None:
    """A redirect could carry the token elsewhere: it is an error, and the other host hears nothing."""

    async def talk(client: HttpTransport, _: Hostile) -> tuple[PixVerseError, PaidOutcome, int]:
        async with Hostile(OK) as other:
            client_error = None
            moved = answer(307, b"", location=f"{other.url}/v2/videos/")
            async with Hostile(moved) as api:
                elsewhere = HttpTransport(f"{api.url}/v2", Secret(TOKEN), FAST)
                client_error = await failed(elsewhere, api)
                outcome = await elsewhere.send_once(PAID, before_send=lambda: True)
                await elsewhere.aclose()
            return client_error, outcome, other.connections

    (error, outcome, connections), _ = run([OK], talk)
    assert isinstance(error, APIError)
    assert error.status == 307
    assert isinstance(outcome, Indeterminate)
    assert connections == 0


# -- paid calls are sent once ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("warning", BREAKS)
def test_a_lost_answer_leaves_the_outcome_open_and_is_not_sent_again(warning: str) -> None:
    """Whatever breaks after the request began to leave: one connection, at most one request, and nothing is proven."""
    outcome, server = run([BREAKS[warning], answer(200, {"video_id": a_video_id()})], paid)
    assert isinstance(outcome, Indeterminate)
    assert server.connections == 1
    assert len(server.requests) <= 1


@pytest.mark.parametrize("warning", ["500", "502 of a proxy", "503", "200 that is no JSON", "200 that is cut JSON"])
def test_a_broken_answer_leaves_the_outcome_open_and_is_not_sent_again(warning: str) -> None:
    """A 5xx, or a 200 without an id, may have been accepted: one request, unsettled."""
    outcome, server = run([PASSING[warning], answer(200, {"video_id": a_video_id()})], paid)
    assert isinstance(outcome, Indeterminate)
    assert (server.connections, len(server.requests)) == (1, 1)


def test_a_5xx_with_a_pace_is_still_not_sent_again() -> None:
    """Not even a Retry-After makes a paid call go out twice."""
    outcome, server = run([answer(503, {}, retry_after="0")], paid)
    assert isinstance(outcome, Indeterminate)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 404, 412, 422, 429, 596])
def test_the_vendors_no_is_proof_and_is_not_sent_again(status: int) -> None:
    """A refusal is rejected with its error; the client itself tries nothing again, busy or not."""
    outcome, server = run([answer(status, {"error": "No."}, retry_after="0")], paid)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, APIError)
    assert outcome.error.status == status
    assert (server.connections, len(server.requests)) == (1, 1)


def test_the_last_look_can_forbid_the_first_byte() -> None:
    """`before_send` is asked once, when the connection stands; where it says no, the host hears not a byte: rejected."""
    asked: list[int] = []

    async def talk(client: HttpTransport, server: Hostile) -> PaidOutcome:
        def before_send() -> bool:
            asked.append(server.connections)
            return False

        return await client.send_once(PAID, before_send=before_send)

    outcome, server = run([answer(200, {"video_id": a_video_id()})], talk)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False
    assert len(asked) == 1
    assert server.requests == []


def not_sent(base_url: str, timing: Timing = FAST) -> PaidOutcome:
    """Make the paid call to an address at which no request can arrive."""

    async def scene() -> PaidOutcome:
        client = HttpTransport(base_url, Secret(TOKEN), timing)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await client.send_once(PAID, before_send=lambda: True)
        finally:
            await client.aclose()

    return asyncio.run(scene())


def test_without_a_connection_nothing_was_sent() -> None:
    """A refused connection proves that no byte left: rejected, with `sent` False."""
    outcome = not_sent(closed_port())
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False


def test_without_encryption_nothing_was_sent() -> None:
    """A server that does not speak TLS never hears the request: rejected, with `sent` False."""

    async def talk(client: HttpTransport, server: Hostile) -> PaidOutcome:
        secure = HttpTransport(server.url.replace("http:", "https:"), Secret(TOKEN), FAST)
        try:
            return await secure.send_once(PAID, before_send=lambda: True)
        finally:
            await secure.aclose()

    outcome, server = run([say_nonsense_at_once], talk)
    assert isinstance(outcome, Rejected)
    assert isinstance(outcome.error, NoAnswer)
    assert outcome.error.sent is False
    assert server.requests == []


def test_a_broken_encryption_leaves_the_outcome_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the answer cannot be decrypted, the request had left: unsettled, and no stray error of the TLS library."""
    trusted = trust_file(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))

    async def scene() -> tuple[PaidOutcome, Hostile]:
        async with asyncio.timeout(PATIENCE_S), broken_server(trusted) as server:
            client = HttpTransport(server.url, Secret(TOKEN), replace(FAST, answer_timeout_s=PATIENCE_S))
            try:
                return await client.send_once(PAID, before_send=lambda: True), server
            finally:
                await client.aclose()

    outcome, server = asyncio.run(scene())
    assert isinstance(outcome, Indeterminate)
    assert (server.connections, len(server.requests)) == (1, 1)


async def say_nonsense_at_once(caller: Any) -> None:
    """Answer the first bytes of a handshake with plain words."""
    await caller.reader.read(1)
    await caller.say(b"HTTP/1.1 400 Plain\r\n\r\n")
    caller.writer.close()


def test_a_paid_call_that_is_cancelled_is_not_sent_again() -> None:
    """When its waiting is cancelled, the call has left once, and the cancellation goes through."""

    async def talk(client: HttpTransport, server: Hostile) -> None:
        task = asyncio.create_task(client.send_once(PAID, before_send=lambda: True))
        await server.heard_one.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    _, server = run([stay_silent], talk, timing=Timing())
    assert (server.connections, len(server.requests)) == (1, 1)


# -- what is never told ----------------------------------------------------------------------------------------------


def verbose(error: BaseException) -> str:
    """Return the traceback with every local variable of every frame, as a notebook's verbose mode prints it."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


@pytest.mark.parametrize("act", [reset_after_request, stay_silent, answer(500, {"error": f"{EMAIL} {TOKEN}"})])
def test_a_verbose_traceback_tells_neither_token_nor_account(act: Act) -> None:
    """Of our own frames not even the local variables show the token or the e-mail; nor does the error's text."""
    error, _ = run([act], failed)
    assert TOKEN not in verbose(error)
    frames = traceback.TracebackException.from_exception(error, capture_locals=True).stack
    ours = [frame for frame in frames if "pixverse_nb" in frame.filename and "tests" not in frame.filename]
    assert ours
    told = [(frame.name, name) for frame in ours for name, value in (frame.locals or {}).items() if "maria" in value]
    assert told == []
    assert "maria" not in f"{error} {error!r} {vars(error)}"


def test_no_repr_tells_the_token() -> None:
    """Neither the client nor anything it holds prints the token."""
    client = HttpTransport("http://127.0.0.1:9", Secret(TOKEN), FAST)
    assert TOKEN not in repr(client)
    assert TOKEN not in repr(vars(client))


def test_nothing_of_it_is_logged(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """With every logger at its most talkative no record holds an e-mail or the token; our own line is masked."""

    async def talk(client: HttpTransport, server: Hostile) -> None:
        await client.send(LIST)
        await client.send(useapi.get_video(a_video_id()))
        await client.send_once(PAID, before_send=lambda: True)
        with pytest.raises(DownloadError):
            await client.download(f"{server.url}/{EMAIL}.mp4", tmp_path / "one.mp4")

    with caplog.at_level(logging.DEBUG):
        run([OK, answer(200, {}), answer(500, {}), answer(404)], talk)
    assert "maria" not in caplog.text
    assert TOKEN not in caplog.text
    assert "GET /videos/user:7-pixverse:m…@e…-video:1: 200" in caplog.text


def test_other_peoples_requests_are_still_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Only the records of our own calls are dropped: a program that uses httpx itself keeps its log."""
    with caplog.at_level(logging.INFO):
        run([OK], listed)
        logging.getLogger("httpx").info("theirs")
    assert "theirs" in caplog.text


# -- downloads -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real, small mp4."""
    return an_mp4(tmp_path_factory.mktemp("film") / "film.mp4").read_bytes()


def downloaded(acts: list[Act], path: Path, *, address: str = "/a.mp4") -> tuple[Any, Hostile]:
    """Download from a server that plays `acts`; return what was found, or the error, and the server."""

    async def talk(client: HttpTransport, server: Hostile) -> object:
        try:
            return await client.download(server.url + address, path)
        except (PixVerseError, OSError) as error:
            return error

    return run(acts, talk)


def beside(path: Path) -> list[str]:
    """The names of all files in the folder of `path`."""
    return sorted(found.name for found in path.parent.iterdir())


def test_a_video_arrives_whole(tmp_path: Path, film: bytes) -> None:
    """The file is the host's, byte for byte, with its figures, and nothing is left beside it."""
    path = tmp_path / "videos" / "one.mp4"
    info, server = downloaded([answer(200, film)], path)
    assert path.read_bytes() == film
    assert (info.size_bytes, info.width, info.height) == (len(film), 64, 36)
    assert beside(path) == ["one.mp4"]
    assert len(server.requests) == 1


def test_the_address_is_asked_for_as_it_is(tmp_path: Path, film: bytes) -> None:
    """The media host's %2F is neither decoded nor encoded a second time."""
    address = "/pixverse%2Fmp4%2Fmedia%2Fweb%2F9f0e_seed0.mp4?x=1%202"
    _, server = downloaded([answer(200, film)], tmp_path / "one.mp4", address=address)
    assert server.requests[0].target == address


def test_no_credential_goes_to_the_media_host(tmp_path: Path, film: bytes) -> None:
    """Neither the media host, nor where it redirects to, nor the API's own host gets the token with a download."""

    async def talk(client: HttpTransport, server: Hostile) -> list[dict[str, str]]:
        async with Hostile(answer(200, film)) as second, Hostile(answer(302, b"", location=f"{second.url}/b")) as first:
            await client.send(LIST)
            await client.download(f"{first.url}/a", tmp_path / "one.mp4")
            await client.download(f"{server.url}/a", tmp_path / "two.mp4")
            await client.fetch_picture(f"{server.url}/picture.png")
            return [heard.headers for heard in (*first.requests, *second.requests, *server.requests[1:])]

    heads, _ = run([OK, answer(200, film)], talk)
    assert len(heads) == 4
    for told in heads:
        assert "authorization" not in told
        assert "cookie" not in told
        assert TOKEN not in str(told)


def chunked(data: bytes, *, ends: bool) -> Act:
    """Answer in chunks, with or without the last one."""
    piece = b"%x\r\n%s\r\n" % (len(data), data)
    return raw(head(200, transfer_encoding="chunked"), piece + (b"0\r\n\r\n" if ends else b""))


BROKEN: dict[str, Callable[[bytes], Act]] = {
    "cut in the middle": lambda film: raw(head(200, content_length=str(len(film))) + film[: len(film) // 2]),
    "cut without an announced length": lambda film: raw(head(200) + film[: len(film) // 2]),
    "cut at a box": lambda film: raw(head(200) + film[: film.index(b"mdat") - 4]),
    "the last chunk missing": lambda film: chunked(film, ends=False),
    "nothing": lambda _: answer(200, b""),
    "a web page": lambda _: answer(200, b"<html><body>Sign in</body></html>"),
    "a message": lambda _: answer(200, {"error": "expired"}),
    "garbage": lambda film: answer(200, bytes(len(film))),
    "more than was announced": lambda film: raw(head(200, content_length=str(len(film) - 99)) + film),
    "404": lambda _: answer(404, b"gone"),
    "403": lambda _: answer(403, b"<Error>AccessDenied</Error>"),
    "500": lambda _: answer(500, b""),
    "closed at once": lambda _: reset_unread,
    "no word": lambda _: close_after_request,
    "no protocol": lambda _: say_nonsense,
    "silence": lambda _: stay_silent,
}


@pytest.mark.parametrize("warning", BROKEN)
def test_a_broken_download_is_taken_up_again(warning: str, tmp_path: Path, film: bytes) -> None:
    """After two broken tries of any kind the third one gives the whole film."""
    broken = BROKEN[warning](film)
    info, _ = downloaded([broken, broken, answer(200, film)], tmp_path / "one.mp4")
    assert not isinstance(info, Exception), info
    assert (tmp_path / "one.mp4").read_bytes() == film
    assert beside(tmp_path / "one.mp4") == ["one.mp4"]


@pytest.mark.parametrize("warning", BROKEN)
def test_what_stays_broken_leaves_nothing(warning: str, tmp_path: Path, film: bytes) -> None:
    """A film that never comes whole is an error, no .part stays behind, and what stood there before is untouched."""
    path = tmp_path / "one.mp4"
    path.write_bytes(b"what was there before")
    error, server = downloaded([BROKEN[warning](film)], path)
    assert isinstance(error, NoAnswer | DownloadError)
    assert server.connections + len(server.requests) >= 5
    assert path.read_bytes() == b"what was there before"
    assert beside(path) == ["one.mp4"]


def test_an_encoded_film_is_decoded(tmp_path: Path, film: bytes) -> None:
    """A host that compresses announces another length than the film has: that is no fault."""
    packed = gzip.compress(film)
    info, _ = downloaded([answer(200, packed, content_encoding="gzip")], tmp_path / "one.mp4")
    assert info.size_bytes == len(film)


@pytest.mark.parametrize("address", ["not an address", "file:///etc/passwd", "http://", "ftp://example.org/a.mp4"])
def test_an_address_that_is_none_is_an_error_of_the_tree(address: str, tmp_path: Path) -> None:
    """A row may hold anything as its url: nothing but our own errors comes out, and no file."""

    async def talk(client: HttpTransport, _: Hostile) -> None:
        with pytest.raises(PixVerseError):
            await client.download(address, tmp_path / "one.mp4")

    run([OK], talk)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_at_once_and_can_be_mended(tmp_path: Path, film: bytes) -> None:
    """A disk that takes no more is an OSError after one request; with space again the same download works."""
    path = tmp_path / "one.mp4"
    (tmp_path / f"one.mp4.{os.getpid()}.part").symlink_to("/dev/full")
    error, server = downloaded([answer(200, film)], path)
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
    assert len(server.requests) == 1
    assert list(tmp_path.iterdir()) == []
    downloaded([answer(200, film)], path)
    assert path.read_bytes() == film


def test_a_folder_that_cannot_be_made_is_said_before_asking(tmp_path: Path, film: bytes) -> None:
    """Where a file stands in place of the folder, the error is the system's, and nothing is asked for."""
    (tmp_path / "videos").write_text("a file")
    error, server = downloaded([answer(200, film)], tmp_path / "videos" / "one.mp4")
    assert isinstance(error, OSError)
    assert server.requests == []


def test_a_cookie_is_neither_kept_nor_sent_on(tmp_path: Path, film: bytes) -> None:
    """What one host sets as a cookie goes to nobody: not to the media host, nor to the API, nor back."""
    cookie = {"set_cookie": "session=secret; Path=/"}

    async def talk(client: HttpTransport, server: Hostile) -> None:
        await client.fetch_picture(f"{server.url}/picture.png")
        await client.download(f"{server.url}/film.mp4", tmp_path / "one.mp4")
        await client.send(LIST)
        await client.send(LIST)

    _, server = run([answer(200, b"a picture", **cookie), answer(200, film, **cookie), OK_WITH_COOKIE, OK], talk)
    assert len(server.requests) == 4
    assert all("cookie" not in heard.headers for heard in server.requests)


# -- pictures at an address ------------------------------------------------------------------------------------------


def test_a_picture_is_fetched() -> None:
    """The bytes behind an address come as they are, after a passing trouble too."""

    async def talk(client: HttpTransport, server: Hostile) -> bytes:
        return await client.fetch_picture(f"{server.url}/p%20q.png")

    data, server = run([cut_in_the_body, answer(200, b"\x89PNG")], talk)
    assert data == b"\x89PNG"
    assert server.requests[0].target == "/p%20q.png"


def test_an_address_that_cannot_be_reached_is_not_said_to_have_broken_off() -> None:
    """Where no answer ever began nothing broke off; where it was cut in the middle it did."""

    async def talk(client: HttpTransport, server: Hostile) -> tuple[str, str]:
        said = []
        for url in (f"{closed_port()}/p.png", f"{server.url}/p.png"):
            with pytest.raises(NoAnswer) as caught:
                await client.fetch_picture(url)
            said.append(str(caught.value))
        return said[0], said[1]

    (unreached, cut), _ = run([cut_in_the_body] * 9, talk)
    assert unreached == "The address could not be reached (no connection to the host)."
    assert cut.startswith("The download broke off")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_picture_that_is_not_there_is_said(status: int) -> None:
    """An address that answers with an error is a DownloadError with the status."""

    async def talk(client: HttpTransport, server: Hostile) -> str:
        with pytest.raises(DownloadError) as caught:
            await client.fetch_picture(f"{server.url}/p.png")
        return str(caught.value)

    text, _ = run([answer(status)], talk)
    assert str(status) in text
