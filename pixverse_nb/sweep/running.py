"""Running a sweep: the plan before anything is paid, the run, and how far it is."""

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final, Self

from pixverse_nb.errors import ConfigError, InvalidRequest, JobTimeout, PixVerseError
from pixverse_nb.event_loop import wait_for_future
from pixverse_nb.jobs.job import Job
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.render.display import cell_number
from pixverse_nb.render.live import watch_live_sweep
from pixverse_nb.render.sweep_views import SweepMode, SweepProgress, sweep_text
from pixverse_nb.sweep.axes import Axes
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.cells import Cell, refused_fields
from pixverse_nb.sweep.core import SweepOfCells, SweepOptions
from pixverse_nb.sweep.inquiry import changed_pictures, fetch_account_status
from pixverse_nb.sweep.plan import CellState, Plan, judged
from pixverse_nb.sweep.progress import progress_of
from pixverse_nb.sweep.runner import Runner

_log: Final = logging.getLogger("pixverse_nb")


class Runs(SweepOfCells):
    """A sweep that can be planned and run."""

    def __init__(self, bench: SweepContext, axes: Axes, rules: SweepOptions) -> None:
        super().__init__(bench, axes, rules)
        self._lock = threading.RLock()
        self._runner: Runner | None = None
        self._run: concurrent.futures.Future[None] | None = None
        self._rule: Callable[[Any], object] | None = None  # the last stop_when
        self._told: concurrent.futures.Future[None] | None = None  # the run whose end was given to who waited
        self._began_at: float | None = None
        self._ended_at: float | None = None
        self._here_before = 0
        self._subscribers: list[Callable[[], object]] = []
        self._shown_in: int | None = None
        self._judging: int | None = None  # the thread on which stop_when is asked

    @property
    def progress(self) -> SweepProgress:
        """How many cells stand where, what they have cost, and when the run probably ends."""
        with self._lock:
            return progress_of(
                self.cells,
                self._book,
                self._bench,
                title=self.title,
                runner=self._runner,
                skipped=len(self._left_out),
                reused=self._here_before,
                times=(self._began_at, self._ended_at),
            )

    def plan(self) -> Plan:
        """Return what `run()` would do and pay; shows as a table. Nothing is sent but two questions to the vendor.

        Raises InvalidRequest with every wrong field named.
        """
        book = self._book
        book.read()
        prices = {cell.key: self._bench.prices.estimate(cell.request) for cell in self.cells}
        account = fetch_account_status(self._bench)
        typical = self._bench.engine.expectation(self.cells[0].request) if self.cells else None
        twins = self._built.twins
        doubled = f"{twins} {'cell is' if twins == 1 else 'cells are'} the same video as another one: made once."
        return Plan(
            title=self.title,
            cells=judged(self.cells, book.rows, prices=prices, allow_refused=self._rules.allow_refused),
            skips_refused=self._rules.skip_refused,
            spent=self._bench.engine.ledger.sweeps.spent([cell.key for cell in self.cells]),
            budget=self._rules.budget_credits,
            balance=account.balance,
            slots=account.slots,
            typical_s=typical.typical_s if typical is not None else None,
            notices=(
                *account.notices,
                *changed_pictures(self.cells, self._bench.engine.ledger),
                *([doubled] if twins else []),
                *map(describe_notice, self._built.notices),
            ),
            is_sandbox=self._bench.is_sandbox,
        )

    # -- running it ----------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        retry_failed: bool = False,
        stop_when: Callable[[Self], object] | None = None,
        timeout: float | None = None,
        quiet: bool = False,
    ) -> Self:
        """Make every cell that is not there, wait for the end, and return the sweep. **This spends credits.**

        Progress is shown as a live card in a notebook, as a bar in a terminal, not at all where `quiet`. `retry_failed`
        pays for a new try of cells that ended without a video. `stop_when(sweep)` is asked after every cell that ends;
        once it says True nothing new is sent. `timeout` (seconds) ends the waiting, never the sweep; so does an
        interrupt. One failed cell stops no other; an account without credits, or a budget that is reached, ends the
        run in order: `progress.reason` says so, and the same line goes on after it is mended.

        Raises InvalidRequest where the vendor refuses cells that are neither skipped nor allowed, JobTimeout where the
        waiting ended, and what `stop_when` raises.
        """
        self.start(retry_failed=retry_failed, stop_when=stop_when)
        draw = None if quiet else self._show_progress()
        try:
            return self.wait(timeout)
        finally:
            if draw is not None:
                draw()

    def start(self, *, retry_failed: bool = False, stop_when: Callable[[Self], object] | None = None) -> Self:
        """Begin as `run()`, and return at once; it goes on in the background. **This spends credits.**"""
        with self._lock:
            self._bench.loop.check_open()
            if self._run is not None and not self._run.done():
                self._go_on(retry_failed=retry_failed, stop_when=stop_when)
                return self
            plan = judged(self.cells, self._read_rows(), prices={}, allow_refused=self._rules.allow_refused)
            refused = [planned.cell for planned in plan if planned.state is CellState.REFUSED]
            if refused and not self._rules.skip_refused:
                hint = "skip_refused=True leaves such cells out, allow_refused=True sends them"
                raise InvalidRequest({name: f"{why} ({hint})" for name, why in refused_fields(refused).items()})
            wanted = {CellState.NEW, CellState.OPEN} | ({CellState.FAILED} if retry_failed else set())
            todo = [planned.cell for planned in plan if planned.state in wanted]
            self._here_before = sum(planned.state is CellState.HAVE for planned in plan)
            self._began_at, self._ended_at = time.time(), None
            self._book.keep_pictures(todo)
            ledger = self._bench.engine.ledger
            ledger.sweeps.register(self._name, [cell.key for cell in self.cells], title=self.title, at=self._began_at)
            enough = None if stop_when is None else (lambda: self._judge(stop_when))
            self._runner = Runner(todo, self._book, tell=self._tell, stop_when=enough, has_some=self._here_before > 0)
            self._rule = stop_when
            self._run = self._bench.loop.submit(self._drive(self._runner))
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end of the run; `timeout` is in seconds. An interrupt stops the waiting, not the sweep."""
        run = self._run
        if run is None:
            return self
        if self._bench.loop.is_current or threading.get_ident() == self._judging:
            raise ConfigError("wait() would wait for itself in a subscriber or in stop_when: use `await sweep`.")
        try:
            if not wait_for_future(run, timeout):
                text = f"Not finished after {timeout:g} s of waiting. The sweep goes on: sweep.wait() waits again."
                raise JobTimeout(text)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                "Only the waiting was stopped; the sweep goes on. sweep.wait() waits again, sweep.pause() and "
                "sweep.stop() hold it up."
            )
            raise
        return self._outcome(run)

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait as `wait()`; where nothing is under way, go on first, as `run()` with the last `stop_when`.

        **This spends credits.**
        A run that was stopped is not begun again by who still waits for its end: that end is told first.
        """
        return self._wait().__await__()

    async def _wait(self) -> Self:
        if self._is_to_begin():
            await asyncio.to_thread(self.start, stop_when=self._rule)
        run = self._run  # a new one may begin meanwhile
        if run is not None:
            ended = asyncio.wrap_future(run)
            await asyncio.wait([ended])
            if not ended.cancelled():
                ended.exception()  # it is raised below, and not missed when this future is thrown away
        return self._outcome(run)

    def pause(self) -> None:
        """Send nothing new until `resume()`; what was sent goes on."""
        self._set_mode("paused")

    def resume(self) -> None:
        """Go on after `pause()`."""
        self._set_mode("running")

    def drain(self) -> None:
        """Send nothing new any more; the run ends when what was asked for has ended. `run()` goes on later."""
        self._set_mode("draining")

    def stop(self) -> None:
        """As `drain()`, and give up what was asked for but not sent: nothing is paid for it."""
        self._set_mode("stopped")

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` at every change, on the client's thread; the returned function ends that."""
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    # -- showing it ----------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if self._shown_in is None or self._shown_in != cell_number():  # else run() has shown the card in this very cell
            self._show_progress()

    def __repr__(self) -> str:
        try:
            return f"<{sweep_text(self.progress, now=time.time())}>"
        except PixVerseError:  # of a client that is closed, or of cells that cannot be
            return "<Sweep>"

    # -- inside --------------------------------------------------------------------------------------------------

    @property
    def _left_out(self) -> tuple[Cell, ...]:
        is_kept = self._rules.allow_refused
        return () if is_kept else tuple(c for c in self.cells if c.violations and self._book.record(c) is None)

    def _read_rows(self) -> Mapping[str, Sequence[CellRow]]:
        self._book.read()
        return self._book.rows

    async def _drive(self, runner: Runner) -> None:
        def hear(job: Job) -> None:
            runner.hear(job)
            self._tell()

        unsubscribe = self._bench.subscribe(hear)
        try:
            await runner.run()
        except PixVerseError as error:
            runner.end(str(error))
            raise
        finally:
            runner.end("The Client was closed while this sweep was open; the same line goes on with it.")
            unsubscribe()
            self._ended_at = time.time()
            self._tell()
        if runner.error is not None:
            raise runner.error

    def _is_to_begin(self) -> bool:
        """Tell whether nobody has begun, or the last run ended short of all its cells and that is told already."""
        runner = self._runner
        return self._run is None or (self._run is self._told and runner is not None and runner.mode == "stopped")

    def _judge(self, stop_when: Callable[[Self], object]) -> object:
        self._judging = threading.get_ident()
        try:
            return stop_when(self)
        finally:
            self._judging = None

    def _go_on(self, *, retry_failed: bool, stop_when: Callable[[Self], object] | None) -> None:
        """Join the run that is under way; one that was held up goes on."""
        given = {"retry_failed": retry_failed, "stop_when": stop_when is not None}
        late = {
            name: "comes too late: this sweep is running. sweep.stop() ends it"
            for name, is_given in given.items()
            if is_given
        }
        if late:
            raise InvalidRequest(late)
        self._set_mode("running")

    def _tell(self) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback()
            except Exception:  # noqa: BLE001 - somebody else's function: its trouble must not end the run
                _log.warning("a subscriber of a sweep failed", exc_info=True)

    def _outcome(self, run: "concurrent.futures.Future[None] | None") -> Self:
        if run is None:
            return self
        self._told = run
        if run.cancelled():
            raise ConfigError("The Client was closed while this sweep was open. The same line goes on with it.")
        error = run.exception()
        if error is not None:
            raise error
        return self

    def _set_mode(self, mode: SweepMode) -> None:
        runner = self._runner
        if runner is None or self._bench.loop.is_closed:
            return

        async def change() -> None:
            runner.set_mode(mode)

        if self._bench.loop.is_current:
            runner.set_mode(mode)
        else:
            self._bench.loop.call(change())

    def _show_progress(self) -> Callable[[], None]:
        self._shown_in = cell_number()
        return watch_live_sweep(lambda: self.progress, self.subscribe)
