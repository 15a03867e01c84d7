"""The `Client` that people hold: two pictures in, a job out, and everything the ledger knows.

It joins the ledger, the engine on the portal's thread, and the darkroom that prepares pictures. Nothing here blocks
but what says so: `create_frames` returns at once, `job.result()` waits.
"""

import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pixverse_nb.backends import useapi
from pixverse_nb.backends.base import Call
from pixverse_nb.config import Prices, Timing, find_email, find_home
from pixverse_nb.connection import SANDBOX, Connection, resolve_connection, start_sandbox, warn_network_filesystem
from pixverse_nb.doctor.report import Report
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import Capacity, Credits, RemoteVideo, UploadedFile
from pixverse_nb.errors import ConfigError, InvalidRequest
from pixverse_nb.event_loop import EventLoopThread
from pixverse_nb.job_builder import CreateArgs, JobBuilder
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory, JobList, tell
from pixverse_nb.jobs.remote_videos import AllAccounts, find_or_adopt, take_in
from pixverse_nb.jobs.webhooks import WebhookListener
from pixverse_nb.ledger import Ledger
from pixverse_nb.maintenance import FileVerifier, KeepsFiles
from pixverse_nb.redaction import Secret, redact
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.maker import MakesSweeps, SweepMaker

T = TypeVar("T")


class Client(KeepsFiles, MakesSweeps):
    """Makes videos from two pictures, remembers every job, and never pays twice for one.

    `token` is taken from the argument, USEAPI_TOKEN, the keyring or Colab's secrets; where there is none, the client
    runs on the embedded sandbox and says so. `base_url` is the API's address, `home` the folder for the ledger and the
    videos (default ./pixverse), `email` pins the PixVerse account where several are configured, `prices` the list for
    estimates, `budget_credits` the most that this home may spend in all, counted from its ledger over restarts and
    kernels: the call that would exceed it is not made. A context manager: `close()` ends its thread; open jobs go on
    when the next Client opens the same home.

    >>> with Client.sandbox(speed=60) as client:  # doctest: +SKIP
    ...     video = client.create_frames("first.jpg", "last.jpg", seed=7).result()
    """

    def __init__(
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        home: str | os.PathLike[str] | None = None,
        email: str | None = None,
        timing: Timing | None = None,
        prices: Prices | None = None,
        budget_credits: int | None = None,
    ) -> None:
        given = Secret(token) if token else None
        del token  # a verbose traceback prints the variables of every frame
        service = resolve_connection(given, base_url=base_url, home=home, timing=timing)
        self._email = None if service.box else find_email(email)
        with service.stopped_on_error():
            self._open(service, prices=prices, budget_credits=budget_credits)

    @classmethod
    def sandbox(
        cls,
        *,
        speed: float = 10.0,
        home: str | os.PathLike[str] | None = None,
        timing: Timing | None = None,
        prices: Prices | None = None,
        budget_credits: int | None = None,
    ) -> Self:
        """Return a client on the embedded sandbox: a real local server that makes real mp4s; no token, no internet.

        `speed` is how many times faster than life it works (a video takes 40…70 s of life; 0: time stands still) with
        all waits; `home` its own folder (default ./pixverse/sandbox), so that nothing mixes with what was paid.
        """
        folder = find_home(home) if home else find_home(None) / SANDBOX
        client = cls.__new__(cls)
        service = start_sandbox(folder, speed=speed, timing=timing)
        client._email = None
        with service.stopped_on_error():
            client._open(service, prices=prices, budget_credits=budget_credits)
        return client

    def _open(self, service: Connection, *, prices: Prices | None, budget_credits: int | None) -> None:
        is_number = isinstance(budget_credits, int) and not isinstance(budget_credits, bool) and budget_credits >= 0
        if budget_credits is not None and not is_number:
            raise ConfigError(f"budget_credits must be a whole number from 0 on, or None, not {budget_credits!r}")
        self._box = service.box
        self._base_url = service.base_url
        self.home: Path = service.home
        self.timing = service.timing
        self.prices = prices or Prices()
        self._ledger = Ledger(self.home / "ledger.db", service=service.name, budget_credits=budget_credits)
        if self._ledger.network is not None:
            warn_network_filesystem(self._ledger.network, self.home)
        self._portal = EventLoopThread()
        owner = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._engine = Engine(
            ledger=self._ledger,
            connect=service.connect,
            home=self.home,
            timing=self.timing,
            owner=owner,
        )
        self._drafter = JobBuilder(
            home=self.home,
            owner=owner,
            service=self._ledger.service,
            prices=self.prices,
            budget_credits=budget_credits,
            deadline_s=self.timing.deadline_s,
            fetch=self.fetch_picture,
        )
        self._asker = JobFactory(self._engine, self._portal, handle=self._handle)
        self._handles: weakref.WeakValueDictionary[str, Job] = weakref.WeakValueDictionary()
        self._kept: dict[str, Job] = {}  # the open ones, so that their handles live while they move
        self._handles_lock = threading.Lock()
        self._subscribers: list[Callable[[Job], object]] = []
        self._listener: WebhookListener | None = None
        self._engine.listen(self._changed)
        if self._ledger.open_jobs():
            self._portal.post(self._engine.start)
        self._keeper = FileVerifier(self._engine, self._portal, job_of=self.job)
        self._keeper.start()
        self._sweeps = SweepMaker(
            SweepContext(
                engine=self._engine,
                portal=self._portal,
                drafter=self._drafter,
                asker=self._asker,
                prices=self.prices,
                email=self._email,
                is_sandbox=self.is_sandbox,
                handle=self._handle,
                ask=self._ask_twice,
                subscribe=self.subscribe,
            )
        )

    # -- making videos -------------------------------------------------------------------------------------------

    def create_frames(
        self,
        first: Any,
        last: Any,
        *,
        prompt: str | None = None,
        duration: int = 5,
        quality: str = "720p",
        motion_mode: str = "normal",
        aspect_ratio: str | None = None,
        seed: int | None = None,
        remove_watermark: bool = True,
        model: str = "v3.5",
        email: str | None = None,
        reply_url: str | None = None,
        reply_ref: str | None = None,
        max_jobs: int | None = None,
        fit: str | None = "cover",
        deadline_s: float | None = None,
        reuse: bool = True,
        allow_refused: bool = False,
    ) -> Job:
        """Begin one video from `first` to `last` and return its job at once. **This spends credits.**

        Pictures: a path, an http(s) address (fetched first, which takes its time), bytes, a file, a PIL image, a numpy
        array (H×W×3|4, uint8), or an UploadedFile. `duration` is 5 or 8 seconds, `seed` 1…2147483647 (drawn where
        None), `aspect_ratio` one of 16:9, 9:16, 1:1, 4:3, 3:4 (None: nearest to the first picture that is no
        UploadedFile), `fit` "cover" crops to it, "contain" pads, None as it is. `deadline_s`: what the job may take.

        The same call finds the same job: with `reuse=True` an open or finished one is given back and nothing is paid
        again. Raises InvalidRequest (InvalidImage where only pictures are wrong) with every wrong field named, before
        anything is sent. `allow_refused=True` sends a combination that the vendor's documents refuse.
        """
        self._portal.check_open()
        fields = {
            "prompt": prompt,
            "duration": duration,
            "quality": quality,
            "motion_mode": motion_mode,
            "aspect_ratio": aspect_ratio,
            "seed": seed,
            "remove_watermark": remove_watermark,
            "model": model,
            "reply_url": self._listener.reply_url if self._listener and reply_url is None else reply_url,
            "reply_ref": reply_ref,
            "max_jobs": max_jobs,
        }
        wish = CreateArgs(
            first, last, {**fields, "email": email or self._email}, fit, deadline_s, allow_refused=allow_refused
        )
        draft, frames = self._drafter.draft(wish, now=self._engine.now())
        self._drafter.keep(frames)
        job, _ = self._asker.get_or_create(draft, reuse=reuse)
        return job

    def find_paid(self, first: Any, last: Any, **fields: Any) -> Job | None:
        """Return the job that `create_frames` with the same arguments would give back, or None; creates nothing."""
        extra = {name: fields.pop(name) for name in ("fit", "deadline_s", "allow_refused") if name in fields}
        draft, _ = self._drafter.draft(
            CreateArgs(first, last, {"email": self._email, **fields}, **extra), now=time.time()
        )
        record = self._ledger.find_reusable(draft)
        return self._handle(record) if record is not None else None

    def estimate(
        self, *, quality: str = "720p", duration: int = 5, motion_mode: str = "normal", **others: Any
    ) -> int | None:
        """Return the estimated credits of one video, or None where the price list does not know; an estimate only."""
        return self.prices.estimate_for(quality=quality, duration=duration, motion_mode=motion_mode, **others)

    # -- what is known -------------------------------------------------------------------------------------------

    def jobs(self, limit: int = 50) -> JobList:
        """Return the newest `limit` jobs of this home, newest first; shows as a table."""
        return JobList(self._handle(record) for record in self._ledger.jobs(limit=limit))

    def job(self, ref_or_video_id: str) -> Job:
        """Return one job by its `ref` or the vendor's video id, and go on with it where it rests.

        Raises InvalidRequest where the ledger does not know it.
        """
        record = self._ledger.load(ref_or_video_id) or self._ledger.load_by_video(ref_or_video_id)
        if record is None:
            mend = (
                f"no job {redact(ref_or_video_id)!r} in {self.home / 'ledger.db'}: client.jobs() lists those there are"
            )
            raise InvalidRequest({"ref": mend})
        job = self._handle(record)
        if job.is_paused:
            job.resume()
        return job

    def adopt(self, ref_or_video_id: str) -> Job:
        """Take a generation that only the vendor knows into this ledger, and fetch its video; nothing is sent or paid.

        For what another home has sent, or a home that is lost; `client.doctor()` names it. Takes the ref, the video id
        or the number at its end. Raises InvalidRequest where the newest two hundred of the vendor's list lack it.
        """
        record, is_new = find_or_adopt(ref_or_video_id, self._engine, ask=self._ask, email=self._email)
        if is_new:
            self._portal.post(lambda: take_in(self._engine, record))
        return self.job(record.ref)

    def reconcile(self) -> JobList:
        """Ask the vendor now what became of the open jobs, wait for that one answer, and return those still open."""

        async def ask() -> None:
            self._engine.start()
            await self._engine.poll_now()

        self._portal.call(ask())
        return JobList(self._handle(record) for record in self._ledger.open_jobs())

    def uploads(self) -> list[UploadedFile]:
        """Return the pictures that the vendor holds already, newest first (from the ledger)."""
        return self._ledger.uploads()

    def videos(self, *, limit: int = 40, offset: int = 0) -> list[RemoteVideo]:
        """Ask the vendor for its list of generations, newest first; `limit` rows from `offset` on."""
        return AllAccounts(self._ask, email=self._email).videos(limit=limit, offset=offset)

    def credits(self) -> Credits:
        """Ask the vendor for the balance, in credits; the sum where several accounts are configured and none chosen."""
        return AllAccounts(self._ask, email=self._email).credits()

    def capacity(self) -> Capacity:
        """Ask the vendor how many jobs run and how many more may."""
        return self._ask(useapi.get_capacity())

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an http(s) address; waits for them and sends no credential."""

        async def fetch() -> bytes:
            return await self._engine.client.fetch_picture(url)

        return self._portal.call(fetch())

    def doctor(self, *, offline: bool = False) -> Report:
        """Examine this machine, the home, the token, the accounts and the ledger against them; shows as a table.

        Nothing is spent and no job is moved. `offline=True` asks the vendor nothing.
        """
        from pixverse_nb.doctor.run import Target, examine  # slow to load, and seldom asked for

        ask = None if offline else self._ask_twice
        patient = Target(self.home, self._base_url, self._ledger, ask, email=self._email, is_sandbox=self.is_sandbox)
        return examine(patient, now=time.time())

    def subscribe(self, callback: Callable[[Job], object]) -> Callable[[], None]:
        """Call `callback(job)` at every change of any job, on the client's thread; the returned function ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    def listen(self, port: int = 0, *, host: str = "127.0.0.1", public_url: str | None = None) -> WebhookListener:
        """Hear the vendor's callbacks on a port of this machine (0: a free one) until the listener or client closes.

        A callback makes the vendor's list be asked for now; what it says is never believed. `public_url` is where a
        tunnel or proxy passes calls on to here; with it, and where the API itself is on this machine (the sandbox),
        `create_frames` sends the address by itself where no `reply_url` is given. ConfigError where the port is taken.
        """
        if self._listener is not None and not self._listener.is_closed:
            raise ConfigError(f"This client listens already (port {self._listener.port}): close that listener first.")
        listener = WebhookListener(self._engine, self._portal, public_url=public_url, vendor_url=self._base_url)
        self._listener = listener.open(host, port)
        return listener

    @property
    def is_sandbox(self) -> bool:
        """True where everything is made by the embedded sandbox and nothing is paid."""
        return self._box is not None

    @property
    def sandbox_control(self) -> Any:
        """The sandbox's switches (faults, credits, clock); ConfigError on a real account."""
        if self._box is None:
            raise ConfigError("Only Client.sandbox() has a sandbox to control.")
        return self._box.control

    @property
    def requests_sent(self) -> int:
        """How many requests went to the API so far."""
        return self._engine.client.requests_sent

    # -- life ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End the thread and close the files; open jobs go on when the next Client opens this home."""
        self._portal.on_close(self._end)
        self._portal.close()
        for job in tuple(self._handles.values()):
            job.detach()
        self._ledger.close()
        if self._box is not None:
            self._box.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if not hasattr(self, "_engine"):
            return "<Client that could not be opened>"  # in the traceback of its own __init__
        where = "the embedded sandbox, nothing is paid" if self.is_sandbox else redact(self._base_url)
        return f"<Client on {where}; home {self.home}>"

    # -- inside --------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        if self._listener is not None:
            await self._listener.aclose()
        await self._engine.aclose()

    def _ask(self, call: Call[T], *, attempts: int = 4) -> T:
        async def ask() -> T:
            return await self._engine.client.send(call, attempts=attempts)

        return self._portal.call(ask())

    def _ask_twice(self, call: Call[T], /) -> T:
        return self._ask(call, attempts=2)

    def _handle(self, record: JobRecord) -> Job:
        with self._handles_lock:
            job = self._handles.get(record.ref)
            if job is None:
                job = Job(record, self._engine, self._portal, is_sandbox=self.is_sandbox)
                self._handles[record.ref] = job
            return job

    def _changed(self, record: JobRecord) -> None:
        job = self._handle(record)
        if record.state.is_final:
            self._kept.pop(record.ref, None)
        else:
            self._kept[record.ref] = job
        tell(self._subscribers, job)
        job.changed(record)
