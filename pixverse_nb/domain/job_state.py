"""The states of a job."""

from enum import StrEnum
from typing import Final


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
