"""What a plan asks before anything is paid: balance, slots, and whether a picture has changed under its name."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from pixverse_nb.errors import PixVerseError
from pixverse_nb.job_builder import source_expr
from pixverse_nb.jobs.remote_videos import AllAccounts
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.cells import Cell


@dataclass(frozen=True)
class AccountStatus:
    """The balance in credits and the slots, over the accounts that may be used; None where the vendor did not tell."""

    balance: int | None = None
    slots: int | None = None
    notices: tuple[str, ...] = ()


def fetch_account_status(bench: SweepContext) -> AccountStatus:
    """Return what the vendor says; a vendor that cannot be reached is no hindrance to a plan."""
    try:
        call = bench.backend.get_capacity()
        capacity = bench.send(call).accounts if call is not None else ()
        slots = [slot for slot in capacity if bench.email in (None, slot.account)]
        balance = AllAccounts(bench.send, bench.backend, email=bench.email).credits().total
    except PixVerseError as error:
        return AccountStatus(notices=(f"The vendor could not be asked for balance and slots: {error}",))
    return AccountStatus(balance, sum(slot.max_jobs for slot in slots) or None)


def changed_pictures(cells: Sequence[Cell], ledger: Ledger) -> tuple[str, ...]:
    """Return a sentence for each file whose content is another one than in the last job that named it."""
    said: dict[str, str] = {}
    for pair, request in {id(cell.pair): (cell.pair, cell.request) for cell in cells}.values():
        for place, item in enumerate(request.inputs):
            name = source_expr(pair.args.images[item.role], item.role)
            known = ledger.sweeps.newest_from(name, place=place) if name != item.role else None
            if known is not None and _content(known[0]) != _content(item.key):
                when = time.strftime("%Y-%m-%d %H:%M", time.localtime(known[1]))
                said[name] = f"The picture {name} is another one than on {when}: these cells are not those of then."
    return tuple(said.values())


def _content(image_key: str) -> str:
    """Return what names the source of a picture, however it was fitted; see `images.Frame.key`."""
    return ":".join(image_key.split(":")[:2])
