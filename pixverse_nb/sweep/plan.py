"""The plan of a sweep: which cells are new, finished or refused, and what they may cost. Nothing is charged for it."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pixverse_nb.domain.arguments import public_class
from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import PARAM_NAMES, Operation
from pixverse_nb.errors import PixVerseError
from pixverse_nb.job_builder import source_expr
from pixverse_nb.jobs.messages import describe_notice
from pixverse_nb.jobs.remote_videos import AllAccounts
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.ledger.sweeps import CellRow
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import SHORT_STATE_LABELS
from pixverse_nb.render.sweep_tables import PlanRow, PlanTable, plan_table
from pixverse_nb.render.table import Table, TableView
from pixverse_nb.sweep.cells import ROUTE_GONE, Cell, Cells, CellState, cell_state, select_row
from pixverse_nb.sweep.context import SweepContext, SweepOptions


@dataclass(frozen=True)
class PlannedCell:
    """A cell with its state; `row` is its job in the ledger, `credits` the estimated cost of submitting it."""

    cell: Cell
    state: CellState
    row: CellRow | None
    credits: int | None


@dataclass(frozen=True)
class AccountStatus:
    """The balance in credits and the number of slots over all usable accounts; None if unknown."""

    balance: int | None = None
    slots: int | None = None
    notices: tuple[Notice, ...] = ()


@public_class(hides=("table", "in_state"))
@dataclass(frozen=True, repr=False)
class Plan(TableView):
    """What `sweep.run()` would do and cost; displays as a table. Money is in credits, times are in seconds.

    `spent` is what the cells have cost so far, `budget` the most that they may cost. `balance`, `slots`, `typical_s`
    (the usual time for one video) and `off_peak_s` (the usual time for an off-peak one) are None if unknown. `made_at`
    is the time of the plan in Unix seconds. `is_limit`: off-peak or preview cells are counted with their full price,
    because the account does not report its factors. `can_skip` is False for a chain, in which no cell can be skipped.
    """

    title: str
    cells: tuple[PlannedCell, ...]
    skips_refused: bool
    spent: int
    budget: int | None
    balance: int | None
    slots: int | None
    typical_s: float | None
    notices: tuple[Notice, ...] = ()
    is_sandbox: bool = False
    off_peak_s: float | None = None
    made_at: float | None = None
    is_limit: bool = False
    can_skip: bool = True
    counts: Mapping[CellState, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counter(planned.state for planned in self.cells))

    def __len__(self) -> int:
        return len(self.cells)

    def __iter__(self) -> Iterator[PlannedCell]:
        return iter(self.cells)

    @property
    def new(self) -> tuple[Cell, ...]:
        """The cells that will be submitted and charged."""
        return self.in_state(CellState.NEW)

    @property
    def refused(self) -> tuple[Cell, ...]:
        """The cells that the vendor's documentation excludes, or whose model does not take one of their values."""
        return self.in_state(CellState.REFUSED)

    @property
    def failed(self) -> tuple[Cell, ...]:
        """The cells that ended without a video before."""
        return self.in_state(CellState.FAILED)

    @property
    def credits(self) -> int | None:
        """The estimated cost of all new cells; None if the price list lacks one of them."""
        prices = [planned.credits for planned in self.cells if planned.state is CellState.NEW]
        return None if None in prices else sum(price for price in prices if price is not None)

    @property
    def expected_s(self) -> float | None:
        """The expected time with every slot free, without the off-peak cells; None if unknown."""
        if self.typical_s is None or not self.slots:
            return None
        return math.ceil(len(self._waiting(is_off_peak=False)) / self.slots) * self.typical_s

    @property
    def operations(self) -> Mapping[Operation, int]:
        """The number of cells by operation."""
        return Counter(planned.cell.request.operation for planned in self.cells)

    @property
    def off_peak(self) -> tuple[Cell, ...]:
        """The off-peak cells that will be submitted or waited for: they use no slot and may take 24 hours."""
        return self._waiting(is_off_peak=True)

    def in_state(self, state: CellState) -> tuple[Cell, ...]:
        """Return the cells in a state."""
        return tuple(planned.cell for planned in self.cells if planned.state is state)

    def _waiting(self, *, is_off_peak: bool) -> tuple[Cell, ...]:
        cells = (planned.cell for planned in self.cells if planned.state in (CellState.NEW, CellState.OPEN))
        return tuple(cell for cell in cells if cell.request.is_off_peak is is_off_peak)

    def table(self) -> PlanTable:
        """Return the plan as the values that its HTML and text views show."""
        return PlanTable(
            title=self.title,
            operations=tuple((operation.value, count) for operation, count in self.operations.items()),
            counts=tuple((state.value, self.counts[state]) for state in CellState),
            credits=self.credits,
            is_limit=self.is_limit,
            spent=self.spent,
            budget=self.budget,
            balance=self.balance,
            slots=self.slots,
            expected_s=self.expected_s,
            off_peak=len(self.off_peak),
            off_peak_s=self.off_peak_s,
            skips_refused=self.skips_refused,
            can_skip=self.can_skip,
            is_sandbox=self.is_sandbox,
            ends_at=self.made_at + self.expected_s if self.made_at is not None and self.expected_s else None,
            notices=tuple(_describe(notice, is_sandbox=self.is_sandbox) for notice in self.notices),
            rows=tuple(map(_row, self.cells)),
        )

    def _table(self) -> Table:
        return plan_table(self.table())


def make_plan(
    context: SweepContext,
    built: Cells,
    rows: Mapping[str, Sequence[CellRow]],
    options: SweepOptions,
) -> Plan:
    """Return the plan of a sweep; asks the vendor for balance and slots. `rows` are its jobs by cell key."""
    ledger = context.engine.ledger
    account = fetch_account_status(context)  # first: its factors are those of the prices
    estimate = context.builder.estimate
    prices = {cell.key: estimate(cell.request, source_s=cell.inputs.prepared.source_s) for cell in built.cells}
    first = {cell.request.is_off_peak: cell.request for cell in reversed(built.cells)}
    off_peak = context.engine.expectation(first[True]) if True in first else None
    duplicates = (Notice("duplicate_cells", {"count": built.duplicates}),) if built.duplicates else ()
    cells = plan_cells(built.cells, rows, prices=prices, allow_refused=options.allow_refused)
    at_once = min(len(cells), account.slots or 1)
    return Plan(
        title=options.title or built.default_title,
        cells=cells,
        skips_refused=options.skip_refused,
        spent=ledger.sweeps.spent([cell.key for cell in built.cells]),
        budget=options.budget_credits,
        balance=account.balance,
        slots=account.slots,
        typical_s=context.usual_time_s(first[False], at_once=at_once) if False in first else None,
        off_peak_s=off_peak.typical_s if off_peak is not None and off_peak.samples else None,
        notices=(
            *account.notices,
            *_gone_routes(cells),
            *_doubtful_models(cells, context.builder.catalogue),
            *_untaken_fields(cells, context.builder.catalogue),
            *_changed_images(built.cells, ledger),
            *duplicates,
            *built.notices,
        ),
        is_sandbox=context.is_sandbox,
        made_at=context.engine.now(),
        is_limit=any(
            planned.credits is not None and context.builder.is_limit(planned.cell.request.params)
            for planned in cells
            if planned.state is CellState.NEW
        ),
        can_skip=options.can_skip,
    )


def plan_cells(
    cells: Sequence[Cell],
    rows: Mapping[str, Sequence[CellRow]],
    *,
    prices: Mapping[str, int | None],
    allow_refused: bool,
) -> tuple[PlannedCell, ...]:
    """Return each cell with its state. `rows` are its jobs in the ledger, newest first; both mappings are by key."""
    planned = []
    for cell in cells:
        row = select_row(rows.get(cell.key, ()))
        state = CellState.NEW if row is None else cell_state(row)
        if state in (CellState.NEW, CellState.FAILED) and cell.violations and not allow_refused:
            state = CellState.REFUSED
        planned.append(PlannedCell(cell, state, row, prices.get(cell.key)))
    return tuple(planned)


def fetch_account_status(context: SweepContext) -> AccountStatus:
    """Ask the vendor for balance and slots. If it cannot be reached, both are None and a notice says why."""
    try:
        call = context.backend.get_capacity()
        capacity = context.send(call).accounts if call is not None else ()
        slots = [slot for slot in capacity if context.email in (None, slot.account)]
        balance = AllAccounts(context.send, context.backend, email=context.email).credits()
    except PixVerseError as error:
        return AccountStatus(notices=(Notice("account_unreachable", {"detail": str(error)}),))
    context.builder.factors = balance.factors
    return AccountStatus(balance.total, sum(slot.max_jobs for slot in slots) or None)


def _gone_routes(cells: Sequence[PlannedCell]) -> tuple[Notice, ...]:
    """Return a notice for each operation of a model that the vendor did not offer at the last attempt."""
    new = [planned for planned in cells if planned.state is CellState.NEW]
    gone = {_route(planned) for planned in new if planned.row is not None and planned.row.error_kind == ROUTE_GONE}
    counts = Counter(map(_route, new))
    return tuple(
        Notice("route_gone", {"operation": operation, "model": model, "count": counts[operation, model]})
        for operation, model in sorted(gone)
    )


def _route(planned: PlannedCell) -> tuple[str, str]:
    return planned.cell.request.operation.value, planned.cell.request.model


def _doubtful_models(cells: Sequence[PlannedCell], catalogue: Catalogue) -> list[Notice]:
    """Return what is doubtful about new cells that are sent anyway, each once."""
    found: list[Notice] = []
    for planned in cells:
        if planned.state is CellState.NEW:
            request = planned.cell.request
            notices = catalogue.notices(request.model, request.operation, request.params)
            found += [notice for notice in notices if notice not in found]
    return found


def _untaken_fields(cells: Sequence[PlannedCell], catalogue: Catalogue) -> list[Notice]:
    """Return a notice for each field that some models do not take, so that their cells are refused."""
    models: dict[str, dict[str, None]] = {}
    for planned in cells:
        request = planned.cell.request
        rules = catalogue.spec(request.model).fields(request.operation)
        if planned.state is CellState.REFUSED:
            for name in {name for rule in planned.cell.violations for name in rule.fields}:
                if name in PARAM_NAMES and name not in rules:
                    models.setdefault(name, {})[request.model] = None
    return [Notice("field_not_taken", {"field": name, "models": ", ".join(of)}) for name, of in models.items()]


def _changed_images(cells: Sequence[Cell], ledger: Ledger) -> list[Notice]:
    """Return a notice for each file whose content differs from that in the last job that used it."""
    changed: dict[str, Notice] = {}
    for inputs, request in {id(cell.inputs): (cell.inputs, cell.request) for cell in cells}.values():
        images, media = inputs.args.images, inputs.prepared.media
        for place, item in enumerate(request.inputs):
            name = media[item.role].expr if item.role in media else source_expr(images[item.role], item.role)
            known = ledger.sweeps.newest_from(name, place=place) if name != item.role else None
            if known is not None and _source_key(known[0]) != _source_key(item.key):
                changed[name] = Notice("image_changed", {"source": name, "at": known[1]})
    return list(changed.values())


def _source_key(image_key: str) -> str:
    """Return the part of an image key that identifies the source, however it was framed; see `images.Frame.key`."""
    return ":".join(image_key.split(":")[:2])


# -- texts -----------------------------------------------------------------------------------------------------------


def describe_paid_elsewhere(data: Mapping[str, Any], *, is_sandbox: bool) -> str:
    """Return which homes have paid for missing videos, and whether `run()` pays again."""
    count = data["count"]
    subject = "1 of the missing videos is" if count == 1 else f"{count} of the missing videos are"
    them = "it" if count == 1 else "them"
    if is_sandbox:
        found = f"{subject} made already, in the sandbox of {data['homes']}."
        if data["is_taken"]:
            return f"{found} run() takes {them} from there."
        return (
            f"{found} run() makes {them} again, without real credits; "
            f'reuse="any" in client.sweep() takes {them} instead.'
        )
    found = f"{subject} paid already, in {data['homes']}."
    if data["is_taken"]:
        return f"{found} run() takes {them} from there, free of charge."
    return f'{found} run() pays for {them} again; reuse="any" in client.sweep() takes {them} instead, free of charge.'


def _image_changed(data: Mapping[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(data["at"]))
    return f"The file {data['source']} has changed since {when}, so its cells are new."


def _duplicate_cells(data: Mapping[str, Any]) -> str:
    count = data["count"]
    subject = "1 combination repeats" if count == 1 else f"{count} combinations repeat"
    return f"{subject} the video of another one; each video is generated once."


def _field_not_taken(data: Mapping[str, Any]) -> str:
    return f"To include {data['models']}, list the cells with cells=[…] and leave out {data['field']} there."


def _route_gone(data: Mapping[str, Any]) -> str:
    cells = "1 new cell" if data["count"] == 1 else f"{data['count']} new cells"
    return (
        f"At the last attempt the vendor did not offer {data['operation']} with {data['model']} ({cells}). run() tries "
        "again and stops at the first refusal; nothing is charged for that."
    )


_NOTICES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "account_unreachable": lambda data: f"Balance and slots are unknown: {data['detail']}",
    "image_changed": _image_changed,
    "route_gone": _route_gone,
    "field_not_taken": _field_not_taken,
    "duplicate_cells": _duplicate_cells,
}


def _describe(notice: Notice, *, is_sandbox: bool) -> str:
    if notice.kind == "paid_elsewhere":
        return redact(describe_paid_elsewhere(notice.data, is_sandbox=is_sandbox))
    make = _NOTICES.get(notice.kind)
    return redact(make(notice.data)) if make is not None else describe_notice(notice)


def _row(planned: PlannedCell) -> PlanRow:
    cell, state = planned.cell, planned.state
    reason = "; ".join(rule.reason for rule in cell.violations) if state is CellState.REFUSED else ""
    if state is CellState.FAILED and planned.row is not None:
        ended = SHORT_STATE_LABELS[planned.row.state].lower()
        reason = f"{ended}; run(retry_failed=True) pays for another attempt"
    price = planned.credits if state is CellState.NEW else None
    ref = planned.row.ref if planned.row else ""
    return PlanRow(cell.number, cell.caption, state.value, reason, price, ref, cell.values)
