"""The ledger by itself: is the file sound, are the videos there, and which jobs wait for a person."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pixverse_nb.doctor.findings import Finding, Mark
from pixverse_nb.ledger import Ledger
from pixverse_nb.models import JobState
from pixverse_nb.record import JobRecord

_ALL: Final = 1_000_000
_SHOWN: Final = 3


def look_at_books(ledger: Ledger, home: Path) -> Iterator[Finding]:
    """Yield the state of the file, of the money in it, of the open jobs and of the videos."""
    damage = ledger.damage()
    if damage is not None:
        mend = f"Close every kernel, keep a copy of {home / 'ledger.db'}, and restore it: sqlite3 ledger.db .recover"
        yield Finding("ledger", f"damaged: {damage}", Mark.WRONG, mend)
        return
    count, spent = ledger.count(), ledger.spent_credits()
    jobs = "1 job" if count == 1 else f"{count:,} jobs"
    yield Finding("ledger", f"sound: {jobs}, about {spent:,} credits paid or possibly paid in all")
    yield from _waiting(ledger.open_jobs())
    yield _videos(ledger.done_like(limit=_ALL), home)


def video_bytes_of(ledger: Ledger) -> int | None:
    """Return the mean size of the newest videos in bytes, or None where there are none."""
    sizes = [record.video.size_bytes for record in ledger.done_like(limit=50) if record.video is not None]
    return sum(sizes) // len(sizes) if sizes else None


def _waiting(records: list[JobRecord]) -> Iterator[Finding]:
    """Yield the jobs that stand still until a person acts, and those whose paid call is being settled."""
    asking = [record for record in records if record.question is not None]
    parked = [record for record in records if record.parked and record.question is None]
    unknown = [
        record
        for record in records
        if record.state is JobState.UNKNOWN and record not in asking and record not in parked
    ]
    if asking:
        mend = 'client.job("…").error explains the choice; .decide(was_paid=…) makes it.'
        yield Finding("question", f"{_named(asking)} asks whether a lost call was paid", Mark.LOOK, mend)
    if parked:
        why = parked[0].trouble or parked[0].error or ""
        mend = f'Mend that, then client.job("{parked[0].ref}") goes on; nothing is paid again.'
        yield Finding("stopped", f"{_named(parked)}: {why}", Mark.LOOK, mend)
    if unknown:
        mend = "Open a Client on this home and leave it open, or call client.reconcile(): the vendor's list settles it."
        yield Finding("unknown", f"{_named(unknown)}: it is open whether the paid call arrived", Mark.LOOK, mend)
    counted = Counter(record.state.value for record in records)
    told = ", ".join(f"{number} {state}" for state, number in sorted(counted.items()))
    yield Finding("open jobs", told or "none")


def _videos(records: list[JobRecord], home: Path) -> Finding:
    """Look at the size of every file only: reading all of them may take minutes."""
    found = {
        record.ref: _size(home / record.video.name) - record.video.size_bytes for record in records if record.video
    }
    gone = tuple(ref for ref, more in found.items() if more)
    if not gone:
        return Finding("videos", f"all {len(found):,} are on the disk" if found else "none so far")
    mend = f'client.job("{gone[0]}") fetches it again while the vendor has it; nothing is paid again.'
    return Finding("videos", f"{len(gone)} of {len(found):,} missing or altered: {_list(gone)}", Mark.WRONG, mend)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _named(records: list[JobRecord]) -> str:
    return _list(tuple(record.ref for record in records))


def _list(refs: tuple[str, ...]) -> str:
    more = f" and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else ""
    return ", ".join(refs[:_SHOWN]) + more
