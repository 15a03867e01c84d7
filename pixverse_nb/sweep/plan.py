"""The plan of a sweep, before anything is paid: what is new, what is there, what is refused, what it may cost."""

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.render.display import mime_bundle
from pixverse_nb.render.formatting import SHORT_STATE_LABELS
from pixverse_nb.render.sweep_views import PlanRow, PlanTable, plan_html, plan_text
from pixverse_nb.sweep.cells import Cell


class CellState(StrEnum):
    """Where a cell stands before the sweep is run."""

    NEW = "new"  # nobody asked for it yet, or nothing was paid: it is sent
    HAVE = "here"  # its video is in the ledger
    OPEN = "open"  # it is on its way, or was sent and can be taken up: it is waited for, not paid again
    FAILED = "failed"  # it was made and ended without a video: only retry_failed=True pays for a new try
    REFUSED = "refused"  # the vendor's documents refuse this combination


# A refusal of these kinds speaks of the account, the budget or the disk, not of the cell: it is tried again.
_NOT_THE_CELLS_FAULT: Final = frozenset(
    {
        "AccountPending",
        "BudgetReached",
        "ConfigError",
        "LedgerError",
        "OutOfCredits",
        "SubscriptionRequired",
        "Unauthorized",
    }
)


@dataclass(frozen=True)
class PlannedCell:
    """A cell with where it stands: `row` is the job that counts for it, `credits` what sending it may cost."""

    cell: Cell
    state: CellState
    row: CellRow | None
    credits: int | None


@dataclass(frozen=True)
class Plan:
    """What `sweep.run()` would do, and pay; shows as a table. Money is in credits, times are in seconds.

    `balance`, `slots` and `typical_s` are None where the vendor could not be asked or nothing is known yet; `spent` is
    what the cells have cost so far, `budget` the most they may.
    """

    title: str
    cells: tuple[PlannedCell, ...]
    skips_refused: bool
    spent: int
    budget: int | None
    balance: int | None
    slots: int | None
    typical_s: float | None
    notices: tuple[str, ...] = ()
    is_sandbox: bool = False
    counts: Mapping[CellState, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(planned.state for planned in self.cells))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def new(self) -> tuple[Cell, ...]:
        """The cells that are sent and paid."""
        return self.in_state(CellState.NEW)

    @property
    def refused(self) -> tuple[Cell, ...]:
        """The cells that the vendor's documents refuse."""
        return self.in_state(CellState.REFUSED)

    @property
    def failed(self) -> tuple[Cell, ...]:
        """The cells that ended without a video before."""
        return self.in_state(CellState.FAILED)

    @property
    def credits(self) -> int | None:
        """What the new cells may cost in all, by the price list; None where it does not know one of them."""
        prices = [planned.credits for planned in self.cells if planned.state is CellState.NEW]
        return None if None in prices else sum(price for price in prices if price is not None)

    @property
    def expected_s(self) -> float | None:
        """How long it takes with all slots free, or None where nothing is known."""
        if self.typical_s is None or not self.slots:
            return None
        waiting = self.counts[CellState.NEW] + self.counts[CellState.OPEN]
        return math.ceil(waiting / self.slots) * self.typical_s

    def in_state(self, state: CellState) -> tuple[Cell, ...]:
        """Return the cells that stand so."""
        return tuple(planned.cell for planned in self.cells if planned.state is state)

    def sheet(self) -> PlanTable:
        """Return the plan as words and rows, to be shown."""
        return PlanTable(
            title=self.title,
            counts=tuple((state.value, self.counts[state]) for state in CellState),
            credits=self.credits,
            spent=self.spent,
            budget=self.budget,
            balance=self.balance,
            slots=self.slots,
            expected_s=self.expected_s,
            skips_refused=self.skips_refused,
            is_sandbox=self.is_sandbox,
            notices=self.notices,
            rows=tuple(_line(planned) for planned in self.cells),
        )

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> dict[str, str]:
        sheet = self.sheet()
        return dict(mime_bundle(plan_html(sheet), plan_text(sheet)))

    def __repr__(self) -> str:
        return plan_text(self.sheet())


def judged(
    cells: Sequence[Cell],
    rows: Mapping[str, Sequence[CellRow]],
    *,
    prices: Mapping[str, int | None],
    allow_refused: bool,
) -> tuple[PlannedCell, ...]:
    """Return where each cell stands, by what the ledger knows of its tries (newest first)."""
    found = []
    for cell in cells:
        row = counting_row(rows.get(cell.key, ()))
        state = CellState.NEW if row is None else state_of(row)
        if state in (CellState.NEW, CellState.FAILED) and cell.violations and not allow_refused:
            state = CellState.REFUSED
        found.append(PlannedCell(cell, state, row, prices.get(cell.key)))
    return tuple(found)


def counting_row(rows: Sequence[CellRow]) -> CellRow | None:
    """Return the job that counts for a cell: its video, else what may still become one, else the newest try."""
    for state in (CellState.HAVE, CellState.OPEN):
        for row in rows:
            if state_of(row) is state:
                return row
    return rows[0] if rows else None


def state_of(row: CellRow) -> CellState:
    """Return how a cell stands by its job."""
    match row.state:
        case JobState.DONE:
            return CellState.HAVE
        case JobState.FAILED | JobState.MODERATED:
            return CellState.FAILED
        case JobState.REFUSED:
            return CellState.NEW if row.error_kind in _NOT_THE_CELLS_FAULT else CellState.FAILED
        case _:
            return CellState.OPEN if row.charged != "no" else CellState.NEW


def is_account_error(error_kind: str | None) -> bool:
    """Tell whether a refused cell says that no other one would be taken either."""
    return error_kind in _NOT_THE_CELLS_FAULT


def _line(planned: PlannedCell) -> PlanRow:
    cell, state = planned.cell, planned.state
    why = "; ".join(rule.reason for rule in cell.violations) if state is CellState.REFUSED else ""
    if state is CellState.FAILED and planned.row is not None:
        why = f"{SHORT_STATE_LABELS[planned.row.state].lower()}; run(retry_failed=True) pays for a new try"
    price = planned.credits if state is CellState.NEW else None
    return PlanRow(cell.number, cell.caption, state.value, why, price, planned.row.ref if planned.row else "")


def title_of(axes: Sequence[str], count: int) -> str:
    """Return the plain name of a sweep: "32 cells: seed × motion_mode"."""
    return f"{count} {'cell' if count == 1 else 'cells'}" + (f": {' × '.join(axes)}" if axes else "")
