"""An account's balance against the ledger: what went since the first reading of the last day, and what explains it."""

import time
from typing import Final

from pixverse_nb.doctor.findings import Finding, Mark
from pixverse_nb.ledger import Ledger
from pixverse_nb.record import JobRecord

_WINDOW_S: Final = 24 * 3600.0
_DOUBT: Final = 0.5  # an estimate may be wrong by this share


def look_at_balance(ledger: Ledger, credits_left: int, *, email: str, which: str, now: float) -> Finding:
    """Return what the ledger explains of the way from an earlier balance to `credits_left`, and note that reading.

    `which` tells several accounts apart; "" where the token reaches one, which jobs then need not name.
    """
    is_only, name = not which, f"balance{which}"
    names = (email, None) if is_only else (email,)
    before = ledger.balances.first(accounts=names, since=now - _WINDOW_S)
    ledger.balances.add(credits_left, account=None if is_only else email, at=now)
    if before is None:
        return Finding(name, "noted; the next examination compares it with what the ledger has paid")
    since, credits_then = before
    jobs = [record for record in ledger.paid_since(since) if record.account in names]
    told = sum(_cost(record) for record in jobs)
    sure = sum(_cost(record) for record in jobs if record.charged == "yes" and record.cost_credits is not None)
    most = sure + round(sum(_most(record) for record in jobs if record.charged != "yes" or record.cost_credits is None))
    fallen = credits_then - credits_left
    count = "1 call" if len(jobs) == 1 else f"{len(jobs)} calls"
    moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(since))
    text = f"{_moved(fallen)} since {moment}; the ledger has {count} for about {told:,}"
    if fallen > most:
        mend = (
            "Another program, home or the website may have spent them: compare client.videos() with client.jobs(). "
            "A line below names what pixverse_nb made without a job here."
        )
        return Finding(name, f"{text}: {fallen - most:,} are not explained", Mark.LOOK, mend)
    if fallen < sure:
        return Finding(name, f"{text}: {sure - fallen:,} came back or were added (daily credits, refunds)")
    return Finding(name, f"{text}: they agree")


def _cost(record: JobRecord) -> int:
    return record.credits or 0


def _most(record: JobRecord) -> float:
    return _cost(record) * (1 if record.cost_credits is not None else 1 + _DOUBT)


def _moved(fallen: int) -> str:
    if fallen == 0:
        return "unchanged"
    return f"{fallen:,} credits went" if fallen > 0 else f"{-fallen:,} credits came"
