"""How long finished jobs took, by kind: what the rhythm of polling and every "about a minute" learn from."""

import threading
from typing import Final

from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs.rhythm import Expectation, Seen, expectation_of, kind_of
from pixverse_nb.ledger import Ledger
from pixverse_nb.models import FramesRequest
from pixverse_nb.record import JobRecord
from pixverse_nb.settings import Timing

_LEARNT_FROM: Final = 200  # finished jobs that are looked at for their durations

Samples = dict[tuple[object, ...], list[Seen]]  # newest first


class Lessons:
    """The durations of this home's finished jobs, read from the ledger when first asked for; usable from any thread."""

    def __init__(self, ledger: Ledger, timing: Timing) -> None:
        self._ledger = ledger
        self._timing = timing
        self._lock = threading.Lock()
        self._samples: Samples | None = None

    def expectation(self, request: FramesRequest) -> Expectation:
        """Return how long such a job takes from its submission, learnt from the finished ones."""
        with self._lock:
            if self._samples is None:
                self._samples = self._read()
            return expectation_of(self._samples.get(kind_of(request), []), self._timing)

    def _read(self) -> Samples:
        samples: Samples = {}
        try:
            for record in reversed(self._ledger.done_like(limit=_LEARNT_FROM)):
                _add(samples, record)
        except LedgerError:
            return samples  # a row that cannot be read must not end the watching: it is learnt anew
        return samples

    def learn(self, record: JobRecord) -> None:
        """Remember how long a job took that has just ended."""
        with self._lock:
            if self._samples is not None:  # else the ledger will tell
                _add(self._samples, record)


def _add(samples: Samples, record: JobRecord) -> None:
    """Add how long a job took, between the last list that showed it open and the next one."""
    if record.submitted_at is None or record.finished_at is None or record.intent_at is None:
        return  # what was adopted began by another clock, and may have ended long before it was looked at
    least_s = max(0.0, (record.seen_open_at or record.submitted_at) - record.submitted_at)
    kind = samples.setdefault(kind_of(record.request), [])
    kind.insert(0, Seen(least_s, max(least_s, record.finished_at - record.submitted_at)))
    del kind[_LEARNT_FROM:]
