"""A list of jobs that shows as a table."""

import time
from collections.abc import Container
from typing import SupportsIndex, overload

from pixverse_nb.jobs.job import Job
from pixverse_nb.show.display import bundle_of
from pixverse_nb.show.listing import jobs_html, jobs_text
from pixverse_nb.show.timeline import Timeline


class JobList(list[Job]):
    """Jobs, newest first; a plain list that is a table where it stands last in a cell, and so is a slice of it."""

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> Job: ...

    @overload
    def __getitem__(self, place: slice, /) -> "JobList": ...

    def __getitem__(self, place: SupportsIndex | slice, /) -> "Job | JobList":
        return JobList(super().__getitem__(place)) if isinstance(place, slice) else super().__getitem__(place)

    def timeline(self) -> Timeline:
        """Return the lives of these jobs as one picture, the oldest first, on one axis."""
        rows = (row for job in reversed(self) for row in job.timeline().rows)
        return Timeline(tuple(rows), now=time.time())

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        snapshots = [job.snapshot(with_video=False) for job in self]
        now = time.time()
        return dict(bundle_of(jobs_html(snapshots, now=now), jobs_text(snapshots, now=now)))

    def __repr__(self) -> str:
        return jobs_text([job.snapshot(with_video=False) for job in self], now=time.time())
