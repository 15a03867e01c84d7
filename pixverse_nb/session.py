"""What a `Client` opens: the ledger, the thread with the engine, and the sandbox. Clients of equal settings share it.

In a notebook the cell that opens the client is run again and again. Each run would leave a thread, a dozen open files
and a sandbox behind, because the jobs of the earlier run still need theirs. So a second client with equal settings gets
what is open already: the jobs of both are the same ones, and the engine that leads goes on leading.

It is closed when the last open `Client` is closed, or when nobody holds a client, a job or a sweep of it any more. The
event-loop thread is what they hold; nothing here may hold it, except through the handles of open jobs, which thereby
run to their end.
"""

import asyncio
import atexit
import os
import secrets
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from pixverse_nb import __version__
from pixverse_nb.archive.other_homes import OtherHomes
from pixverse_nb.backends.base import Call
from pixverse_nb.config import Prices
from pixverse_nb.connection import Connection
from pixverse_nb.domain.catalogue import Catalogue, ModelSpec
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.errors import ConfigError
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, notify_subscribers
from pixverse_nb.jobs.webhooks import WebhookListener
from pixverse_nb.ledger.home_register import HomeRegister
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.render.display import can_replace_outputs, write_note

T = TypeVar("T")


@dataclass(frozen=True)
class SessionSettings:
    """Everything that two clients must have in common to share a session; `owner` is the class of the client."""

    owner: type
    connection: Connection
    email: str | None = field(repr=False)
    models: tuple[ModelSpec, ...]
    prices: Prices
    budget_credits: int | None
    catalogue: Catalogue = field(compare=False)  # follows from `models` and `prices`


class Session:
    """The open parts of one home and service; usable from any thread.

    What has been opened is added to `opened`. The clients and their jobs hold `loop`; it is held only weakly here.
    """

    def __init__(self, settings: SessionSettings, loop: EventLoopThread, opened: ExitStack) -> None:
        self.settings = settings
        self.connection = connection = settings.connection.started()
        if connection.box is not None:
            opened.callback(connection.box.stop)
        self.home: Path = connection.home
        self.backend = connection.backend
        self.pid = os.getpid()
        self.users: weakref.WeakSet[Any] = weakref.WeakSet()  # the open clients
        self.ledger = Ledger(
            self.home / "ledger.db",
            service=connection.name,
            budget_credits=settings.budget_credits,
            payer=connection.payer,
        )
        opened.callback(self.ledger.close)
        self.register = HomeRegister(self.ledger, self.home)
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self.engine = Engine(
            backend=connection.backend,
            ledger=self.ledger,
            connect=connection.connect,
            home=self.home,
            timing=connection.timing,
            owner=owner,
            catalogue=settings.catalogue,
            sending=self.register.sending,
            is_watched=self._is_watched,
        )
        self.builder = JobBuilder(
            home=self.home,
            owner=owner,
            service=self.ledger.service,
            catalogue=settings.catalogue,
            budget_credits=settings.budget_credits,
            timing=connection.timing,
            account_of=connection.backend.account_of,
            fetch=self.fetch_picture,
            email=settings.email,
        )
        self.other_homes = OtherHomes(
            self.register,
            self.ledger,
            self.home,
            connection.timing,
            self.engine.now,
            version=__version__,
            is_sandbox=connection.box is not None,
        )
        self.listeners: weakref.WeakSet[WebhookListener] = weakref.WeakSet()
        self._handles: weakref.WeakValueDictionary[str, Job] = weakref.WeakValueDictionary()
        self._kept: dict[str, Job] = {}  # keeps the handles of open jobs alive, and through them the loop
        self._handles_lock = threading.Lock()
        self.subscribers: list[Callable[[Job], object]] = []
        self.engine.subscribe(self._changed)
        self._loop = weakref.ref(loop)
        loop.on_close(self._end)
        loop.on_release(self._release)

    def open_loop(self) -> EventLoopThread | None:
        """Return the thread; None if it is closed, or if nobody holds it any more."""
        loop = self._loop()
        return None if loop is None or loop.is_closed else loop

    def close(self) -> None:
        """Stop the thread and close the files; whoever waits for a job gets ConfigError.

        A subscriber's callback, which runs on that thread, does not wait for its end: the files are closed after it.
        """
        loop = self._loop()
        if loop is not None and loop.is_current:
            loop.close_in_background(self._release)
            return
        if loop is not None:
            loop.close()
        self._release()

    @property
    def is_usable(self) -> bool:
        """Whether another client can use it: this is its process, and its ledger is still where it was."""
        return self.pid == os.getpid() and self.ledger.is_in_place()

    def meets_other_token(self) -> bool:
        """Whether an open client of this process uses the same home and service with another token of the same user.

        Clients of different users never send each other's jobs.
        """
        mine = self.settings.connection
        with _lock:
            others = [session.settings.connection for session in _sessions if session.users]
        return any(
            (one.home, one.name, one.payer) == (mine.home, mine.name, mine.payer) and one.token != mine.token
            for one in others
        )

    # -- for the clients -----------------------------------------------------------------------------------------

    def handle(self, record: JobRecord) -> Job:
        """Return the job of a record, the same object as long as somebody holds it."""
        loop = self._running_loop()
        job, is_new = self._find_or_make(record, loop)
        if is_new:
            self._follow(record, loop)
        return job

    def _find_or_make(self, record: JobRecord, loop: EventLoopThread) -> tuple[Job, bool]:
        """Return the job of a record, and whether it is a new object."""
        with self._handles_lock:
            known = self._handles.get(record.ref)
            if known is not None:
                return known, False
            is_sandbox = self.connection.is_sandbox
            job = Job(record, self.engine, loop, is_sandbox=is_sandbox, other_homes=self.other_homes)
            self._handles[record.ref] = job
            return job, True

    def _follow(self, record: JobRecord, loop: EventLoopThread) -> None:
        """Hear of the changes of a job that another process has made and runs, since this session was opened."""
        engine = self.engine
        if record.state.is_final or self.ledger.is_read_only or engine.find_open(record.ref) is not None:
            return
        if not engine.is_paused(record):
            with suppress(ConfigError):  # the client is closed, or this is a forked process: nothing changes here
                loop.call_soon(lambda: engine.follow(record, is_requested=False))

    def keep(self, job: Job) -> None:
        """Hold an open job, and through it the thread, until it ends."""
        self._kept[job.ref] = job

    def subscribe(self, callback: Callable[[Job], object]) -> Callable[[], None]:
        """Call `callback(job)` on every change of a job; the returned function unsubscribes."""
        self.subscribers.append(callback)
        loop = self._loop()
        if loop is not None:
            with suppress(ConfigError):  # the client is closed, or this is a forked process: nothing changes here
                loop.call_soon(self.engine.watch)
        return partial(_remove, self.subscribers, callback)

    def send(self, call: Call[T], *, attempts: int = 4) -> T:
        """Send a free call and wait for its value."""

        async def send() -> T:
            return await self.engine.transport.send(call, attempts=attempts)

        return self._running_loop().call(send())

    def send_briefly(self, call: Call[T], /) -> T:
        """Send a free call with fewer attempts, and wait for its value."""
        return self.send(call, attempts=2)

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an http(s) address; blocks, and sends no credentials."""

        async def fetch() -> bytes:
            return await self.engine.transport.fetch_picture(url)

        return self._running_loop().call(fetch())

    # -- internal ------------------------------------------------------------------------------------------------

    def _running_loop(self) -> EventLoopThread:
        loop = self._loop()
        if loop is None:
            raise ConfigError("This Client is closed. Create a new one; it finds every job in the ledger.")
        return loop

    def _changed(self, record: JobRecord) -> None:
        self.register.note(record)
        loop = self._loop()
        if loop is None:
            return  # nobody is left who could look at the job
        job, _ = self._find_or_make(record, loop)
        if record.state.is_final:
            self._kept.pop(record.ref, None)
        elif self.engine.find_open(record.ref) is not None:  # else another process runs it
            self._kept[record.ref] = job
        notify_subscribers(self.subscribers, job)
        job.changed(record)

    def _is_watched(self) -> bool:
        with self._handles_lock:
            jobs = tuple(self._handles.values())
        return bool(self.subscribers) or any(job.is_watched for job in jobs)

    async def _end(self) -> None:
        try:
            await asyncio.gather(*(listener.aclose() for listener in tuple(self.listeners)))
        finally:
            await self.engine.aclose()

    def note_open_jobs(self) -> None:
        """Say at the end of a script that jobs of this session are open, and that nothing is lost."""
        count = len(self._kept)
        if os.getpid() != self.pid or can_replace_outputs():  # a kernel that ends has no cell to say it in
            return
        if count:
            subject, them = ("1 job is", "it") if count == 1 else (f"{count} jobs are", "them")
            write_note(
                f"The program ends while {subject} open in {self.home}. The next Client on this home continues {them}; "
                "job.result() waits for a video."
            )

    def _release(self) -> None:
        """Close what the thread used; it has ended."""
        with _lock:
            if self in _sessions:
                _sessions.remove(self)
        with self._handles_lock:
            jobs = tuple(self._handles.values())
        for job in jobs:
            job.detach()
        self._kept.clear()
        self.ledger.close()
        if self.connection.box is not None:
            self.connection.box.stop()


def _remove(callbacks: list[Callable[[Job], object]], callback: Callable[[Job], object]) -> None:
    if callback in callbacks:
        callbacks.remove(callback)


_lock: threading.RLock = threading.RLock()
_sessions: Final[list[Session]] = []


@atexit.register
def _note_open_jobs() -> None:
    for session in tuple(_sessions):
        session.note_open_jobs()


def open_session(settings: SessionSettings, *, user: object) -> tuple[Session, EventLoopThread, bool]:
    """Return the open session with equal settings or a new one, its thread, and whether it is new.

    `user` is the client: the session is closed by `leave_session` of its last open one.
    """
    with _lock:
        for session in _sessions:
            loop = session.open_loop() if session.settings == settings and session.is_usable else None
            if loop is not None:
                session.users.add(user)
                return session, loop, False
        new_loop = EventLoopThread()
        with ExitStack() as opened:
            session = Session(settings, new_loop, opened)
            opened.pop_all()  # from here on `close` closes them
        session.users.add(user)
        _sessions.append(session)
        return session, new_loop, True


def leave_session(session: Session, *, user: object) -> bool:
    """Note that a client is closed; return whether it was the last open one, and the session is closed now."""
    with _lock:
        session.users.discard(user)
        if session.users:
            return False
        if session in _sessions:
            _sessions.remove(session)  # a client that opens now gets a new one
    session.close()
    return True


def _after_fork() -> None:
    global _lock  # a new one: another thread of the parent may have held the old one
    _lock = threading.RLock()
    _sessions.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
