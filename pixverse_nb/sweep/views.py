"""What a person sees of a sweep: its progress, a gallery that fills as jobs end, comparisons, ratings, a timeline."""

import math
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.ratings import RankEntry, Rating, rank
from pixverse_nb.domain.validation import safe_repr
from pixverse_nb.errors import InvalidRequest, PixVerseError, UnknownItem
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.job import Job
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.jobs.results import is_offline
from pixverse_nb.redaction import redact
from pixverse_nb.render.sweep_tables import ranking_table
from pixverse_nb.render.sweep_views import SweepProgress
from pixverse_nb.render.table import TableTuple
from pixverse_nb.render.tiles import COMPARED_MAX, NO_WINNER, Tile, job_tile
from pixverse_nb.render.timeline import Timeline
from pixverse_nb.sweep.cell_jobs import CellJobs
from pixverse_nb.sweep.cells import ROUTE_GONE, Cell, can_send_again
from pixverse_nb.sweep.context import SweepContext
from pixverse_nb.sweep.runner import Runner
from pixverse_nb.video import Video

_NUMBERS_SHOWN: Final = 12  # cells without a video that a sentence lists
_WITHOUT_VIDEO: Final = frozenset(
    {JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED, JobState.TIMED_OUT}
)


class _Ratings(dict[str, Rating]):
    """Ratings by caption; another caption raises UnknownItem."""

    def __missing__(self, caption: object) -> Rating:
        problem = f"no cell {safe_repr(caption):.80} is rated; sweep.rate() rates one"
        raise UnknownItem({"caption": problem}, sends=False)


class SweepViews:
    """The views of one sweep, and the ratings and votes that people give in them. `Sweep` documents the methods.

    `metrics_of` returns the metrics of a cell by name.
    """

    def __init__(
        self,
        context: SweepContext,
        cell_jobs: CellJobs,
        *,
        title: str,
        metrics_of: Callable[[Cell], Mapping[str, float]],
    ) -> None:
        self._context = context
        self._cell_jobs = cell_jobs
        self._metrics_of = metrics_of
        self._title = title
        self._cells = cell_jobs.cells

    def ratings(self) -> dict[str, Rating]:
        """Return the ratings by caption; unrated cells are omitted."""
        ratings = self._ratings_by_key()
        return _Ratings({cell.caption: ratings[cell.key] for cell in self._cells if cell.key in ratings})

    def winners(self) -> list[Video]:
        """Return the videos rated as winners, in the order of the cells."""
        winning = {key for key, rating in self._ratings_by_key().items() if rating.choice == "winner"}
        return [video for cell, video in self._cell_jobs.videos().items() if cell.key in winning]

    def rate(self, which: Any, choice: str, *, note: str) -> None:
        """Rate one cell; see `Sweep.rate`."""
        if not isinstance(choice, str) or choice not in ("", "winner", "rejected"):
            problem = f"must be winner, rejected or empty, not {safe_repr(choice):.40}"
            raise InvalidRequest({"choice": problem}, sends=False)
        cell = self._cell_jobs.find(which)
        if choice == "winner" and self._cell_jobs.video(cell) is None:
            raise InvalidRequest({"choice": f"cell {cell.number} ({cell.caption}) {NO_WINNER}"}, sends=False)
        self._save_rating(cell.key, Rating(choice, note))  # type: ignore[arg-type]  # checked above

    def ranking(self) -> tuple[RankEntry, ...]:
        """Rank the cells that have a video by the votes so far; see `Sweep.ranking`."""
        captions = {cell.key: cell.caption for cell in self._cell_jobs.videos()}
        votes = self._context.engine.ledger.ratings.votes(list(captions))
        return TableTuple(rank(votes, list(captions), captions=captions), ranking_table)

    def tiles(self) -> list[Tile]:
        """Return the current tile of each cell."""
        ratings = self._ratings_by_key()
        return [self._tile(cell, ratings.get(cell.key, Rating())) for cell in self._cells]

    def gallery(self, cells: Sequence[Cell]) -> Any:
        """Return a gallery of these cells that follows their jobs."""
        from pixverse_nb.widgets.gallery import Gallery

        keys = frozenset(cell.key for cell in cells)
        gallery = Gallery(
            [tile for tile in self.tiles() if tile.key in keys],
            title=self._title,
            on_rating=self._save_rating,
            on_open=lambda keys: self.compare(keys, None, blind=False, shuffle_seed=0),
        )
        _LiveGallery(self, gallery, keys).start(self._context.subscribe)
        return gallery

    def compare(self, which: Sequence[Any], chosen: Sequence[Cell] | None, *, blind: bool, shuffle_seed: int) -> Any:
        """Return a comparison of the cells `which` that are among the `chosen` (None: any); see `Sweep.compare`."""
        from pixverse_nb.widgets.compare import Comparison

        cells = [cell for cell in map(self._cell_jobs.find, which) if chosen is None or cell in chosen]
        if not which:
            cells = self._default_comparison(blind=blind) if chosen is None else self._among(chosen, blind=blind)
        shown = {cell: video for cell in cells if (video := self._cell_jobs.video(cell)) is not None}
        missing = [cell.number for cell in cells if cell not in shown]
        note = _missing_note(missing, count=len(cells))
        if len(shown) < 2:
            problem = f"a comparison needs two videos; {'only one is' if shown else 'none are'} finished"
            raise InvalidRequest({"which": "; ".join(text for text in (problem, note) if text)}, sends=False)
        ratings = self._context.engine.ledger.ratings
        keys = [cell.key for cell in shown]
        return Comparison(
            list(shown.values()),
            labels=[cell.caption for cell in shown],
            keys=keys,
            blind=blind,
            seed=shuffle_seed,
            on_vote=ratings.add_vote,
            votes=ratings.votes(keys),
            note=note,
        )

    def timeline(self) -> Timeline:
        """Return the timelines of the jobs as one picture. Raises InvalidRequest if no cell has a job yet."""
        jobs = {cell: job for cell in self._cells if (job := self._cell_jobs.job(cell)) is not None}
        if not jobs:
            raise InvalidRequest({"cells": "no cell has a job yet: run the sweep first"}, sends=False)
        return Timeline(tuple((cell.caption, tuple(job.events())) for cell, job in jobs.items()), now=time.time())

    # -- internal ------------------------------------------------------------------------------------------------

    def _ratings_by_key(self) -> dict[str, Rating]:
        return self._context.engine.ledger.ratings.ratings([cell.key for cell in self._cells])

    def _save_rating(self, key: str, rating: Rating) -> None:
        self._context.engine.ledger.ratings.set_rating(key, rating, at=time.time())

    def _default_comparison(self, *, blind: bool) -> list[Cell]:
        """Return the winners if there are two or more, else the first videos that are not rejected."""
        done = list(self._cell_jobs.videos())
        ratings = self._ratings_by_key()
        choices = {cell.key: ratings.get(cell.key, Rating()).choice for cell in done}
        kept = [cell for cell in done if choices[cell.key] != "rejected"]
        if blind:
            return kept
        winners = [cell for cell in done if choices[cell.key] == "winner"]
        return (winners if len(winners) > 1 else kept)[:COMPARED_MAX]

    def _among(self, chosen: Sequence[Cell], *, blind: bool) -> list[Cell]:
        """Return the chosen cells, or the first nine that have a video if more of them have one."""
        done = [cell for cell in chosen if self._cell_jobs.video(cell) is not None]
        return list(chosen) if blind or len(done) <= COMPARED_MAX else done[:COMPARED_MAX]

    def _tile(self, cell: Cell, rating: Rating) -> Tile:
        job = self._cell_jobs.job(cell)
        if job is None:
            reason = "; ".join(rule.reason for rule in cell.violations)
            state = JobState.REFUSED if reason else JobState.PLANNED
            return Tile(
                cell.key, cell.caption, state, axes=cell.values, detail=reason or "Not started yet.", rating=rating
            )
        return job_tile(
            cell.key,
            cell.caption,
            job.snapshot(),
            axes=cell.values,
            metrics=self._metrics_of(cell),
            rating=rating,
        )


def _missing_note(missing: Sequence[int], *, count: int) -> str:
    """Return a sentence about the cells (by number) that were asked for but have no video; empty if there are none."""
    if not missing:
        return ""
    listed = ", ".join(map(str, missing[:_NUMBERS_SHOWN]))
    more = f" and {len(missing) - _NUMBERS_SHOWN} more" if len(missing) > _NUMBERS_SHOWN else ""
    have, cells = ("has", "cell") if len(missing) == 1 else ("have", "cells")
    return f"{len(missing)} of {count} {have} no video: {cells} {listed}{more}"


class _LiveGallery:
    """Updates a gallery when its cells change, until it is closed or garbage-collected.

    Building many tiles takes time, so it runs on its own thread, which exists only while there is something to update.
    """

    def __init__(self, views: SweepViews, gallery: Any, keys: frozenset[str]) -> None:
        self._views = weakref.ref(views)
        self._gallery = weakref.ref(gallery)
        self._keys = keys
        self._shown = {tile.key: tile for tile in gallery.tiles}
        self._lock = threading.Lock()
        self._is_stale = False
        self._is_working = False

    def start(self, subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]) -> None:
        """Follow every job from now on, and update once for what has changed since the tiles were made."""
        self._unsubscribe = subscribe(self._on_job_changed)
        self._request_update()

    def _on_job_changed(self, job: Job) -> None:
        gallery = self._gallery()
        if gallery is None or gallery.is_closed:
            self._unsubscribe()
        elif job.request.content_key in self._keys:
            self._request_update()

    def _request_update(self) -> None:
        with self._lock:
            self._is_stale = True
            if self._is_working:
                return
            self._is_working = True
        threading.Thread(target=self._run, name="pixverse-nb-gallery", daemon=True).start()

    def _run(self) -> None:
        while self._take_request():
            with suppress(PixVerseError):  # the client was closed
                self._update()

    def _take_request(self) -> bool:
        with self._lock:
            self._is_working, self._is_stale = self._is_stale, False
            return self._is_working

    def _update(self) -> None:
        views, gallery = self._views(), self._gallery()
        if views is None or gallery is None or gallery.is_closed:
            return
        tiles = views.tiles()
        changed = [tile for tile in tiles if tile.key in self._keys and self._shown.get(tile.key) != tile]
        self._shown = {tile.key: tile for tile in tiles}
        if changed:
            gallery.update(changed)


# -- progress --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """The last run of a sweep; times are Unix seconds. `reused` counts the cells whose videos existed before it.

    `expected` is what all cells will have cost at its end, in credits; None if unknown.
    """

    runner: Runner
    reused: int
    began_at: float
    ended_at: float | None = None
    expected: int | None = None


def make_progress(
    context: SweepContext, cell_jobs: CellJobs, run: Run | None, *, title: str, skipped: int
) -> SweepProgress:
    """Return how far a sweep is; `skipped` counts the cells that are left out because the vendor refuses them."""
    total = len(cell_jobs.cells)
    records = [record for cell in cell_jobs.cells if (record := cell_jobs.record(cell)) is not None]
    done = sum(record.state is JobState.DONE for record in records)
    failed = sum(record.state in _WITHOUT_VIDEO and not _is_untried(record) for record in records)
    open_records = [record for record in records if not record.state.is_final]
    running = sum(not transitions.is_unsent(record) for record in open_records)
    reason = _reason(run, records)
    progress = SweepProgress(
        title=title,
        mode="done" if done == total else "planned",
        total=total,
        done=done,
        running=running,
        waiting=total - done - failed - running - skipped,
        failed=failed,
        skipped=skipped,
        spent=cell_jobs.spent,
        is_estimate=any(record.charged != "no" and record.cost_credits is None for record in records),
        reason=_describe_reason(reason),
        reason_kind=reason.kind if reason is not None else "",
        is_sandbox=context.is_sandbox,
    )
    if run is None:
        return progress
    is_over = run.ended_at is not None
    return replace(
        progress,
        mode=run.runner.mode,
        reused=run.reused,
        expected=run.expected,
        began_at=run.began_at,
        ended_at=run.ended_at,
        ends_at=None if is_over else _expected_end(context, cell_jobs, open_records, run.runner),
    )


def _is_untried(record: JobRecord) -> bool:
    """Return whether a job that ended says nothing about its cell: nothing was sent, and the next run tries again."""
    is_unsent = record.state in (JobState.CANCELLED, JobState.TIMED_OUT) and record.charged == "no"
    return is_unsent or (
        record.state is JobState.REFUSED and record.error is not None and can_send_again(record.error.kind)
    )


def _expected_end(
    context: SweepContext, cell_jobs: CellJobs, open_records: Sequence[JobRecord], runner: Runner
) -> float | None:
    """Return the expected end in Unix seconds: when the slowest running job ends, plus rounds of all slots.

    Before a job of this kind has finished, its usual time is a guess. The end has passed if all jobs are sent and the
    slowest one takes longer than usual.
    """
    waiting = runner.waiting if runner.mode == "running" else 0
    if runner.mode not in ("running", "draining") or not (open_records or waiting):
        return None
    now = context.engine.now()
    request = open_records[0].request if open_records else cell_jobs.cells[-1].request
    typical_s = context.usual_time_s(request, at_once=min(waiting + len(open_records), cell_jobs.capacity()))
    sent = [record.submitted_at for record in open_records if record.submitted_at is not None]
    left_s = max((typical_s - (now - at) for at in sent), default=0.0)
    unsent = waiting + len(open_records) - len(sent)
    if not unsent:
        return now + left_s
    if request.is_off_peak:
        return now + max(left_s, typical_s)  # all of them at once
    return now + max(0.0, left_s) + math.ceil(unsent / max(1, cell_jobs.capacity())) * typical_s


def _reason(run: Run | None, records: Sequence[JobRecord]) -> Notice | None:
    """Return what keeps the sweep from going on, if anything does."""
    question = next((record.pending_question for record in records if record.pending_question is not None), None)
    if question is not None:
        return Notice("question_pending", {"question": describe_notice(question)})
    reason = run.runner.reason if run is not None else None
    is_waiting = run is not None and reason is None and any(map(is_offline, records))
    return Notice("offline") if is_waiting else reason


def _route_gone(data: Mapping[str, Any]) -> str:
    return (
        f"{describe_notice(Notice(ROUTE_GONE, data))} Its other cells are not sent; the cells of other models go on. "
        "Run the same sweep again to try once more."
    )


_REASONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "cells_not_sent_in_time": lambda _: "Some cells were not sent in time. Run the same sweep again to send them.",
    ROUTE_GONE: _route_gone,
    "client_closed": lambda _: "The client was closed. Create the same sweep again to continue it.",
    "offline": lambda _: "No connection to the vendor. The sweep continues when it is back; nothing is lost.",
    "question_pending": lambda data: f"A job needs your decision: {data['question']} See sweep.jobs.",
    "too_many_moderated": lambda data: (
        f"{data['count']} of the last requests were moderated. Many of them can suspend the account, so nothing more "
        "was sent. Change the prompt or the pictures; run(max_moderated=None) sends the other cells anyway."
    ),
    "stop_rule_failed": lambda data: f"stop_when raised {data['error']}; the submitted jobs are finished first.",
    "stop_rule_met": lambda _: "stop_when returned a true value.",
}


def _describe_reason(reason: Notice | None) -> str:
    if reason is None:
        return ""
    make = _REASONS.get(reason.kind)
    return redact(make(reason.data)) if make is not None else describe_notice(reason)
