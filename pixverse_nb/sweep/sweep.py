"""The public handle of a sweep. The same call returns the same sweep again, in another cell, kernel or process."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NoReturn, Self, SupportsIndex, overload

from pixverse_nb.domain.arguments import ANY_INTEGER, NOTE, PLAIN_CALLBACK, TIMEOUT, checked, public_class
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import Operation
from pixverse_nb.domain.ratings import RankEntry, Rating
from pixverse_nb.domain.validation import Flag, Function, Integer, Rule, safe_repr
from pixverse_nb.errors import (
    ConfigError,
    InvalidCall,
    InvalidRequest,
    JobTimeout,
    PixVerseError,
    UnknownItem,
    refuse_pickling,
    show_interrupt_folded,
)
from pixverse_nb.event_loop import await_end, check_asyncio, wait_for_future
from pixverse_nb.job_builder import RequestFunction
from pixverse_nb.jobs.error_notices import error_notice
from pixverse_nb.jobs.job import Job, JobList
from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.metrics.executors import DaskClient, Executor, TaskResult
from pixverse_nb.render.display import CellRun, can_replace_outputs, running_cell, show_message, write_note
from pixverse_nb.render.live import LiveCard, show_sweep_bar, sweep_card
from pixverse_nb.render.sweep_views import SweepMode, SweepProgress, stopped_text, sweep_text
from pixverse_nb.render.tiles import Tile
from pixverse_nb.render.timeline import Timeline
from pixverse_nb.sweep.analysis import SweepAnalysis
from pixverse_nb.sweep.axes import Axes, find_axes
from pixverse_nb.sweep.cell_jobs import MODERATION_WINDOW, CellJobs
from pixverse_nb.sweep.cells import Cell, Cells, CellState, SweepCall, build_cells, refused_fields
from pixverse_nb.sweep.context import SweepContext, SweepOptions
from pixverse_nb.sweep.plan import Plan, PlannedCell, describe_paid_elsewhere, make_plan, plan_cells
from pixverse_nb.sweep.runner import MAX_MODERATED, Runner
from pixverse_nb.sweep.table import Measurements
from pixverse_nb.sweep.views import Run, SweepViews, make_progress
from pixverse_nb.video import Video

_START_RULES: Final[Mapping[str, Rule]] = {
    "retry_failed": Flag(),
    "stop_when": Function(1, default=None),
    "max_moderated": Integer(1, MODERATION_WINDOW, default=None, note=", or None for no limit"),
}
_AT_ONCE_S: Final = 1.0
_log: Final = logging.getLogger("pixverse_nb")


def make_sweep(  # noqa: PLR0913 - every part has a name
    context: SweepContext,
    images: Mapping[str, Any],
    fields: Mapping[str, Any],
    options: SweepOptions,
    *,
    media: Mapping[str, Any] = MappingProxyType({}),
    operation: Operation = Operation.FRAMES,
    names: Mapping[str, str] = MappingProxyType({}),
    arguments: Mapping[str, str] = MappingProxyType({}),
    request_function: RequestFunction | None = None,
) -> "Sweep":
    """Return the sweep of a call with pictures, and videos and sounds, by role.

    `names`, `arguments` and `request_function` are those of `SweepCall`.

    Raises InvalidRequest (InvalidImage) naming every wrong field, value and picture.
    """
    context.loop.check_open()
    call = SweepCall(operation, tuple(images), tuple(media), names, request_function, arguments)
    try:
        axes = find_axes(
            {names.get(role, role): source for role, source in {**images, **media}.items()},
            fields,
            operation=operation,
            layout=options.layout,
            cells=options.cells,
            most_cells=options.most_cells,
            catalogue=context.builder.catalogue,
        )
        sweep = Sweep(context, axes, options, call)
        _ = sweep.cells  # builds them, which checks every value
    except InvalidRequest as error:
        if not arguments:
            raise
        raise type(error)(call.named(error.fields)) from None
    return sweep


@public_class(hides=("tiles",))
class Sweep:
    """The same call over several values: `plan()` shows the cost, `run()` or `await` generates the videos.

    Each cell is identified by its content. The same call in another cell, kernel or process continues where the sweep
    stopped; if values are added, only the new cells are charged.

    A sweep is a sequence of its cells, each with its `job` and `video`: `len(sweep)`, `sweep[0]`, `sweep[-3:]`,
    `for cell in sweep`, and `sweep["seed 1 · fast"]` by the caption.

    >>> sweep = client.sweep("a.jpg", "b.jpg", seed=range(1, 9))  # doctest: +SKIP
    >>> sweep.run()  # doctest: +SKIP
    >>> sweep.gallery()  # doctest: +SKIP
    """

    def __init__(self, context: SweepContext, axes: Axes, options: SweepOptions, call: SweepCall) -> None:
        self._context = context
        self._axes = axes
        self._options = options
        self._call = call
        self._lock = threading.RLock()
        self._run: Run | None = None
        self._future: concurrent.futures.Future[None] | None = None  # of the last run
        self._reported: concurrent.futures.Future[None] | None = None  # the run whose end was returned or raised
        self._interrupted: Runner | None = None  # the run that an interrupt has stopped
        self._stop_rule: Callable[[Any], object] | None = None  # the last `stop_when`
        self._max_moderated: int | None = MAX_MODERATED  # of the last run
        self._stop_rule_thread: int | None = None  # where `stop_when` is being called
        self._subscribers: list[Callable[[], object]] = []
        self._has_cells = False  # whether the last run had anything to do
        self._card: LiveCard | None = None  # one for all cells that show this run
        self._result_of: CellRun | None = None  # the cell in which a wait has shown the card; its result is this sweep

    # -- cells and jobs ------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self.cells)

    @overload
    def __getitem__(self, which: SupportsIndex | str) -> Cell: ...

    @overload
    def __getitem__(self, which: slice) -> tuple[Cell, ...]: ...

    def __getitem__(self, which: SupportsIndex | str | slice) -> Cell | tuple[Cell, ...]:
        """Return a cell by its index (from 0) or caption, or several by a slice. Raises UnknownItem."""
        if isinstance(which, str):
            return self._built.get(which)
        try:
            return self.cells[which]
        except IndexError as error:
            problem = f"there is no index {safe_repr(which):.60} in a sweep of length {len(self.cells)}"
            raise UnknownItem({"cell": problem}, sends=False) from error
        except (TypeError, ValueError) as error:
            problem = f"must be an index, a caption or a slice, not {safe_repr(which):.60}"
            raise InvalidCall({"cell": problem}, sends=False) from error

    def __contains__(self, which: object) -> bool:
        """Return whether this is a cell of the sweep, or the caption of one."""
        return which in self.cells or any(cell.caption == which for cell in self.cells)

    def _ipython_key_completions_(self) -> list[str]:
        """Return what completion offers after `sweep["`."""
        return [cell.caption for cell in self.cells]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells in order: `number`, `caption`, `values` on each axis, `request`, `key`.

        Raises InvalidRequest (InvalidImage) naming every wrong value and picture.
        """
        return self._built.cells

    @property
    def points(self) -> tuple[Cell, ...]:
        """The cell of each combination of values in order; combinations that give the same video have the same cell."""
        return self._built.of_points

    def job_of(self, cell: Cell) -> Job | None:
        """Return the job of a cell, or None if it was never run. Raises InvalidRequest for anything but a cell."""
        _check_cell(cell)
        return self._cell_jobs.job(cell)

    @property
    def title(self) -> str:
        """The title of the sweep."""
        return self._options.title or self._built.default_title

    @property
    def jobs(self) -> JobList:
        """The jobs of the cells, in the order of the cells; a cell that was never run has none."""
        jobs = (self._cell_jobs.job(cell) for cell in self.cells)
        return JobList(job for job in jobs if job is not None)

    @property
    def videos(self) -> list[Video]:
        """The finished videos in the order of the cells."""
        return list(self._cell_jobs.videos().values())

    @property
    def progress(self) -> SweepProgress:
        """The number of cells in each state, the credits spent, and the expected end of the run."""
        with self._lock:
            return make_progress(
                self._context, self._cell_jobs, self._run, title=self.title, skipped=self._skipped_count()
            )

    def plan(self) -> Plan:
        """Return what `run()` would do and cost; displays as a table.

        Nothing is charged: it asks the vendor only for balance and slots. Raises InvalidRequest naming every wrong
        field.
        """
        self._cell_jobs.reload()
        plan = make_plan(self._context, self._built, self._cell_jobs.rows, self._options)
        return replace(plan, notices=(*self._paid_elsewhere(plan.new), *plan.notices))

    # -- running -------------------------------------------------------------------------------------------------

    def run(
        self,
        *,
        retry_failed: bool = False,
        stop_when: Callable[[Self], object] | None = None,
        max_moderated: int | None = MAX_MODERATED,
        timeout: float | None = None,
        quiet: bool = False,
    ) -> Self:
        """Generate every video that is missing, wait for the end, and return the sweep. **This spends credits.**

        A notebook shows a live card, a terminal a progress bar; `quiet=True` shows nothing. `retry_failed=True` pays
        for another attempt at cells that ended without a video. `stop_when(sweep)` is called when cells end; once it
        returns a true value nothing new is submitted. `timeout` (seconds) ends only the waiting. An interrupt stops the
        sweep as `stop()` does: nothing more is sent, and what was sent is waited for in the background. A failed cell
        does not stop the others. If the credits run out or the budget is reached, the run ends without an
        error and `progress.reason` says why; running the same sweep again continues it.

        Many moderated requests can suspend an account: once `max_moderated` of the last 20 requests of the sweep were
        moderated, the run stops, and later runs too until a higher number or None (no limit) is given.

        Raises InvalidRequest if the vendor refuses cells that are neither skipped nor allowed, JobTimeout if the
        waiting timed out, and whatever `stop_when` raises.
        """
        given = checked({"timeout": timeout, "quiet": quiet}, {"timeout": TIMEOUT, "quiet": Flag()}, sends=True)
        timeout, quiet = given["timeout"], given["quiet"]
        try:
            self.start(retry_failed=retry_failed, stop_when=stop_when, max_moderated=max_moderated)
            return self._wait_visibly(timeout, quiet=quiet, is_new=True)
        except KeyboardInterrupt:
            self._stop_sending()
            raise

    def start(
        self,
        *,
        retry_failed: bool = False,
        stop_when: Callable[[Self], object] | None = None,
        max_moderated: int | None = MAX_MODERATED,
    ) -> Self:
        """Start as `run()` does, in the background, and return at once. **This spends credits.**

        If the sweep is already running, it continues, resumed if it was paused. Options cannot be changed then: raises
        InvalidRequest.
        """
        given = {"retry_failed": retry_failed, "stop_when": stop_when, "max_moderated": max_moderated}
        options = checked(given, _START_RULES, sends=True)
        retry_failed, max_moderated = options["retry_failed"], options["max_moderated"]
        with self._lock:
            self._context.loop.check_open()
            is_running = self._future is not None and not self._future.done()
            is_ending = self._run is not None and self._run.runner.is_stopping
            is_changed = (
                retry_failed or stop_when is not None or max_moderated not in (MAX_MODERATED, self._max_moderated)
            )
            if is_running and not (is_ending and is_changed):  # one that is stopping ends beside the new one
                self._join_run(retry_failed=retry_failed, stop_when=stop_when, max_moderated=max_moderated)
                return self
            self._cell_jobs.reload()
            allow_refused = self._options.allow_refused
            plan = plan_cells(self.cells, self._cell_jobs.rows, prices={}, allow_refused=allow_refused)
            refused = [planned.cell for planned in plan if planned.state is CellState.REFUSED]
            if refused and not self._options.skip_refused:
                problems = self._call.named(refused_fields(refused))
                hint = self._options.refused_fix
                raise InvalidRequest({name: f"{why} ({hint})" for name, why in problems.items()})
            wanted = {CellState.NEW, CellState.OPEN} | ({CellState.FAILED} if retry_failed else set())
            plan = self._without_paid_elsewhere(plan, wanted)
            cells = [planned.cell for planned in plan if planned.state in wanted]
            reused = sum(planned.state is CellState.DONE for planned in plan)
            self._max_moderated = max_moderated
            self._start_run(cells, reused=reused, stop_when=stop_when)
        return self

    def wait(self, timeout: float | None = None, *, quiet: bool = False) -> Self:
        """Wait until the run ends, and return the sweep; shows the card as `run()` does, unless it is shown.

        `timeout` is in seconds (None: no limit). An interrupt stops the waiting, not the sweep. Returns at once if
        nothing was started. Raises JobTimeout if the waiting (not the sweep) ended, and the error that ended the run.
        """
        given = checked({"timeout": timeout, "quiet": quiet}, {"timeout": TIMEOUT, "quiet": Flag()})
        try:
            return self._wait_visibly(given["timeout"], quiet=given["quiet"])
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                "Only the waiting was stopped; the sweep continues. sweep.wait() waits again; sweep.pause() and "
                "sweep.stop() hold the sweep itself."
            )
            raise

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait as `wait()` does; if nothing is running, start first, with the last `stop_when`.

        **This spends credits.** If a run was stopped, waiting for it returns without starting it again; only the next
        `await` does. If the waiting is cancelled (by an interrupt of the cell, for instance), the sweep stops as
        `stop()` does, and the next `await` continues it.
        """
        return self._wait().__await__()

    def pause(self) -> None:
        """Submit nothing new until `resume()`; submitted jobs continue. Does nothing if the sweep is not running."""
        self._set_mode("paused")

    def resume(self) -> None:
        """Continue after `pause()`."""
        self._set_mode("running")

    def drain(self) -> None:
        """Create no more jobs; the run ends when the existing ones have ended. `run()` continues later."""
        self._set_mode("draining")

    def stop(self) -> None:
        """As `drain()`, but also cancel the jobs that were not submitted yet; nothing is charged for them."""
        self._set_mode("stopped")

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Call `callback()` at every change, on the client's thread; the returned function unsubscribes."""
        checked({"callback": callback}, {"callback": PLAIN_CALLBACK})
        self._subscribers.append(callback)

        def unsubscribe() -> None:
            if callback in self._subscribers:
                self._subscribers.remove(callback)

        return unsubscribe

    # -- viewing and rating --------------------------------------------------------------------------------------

    @property
    def ratings(self) -> dict[str, Rating]:
        """Ratings by caption; unrated cells are omitted."""
        return self._views.ratings()

    @property
    def winners(self) -> list[Video]:
        """The videos rated as winners, in the order of the cells."""
        return self._views.winners()

    def best(self, metric: str, *, highest: bool | None = None) -> Video:
        """Return the finished video with the best value of a metric; videos without one are measured first.

        `metric` is one of `metrics.definitions.METRICS`, such as "first_ssim", or `credits` or `took_s`. `highest` is
        whether a high value is good; None: as the metric says, and high where neither is better. Of equal values the
        first cell wins. Raises InvalidRequest for another name, and if no video has a value. Nothing is charged.
        """
        highest = checked({"highest": highest}, {"highest": Flag(default=None)})["highest"]
        return self._analysis.best(metric, highest=highest)

    def rate(self, which: Any, choice: str = "", *, note: str = "") -> None:
        """Rate one cell as "winner", "rejected" or neither (""), with a note; saved in the ledger.

        `which` is its number (from 1), caption, cell, job, video or key. Raises UnknownItem if there is no such cell,
        InvalidRequest if a winner has no video.
        """
        self._views.rate(which, choice, **checked({"note": note}, {"note": NOTE}))

    def ranking(self) -> tuple[RankEntry, ...]:
        """Rank the finished cells by the votes between two videos, best first (see `compare(blind=True)`).

        Scores are in Elo points: a video that is 100 points ahead is expected to win 64 % of the votes. Cells without
        votes come last and have no place.
        """
        return self._views.ranking()

    def tiles(self) -> list[Tile]:
        """Return the current gallery tile of each cell."""
        return self._views.tiles()

    def gallery(self, **axes: Any) -> Any:
        """Return a gallery of the cells that fills as jobs end; ratings given there are saved in the ledger.

        `axes` choose cells by their values, each one or several: `seed=[1, 2]`, `motion_mode="fast"`. Selecting two to
        nine tiles opens a comparison below it. `.save("gallery.html")` writes a page that plays without a kernel.
        """
        return self._views.gallery(self._built.where(axes))

    def compare(self, *which: Any, blind: bool = False, shuffle_seed: int = 0, **axes: Any) -> Any:
        """Return a synchronised comparison: of the winners by default, or of the first nine videos.

        `which` are numbers, captions, cells, jobs, videos or keys of cells. `axes` choose cells by their values, each
        one or several: `compare(seed=1, motion_mode=["normal", "fast"])`. `blind=True` hides the labels, shuffles the
        videos by `shuffle_seed` and collects votes between two of all finished videos; they are saved in the ledger
        (see `ranking()`). Cells without a video are left out, and the comparison says so. Raises InvalidRequest if
        fewer than two videos are finished.
        """
        rules: Mapping[str, Rule] = {"blind": Flag(), "shuffle_seed": ANY_INTEGER}
        given = checked({"blind": blind, "shuffle_seed": shuffle_seed}, rules)
        chosen = self._built.where(axes) if axes else None
        return self._views.compare(which, chosen, blind=given["blind"], shuffle_seed=given["shuffle_seed"])

    def plot_timeline(self) -> Timeline:
        """Return the timelines of the jobs as one picture on one time axis; `.save("timeline.svg")` writes it.

        Raises InvalidRequest if no cell has a job yet.
        """
        return self._views.timeline()

    # -- measuring -----------------------------------------------------------------------------------------------

    def measure(
        self,
        *,
        executor: Executor | DaskClient | None = None,
        on_done: Callable[[int, TaskResult[Measurement]], object] | None = None,
    ) -> Measurements:
        """Measure the finished videos that have no measurement yet, and return all measurements by caption.

        `executor` is any `concurrent.futures.Executor` or a `distributed.Client`; None uses threads of this process.
        `on_done(number, result)` is called after each video. Measurements are saved in the ledger. A video that cannot
        be measured is left out, its row of `to_frame()` says why, and the next call tries again. Nothing is charged.
        Needs `pixverse-nb[sweep]`.
        """
        checked({"on_done": on_done}, {"on_done": Function(2, default=None)})
        return self._analysis.measure(executor=executor, on_done=on_done)

    def metrics_of(self, cell: Cell) -> dict[str, float]:
        """Return the metrics of one cell, the diversity included, by the names in `metrics.definitions.METRICS`.

        Empty before `measure()`. Raises InvalidRequest for anything but a cell.
        """
        _check_cell(cell)
        return self._analysis.metrics_of(cell)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of plain values for each cell: what `to_frame()` shows, without pandas."""
        return self._analysis.rows()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row for each cell: parameters, state, times, credits, file, hash, metrics.

        Times are UTC, durations are in seconds, credits are charged or estimated; metrics are those of the last
        `measure()`. Needs `pixverse-nb[sweep]`.
        """
        return self._analysis.to_frame()

    def save_table(self, path: str | os.PathLike[str]) -> Path:
        """Write `to_frame()` to a .csv or .parquet file and return its path; InvalidRequest for another ending."""
        return self._analysis.save_table(path)

    def plot_metric(self, name: str, *, over: str = "seed", by: str | None = None) -> Any:
        """Return the plot of a metric (or `credits`, `took_s`) over an axis, with one line for each value of `by`.

        `by` defaults to the other axis if there are two. `.save("x.png")` writes the plot. Raises InvalidRequest if the
        sweep has no such column. Needs `pixverse-nb[sweep]`.
        """
        return self._analysis.plot_metric(name, over=over, by=by)

    def plot_matrix(self, name: str, *, rows: str | None = None, columns: str | None = None) -> Any:
        """Return the plot of a metric as a matrix of two axes, with the mean if several cells share an entry.

        `rows` and `columns` are axes; None: the first two. Everything else is as in `plot_metric`.
        """
        return self._analysis.plot_matrix(name, rows=rows, columns=columns)

    def contact_sheet(self, *, width_px: int = 1920, executor: Executor | DaskClient | None = None, **axes: Any) -> Any:
        """Return the first, middle and last frame of every cell as one Pillow image; `.save("x.png")` writes it.

        `width_px` is 320 to 20,000 pixels, `executor` as in `measure`. `axes` choose cells by their values, as in
        `compare`. A cell without a video has a text in place of its frames. Raises ConfigError for another width or
        executor. Needs `pixverse-nb[sweep]`.
        """
        return self._analysis.contact_sheet(self._built.where(axes), width_px=width_px, executor=executor)

    # -- display -------------------------------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        cell, self._result_of = self._result_of, None
        if cell is None or cell != running_cell():  # else it is the result of a cell that shows the card already
            self._show_card()

    def _display_(self) -> object:
        """Return what marimo shows. Each time it is new, because marimo closes it when it runs the cell again."""
        return self._make_card().displayable()

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self, "its videos, or the arguments of the call: the same call finds the sweep")

    def __repr__(self) -> str:
        try:
            return f"<{sweep_text(self.progress, now=time.time())}>"
        except PixVerseError:  # the client is closed, or the cells are invalid
            return "<Sweep>"

    def _show_card(self) -> None:
        if self._card is None or self._card.is_over:
            self._card = self._make_card()
        self._card.show()

    def _make_card(self) -> LiveCard:
        actions = {"pause": self.pause, "resume": self.resume, "stop": self.stop}
        return sweep_card(lambda: self.progress, self.subscribe, actions=actions)

    def _show_progress(self, *, is_new: bool) -> Callable[[], None]:
        """Show the card (in a terminal a bar) and return what redraws it; `is_new`: also if another cell shows it."""
        self._result_of = running_cell()
        if not can_replace_outputs():
            return show_sweep_bar(lambda: self.progress, self.subscribe)
        if is_new or self._card is None or self._card.is_over or not self._card.is_on_screen:
            self._show_card()
        return lambda: self._card.redraw() if self._card is not None else None

    # -- parts, built when they are first used -------------------------------------------------------------------

    @cached_property
    def _built(self) -> Cells:
        return build_cells(
            self._axes,
            self._context.builder,
            email=self._context.email,
            call=self._call,
            find_job=self.job_of,
        )

    @cached_property
    def _cell_jobs(self) -> CellJobs:
        budget_credits = self._options.budget_credits
        cell_jobs = CellJobs(self._context, self.cells, sweep=self._ledger_key, budget_credits=budget_credits)
        cell_jobs.follow()  # first: what changes while they are read would be missed
        cell_jobs.reload()
        return cell_jobs

    @cached_property
    def _views(self) -> SweepViews:
        return SweepViews(self._context, self._cell_jobs, title=self.title, metrics_of=self._analysis.metrics_of)

    @cached_property
    def _analysis(self) -> SweepAnalysis:
        return SweepAnalysis(self._context, self._cell_jobs)

    @property
    def _ledger_key(self) -> str:
        """What identifies the sweep in the ledger: the content of its cells."""
        return "sw-" + hashlib.sha256("".join(sorted(cell.key for cell in self.cells)).encode()).hexdigest()[:16]

    def _skipped_count(self) -> int:
        """Return the number of cells that the vendor refuses and that have no job."""
        if self._options.allow_refused:
            return 0
        return sum(bool(cell.violations) and self._cell_jobs.record(cell) is None for cell in self.cells)

    # -- the run -------------------------------------------------------------------------------------------------

    def _without_paid_elsewhere(
        self, plan: tuple[PlannedCell, ...], wanted: Collection[CellState]
    ) -> tuple[PlannedCell, ...]:
        """Say which cells another home has paid for; with `reuse="any"` copy them, and return the plan then."""
        cells = [planned.cell for planned in plan if planned.state in wanted]
        if self._options.reuse == "any":
            if not self._cell_jobs.take_from_other_homes(cells):
                return plan
            self._cell_jobs.reload()
            allow_refused = self._options.allow_refused
            return plan_cells(self.cells, self._cell_jobs.rows, prices={}, allow_refused=allow_refused)
        for notice in self._paid_elsewhere(cells):
            show_message(describe_paid_elsewhere(notice.data, is_sandbox=self._context.is_sandbox))
        return plan

    def _paid_elsewhere(self, cells: Sequence[Cell]) -> tuple[Notice, ...]:
        """Return how many of these cells other homes have paid for, in one notice; nothing if there is none."""
        found = self._cell_jobs.paid_in_other_homes(cells)
        if not found:
            return ()
        homes = ", ".join(sorted({str(notice.data["home"]) for notice in found}))
        is_taken = self._options.reuse == "any"
        return (Notice("paid_elsewhere", {"count": len(found), "homes": homes, "is_taken": is_taken}),)

    def _start_run(self, cells: Sequence[Cell], *, reused: int, stop_when: Callable[[Self], object] | None) -> None:
        now = time.time()
        ledger = self._context.engine.ledger
        if cells or not ledger.is_read_only:  # a finished sweep can be looked at anywhere
            ledger.sweeps.register(self._ledger_key, [cell.key for cell in self.cells], title=self.title, at=now)
        self._cell_jobs.store_inputs(cells)
        check = None if stop_when is None else (lambda: self._call_stop_rule(stop_when))
        runner = Runner(
            cells,
            self._cell_jobs,
            on_change=self._notify,
            stop_when=check,
            max_moderated=self._max_moderated,
            has_results=reused > 0,
        )
        self._run = Run(runner, reused, began_at=now, expected=self._expected_credits(cells))
        self._has_cells = bool(cells)
        self._stop_rule = stop_when
        self._future = self._context.loop.submit(self._drive(self._run))

    def _expected_credits(self, cells: Sequence[Cell]) -> int | None:
        """Return what the sweep will have cost once these cells are done; None if a price is unknown or a limit."""
        builder, total = self._context.builder, self._cell_jobs.spent
        for cell in cells:
            record = self._cell_jobs.record(cell)
            if record is not None and not record.state.is_final and record.charged != "no":
                continue  # counted as spent
            price = builder.estimate(cell.request, source_s=cell.inputs.prepared.source_s)
            if price is None or builder.is_limit(cell.request.params):
                return None
            total += price
        return total

    def _join_run(
        self, *, retry_failed: bool, stop_when: Callable[[Self], object] | None, max_moderated: int | None
    ) -> None:
        """Continue the run that is in progress."""
        is_changed = max_moderated not in (MAX_MODERATED, self._max_moderated)
        given = {"retry_failed": retry_failed, "stop_when": stop_when is not None, "max_moderated": is_changed}
        problem = "cannot be changed while the sweep is running; sweep.stop() ends it"
        late = {name: problem for name, is_given in given.items() if is_given}
        if late:
            raise InvalidRequest(late)
        self._set_mode("running")

    async def _drive(self, run: Run) -> None:
        runner = run.runner

        def on_job_changed(job: Job) -> None:
            runner.on_job_changed(job)
            self._notify()

        unsubscribe = self._context.subscribe(on_job_changed)
        try:
            await runner.run()
        except PixVerseError as error:
            runner.end(error_notice(error))
            raise
        finally:
            runner.end(Notice("client_closed"))
            unsubscribe()
            if self._run is not None and self._run.runner is runner:  # else a new run has taken its place
                self._run = replace(run, ended_at=time.time())
            self._notify()
        if runner.error is not None:
            raise runner.error

    def _wait_visibly(self, timeout: float | None, *, quiet: bool, is_new: bool = False) -> Self:
        future = self._future
        if future is None:
            return self
        self._context.loop.check_process()
        if self._context.loop.is_current or threading.get_ident() == self._stop_rule_thread:
            raise ConfigError("wait() would deadlock in a subscriber or in stop_when; use `await sweep`.")
        if not self._has_cells:  # the run ends at once, so its card needs no widget
            wait_for_future(future, _AT_ONCE_S if timeout is None else min(timeout, _AT_ONCE_S))
        with self._progress_shown(quiet=quiet, is_new=is_new):
            if not wait_for_future(future, timeout):
                text = f"Not finished after {timeout:g} s. The sweep continues; sweep.wait() waits again."
                raise JobTimeout(text)
        return self._finish_waiting(future)

    @contextlib.contextmanager
    def _progress_shown(self, *, quiet: bool = False, is_new: bool = False) -> Iterator[None]:
        """Show the progress while the block waits, unless another thread than the cell's does."""
        future = self._future
        is_seen = not quiet and threading.current_thread() is threading.main_thread()
        is_short = not is_new and future is not None and future.done()
        redraw = self._show_progress(is_new=is_new) if is_seen and not is_short else None
        try:
            yield
        finally:
            if redraw is not None:
                redraw()

    def _stop_sending(self) -> None:
        """Stop after an interrupt, and say what was done, what was paid and what was not sent."""
        run, loop = self._run, self._context.loop
        self._interrupted = None if run is None else run.runner
        is_set = False
        while run is not None and not is_set and not loop.is_closed:
            with contextlib.suppress(KeyboardInterrupt):  # another one ends the waiting below, not the stop
                loop.call_soon(lambda: run.runner.set_mode("stopped"))
                is_set = True
        if is_set:
            self.stop()  # waits until it has been carried out
            write_note(stopped_text(self.progress, in_notebook=can_replace_outputs()))

    async def _wait(self) -> Self:
        self._context.loop.check_process()
        check_asyncio()  # before anything is paid
        is_cancelled = threading.Event()

        def start() -> None:
            self.start(stop_when=self._stop_rule, max_moderated=self._max_moderated)
            if is_cancelled.is_set():  # nobody waits any more
                self.stop()

        try:
            if self._must_start():
                await asyncio.to_thread(start)
            future = self._future  # kept, because another run may start meanwhile
            if future is None:
                return self
            with self._progress_shown():
                await await_end(future)
        except asyncio.CancelledError as interrupt:
            is_cancelled.set()
            show_interrupt_folded(interrupt)
            self._stop_sending()
            raise
        return self._finish_waiting(future)

    def _must_start(self) -> bool:
        """Return whether no run was started yet, or the last one was interrupted or its early end was reported."""
        run = self._run
        if self._future is None or run is None:
            return True
        is_interrupted = run.runner is self._interrupted and run.runner.is_stopping  # else it was resumed
        return is_interrupted or (self._future is self._reported and run.runner.mode == "stopped")

    def _finish_waiting(self, future: "concurrent.futures.Future[None]") -> Self:
        """Return the sweep, or raise the error that ended this run."""
        self._reported = future
        if future.cancelled():
            raise ConfigError("The client was closed while the sweep was running. Create it again to continue it.")
        error = future.exception()
        if error is not None:
            raise error
        return self

    def _call_stop_rule(self, stop_when: Callable[[Self], object]) -> object:
        self._stop_rule_thread = threading.get_ident()
        try:
            return stop_when(self)
        finally:
            self._stop_rule_thread = None

    def _set_mode(self, mode: SweepMode) -> None:
        run = self._run
        if run is None or self._context.loop.is_closed:
            return
        if self._context.loop.is_current:
            run.runner.set_mode(mode)
            return

        async def change() -> None:
            run.runner.set_mode(mode)

        self._context.loop.call(change())

    def _notify(self) -> None:
        for callback in tuple(self._subscribers):
            try:
                callback()
            except Exception:  # noqa: BLE001 - the caller's function; its error must not end the run
                _log.warning("A subscriber of a sweep raised.", exc_info=True)


def _check_cell(cell: object) -> None:
    if not isinstance(cell, Cell):
        problem = f"must be a cell of this sweep, such as sweep[0], not {type(cell).__name__}"
        raise InvalidRequest({"cell": problem}, sends=False)
