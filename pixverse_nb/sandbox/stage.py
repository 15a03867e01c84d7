"""What makes the world move: the clock's ticks, the films being rendered, the callbacks, the file of the state."""

import asyncio
import json
import secrets
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from pixverse_nb.sandbox import callbacks, life
from pixverse_nb.sandbox.clock import Clock
from pixverse_nb.sandbox.faults import Faults
from pixverse_nb.sandbox.rows import row_of
from pixverse_nb.sandbox.storage import Store
from pixverse_nb.sandbox.uploads import gradient
from pixverse_nb.sandbox.work import COMPLETED, FAILED, Work
from pixverse_nb.sandbox.world import World


class Renderer(Protocol):
    """Writes an mp4 that starts on `first` and ends on `last` (encoded pictures) to `out_path`."""

    def __call__(
        self,
        first: bytes,
        last: bytes,
        out_path: Path,
        *,
        width: int,
        height: int,
        duration_s: int,
        seed: int,
        motion_mode: str,
    ) -> None: ...


class Stage:
    """Runs a world on an event loop. `lock` guards the world and the faults; hold it for quick things only."""

    def __init__(self, world: World, clock: Clock, *, folder: Path | None, render: Renderer | None) -> None:
        self.world = world
        self.clock = clock
        self.faults = Faults()
        self.lock = threading.RLock()
        self.origin = ""
        self.notes: list[str] = []
        self._render = render
        self._store = Store(folder) if folder is not None else None
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.folder = folder or Path()
        self._saved = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._films: dict[int, asyncio.Task[None]] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="sandbox-film")
        self._caller = ThreadPoolExecutor(1, thread_name_prefix="sandbox-callback")
        self.closed = False

    # on any thread

    def open(self, origin: str) -> None:
        """Make the folders, take up what was stored, and note where this server is reached."""
        self.origin = origin
        if self._store is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="pixverse-sandbox-")
            self.folder = Path(self._temporary.name)
        else:
            last = self._store.open(self.world)
            self.clock.advance(max(0.0, (last or 0.0) - self.clock.now()))
        for name in ("upload", "films"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def wake(self) -> None:
        """Make the stage look again: the clock or the world was changed from outside."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.announce)

    def settle(self, *, timeout_s: float = 120.0) -> None:
        """Return when all that is due has happened: films rendered, callbacks sent. Not from the loop's thread."""
        if self._loop is None or self.closed:
            return
        self.wake()
        asyncio.run_coroutine_threadsafe(self._settle(), self._loop).result(timeout_s)

    # on the loop

    async def run(self) -> None:
        """Keep the world moving until `close`."""
        self._loop = asyncio.get_running_loop()
        while not self.closed:
            self.step()
            with self.lock:
                due = life.next_due(self.world, self.clock.now())
            await self._sleep(due)

    async def wait_for(self, seconds: float) -> None:
        """Return after `seconds` of virtual time, or when the stage closes."""
        until = self.clock.now() + seconds
        while self.clock.now() < until and not self.closed:
            await self._sleep(until)

    def step(self) -> None:
        """Let everything happen that is due now, and store the state."""
        with self.lock:
            for act in life.step(self.world, self.clock.now()):
                if isinstance(act, life.StartFilm):
                    self._begin_film(act.work)
                else:
                    self._begin_call(act.work)
            self.save()

    def save(self) -> None:
        """Store the state where a folder was given and something has changed."""
        if self._store is not None and self._saved != self.world.changes:
            self._store.save(self.world, now=self.clock.now())
            self._saved = self.world.changes

    def refresh(self) -> None:
        """Take in what another sandbox on the same folder has done; its clock may be ahead of this one."""
        if self._store is not None:
            with self.lock:
                self._store.refresh(self.world)
                newest = max((work.created_at for work in self.world.works.values()), default=0.0)
                self.clock.advance(max(0.0, newest - self.clock.now()))

    async def close(self) -> None:
        """End: waiting answers go out at once, films being rendered are finished, the rest is dropped."""
        self.closed = True
        self.announce()
        with self.lock:
            self.save()
        for task in [*self._films.values(), *self._calls]:
            task.cancel()
        await asyncio.gather(*self._films.values(), *self._calls, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        await asyncio.to_thread(self._caller.shutdown, cancel_futures=True)
        if self._temporary is not None:
            self._temporary.cleanup()

    def file(self, path: str) -> Path | None:
        """Return the file behind a path of the media host, or None."""
        if path in self.world.uploads:
            return self.folder / path
        for work in self.world.works.values():
            if work.film_path == path and work.status == COMPLETED:
                return self.film_file(work)
        return None

    def film_file(self, work: Work) -> Path:
        """Return where the film of `work` is, or will be."""
        return self.folder / "films" / f"{work.film}.mp4"

    def announce(self) -> None:
        """Make `run` look again at what is due next."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _sleep(self, until: float | None) -> None:
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), None if until is None else self.clock.real_wait_s(until))
        except TimeoutError:
            return

    async def _settle(self) -> None:
        while True:
            self.step()
            now = self.clock.now()
            due = [task for number, task in self._films.items() if self.world.works[number].due_at <= now]
            waiting = [*due, *self._calls]
            if not waiting:
                return
            await asyncio.wait(waiting)

    def _begin_film(self, work: Work) -> None:
        if self._loop is not None and work.number not in self._films:
            self._films[work.number] = self._loop.create_task(self._film(work))

    async def _film(self, work: Work) -> None:
        try:
            work.size = await asyncio.wrap_future(self._pool.submit(self._make_film, work))
            with self.lock:
                work.film_ready = True
                self.world.changes += 1
        except Exception as error:  # noqa: BLE001 - the worker's end: whatever a renderer raises fails its job only
            if self._is_ending():
                return
            with self.lock:
                self.notes.append(f"the film of job {work.number} failed: {type(error).__name__}: {error}")
                life.end(self.world, work, FAILED)
        finally:
            self._films.pop(work.number, None)
        self.step()

    def _is_ending(self) -> bool:
        """Tell whether the interpreter takes no more work: then a job stays open, for the next start."""
        try:
            self._pool.submit(int)
        except RuntimeError:
            return True
        return False

    def _make_film(self, work: Work) -> tuple[int, int]:
        """Render on a worker thread; a film on disk is always whole."""
        from pixverse_nb.sandbox import film  # optional part: a server of uploads and lists needs no encoder

        order = work.order
        paths = [path for path in (order.first_path, order.last_path) if path]
        pictures = [(self.folder / path).read_bytes() for path in paths] or [
            gradient(work.seed),
            gradient(work.seed + 1),
        ]
        size = film.film_size(order.quality, order.aspect_ratio)
        target = self.film_file(work)
        part = target.with_suffix(f".{secrets.token_hex(4)}.part.mp4")  # another sandbox may make the same film
        (self._render or film.render_film)(
            pictures[0],
            pictures[-1],
            part,
            width=size[0],
            height=size[1],
            duration_s=order.duration,
            seed=work.seed,
            motion_mode=order.motion_mode,
        )
        part.replace(target)
        return size

    def _begin_call(self, work: Work) -> None:
        url = work.order.reply_url
        if self._loop is None or url is None:
            return
        row = row_of(work, self.world.switches, origin=self.origin, now=self.clock.now(), in_callback=True)
        body = json.dumps({"response": row} if self.world.switches.callback_wrapped else row).encode()
        task = self._loop.create_task(self._call(url, body))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, url: str, body: bytes) -> None:
        try:
            calling = self._caller.submit(callbacks.post, url, body)
        except RuntimeError:  # the interpreter is ending
            return
        note = await asyncio.wrap_future(calling)
        if note is not None:
            with self.lock:
                self.notes.append(note)
