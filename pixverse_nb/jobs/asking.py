"""Asking for a job: the one that the same call made before, or a new one; either way it is driven from now on."""

from collections.abc import Callable

from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job
from pixverse_nb.jobs.outcome import reuse_notice
from pixverse_nb.models import JobState
from pixverse_nb.portal import Portal
from pixverse_nb.record import JobRecord


class Asker:
    """Turns drafts into jobs for one client; usable from any thread."""

    def __init__(self, engine: Engine, portal: Portal, *, handle: Callable[[JobRecord], Job]) -> None:
        self._engine = engine
        self._portal = portal
        self._handle = handle

    def ask_for(self, draft: JobRecord, *, reuse: bool) -> tuple[Job, bool]:
        """Return the job of a draft, and whether it is a new one. **A new one spends credits** once it is driven.

        A found one is not paid again.
        """
        record, is_new = self._engine.ledger.find_or_add(draft, reuse=reuse)
        job = self._handle(record)
        if is_new:
            self._engine.want(record.ref)
            self._portal.post(lambda: self._engine.adopt(record, is_asked=True))
            return job, True
        job.say_reused(reuse_notice(record))
        if job.rests or record.state is JobState.CANCELLED:
            job.resume()
        elif not record.state.is_final:
            # to ask for it is to want it sent again, where its call is proved never to have been accepted
            self._portal.post(lambda: self._engine.adopt(record, is_asked=True))
        return job, False
