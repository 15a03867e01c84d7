"""`client.listen()`: the receiver of callbacks on the client's thread, and what its word is worth to the engine."""

from types import TracebackType
from typing import Final, Self

from pixverse_nb.errors import ConfigError
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.hints import Hints
from pixverse_nb.models import REPLY_MAX
from pixverse_nb.portal import Portal
from pixverse_nb.wire.callback import Named

_SECRET_LENGTH: Final = 64  # room for the secret path below a public address


class Listener:
    """An open receiver of callbacks; a context manager, and `close()` ends it.

    `url` is what the vendor is to call. It holds a secret: whoever knows it can make this client ask the vendor's list
    (at most once in `poll_s`), and nothing else. What a callback says is never believed, only looked up.

    >>> with client.listen(8080, public_url="https://my-tunnel.example") as listener:  # doctest: +SKIP
    ...     client.create_frames("a.jpg", "b.jpg").result()
    """

    def __init__(self, engine: Engine, portal: Portal, *, public_url: str | None, vendor_url: str) -> None:
        if public_url is not None and not _is_address(public_url):
            raise ConfigError(
                f"public_url must be an http(s) address of at most {REPLY_MAX - _SECRET_LENGTH} characters, "
                f"not {public_url[:60]!r}"
            )
        from pixverse_nb.callbacks import Receiver, is_on_this_machine  # an HTTP parser: loaded by who listens

        self._engine = engine
        self._portal = portal
        self._public_url = public_url
        self._hints = Hints(engine)
        self._receiver = Receiver(self._heard)
        self._can_be_reached = public_url is not None or is_on_this_machine(vendor_url)
        self.is_closed = False
        self.hints = 0  # callbacks that named an open job of ours

    def open(self, host: str, port: int) -> Self:
        """Begin to listen; ConfigError where the place cannot be had."""
        self._portal.call(self._receiver.open(host, port))
        return self

    @property
    def url(self) -> str:
        """The address to be called, its secret path included."""
        return self._receiver.url(self._public_url)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._receiver.port

    @property
    def reply_url(self) -> str | None:
        """What `create_frames` sends where no `reply_url` is given: `url`, or None where the vendor cannot reach it."""
        return self.url if self._can_be_reached and not self.is_closed else None

    @property
    def heard(self) -> int:
        """How many callbacks came on the secret path, forged ones included."""
        return self._receiver.accepted

    @property
    def polls(self) -> int:
        """How many times the vendor's list was asked for because of a callback."""
        return self._engine.hinted_polls

    def close(self) -> None:
        """End the listening; the jobs go on, and their ends are found in the vendor's list."""
        if not self.is_closed and not self._portal.is_closed:
            self._portal.call(self.aclose())

    async def aclose(self) -> None:
        """As `close`, on the client's thread."""
        self.is_closed = True
        await self._receiver.aclose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        where = "closed" if self.is_closed else f"on {self._receiver.host} port {self.port}"
        return f"<Listener {where}: {self.heard} callbacks heard, {self.hints} about open jobs, {self.polls} lists>"

    def _heard(self, named: Named) -> None:
        if named and self._hints.take(named):
            self.hints += 1


def _is_address(url: str) -> bool:
    is_plain = url.isascii() and url.isprintable() and " " not in url
    return url.startswith(("https://", "http://")) and is_plain and len(url) <= REPLY_MAX - _SECRET_LENGTH
