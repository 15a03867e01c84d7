"""When to poll next: rarely while no job can be finished, often around the expected time.

One poll shows every job of an account, so it is worth more the more jobs are likely to have finished since the last
one. The rule: poll when the expected time that finished videos have waited unseen, summed over the open jobs, reaches
a threshold; never more often than `poll_s`. The expectation is learned from earlier durations. A job that does not
follow them, or the first one of its kind, may end at any moment. Off-peak jobs have a slow rhythm of their own.
Everything but `DurationHistory` is pure: times in, a time out.
"""

import math
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import LedgerError

# The threshold: seconds of unseen waiting for each open job, and the part of it if somebody waits for a slot, because
# then a video that is seen late also delays the next one. Chosen by simulation; see tests/jobs/test_poll_schedule.py.
_WORTH_S: Final = 0.3
_WANTED_SLOT: Final = 0.55
_MOST_JOBS: Final = 8
# The longest pause: in poll_s, or as a share of the usual duration if that is longer. It bounds how late an early
# failure is found.
_LONGEST: Final = 8
_LONGEST_SHARE: Final = 0.25
_STEPS: Final = 64  # candidate moments in the longest pause
_MOST_SAMPLES: Final = 24
# This many of _UNLIKE_OF plus the samples are assumed not to follow the samples: most of them end near the usual
# duration all the same (_NEAR, with a spread of log duration), the others at any moment.
_UNLIKE: Final = 3.0
_UNLIKE_OF: Final = 12.0
_NEAR: Final = 0.7
_NEAR_SPREAD: Final = 0.3
# A job that ends at any moment, as the first one of its kind does: after _NOT_BEFORE of the usual duration, on average
# _MEAN_MORE of it later. One alone is then polled about every 10 s, as a plain loop does, but not from the beginning.
_NOT_BEFORE: Final = 0.4
_MEAN_MORE: Final = 2.6
_OFF_PEAK_PAUSES_S: Final = (300.0, 900.0)
_OFF_PEAK_SHARE: Final = 0.125  # of the age of the job, between these
_LEAST_S: Final = 1e-3


@dataclass(frozen=True)
class DurationSample:
    """How long one finished job took from its submission: between `least_s` and `most_s` seconds (two polls)."""

    least_s: float
    most_s: float

    @property
    def middle_s(self) -> float:
        """The midpoint."""
        return (self.least_s + self.most_s) / 2


@dataclass(frozen=True)
class DurationEstimate:
    """How long a class of jobs takes, in seconds."""

    samples: tuple[DurationSample, ...]
    guess_s: float

    @cached_property
    def typical_s(self) -> float:
        """The median of the samples, or the guess if there are none."""
        middles = sorted(sample.middle_s for sample in self.samples)
        return middles[len(middles) // 2] if middles else self.guess_s

    def cdf(self, age_s: float) -> float:
        """Return the chance that a job is finished at this age (0…1)."""
        if age_s <= 0:
            return 0.0
        if not self.samples:
            return _at_random(age_s, self.guess_s)
        unlike = _UNLIKE / (_UNLIKE_OF + len(self.samples))
        near = _log_normal(age_s, self.typical_s, _NEAR_SPREAD)
        other = _NEAR * near + (1 - _NEAR) * _at_random(age_s, self.typical_s)
        return (1 - unlike) * self._sample_cdf(age_s) + unlike * other

    def _sample_cdf(self, age_s: float) -> float:
        """Return the share of the samples that had finished by this age, interpolated linearly."""
        ages, shares = self._corners
        at = bisect_right(ages, age_s)
        if at in (0, len(ages)):
            return 0.0 if at == 0 else 1.0
        part = (age_s - ages[at - 1]) / (ages[at] - ages[at - 1])
        return shares[at - 1] + part * (shares[at] - shares[at - 1])

    @cached_property
    def _corners(self) -> tuple[list[float], list[float]]:
        """The ages at which a sample starts or ends, and the share that had finished by each."""
        ages = sorted({age for sample in self.samples for age in _span(sample)})
        return ages, [sum(_within(age, sample) for sample in self.samples) / len(self.samples) for age in ages]


@dataclass(frozen=True)
class OpenJob:
    """One job to poll for: when it was submitted, and how long its class takes."""

    submitted_at: float
    expectation: DurationEstimate


def duration_class(request: GenerationRequest) -> tuple[object, ...]:
    """Return the parameters that decide how long a generation takes."""
    return (
        request.operation,
        request.model,
        request.quality,
        request.duration,
        request.motion_mode,
        request.is_off_peak,
    )


def estimate_duration(samples: Sequence[DurationSample], timing: Timing) -> DurationEstimate:
    """Return the estimate from the newest samples (newest first)."""
    return _estimate(tuple(samples[:_MOST_SAMPLES]), timing.typical_s)


@lru_cache(maxsize=64)
def _estimate(samples: tuple[DurationSample, ...], guess_s: float) -> DurationEstimate:
    """Return the same object for the same samples, so that its cached properties are computed once."""
    return DurationEstimate(samples, guess_s)


def next_poll_at(
    jobs: Sequence[OpenJob], *, last_poll_at: float, timing: Timing, is_slot_wanted: bool = False
) -> float:
    """Return when to poll next, in the clock of `last_poll_at`; `jobs` were unfinished at that moment.

    Between `poll_s` and `_longest_pause` after the last poll. `is_slot_wanted`: more jobs wait for a slot.
    """
    unit = timing.poll_s / Timing().poll_s
    threshold = _WORTH_S * unit * min(len(jobs), _MOST_JOBS) * (_WANTED_SLOT if is_slot_wanted else 1.0)
    shortest, longest = timing.poll_s, _longest_pause(jobs, timing)
    if not jobs:
        return last_poll_at + longest
    alive = [max(1e-3, 1 - job.expectation.cdf(last_poll_at - job.submitted_at)) for job in jobs]
    step = longest / _STEPS
    unseen_waiting = 0.0
    for number in range(1, _STEPS + 1):
        at = last_poll_at + number * step
        ended = sum(
            1 - (1 - job.expectation.cdf(at - job.submitted_at)) / share for job, share in zip(jobs, alive, strict=True)
        )
        unseen_waiting += max(0.0, ended) * step
        if unseen_waiting >= threshold:
            return max(at, last_poll_at + shortest)
    return last_poll_at + longest


def next_off_peak_poll_at(submitted_at: float, *, last_poll_at: float, timing: Timing) -> float:
    """Return when to poll next for an off-peak job: every 5 minutes at first, later every 15, whatever was learned.

    When the vendor makes it depends on the load of the next 24 hours, not on the job.
    """
    shortest, longest = (pause_s * timing.poll_s / Timing().poll_s for pause_s in _OFF_PEAK_PAUSES_S)
    return last_poll_at + min(longest, max(shortest, _OFF_PEAK_SHARE * (last_poll_at - submitted_at)))


def _longest_pause(jobs: Sequence[OpenJob], timing: Timing) -> float:
    """Return the longest pause: a share of the shortest usual duration, so that a failure is not found late."""
    usual_s = min((job.expectation.typical_s for job in jobs), default=0.0)
    return max(_LONGEST * timing.poll_s, _LONGEST_SHARE * usual_s)


def _within(age_s: float, sample: DurationSample) -> float:
    """Return the probability by `age_s` if the duration is spread evenly over the sample."""
    least, most = _span(sample)
    return min(1.0, max(0.0, (age_s - least) / (most - least)))


def _span(sample: DurationSample) -> tuple[float, float]:
    """Return the two ages of the sample, widened a little."""
    margin = max(0.02 * sample.middle_s, _LEAST_S)
    return sample.least_s - margin, sample.most_s + margin


def _at_random(age_s: float, usual_s: float) -> float:
    """Return the probability by `age_s` of a job that may end at any moment once it has begun to."""
    return 1 - math.exp(-max(0.0, age_s / max(usual_s, _LEAST_S) - _NOT_BEFORE) / _MEAN_MORE)


def _log_normal(age_s: float, median_s: float, spread: float) -> float:
    """Return the probability by `age_s`; a median of 0 comes from a vendor's clock that is ahead of ours."""
    logarithm = math.log(max(age_s, _LEAST_S)) - math.log(max(median_s, _LEAST_S))
    return 0.5 * (1 + math.erf(logarithm / (spread * math.sqrt(2))))


_HISTORY: Final = 200  # finished jobs that are read for their durations

Samples = dict[tuple[object, ...], list[DurationSample]]  # newest first


class DurationHistory:
    """The durations of this home's finished jobs, read on first use; works from any thread.

    `read_finished(limit)` returns the newest finished jobs, newest first; it may raise LedgerError.
    """

    def __init__(self, read_finished: Callable[[int], Sequence[JobRecord]], timing: Timing) -> None:
        self._read_finished = read_finished
        self._timing = timing
        self._lock = threading.Lock()
        self._samples: Samples | None = None

    def expectation(self, request: GenerationRequest) -> DurationEstimate:
        """Return how long such a job takes from its submission, learned from finished ones."""
        with self._lock:
            if self._samples is None:
                self._samples = self._read()
            return estimate_duration(self._samples.get(duration_class(request), []), self._timing)

    def _read(self) -> Samples:
        samples: Samples = {}
        try:
            for record in reversed(self._read_finished(_HISTORY)):
                _add(samples, record)
        except LedgerError:
            return samples  # an unreadable row must not end the polling
        return samples

    def record(self, record: JobRecord) -> None:
        """Remember how long a job took that has just finished."""
        with self._lock:
            if self._samples is not None:  # otherwise the ledger will be read
                _add(self._samples, record)


def _add(samples: Samples, record: JobRecord) -> None:
    """Add how long a job took: between the last poll that showed it running and the next one."""
    if record.submitted_at is None or record.finished_at is None or record.intent_at is None:
        return  # an adopted job was submitted by another clock, and may have finished long before it was seen
    least_s = max(0.0, (record.last_seen_running_at or record.submitted_at) - record.submitted_at)
    kind = samples.setdefault(duration_class(record.request), [])
    kind.insert(0, DurationSample(least_s, max(least_s, record.finished_at - record.submitted_at)))
    del kind[_HISTORY:]
