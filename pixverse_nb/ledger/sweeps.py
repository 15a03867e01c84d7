"""Sweeps as the ledger knows them: which cells belong together, what they have cost, and what was measured of them."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import PairwiseVote, Rating
from pixverse_nb.errors import Charge
from pixverse_nb.ledger.database import Database

COST: Final = "coalesce(json_extract(data, '$.cost_credits'), json_extract(data, '$.estimated_credits'), 0)"
_AT_ONCE: Final = 500  # names in one question: SQLite bounds the number of its parameters


@dataclass(frozen=True)
class CellRow:
    """One job of a cell, as a plan needs to know it; `credits` is what it cost or may have cost, 0 where nothing."""

    cell: str
    ref: str
    state: JobState
    charged: Charge
    credits: int
    error_kind: str | None = None


class Sweeps:
    """The sweeps of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def register(self, sweep: str, cells: Sequence[str], *, title: str, at: float) -> None:
        """Note that these cells belong to a sweep, so that its budget counts them whoever asked for them."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO sweeps (service, sweep, at, title) VALUES (?, ?, ?, ?)",
                (self._service, sweep, at, title),
            )
            db.executemany(
                "INSERT OR IGNORE INTO sweep_cells (service, sweep, cell) VALUES (?, ?, ?)",
                ((self._service, sweep, cell) for cell in cells),
            )

    def rows(self, cells: Sequence[str]) -> dict[str, list[CellRow]]:
        """Return the jobs of each cell, newest first; a cell without any is left out."""
        found: dict[str, list[CellRow]] = {}
        with self._file.reading() as db:
            for at in range(0, len(cells), _AT_ONCE):
                for row in self._rows(db, cells[at : at + _AT_ONCE]):
                    found.setdefault(row.cell, []).append(row)
        return found

    def spent(self, cells: Sequence[str]) -> int:
        """Return what these cells have cost or may have cost so far, in credits."""
        return sum(row.credits for rows in self.rows(cells).values() for row in rows)

    def measurements(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return what was measured for these (sha256 of the video, what it was compared with), as it was written."""
        with self._file.reading() as db:
            rows = {
                key: db.execute("SELECT data FROM measurements WHERE sha256 = ? AND against = ?", key).fetchone()
                for key in keys
            }
        return {key: str(row[0]) for key, row in rows.items() if row is not None}

    def add_measurement(self, key: tuple[str, str], text: str, *, at: float) -> None:
        """Remember a measurement, so that no film is looked through twice for the same."""
        with self._file.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO measurements (sha256, against, at, data) VALUES (?, ?, ?, ?)", (*key, at, text)
            )

    def newest_from(self, source: str, *, place: int) -> tuple[str, float] | None:
        """Return the picture key and the time of the newest job whose picture was named so in Python, or None.

        `place` is 0 for the first picture, 1 for the last.
        """
        with self._file.reading() as db:
            row = db.execute(
                f"SELECT json_extract(data, '$.request.inputs[{place}][1]'), created_at FROM jobs"  # noqa: S608 - own words
                f" WHERE service = ? AND json_extract(data, '$.inputs[{place}].source_expr') = ?"
                " ORDER BY created_at DESC LIMIT 1",
                (self._service, source),
            ).fetchone()
        return (str(row[0]), float(row[1])) if row else None

    def _rows(self, db: sqlite3.Connection, cells: Sequence[str]) -> Iterator[CellRow]:
        marks = ", ".join("?" * len(cells))
        rows = db.execute(
            f"SELECT cell, ref, state, json_extract(data, '$.charged'), {COST}, json_extract(data, '$.error.kind')"  # noqa: S608 - own words and marks
            f" FROM jobs WHERE service = ? AND cell IN ({marks}) ORDER BY created_at DESC, rowid DESC",
            (self._service, *cells),
        )
        for cell, ref, state, charged, cost, kind in rows:
            yield CellRow(cell, ref, JobState(state), charged, 0 if charged == "no" else int(cost), kind)


def sweep_spent(db: sqlite3.Connection, service: str, sweep: str, *, except_ref: str) -> int:
    """Return what a registered sweep has cost or may have cost, inside the caller's transaction."""
    (total,) = db.execute(
        f"SELECT coalesce(sum({COST}), 0) FROM sweep_cells JOIN jobs USING (service, cell)"  # noqa: S608 - own words
        " WHERE service = ? AND sweep = ? AND json_extract(data, '$.charged') != 'no' AND ref != ?",
        (service, sweep, except_ref),
    ).fetchone()
    return int(total)


@dataclass(frozen=True)
class ExportedRatings:
    """What was said of some cells, to be taken along: (cell, verdict, when) and the duels."""

    verdicts: tuple[tuple[str, Rating, float], ...]
    duels: tuple[PairwiseVote, ...]


class RatingStore:
    """The verdicts and duels of one service."""

    def __init__(self, file: Database, *, service: str) -> None:
        self._file = file
        self._service = service

    def set_verdict(self, cell: str, verdict: Rating, *, at: float) -> None:
        """Remember what is said of a cell now; an empty verdict takes back what was said."""
        with self._file.transaction() as db:
            if verdict.is_empty:
                db.execute("DELETE FROM verdicts WHERE service = ? AND cell = ?", (self._service, cell))
                return
            db.execute(
                "INSERT OR REPLACE INTO verdicts (service, cell, at, choice, note) VALUES (?, ?, ?, ?, ?)",
                (self._service, cell, at, verdict.choice, verdict.note),
            )

    def verdicts(self, cells: Collection[str]) -> dict[str, Rating]:
        """Return what was said of these cells; those of which nothing was said are left out."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT cell, choice, note FROM verdicts WHERE service = ? ORDER BY cell", (self._service,)
            ).fetchall()
        wanted = frozenset(cells)
        return {cell: Rating(choice, note) for cell, choice, note in rows if cell in wanted}

    def add_duel(self, duel: PairwiseVote) -> None:
        """Remember one judgement between two cells."""
        with self._file.transaction() as db:
            self._add(db, duel)

    def duels(self, cells: Collection[str]) -> tuple[PairwiseVote, ...]:
        """Return the judgements between these cells, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT left_cell, right_cell, result, at, is_blind FROM duels WHERE service = ? ORDER BY at, rowid",
                (self._service,),
            ).fetchall()
        wanted = frozenset(cells)
        return tuple(
            PairwiseVote(left, right, result, at, bool(blind))
            for left, right, result, at, blind in rows
            if left in wanted and right in wanted
        )

    def pack(self, cells: Collection[str]) -> ExportedRatings:
        """Return what was said of these cells, to be taken to another home."""
        wanted = frozenset(cells)
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT cell, choice, note, at FROM verdicts WHERE service = ? ORDER BY cell", (self._service,)
            ).fetchall()
        verdicts = tuple((cell, Rating(choice, note), at) for cell, choice, note, at in rows if cell in wanted)
        return ExportedRatings(verdicts, self.duels(wanted))

    def unpack(self, opinions: ExportedRatings) -> None:
        """Take in what was said elsewhere: of two verdicts the later one counts, and no duel is counted twice."""
        known = set(self.duels({cell for duel in opinions.duels for cell in (duel.left, duel.right)}))
        with self._file.transaction() as db:
            for cell, verdict, at in opinions.verdicts:
                db.execute(
                    "INSERT INTO verdicts (service, cell, at, choice, note) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (service, cell) DO UPDATE SET at = excluded.at, choice = excluded.choice,"
                    " note = excluded.note WHERE excluded.at > at",
                    (self._service, cell, at, verdict.choice, verdict.note),
                )
            for duel in opinions.duels:
                if duel not in known:
                    self._add(db, duel)

    def _add(self, db: sqlite3.Connection, duel: PairwiseVote) -> None:
        db.execute(
            "INSERT INTO duels (service, left_cell, right_cell, result, is_blind, at) VALUES (?, ?, ?, ?, ?, ?)",
            (self._service, duel.left, duel.right, duel.result, int(duel.is_blind), duel.at),
        )
