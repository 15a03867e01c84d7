"""The one door to the network: `AsyncClient` sends calls, uploads pictures and downloads videos through httpx.

No httpx object passes this module's border, so another HTTP library would change this file alone. The bearer token
goes to the API's base URL only: pictures given as addresses and finished videos are fetched by a second client that
holds no credential.
"""

import asyncio
import contextvars
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from pixverse_nb.disk import put_in_place
from pixverse_nb.errors import APIError, Busy, DownloadError, NoAnswer, ServerError
from pixverse_nb.mp4 import Mp4Info, probe_mp4
from pixverse_nb.privacy import Secret, masked
from pixverse_nb.settings import Timing
from pixverse_nb.wire.call import Accepted, Call, PaidOutcome, Rejected, Reply, Unsettled, paid_outcome, read_reply

T = TypeVar("T")

_log = logging.getLogger("pixverse_nb")
_SLOWEST_UPLOAD: Final = 32 * 1024  # bytes a second that an upload is given the time for
_PICTURE_MAX: Final = 100 * 1024 * 1024
_READ_ATTEMPTS: Final = 4
_DOWNLOAD_ATTEMPTS: Final = 5

# httpx logs every whole address at INFO, and `?email=` with it: records made inside our own calls are dropped.
_inside_our_call: contextvars.ContextVar[bool] = contextvars.ContextVar("pixverse_nb_call", default=False)


def _is_not_ours(_: logging.LogRecord) -> bool:
    return not _inside_our_call.get()


class AsyncClient:
    """Sends calls to one API with one token; lives on one event loop and is closed with `aclose()`.

    Reads and uploads are repeated on a lost connection, 429 and 5xx (never on 596), honouring Retry-After. A call with
    `spends=True` goes through `send_paid` alone: once, on a connection of its own, with no repetition.
    """

    def __init__(self, base_url: str, token: Secret, timing: Timing) -> None:
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._timing = timing
        self._ssl: ssl.SSLContext | None = None
        self._api: httpx.AsyncClient | None = None
        self._open: httpx.AsyncClient | None = None  # without credentials
        self.requests_sent = 0  # to the API, for the bench and for doctor
        logging.getLogger("httpx").addFilter(_is_not_ours)

    async def aclose(self) -> None:
        """Close every connection."""
        for client in (self._api, self._open):
            if client is not None:
                await client.aclose()
        self._api = self._open = None

    async def send(self, call: Call[T], *, attempts: int = _READ_ATTEMPTS) -> T:
        """Return what the vendor answers to a call that spends nothing; `attempts` counts the first one too.

        Raises an APIError of the tree, or NoAnswer where the connection failed each time.
        """
        if call.spends:
            raise ValueError("a call that spends goes through send_paid")
        async for attempt in self._retrying(attempts):
            with attempt:
                return read_reply(call, await self._exchange(self._api_client(), call))
        raise AssertionError("unreachable: the last attempt raises")

    async def send_paid(self, call: Call[Accepted], *, may_leave: Callable[[], bool]) -> PaidOutcome:
        """Send a paid call exactly once and return what is proven: Accepted, Rejected or Unsettled; never raises
        for what the network or the vendor does.

        `may_leave` is asked when the connection stands and the first byte is about to go: where it says no, nothing is
        sent and the call is Rejected.
        """
        if not call.spends:
            raise ValueError("a call that spends nothing goes through send")
        async with self._new_client() as fresh:  # never a kept-alive connection: it may be half closed
            try:
                reply = await self._exchange(fresh, call, headers={"Connection": "close"}, may_leave=may_leave)
            except NoAnswer as failure:
                if failure.sent:
                    return Unsettled(str(failure))
                return Rejected(failure)
        return paid_outcome(call, reply)

    async def fetch_picture(self, url: str) -> bytes:
        """Return the bytes behind a picture's address, at most 100 MiB, without any credential."""
        client = self._open_client()
        async for attempt in self._retrying(_READ_ATTEMPTS):
            with attempt:
                pieces: list[bytes] = []
                size = 0
                async with self._stream(client, url) as response:
                    async for piece in response.aiter_bytes():
                        size += len(piece)
                        if size > _PICTURE_MAX:
                            raise DownloadError(f"The picture is larger than {_PICTURE_MAX >> 20} MiB.")
                        pieces.append(piece)
                return b"".join(pieces)
        raise AssertionError("unreachable: the last attempt raises")

    async def download(self, url: str, path: Path) -> Mp4Info:
        """Store the video behind `url` at `path` and return what was checked (length, mp4 form, sha256).

        It is written to a `.part` beside `path`, synced to the disk and renamed, so `path` is whole or absent.
        Raises NoAnswer where the network is away, DownloadError where the host gives no whole video, and OSError
        where the disk takes it no more.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        client = self._open_client()
        try:
            async for attempt in self._retrying(_DOWNLOAD_ATTEMPTS, repeats=_is_passing_download):
                with attempt:
                    expected = await self._download_once(client, url, part)
                    info = await asyncio.to_thread(probe_mp4, part, expected_bytes=expected)
            await asyncio.to_thread(put_in_place, part, path)
        finally:
            part.unlink(missing_ok=True)
        return info

    async def _download_once(self, client: httpx.AsyncClient, url: str, part: Path) -> int | None:
        async with self._stream(client, url) as response:
            length = response.headers.get("content-length")
            with part.open("wb") as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
            encoded = "content-encoding" in response.headers  # then the length counts other bytes than ours
            return int(length) if length and length.isdigit() and not encoded else None

    @asynccontextmanager
    async def _stream(self, client: httpx.AsyncClient, url: str) -> AsyncIterator[httpx.Response]:
        token = _inside_our_call.set(True)
        has_begun = False
        try:
            async with client.stream("GET", url, follow_redirects=True) as response:
                has_begun = True
                if response.status_code != 200:
                    raise DownloadError(f"The media host answered HTTP {response.status_code}.")
                yield response
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            what = "The download broke off" if has_begun else "The address could not be reached"
            raise NoAnswer(f"{what} ({_named(error)}).", sent=True) from None
        finally:
            _inside_our_call.reset(token)

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        call: Call[Any],
        headers: Mapping[str, str] | None = None,
        may_leave: Callable[[], bool] | None = None,
    ) -> Reply:
        """Make one request; raise NoAnswer, with the bit that tells whether a byte of it can have left."""
        wire = _WireWatch(may_leave)
        limit_s = self._timing.answer_timeout_s + len(call.content or b"") / _SLOWEST_UPLOAD
        mark = _inside_our_call.set(True)
        self.requests_sent += 1
        try:
            async with asyncio.timeout(limit_s):
                # the request is never a variable here: a verbose traceback prints those, and it shows the account
                response = await client.send(self._request(client, call, headers or {}, wire))
        except _TooLateError:
            raise NoAnswer("Its time for sending was over; nothing left this machine.", sent=False) from None
        except TimeoutError:
            raise NoAnswer(f"No answer within {limit_s:.0f} s.", sent=wire.has_sent) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # a broken TLS record comes through as an OSError
            # `from None`: httpx's error holds the request, and that holds the token
            raise NoAnswer(f"The connection failed ({_named(error)}).", sent=wire.has_sent) from None
        finally:
            _inside_our_call.reset(mark)
        _log.debug("%s %s: %s", call.method, masked(call.path), response.status_code)
        return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)

    def _request(
        self, client: httpx.AsyncClient, call: Call[Any], headers: Mapping[str, str], wire: "_WireWatch"
    ) -> httpx.Request:
        given = {"Content-Type": call.content_type} if call.content_type else {}
        return client.build_request(
            call.method,
            self._base_url + call.path,
            params=dict(call.query) or None,
            json=call.body,
            content=call.content,
            headers={**given, **headers, "Authorization": f"Bearer {self._token.reveal()}"},
            extensions={"trace": wire.trace},
        )

    def _api_client(self) -> httpx.AsyncClient:
        if self._api is None:
            self._api = self._new_client()
        return self._api

    def _open_client(self) -> httpx.AsyncClient:
        if self._open is None:
            self._open = self._new_client()
        return self._open

    def _new_client(self) -> httpx.AsyncClient:
        if self._ssl is None:
            self._ssl = httpx.create_ssl_context()  # 20 ms, so once
        wait_s = self._timing.answer_timeout_s
        return httpx.AsyncClient(
            verify=self._ssl,
            timeout=httpx.Timeout(wait_s, connect=min(wait_s, 15.0)),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one host's cookie would go to the others
        )

    def _retrying(self, attempts: int, *, repeats: Callable[[BaseException], bool] | None = None) -> AsyncRetrying:
        first_s, longest_s = self._timing.retry_s
        backoff = wait_random_exponential(multiplier=first_s, max=longest_s)

        def pace(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            named = error.retry_after_s if isinstance(error, Busy | ServerError) else None
            return backoff(state) if named is None else min(named, self._timing.busy_wait_s[1])

        return AsyncRetrying(
            retry=retry_if_exception(repeats or _is_passing),
            wait=pace,
            stop=stop_after_attempt(attempts),
            reraise=True,
        )


@dataclass
class _WireWatch:
    """Listens to httpx's trace extension for the moment in which the request begins to leave, and can forbid it."""

    may_leave: Callable[[], bool] | None = None
    has_sent: bool = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started") and getattr(info.get("request"), "method", b"") != b"CONNECT":
            if self.may_leave is not None and not self.may_leave():
                raise _TooLateError
            self.has_sent = True


class _TooLateError(Exception):
    """The last look before the first byte said no."""


def _is_passing(error: BaseException) -> bool:
    """Tell whether a read may succeed when repeated; 596 is a ServerError by number only and never comes here."""
    return isinstance(error, NoAnswer | ServerError | Busy)


def _is_passing_download(error: BaseException) -> bool:
    return isinstance(error, NoAnswer | DownloadError | APIError)


def _named(error: Exception) -> str:
    """Return the kind of a network error in a few words, without the address it holds."""
    name = type(error).__name__
    words = {
        "InvalidURL": "it is not a valid one",
        "ConnectError": "no connection to the host",
        "ConnectTimeout": "the host did not take the connection in time",
        "ReadTimeout": "the answer did not come in time",
        "WriteTimeout": "the request could not be sent in time",
        "ReadError": "the connection was cut while waiting for the answer",
        "WriteError": "the connection was cut while sending",
        "RemoteProtocolError": "the host closed the connection without a whole answer",
    }
    return words.get(name, name)
