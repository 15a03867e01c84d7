"""Protocols that charge twice, made by replacing a whole part: the kill matrix must detect them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pixverse_nb.client import Client
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.jobs import events
from pixverse_nb.jobs.submit import Submitter


class RecordsAfterwards(Submitter):
    """Sends first and records afterwards, as most programs do."""

    async def submit(self, record: JobRecord) -> None:
        """Make the paid call, then record it."""
        context = self._context
        if not await self._wait_for_slot(record):
            return
        record = context.newest(record)
        record = replace(record, attempt=record.attempt + 1)
        call = context.backend.submit(
            record.request, inputs=record.remotes, reply_ref=record.reply_ref, account=record.account
        )
        outcome = await context.transport.send_once(call, before_send=lambda: True)
        now = context.now()
        intent = events.IntentRecorded(now, send_deadline=now, owner=context.owner)
        sent = context.apply(context.newest(record), intent, is_intent=True)
        context.apply(sent, self._event_of(outcome, sent, is_repeat=False))


def _records_afterwards(client: Client) -> None:
    engine = client._engine
    engine._submitter = RecordsAfterwards(engine, engine._submitter._balance)


MUTANTS: Final[Mapping[str, Callable[[Client], None]]] = {"records_afterwards": _records_afterwards}
