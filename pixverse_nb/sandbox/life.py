"""What time does to the jobs: from the queue to being made to their end, and what is to be done outside meanwhile."""

from dataclasses import dataclass
from typing import Final

from pixverse_nb.sandbox.work import COMPLETED, FAILED, GENERATING, MODERATED, QUEUED, Work
from pixverse_nb.sandbox.world import World

_REPORTS_AT: Final = (1 / 3, 2 / 3)  # of the generation, when progress callbacks go out


@dataclass(frozen=True)
class StartFilm:
    """The film of this job is to be rendered now."""

    work: Work


@dataclass(frozen=True)
class Report:
    """A callback about this job is to be sent now."""

    work: Work


def step(world: World, now: float) -> list[StartFilm | Report]:
    """Let everything happen that is due by `now`; return what is to be done outside.

    A job is COMPLETED when it is due *and* `film_ready` is set on it.
    """
    acts: list[StartFilm | Report] = []
    for work in list(world.open.values()):
        before = (work.status, work.reports)
        if work.status == QUEUED and now >= work.starts_at and _has_room(world, work):
            _begin(world, work, now)
        if work.status == GENERATING:
            if work.outcome == COMPLETED and not work.film_begun and not work.film_ready:
                work.film_begun = True
                acts.append(StartFilm(work))
            if now >= work.due_at and not work.stuck and (work.film_ready or work.outcome != COMPLETED):
                end(world, work, work.outcome)
        work.reports = max(work.reports, _reports_due(work, now))
        if before != (work.status, work.reports):
            world.changes += 1
            if work.tracked and work.order.reply_url:
                acts.append(Report(work))
    return acts


def end(world: World, work: Work, status: str) -> None:
    """End an open `work` with a final `status`; a moderated one gets its credits back."""
    if world.open.pop(work.number, None) is None:
        return
    work.status = status
    account = world.accounts.get(work.email)
    if account is not None and (status == MODERATED or (status == FAILED and world.switches.refund_failed)):
        account.give_back(work.paid)
    world.changes += 1


def next_due(world: World, now: float) -> float | None:
    """Return the virtual time of the next thing to happen, or None where nothing is on the way."""
    times = (time for work in world.open.values() for time in (work.starts_at, work.due_at, *_report_times(work)))
    return min((time for time in times if time > now), default=None)


def _begin(world: World, work: Work, now: float) -> None:
    work.status = GENERATING
    if world.switches.parallel is not None:  # it may have waited for room
        work.starts_at, work.due_at = now, now + work.due_at - work.starts_at


def _has_room(world: World, work: Work) -> bool:
    most = world.switches.parallel
    made = sum(one.status == GENERATING and one.email == work.email for one in world.open.values())
    return most is None or made < most


def _report_times(work: Work) -> tuple[float, ...]:
    return tuple(work.starts_at + part * (work.due_at - work.starts_at) for part in _REPORTS_AT)


def _reports_due(work: Work, now: float) -> int:
    """Return how many progress callbacks are due by `now`: one in the queue, then at a third and two thirds."""
    return 1 if work.status == QUEUED else 1 + sum(now >= time for time in _report_times(work))
