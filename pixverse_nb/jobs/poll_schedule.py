"""When to poll next: rarely while no job can be finished, often around the expected time.

One poll shows every job of an account, so it is worth more the more jobs are likely to have finished since the last
one. The rule: poll when the expected time that finished videos have waited unseen, summed over the open jobs, reaches
a threshold; never more often than `poll_s`. The expectation is learned from earlier durations, with a broad guess
around `typical_s` until there are some. Everything but `DurationHistory` is pure: times in, a time out.
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

# The threshold in seconds of unseen waiting, for one job and for each further one (whose share of the polls is
# smaller). Chosen by simulation: 8 jobs of 55…65 s take 0.9 polls each with 1.8 s mean delay, one alone
# 4.8 with 1.8 s; of 40…70 s 1.2 with 2.5 s, and 5.6 with 2.4 s. Jobs that all take equally long always finish at
# the same phase of the polls: within 2.5 s for 8 jobs, whatever their length.
_WORTH_S: Final = 0.1
_WORTH_MORE_S: Final = 0.28
_STEPS: Final = 8  # candidate moments per poll_s
_LONGEST: Final = 8  # the longest pause, in poll_s
_MOST_SAMPLES: Final = 24
_UNLIKE: Final = 3.0  # of _UNLIKE_OF plus the samples, this many jobs are assumed not to follow the samples
_UNLIKE_OF: Final = 12.0
_UNLIKE_SPREAD: Final = 0.3  # of log duration
_GUESS_SPREAD: Final = 0.35
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
            return _log_normal(age_s, self.guess_s, _GUESS_SPREAD)
        unlike = _UNLIKE / (_UNLIKE_OF + len(self.samples))
        return (1 - unlike) * self._sample_cdf(age_s) + unlike * _log_normal(age_s, self.typical_s, _UNLIKE_SPREAD)

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
    return (request.operation, request.model, request.quality, request.duration, request.motion_mode)


def estimate_duration(samples: Sequence[DurationSample], timing: Timing) -> DurationEstimate:
    """Return the estimate from the newest samples (newest first)."""
    return _estimate(tuple(samples[:_MOST_SAMPLES]), timing.typical_s)


@lru_cache(maxsize=64)
def _estimate(samples: tuple[DurationSample, ...], guess_s: float) -> DurationEstimate:
    """Return the same object for the same samples, so that its cached properties are computed once."""
    return DurationEstimate(samples, guess_s)


def next_poll_at(jobs: Sequence[OpenJob], *, last_poll_at: float, timing: Timing) -> float:
    """Return when to poll next, in the clock of `last_poll_at`; `jobs` were unfinished at that moment.

    Between `poll_s` and eight times `poll_s` after the last poll, so that a failure is not found late.
    """
    unit = timing.poll_s / Timing().poll_s
    threshold = (_WORTH_S + _WORTH_MORE_S * min(len(jobs), 8)) * unit
    step = timing.poll_s / _STEPS
    alive = [max(1e-3, 1 - job.expectation.cdf(last_poll_at - job.submitted_at)) for job in jobs]
    unseen_waiting = 0.0
    at = last_poll_at
    for number in range(1, _LONGEST * _STEPS + 1):
        at = (
            last_poll_at + number * step
        )  # summing up the steps would miss poll_s by a rounding error, and so by a whole step
        ended = sum(
            1 - (1 - job.expectation.cdf(at - job.submitted_at)) / share for job, share in zip(jobs, alive, strict=True)
        )
        unseen_waiting += max(0.0, ended) * step
        if unseen_waiting >= threshold and number >= _STEPS:
            break
    return at


def _within(age_s: float, sample: DurationSample) -> float:
    """Return the probability by `age_s` if the duration is spread evenly over the sample."""
    least, most = _span(sample)
    return min(1.0, max(0.0, (age_s - least) / (most - least)))


def _span(sample: DurationSample) -> tuple[float, float]:
    """Return the two ages of the sample, widened a little."""
    margin = max(0.02 * sample.middle_s, _LEAST_S)
    return sample.least_s - margin, sample.most_s + margin


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
