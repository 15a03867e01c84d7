"""`HttpTransport` sends calls, uploads pictures and downloads videos; the only module that uses httpx.

Only the API's base URL receives credentials. Pictures at an address and finished videos are fetched with a second
client that has none.
"""

import asyncio
import contextvars
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from pixverse_nb.atomic_files import fsync_replace
from pixverse_nb.backends.base import (
    Accepted,
    Backend,
    Call,
    Indeterminate,
    PaidOutcome,
    Rejected,
    Reply,
    classify_reply,
    read_reply,
)
from pixverse_nb.config import Timing, is_loopback
from pixverse_nb.errors import APIError, Busy, ConfigError, DownloadError, NoAnswer, ServerError
from pixverse_nb.mp4 import Mp4Info, probe_mp4
from pixverse_nb.redaction import Secret, redact

T = TypeVar("T")

_log = logging.getLogger("pixverse_nb")
_SLOWEST_UPLOAD_BYTES_PER_S: Final = 32 * 1024  # sets the time limit of an upload
_PICTURE_MAX_BYTES: Final = 100 * 1024 * 1024
_READ_ATTEMPTS: Final = 4
_DOWNLOAD_ATTEMPTS: Final = 5

# httpx logs whole addresses at INFO, including `?email=`: records made inside our own calls are dropped.
_inside_our_call: contextvars.ContextVar[bool] = contextvars.ContextVar("pixverse_nb_call", default=False)


def _is_foreign_record(_: logging.LogRecord) -> bool:
    return not _inside_our_call.get()


class HttpTransport:
    """Sends the calls of one backend with one token. It belongs to one event loop; close it with `aclose()`.

    Free calls are retried after a lost connection, 429 and 5xx (never after 596), honouring Retry-After. A billable
    call is sent by `send_once` only: once, on a new connection, without retries.
    """

    def __init__(self, backend: Backend, base_url: str, token: Secret, timing: Timing) -> None:
        self._backend = backend
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._timing = timing
        self._ssl: ssl.SSLContext | None = None
        self._api: httpx.AsyncClient | None = None
        self._anonymous: dict[bool, httpx.AsyncClient] = {}  # without credentials, by whether the host is this machine
        self.requests_sent = 0  # to the API; the benchmarks and the doctor read it
        logging.getLogger("httpx").addFilter(_is_foreign_record)

    async def aclose(self) -> None:
        """Close every connection."""
        for client in (self._api, *self._anonymous.values()):
            if client is not None:
                await client.aclose()
        self._api = None
        self._anonymous.clear()

    async def send(self, call: Call[T], *, attempts: int = _READ_ATTEMPTS) -> T:
        """Send a free call and return its value; `attempts` includes the first one.

        Raises APIError if the vendor answers with an error, NoAnswer if the connection failed each time.
        """
        if call.billable:
            raise ValueError("a billable call must be sent with send_once()")
        async for attempt in self._retrying(attempts):
            with attempt:
                return read_reply(call, await self._exchange(self._api_client(), call))
        raise AssertionError("unreachable: the last attempt raises")

    async def send_once(self, call: Call[Accepted], *, before_send: Callable[[], bool]) -> PaidOutcome:
        """Send a billable call at most once and return what is proven: Accepted, Rejected or Indeterminate.

        Failures of the network or the vendor do not raise. `before_send` is called when the connection is open, just
        before the first byte is written; if it returns False, nothing is sent and the call is Rejected.
        """
        if not call.billable:
            raise ValueError("a free call must be sent with send()")
        try:
            client = self._new_client(self._base_url)  # not a kept-alive connection, which may be half closed
        except ConfigError as error:
            return Rejected(error)
        async with client as fresh:
            try:
                reply = await self._exchange(fresh, call, headers={"Connection": "close"}, before_send=before_send)
            except NoAnswer as failure:
                if failure.sent:
                    return Indeterminate("no_answer", str(failure))
                return Rejected(failure)
        return classify_reply(call, reply)

    async def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an address, without sending credentials.

        Raises NoAnswer if the network fails, DownloadError if the host answers with an error or over 100 MiB.
        """
        url = url.strip()
        problem = _url_error(url)
        if problem is not None:
            raise DownloadError(f"The picture cannot be downloaded: {problem}.")
        client = self._anonymous_client(url)
        async for attempt in self._retrying(_READ_ATTEMPTS):
            with attempt:
                pieces: list[bytes] = []
                size = 0
                async with self._stream(client, url) as response:
                    async for piece in response.aiter_bytes():
                        size += len(piece)
                        if size > _PICTURE_MAX_BYTES:
                            raise DownloadError(f"The picture is larger than {_PICTURE_MAX_BYTES >> 20} MiB.")
                        pieces.append(piece)
                return b"".join(pieces)
        raise AssertionError("unreachable: the last attempt raises")

    async def download(self, url: str, path: Path) -> Mp4Info:
        """Download the video at `url` to `path`; check its length and mp4 structure and return what was found.

        The file is written as `.part`, synced and renamed, so `path` never holds an incomplete video. Raises NoAnswer
        if the network fails, DownloadError if the host sends no complete video, OSError if it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        client = self._anonymous_client(url)
        try:
            async for attempt in self._retrying(_DOWNLOAD_ATTEMPTS, is_retryable=_is_retryable_download):
                with attempt:
                    expected = await self._download_once(client, url, part)
                    info = await asyncio.to_thread(probe_mp4, part, expected_bytes=expected)
            await asyncio.to_thread(fsync_replace, part, path)
        finally:
            part.unlink(missing_ok=True)
        return info

    async def _download_once(self, client: httpx.AsyncClient, url: str, part: Path) -> int | None:
        async with self._stream(client, url) as response:
            length = response.headers.get("content-length")
            with part.open("wb") as file:
                async for piece in response.aiter_bytes():
                    file.write(piece)
            encoded = "content-encoding" in response.headers  # Content-Length then counts the encoded bytes
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
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, UnicodeError, ExceptionGroup) as error:
            what = "The download broke off" if has_begun else "The address could not be reached"
            raise NoAnswer(f"{what} ({_failure_words(error)}).", sent=True) from None
        finally:
            _inside_our_call.reset(token)

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        call: Call[Any],
        headers: Mapping[str, str] | None = None,
        before_send: Callable[[], bool] | None = None,
    ) -> Reply:
        """Make one request. Raises NoAnswer, with `sent=False` only if no byte of the request was written."""
        tracker = _SendTracker(before_send)
        limit_s = self._timing.answer_timeout_s + len(call.content or b"") / _SLOWEST_UPLOAD_BYTES_PER_S
        mark = _inside_our_call.set(True)
        self.requests_sent += 1
        try:
            async with asyncio.timeout(limit_s):
                # never assign the request to a variable: a verbose traceback would print it, with the account
                response = await client.send(self._request(client, call, headers or {}, tracker))
        except _SendDeadlineExceeded:
            raise NoAnswer("The send deadline passed; the request was not sent.", sent=False) from None
        except TimeoutError:
            raise NoAnswer(f"No answer within {limit_s:.0f} s.", sent=tracker.has_sent) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:  # a broken TLS record is an OSError
            # `from None`: httpx's error contains the request, and with it the token
            host = urlsplit(self._base_url).hostname
            text = f"The connection to {host} failed ({_failure_words(error)})."
            raise NoAnswer(text, sent=tracker.has_sent) from None
        finally:
            _inside_our_call.reset(mark)
        _log.debug("%s %s: %s", call.method, redact(call.path), response.status_code)
        return Reply(response.status_code, {k.lower(): v for k, v in response.headers.items()}, response.content)

    def _request(
        self, client: httpx.AsyncClient, call: Call[Any], headers: Mapping[str, str], tracker: "_SendTracker"
    ) -> httpx.Request:
        given = {"Content-Type": call.content_type} if call.content_type else {}
        return client.build_request(
            call.method,
            self._base_url + call.path,
            params=dict(call.query) or None,
            json=call.body,
            content=call.content,
            headers={**given, **headers, **self._backend.headers(self._token, call)},
            extensions={"trace": tracker.trace},
        )

    def _api_client(self) -> httpx.AsyncClient:
        if self._api is None:
            self._api = self._new_client(self._base_url)
        return self._api

    def _anonymous_client(self, url: str) -> httpx.AsyncClient:
        is_local = is_loopback(url)
        if is_local not in self._anonymous:
            self._anonymous[is_local] = self._new_client(url)
        return self._anonymous[is_local]

    def _new_client(self, url: str) -> httpx.AsyncClient:
        """Return a client for the host of `url`.

        Raises ConfigError if the base URL, or the environment's proxy or TLS settings cannot be used.
        """
        if url == self._base_url:
            problem = _url_error(url)
            if problem is not None:
                raise ConfigError(f"base_url {url[:60]!r} cannot be used: {problem}. Nothing was sent.")
        wait_s = self._timing.answer_timeout_s
        options: dict[str, Any] = {
            "timeout": httpx.Timeout(wait_s, connect=min(wait_s, 15.0)),
            # accept no cookies: httpx would send those of one host to the others
            "cookies": CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        }
        if is_loopback(url) and url.lower().startswith("http://"):
            # proxies are for the internet, and without TLS no certificates are needed: an empty context trusts none
            return httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, **options)
        with _env_errors_as_config_errors(_TLS_VARIABLES):
            self._ssl = self._ssl or httpx.create_ssl_context()  # takes 20 ms
        with _env_errors_as_config_errors(_PROXY_VARIABLES):
            return httpx.AsyncClient(verify=self._ssl, trust_env=not is_loopback(url), **options)

    def _retrying(self, attempts: int, *, is_retryable: Callable[[BaseException], bool] | None = None) -> AsyncRetrying:
        first_s, longest_s = self._timing.retry_s
        backoff = wait_random_exponential(multiplier=first_s, max=longest_s)

        def pace(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            named = error.retry_after_s if isinstance(error, Busy | ServerError) else None
            return backoff(state) if named is None else min(named, self._timing.busy_wait_s[1])

        return AsyncRetrying(
            retry=retry_if_exception(is_retryable or _is_retryable),
            wait=pace,
            stop=stop_after_attempt(attempts),
            reraise=True,
        )


def _url_error(url: str) -> str | None:
    """Return why httpx cannot use an address, or None if it can."""
    try:
        port = httpx.URL(url).port
    except (httpx.InvalidURL, UnicodeError):  # UnicodeError: half a surrogate pair
        return "the address is not valid"
    return "the port is above 65535" if port is not None and port > 65535 else None


_PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_TLS_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


def check_network_variables() -> None:
    """Raise ConfigError, naming the variables, if httpx cannot use the proxy or TLS settings of the environment."""
    with _env_errors_as_config_errors(_TLS_VARIABLES):
        context = httpx.create_ssl_context()
    with _env_errors_as_config_errors(_PROXY_VARIABLES):
        httpx.AsyncClient(verify=context)


@contextmanager
def _env_errors_as_config_errors(names: Sequence[str]) -> Iterator[None]:
    """Raise ConfigError that names those of the variables that are set, whatever httpx raises about their values."""
    try:
        yield
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:  # OSError includes every ssl.SSLError
        used = [name for name in (*names, *map(str.lower, names)) if os.environ.get(name)]
        reason = "it needs the package socksio" if isinstance(error, ImportError) else _failure_words(error)
        raise ConfigError(
            f"The environment variable {' or '.join(used) or names[0]} cannot be used ({reason}). Correct or unset it; "
            "nothing was sent."
        ) from None


@dataclass
class _SendTracker:
    """Hooks into httpx's trace extension to record the first byte of the request, or to stop just before it."""

    before_send: Callable[[], bool] | None = None
    has_sent: bool = False

    async def trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started") and getattr(info.get("request"), "method", b"") != b"CONNECT":
            if self.before_send is not None and not self.before_send():
                raise _SendDeadlineExceeded
            self.has_sent = True


class _SendDeadlineExceeded(Exception):
    """`before_send` returned False before the first byte was written."""


def _is_retryable(error: BaseException) -> bool:
    """Return whether a free call may succeed if it is repeated."""
    return isinstance(error, NoAnswer | ServerError | Busy)


def _is_retryable_download(error: BaseException) -> bool:
    return isinstance(error, NoAnswer | DownloadError | APIError)


def _failure_words(error: Exception) -> str:
    """Describe a network error in a few words, without the address that httpx puts in its message."""
    name = type(error).__name__
    words = {
        "InvalidURL": "the address is not valid",
        "ExceptionGroup": "the address is not valid",  # anyio's, for a port above 65535 in a redirect
        "ConnectError": "no connection to the host",
        "ConnectTimeout": "the host did not accept the connection in time",
        "ReadTimeout": "the answer did not arrive in time",
        "WriteTimeout": "the request could not be sent in time",
        "ReadError": "the connection broke while waiting for the answer",
        "WriteError": "the connection broke while sending",
        "RemoteProtocolError": "the host closed the connection without a complete answer",
    }
    return words.get(name, name)
