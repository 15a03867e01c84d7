"""What people said of the videos: verdicts and duels, kept by cell, so that they outlive a notebook and a sweep."""

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass

from pixverse_nb.ledger.file import LedgerFile
from pixverse_nb.opinions import Duel, Verdict


@dataclass(frozen=True)
class TravellingOpinions:
    """What was said of some cells, to be taken along: (cell, verdict, when) and the duels."""

    verdicts: tuple[tuple[str, Verdict, float], ...]
    duels: tuple[Duel, ...]


class Opinions:
    """The verdicts and duels of one service."""

    def __init__(self, file: LedgerFile, *, service: str) -> None:
        self._file = file
        self._service = service

    def set_verdict(self, cell: str, verdict: Verdict, *, at: float) -> None:
        """Remember what is said of a cell now; an empty verdict takes back what was said."""
        with self._file.transaction() as db:
            if verdict.is_empty:
                db.execute("DELETE FROM verdicts WHERE service = ? AND cell = ?", (self._service, cell))
                return
            db.execute(
                "INSERT OR REPLACE INTO verdicts (service, cell, at, choice, note) VALUES (?, ?, ?, ?, ?)",
                (self._service, cell, at, verdict.choice, verdict.note),
            )

    def verdicts(self, cells: Collection[str]) -> dict[str, Verdict]:
        """Return what was said of these cells; those of which nothing was said are left out."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT cell, choice, note FROM verdicts WHERE service = ? ORDER BY cell", (self._service,)
            ).fetchall()
        wanted = frozenset(cells)
        return {cell: Verdict(choice, note) for cell, choice, note in rows if cell in wanted}

    def add_duel(self, duel: Duel) -> None:
        """Remember one judgement between two cells."""
        with self._file.transaction() as db:
            self._add(db, duel)

    def duels(self, cells: Collection[str]) -> tuple[Duel, ...]:
        """Return the judgements between these cells, oldest first."""
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT left_cell, right_cell, result, at, is_blind FROM duels WHERE service = ? ORDER BY at, rowid",
                (self._service,),
            ).fetchall()
        wanted = frozenset(cells)
        return tuple(
            Duel(left, right, result, at, bool(blind))
            for left, right, result, at, blind in rows
            if left in wanted and right in wanted
        )

    def pack(self, cells: Collection[str]) -> TravellingOpinions:
        """Return what was said of these cells, to be taken to another home."""
        wanted = frozenset(cells)
        with self._file.reading() as db:
            rows = db.execute(
                "SELECT cell, choice, note, at FROM verdicts WHERE service = ? ORDER BY cell", (self._service,)
            ).fetchall()
        verdicts = tuple((cell, Verdict(choice, note), at) for cell, choice, note, at in rows if cell in wanted)
        return TravellingOpinions(verdicts, self.duels(wanted))

    def unpack(self, opinions: TravellingOpinions) -> None:
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

    def _add(self, db: sqlite3.Connection, duel: Duel) -> None:
        db.execute(
            "INSERT INTO duels (service, left_cell, right_cell, result, is_blind, at) VALUES (?, ?, ?, ?, ?, ?)",
            (self._service, duel.left, duel.right, duel.result, int(duel.is_blind), duel.at),
        )
