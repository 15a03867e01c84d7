"""What a callback, or anybody else, says about a generation: a reason to look at the vendor's list, nothing more."""

import asyncio

from pixverse_nb.errors import LedgerError
from pixverse_nb.jobs import actions
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.record import JobRecord
from pixverse_nb.wire.callback import Named


class Hints:
    """Turns names into early looks at the list, never denser than `poll_s`; lives on the engine's loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._passing: asyncio.Task[None] | None = None

    def take(self, named: Named) -> bool:
        """Look soon where `named` is a job that waits for the list; tell whether it is."""
        open_jobs = [record for record in self._engine.records.values() if actions.is_listed(record)]
        if not any(_is_named(record, named) for record in open_jobs):
            return False
        if self._engine.is_seated:
            self._engine.look_soon()
        elif self._passing is None:
            self._passing = asyncio.get_running_loop().create_task(self._pass_on())
        return True

    async def _pass_on(self) -> None:
        """Ask the process that holds the seat, at most once in `poll_s`."""
        try:
            await self._engine.poll_now()
            await asyncio.sleep(self._engine.timing.poll_s)
        except LedgerError:
            return  # a hint only: the rhythm goes on
        finally:
            self._passing = None


def _is_named(record: JobRecord, named: Named) -> bool:
    return record.video_id in named.video_ids or any(map(record.owns_reply_ref, named.reply_refs))
