"""How far a sweep is: its cells counted by where their jobs stand, its money, and when it probably ends."""

import math
from collections.abc import Sequence

from pixverse_nb.domain.jobs import JobRecord, JobState
from pixverse_nb.jobs import transitions
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.render.sweep_views import SweepProgress
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.book import CellJobs
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.plan import is_account_error
from pixverse_nb.sweep.runner import Runner

_NO_VIDEO = frozenset({JobState.FAILED, JobState.MODERATED, JobState.REFUSED, JobState.CANCELLED, JobState.TIMED_OUT})


def progress_of(
    cells: Sequence[Cell],
    book: CellJobs,
    bench: SweepContext,
    *,
    title: str,
    runner: Runner | None,
    skipped: int,
    reused: int,
    times: tuple[float | None, float | None],
) -> SweepProgress:
    """Return the sweep as it stands; `times` are the beginning and the end of the run in Unix seconds."""
    records = [record for cell in cells if (record := book.record(cell)) is not None]
    done = sum(record.state is JobState.DONE for record in records)
    failed = sum(record.state in _NO_VIDEO and not _is_untried(record) for record in records)
    open_ones = [record for record in records if not record.state.is_final]
    running = sum(not transitions.is_unsent(record) for record in open_ones)
    began_at, ended_at = times
    paid = [record for record in records if record.charged != "no"]
    return SweepProgress(
        title=title,
        mode=runner.mode if runner is not None else ("done" if done == len(cells) else "planned"),
        total=len(cells),
        done=done,
        running=running,
        waiting=len(cells) - done - failed - running - skipped,
        failed=failed,
        skipped=skipped,
        reused=reused,
        spent=book.spent,
        is_estimate=any(record.cost_credits is None for record in paid),
        began_at=began_at,
        ended_at=ended_at,
        ends_at=_ends_at(open_ones, runner, bench, slots=book.room())
        if runner is not None and ended_at is None
        else None,
        reason=_reason(runner, records),
        is_sandbox=bench.is_sandbox,
    )


def _is_untried(record: JobRecord) -> bool:
    """Tell whether a final job says nothing of its cell: nothing was sent, and the next run simply asks again."""
    is_given_up = record.state in (JobState.CANCELLED, JobState.TIMED_OUT) and record.charged == "no"
    return is_given_up or (
        record.state is JobState.REFUSED and record.error is not None and is_account_error(record.error.kind)
    )


def _ends_at(open_ones: Sequence[JobRecord], runner: Runner, bench: SweepContext, *, slots: int) -> float | None:
    """Return when it probably ends (Unix seconds): the waiting in rounds of all slots, after the slowest that runs."""
    if runner.mode not in ("running", "draining") or not open_ones:
        return None
    now = bench.engine.now()
    expectation = bench.engine.expectation(open_ones[0].request)
    if not expectation.samples:
        return None
    sent = [record.submitted_at for record in open_ones if record.submitted_at is not None]
    left_s = max((expectation.typical_s - (now - at) for at in sent), default=expectation.typical_s)
    waiting = runner.waiting if runner.mode == "running" else 0
    rounds = math.ceil((waiting + len(open_ones) - len(sent)) / max(1, slots))
    return now + max(0.0, left_s) + rounds * expectation.typical_s


def _reason(runner: Runner | None, records: Sequence[JobRecord]) -> str:
    asked = next((record.pending_question for record in records if record.pending_question is not None), None)
    if asked is not None:
        return f"A job asks what only a person can decide: {describe_notice(asked)} See sweep.jobs."
    return runner.reason if runner is not None else ""
