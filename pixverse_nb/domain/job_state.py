"""The states of a job."""

import itertools
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pixverse_nb.domain.validation import did_you_mean, plain, safe_repr
from pixverse_nb.errors import InvalidRequest


class JobState(StrEnum):
    """The state of a job. The last six are final."""

    PLANNED = "planned"
    UPLOADING = "uploading"
    SUBMITTING = "submitting"
    WAITING = "waiting"  # for a free slot or for the network; sent automatically
    UNKNOWN = "unknown"  # the answer to the paid call was lost; being reconciled, never sent again blindly
    QUEUED = "queued"
    GENERATING = "generating"
    DOWNLOADING = "downloading"
    DONE = "done"
    FAILED = "failed"
    MODERATED = "moderated"
    REFUSED = "refused"  # the paid call was rejected; nothing was charged
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"

    @property
    def is_final(self) -> bool:
        """Whether the job has ended."""
        return self in FINAL_STATES


def find_states(given: object, *, name: str = "state") -> tuple[JobState, ...]:
    """Return the states of an argument: of one state or several. Raises InvalidRequest naming the closest ones.

    >>> find_states(["failed", "timed_out"])
    (<JobState.FAILED: 'failed'>, <JobState.TIMED_OUT: 'timed_out'>)
    """
    is_one = not isinstance(given, Iterable) or isinstance(given, str | bytes) or getattr(given, "shape", None) == ()
    several = [given] if is_one else itertools.islice(given, _MOST)  # type: ignore[call-overload]  # an Iterable
    names = [state.value for state in JobState]
    wanted = [plain(one) for one in several]
    problems = [
        f"{safe_repr(one):.60} is no state: {did_you_mean(str(one), names, plural='states')}"
        if isinstance(one, str)
        else f"must be a state ({', '.join(names)}) or a list of them, not {safe_repr(one):.60}"
        for one in wanted
        if not isinstance(one, str) or one not in names
    ]
    if problems:
        raise InvalidRequest({name: "; ".join(problems)}, sends=False)
    return tuple(map(JobState, wanted))


_MOST: Final = 100  # of a list that may be endless


FINAL_STATES: Final = frozenset(
    {
        JobState.DONE,
        JobState.FAILED,
        JobState.MODERATED,
        JobState.REFUSED,
        JobState.CANCELLED,
        JobState.TIMED_OUT,
    }
)
