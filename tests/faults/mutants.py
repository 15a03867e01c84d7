"""Protocols that pay twice, made by replacing a whole part: the matrix has to find them out."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from pixverse_nb.backends import useapi
from pixverse_nb.client import Client
from pixverse_nb.jobs import events
from pixverse_nb.jobs.submit import Submitter


class RecordsAfterwards(Submitter):
    """Sends first and writes down what came of it: what most programs do."""

    async def submit(self, ref: str) -> None:
        """Make the paid call, then record it."""
        desk = self._desk
        if not await self._turn(ref):
            return
        record = replace(desk.records[ref], attempt=desk.records[ref].attempt + 1)
        call = useapi.create_frames(
            record.request,
            first_path=str(record.first_path),
            last_path=str(record.last_path),
            reply_ref=record.reply_ref,
            email=record.account,
        )
        outcome = await desk.client.send_once(call, before_send=lambda: True)
        now = desk.now()
        desk.apply(ref, events.IntentRecorded(now, send_deadline=now, owner=desk.owner), is_intent=True)
        desk.apply(ref, self._event_of(outcome, desk.records[ref]))


def _records_afterwards(client: Client) -> None:
    engine = client._engine
    engine._submitter = RecordsAfterwards(engine, engine._submitter._witness)


MUTANTS: Final[Mapping[str, Callable[[Client], None]]] = {"records afterwards": _records_afterwards}
