"""When to ask the vendor's list, worked out in virtual time: few requests, a short wait from completion to knowing."""

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixverse_nb.config import Timing
from pixverse_nb.jobs.poll_schedule import (
    DurationEstimate,
    DurationSample,
    OpenJob,
    duration_class,
    estimate_duration,
    next_off_peak_poll_at,
    next_poll_at,
)
from tests.factories import a_request

Duration = Callable[[], float]


@dataclass
class Day:
    """What a simulated day gave: polls, the wait from each completion to the poll that showed it, and every pause."""

    jobs: int = 0
    polls: int = 0
    ended_s: float = 0.0
    delays: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    @property
    def polls_a_job(self) -> float:
        """Requests for each finished job."""
        return self.polls / self.jobs

    @property
    def mean_delay_s(self) -> float:
        """The mean wait from completion to knowing."""
        return sum(self.delays) / len(self.delays)


def simulated(
    total: int,
    *,
    at_once: int,
    duration: Duration,
    timing: Timing,
    learnt: Sequence[DurationSample] = (),
    learns: bool = True,
    in_sweep: bool = False,
) -> Day:
    """Watch `total` jobs, `at_once` at a time, as the client does: each ended one is followed by the next."""
    day = Day(jobs=total)
    samples = list(learnt)
    scale = timing.poll_s / Timing().poll_s
    waiting = total
    open_jobs: list[tuple[float, float, float]] = []  # submitted, ends, last seen open
    now = last = 0.0

    def begin(at: float) -> None:
        nonlocal waiting
        waiting -= 1
        open_jobs.append((at, at + duration() * scale, at))

    for number in range(min(at_once, total)):
        begin(number * 0.3 * scale)
    while open_jobs:
        expectation = estimate_duration(samples, timing)
        jobs = [OpenJob(job[0], expectation) for job in open_jobs]
        is_slot_wanted = in_sweep and waiting > 0
        now = next_poll_at(jobs, last_poll_at=last, timing=timing, is_slot_wanted=is_slot_wanted)
        day.polls += 1
        day.pauses.append(now - last)
        last = now
        for job in list(open_jobs):
            submitted, ends, seen_open = job
            open_jobs.remove(job)
            if ends > now:
                open_jobs.append((submitted, ends, now))
                continue
            day.delays.append(now - ends)
            if learns:
                samples.insert(0, DurationSample(seen_open - submitted, now - submitted))
            if waiting:
                begin(now + 0.5 * scale)
    day.ended_s = now
    return day


def learnt_from(duration: Duration, *, timing: Timing) -> list[DurationSample]:
    """Return what a first day with sixteen jobs teaches."""
    scale = timing.poll_s / Timing().poll_s
    return [DurationSample((took := duration() * scale) - 2 * scale, took + 2 * scale) for _ in range(16)]


def test_eight_at_once_cost_little() -> None:
    """Once learnt, eight jobs of 60 s at a time take at most 1.2 polls each, and a finished one is known within 2.5 s
    on average.
    """
    timing = Timing()
    learnt = learnt_from(lambda: 60.0, timing=timing)
    day = simulated(64, at_once=8, duration=lambda: 60.0, timing=timing, learnt=learnt)
    assert day.polls_a_job <= 1.2
    assert day.mean_delay_s <= 2.5


@pytest.mark.parametrize("length_s", [57.0, 58.0, 59.0, 59.5, 60.0, 60.5, 61.0, 62.0, 63.0])
def test_equal_jobs_at_any_phase(length_s: float) -> None:
    """Jobs that all take exactly as long always end at the same moment between two polls: whichever it is, the bounds
    hold, with nothing learnt before.
    """
    day = simulated(64, at_once=8, duration=lambda: length_s, timing=Timing())
    assert day.polls_a_job <= 1.2
    assert day.mean_delay_s <= 2.5


def test_eight_at_once_that_differ_a_little() -> None:
    """Durations that scatter by a few seconds keep the same bounds."""
    chance = random.Random(7)  # noqa: S311  a simulation
    timing = Timing()

    def duration() -> float:
        return chance.gauss(60, 3)

    day = simulated(64, at_once=8, duration=duration, timing=timing, learnt=learnt_from(duration, timing=timing))
    assert day.polls_a_job <= 1.2
    assert day.mean_delay_s <= 2.5


def test_one_alone_costs_little() -> None:
    """One job of 60 s takes at most 6 polls, on the first day as on a later one; once learnt it is known within
    2.5 s.
    """
    timing = Timing()
    fresh = simulated(1, at_once=1, duration=lambda: 60.0, timing=timing)
    assert fresh.polls <= 6
    learnt = simulated(
        20, at_once=1, duration=lambda: 60.0, timing=timing, learnt=learnt_from(lambda: 60.0, timing=timing)
    )
    assert learnt.polls_a_job <= 6
    assert learnt.mean_delay_s <= 2.5


def test_one_alone_is_learnt_soon() -> None:
    """Of jobs of 40 to 70 s, one at a time, a first week's (one job taught, six follow) cost at most 6 polls each and
    are known within 2.5 s on average: a few samples are not taken for all that can be.
    """
    chance = random.Random(3)  # noqa: S311  a simulation

    def duration() -> float:
        return chance.uniform(40, 70)

    weeks = []
    for _ in range(100):
        took = duration()
        weeks.append(
            simulated(6, at_once=1, duration=duration, timing=Timing(), learnt=[DurationSample(took - 3, took + 3)]),
        )
    assert sum(week.polls_a_job for week in weeks) / len(weeks) <= 6
    assert sum(week.mean_delay_s for week in weeks) / len(weeks) <= 2.5


@pytest.mark.parametrize(("length_s", "polls"), [(60.0, 6.0), (180.0, 10.0)])
def test_one_alone_once_three_are_known(length_s: float, polls: float) -> None:
    """A job alone, after three of its kind, costs at most 6 polls if it takes 60 s and 10 if it takes 180 s, and is
    known within 2.5 s on average.
    """
    days = []
    for number in range(60):
        chance = random.Random(number)  # noqa: S311  a simulation

        def duration(chance: random.Random = chance) -> float:
            return chance.uniform(0.95, 1.05) * length_s

        learnt = [DurationSample((took := duration()) - 5, took + 5) for _ in range(3)]
        days.append(simulated(1, at_once=1, duration=duration, timing=Timing(), learnt=learnt))
    assert sum(day.polls for day in days) / len(days) <= polls
    assert sum(day.mean_delay_s for day in days) / len(days) <= 2.5


@pytest.mark.parametrize("length_s", [60.0, 120.0, 180.0])
def test_the_first_of_its_kind_costs_no_more_than_a_plain_loop(length_s: float) -> None:
    """A loop that asks every 10 s makes length / 10 requests with 5 s mean delay; without samples it is no worse."""
    lengths = [length_s + number / 2 for number in range(-10, 11)]
    days = [simulated(1, at_once=1, duration=lambda took=took: took, timing=Timing()) for took in lengths]  # type: ignore[misc]  # a default that binds
    assert sum(day.polls for day in days) / len(days) <= length_s / 10
    assert sum(day.mean_delay_s for day in days) / len(days) <= 5.0


def test_a_sweep_keeps_its_slots_filled() -> None:
    """A sweep of 64 jobs (log-normal, median 55 s) takes at most 1.05 times the ideal, with at most 2 polls each."""
    stretches, polls = [], []
    for number in range(8):
        chance = random.Random(number)  # noqa: S311  a simulation
        lengths = [min(240.0, chance.lognormvariate(math.log(55), 0.35)) for _ in range(64)]
        learnt = [DurationSample((took := chance.lognormvariate(math.log(55), 0.35)) - 2, took + 2) for _ in range(16)]
        rest = iter(lengths)
        day = simulated(
            64,
            at_once=8,
            duration=rest.__next__,
            timing=Timing(),
            learnt=learnt,
            in_sweep=True,
        )
        slots = [0.0] * 8
        for length in lengths:
            heapq.heapreplace(slots, slots[0] + length)
        stretches.append(day.ended_s / max(slots))
        polls.append(day.polls_a_job)
    assert sum(stretches) / len(stretches) <= 1.05
    assert sum(polls) / len(polls) <= 2.0


def test_off_peak_jobs_are_polled_rarely() -> None:
    """Every 5 minutes at first and every 15 later: at most 120 polls in 24 hours; scaled timing keeps the rhythm."""
    for factor in (1.0, 0.01):
        timing = Timing().scaled(factor)
        at, pauses = 0.0, []
        while at < 24 * 3600 * factor:
            then = next_off_peak_poll_at(0.0, last_poll_at=at, timing=timing)
            pauses.append((then - at) / factor)
            at = then
        assert [min(pauses), max(pauses)] == pytest.approx([300, 900])
        assert len(pauses) <= 120


@pytest.mark.parametrize("at_once", [1, 3, 8])
def test_wild_durations_stay_bounded(at_once: int) -> None:
    """If durations follow nothing (10…600 s), no job is known later than the longest pause, nor polled to excess."""
    chance = random.Random(11)  # noqa: S311  a simulation
    timing = Timing()
    day = simulated(40, at_once=at_once, duration=lambda: chance.uniform(10, 600), timing=timing)
    assert max(day.delays) <= 600 / 4
    assert day.polls_a_job <= 305 / timing.poll_s


@pytest.mark.parametrize("at_once", [1, 8])
def test_pauses_keep_their_bounds(at_once: int) -> None:
    """A pause is at least poll_s, and at most eight times that or a quarter of the usual duration."""
    timing = Timing()
    for duration in (5.0, 60.0, 400.0):
        day = simulated(24, at_once=at_once, duration=lambda length=duration: length, timing=timing)  # type: ignore[misc]  # a default that binds
        assert min(day.pauses) >= timing.poll_s
        assert max(day.pauses) <= max(8 * timing.poll_s, 0.26 * duration)


@pytest.mark.parametrize("factor", [0.005, 0.01, 1 / 60, 10.0])
@pytest.mark.parametrize("at_once", [1, 8])
def test_scaled_timing_is_the_same_rhythm(factor: float, at_once: int) -> None:
    """A protocol that is a hundred times faster polls at the same moments of a job's life.

    The length is one that no poll meets to the last bit: whether such a job is seen would be a matter of rounding.
    """
    plain, scaled = Timing(), Timing().scaled(factor)
    day = simulated(24, at_once=at_once, duration=lambda: 60.1, timing=plain)
    fast = simulated(24, at_once=at_once, duration=lambda: 60.1, timing=scaled)
    assert fast.polls == pytest.approx(day.polls, abs=2)
    assert fast.mean_delay_s / factor == pytest.approx(day.mean_delay_s, abs=0.6)
    assert min(fast.pauses) == pytest.approx(scaled.poll_s)  # and not a step more


def test_sparse_before_anything_can_be_ready() -> None:
    """Right after the submission the next poll is far, and near the expected end it is close."""
    expectation = estimate_duration([DurationSample(58, 62)] * 16, Timing())
    early = next_poll_at([OpenJob(0.0, expectation)], last_poll_at=1.0, timing=Timing())
    late = next_poll_at([OpenJob(0.0, expectation)], last_poll_at=57.0, timing=Timing())
    assert early - 1.0 == pytest.approx(8 * Timing().poll_s)
    assert late - 57.0 < 8.0


def test_no_job_no_hurry() -> None:
    """Without a job to watch the next poll is as late as it can be."""
    assert next_poll_at([], last_poll_at=100.0, timing=Timing()) == pytest.approx(100.0 + 8 * Timing().poll_s)


def test_the_typical_time_is_the_median() -> None:
    """What was seen gives the typical time; nothing seen gives the guess."""
    assert estimate_duration([], Timing()).typical_s == 60.0
    seen = [DurationSample(8, 12), DurationSample(95, 105), DurationSample(48, 52)]
    assert estimate_duration(seen, Timing()).typical_s == 50.0


def test_the_chance_is_the_share_of_what_was_seen() -> None:
    """Between the polls that bounded it a job may have ended at any moment: the chance grows evenly from one corner of
    the samples to the next, but for the few jobs that follow nothing.
    """
    expectation = estimate_duration([DurationSample(50, 60), DurationSample(55, 75)], Timing())
    chances = [expectation.cdf(age) for age in (40, 50, 55, 57.5, 60, 65, 75, 90)]
    assert chances == pytest.approx([0.01, 0.07, 0.29, 0.43, 0.56, 0.7, 0.9, 0.96], abs=0.04)
    assert estimate_duration([DurationSample(60, 60)], Timing()).cdf(60.0) == pytest.approx(0.48, abs=0.01)


def test_the_newest_count() -> None:
    """Only the newest samples are looked at, so that a change of the vendor's speed is learnt."""
    samples = [DurationSample(30, 30)] * 24 + [DurationSample(300, 300)] * 500
    assert estimate_duration(samples, Timing()).typical_s == 30


# Seen.least_s and .most_s
SEEN = st.builds(lambda least, more: DurationSample(least, least + more), st.floats(0, 2000), st.floats(0, 200))


@given(samples=st.lists(SEEN, max_size=30), guess=st.floats(0, 1000), ages=st.lists(st.floats(0, 5000), min_size=2))
def test_the_chance_grows_with_age(samples: list[DurationSample], guess: float, ages: list[float]) -> None:
    """The chance to be finished lies in 0…1 and never falls as a job gets older, whatever was seen: durations of 0 too,
    which come from a vendor's clock that is ahead of ours.
    """
    expectation = DurationEstimate(tuple(samples), guess)
    chances = [expectation.cdf(age) for age in sorted(ages)]
    assert all(0.0 <= chance <= 1.0 for chance in chances)
    assert chances == sorted(chances)


@given(
    samples=st.lists(SEEN, max_size=6),
    ages=st.lists(st.floats(-4000, 100_000), min_size=1, max_size=12),
    factor=st.sampled_from([0.005, 1.0]),
)
def test_there_is_always_a_next_poll(samples: list[DurationSample], ages: list[float], factor: float) -> None:
    """Whatever the samples and the ages (a clock may be wrong), the next poll lies in its bounds."""
    timing = Timing().scaled(factor)
    expectation = estimate_duration(samples, timing)
    last = 1_760_000_000.0
    pause = next_poll_at([OpenJob(last - age, expectation) for age in ages], last_poll_at=last, timing=timing) - last
    assert 0.99 * timing.poll_s <= pause <= max(8.2 * timing.poll_s, 0.26 * expectation.typical_s)


def test_kinds_are_what_takes_its_own_time() -> None:
    """Model, quality, duration, motion and off-peak decide how long a generation takes; prompt and seed do not."""
    plain = duration_class(a_request())
    for changes in ({"quality": "360p"}, {"duration": 8}, {"model": "v6"}, {"off_peak_mode": True}):
        assert duration_class(a_request(**changes)) != plain
    assert duration_class(a_request(prompt="x", seed=7, aspect_ratio="1:1")) == plain
    fast = duration_class(a_request(model="v3.5", motion_mode="fast"))
    assert fast != duration_class(a_request(model="v3.5", motion_mode="normal"))
