"""The kill matrix: workers are killed at every step and restarted until every video is there; then everything is
audited.

Several lanes run in parallel: each has its own account, home and workers, and a share of the kills.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from pixverse_nb.config import Timing
from pixverse_nb.domain.jobs import JobState
from pixverse_nb.ledger.jobs import Ledger
from tests.faults.failpoints import MOMENTS, shift_clock
from tests.faults.kill_points import TRAPS
from tests.faults.ledger_checks import AccountState, VendorBehavior
from tests.faults.vendor import Account, Vendor
from tests.faults.worker import WorkerTask
from tests.faults.worker_pool import WorkerPool

# Fifty to a hundred times faster than life. The settle window exceeds the accept lag plus the list lag, as it must.
TIMING: Final = Timing(
    poll_s=0.1,
    busy_wait_s=(0.05, 0.15),
    settle_s=1.9,
    answer_timeout_s=0.5,
    deadline_s=20_000.0,  # longer than the hours by which clocks are set here
    typical_s=0.3,
    retry_s=(0.02, 0.2),
)
HOSTILE: Final = VendorBehavior(
    faults={
        "cut_before": 0.04,
        "cut_after": 0.06,
        "half": 0.03,
        "late": 0.03,
        "accept_lag": 0.05,
        "error_before": 0.03,
        "error_after": 0.05,
        "no_id": 0.02,
        "busy": 0.06,
        "never": 0.02,
    },
    accept_lag_s=(0.0, 0.3),
    list_lag_s=(0.0, 1.0),
    late_s=0.8,
    read_failure_rate=0.08,
    no_ref_rate=0.25,
    time_error_rate=0.4,
)
COUNTS: Final = (1, 3, 5)  # at which time of reaching a moment a worker is killed there
SLOTS: Final = 8
PICTURES: Final = 40  # different first pictures, so that uploads go on for long


@dataclass(frozen=True)
class Plan:
    """A matrix: how many lanes, how many kills in each, and what is broken in the workers.

    Each worker requests `new_per_worker` videos more than the previous one, so that there is always work to interrupt.
    """

    lanes: int = 8
    kills_per_lane: int = 13
    new_per_worker: int = 5
    moments: tuple[str, ...] = (*TRAPS, *MOMENTS)
    clock_steps_s: tuple[float, ...] = ()  # each worker lives by another wall clock, and sees it set while it sends
    behavior: VendorBehavior = HOSTILE
    timing: Timing = TIMING
    mutant: str = ""
    operations: tuple[str, ...] = ("frames",)


@dataclass
class Audit:
    """The result of a matrix, from the vendor's accounts and the ledgers."""

    requests: int = 0
    generations: int = 0
    kills: int = 0
    extra_payments: int = 0
    lost: int = 0
    uncollected: int = 0
    max_running: int = 0
    leaks: int = 0
    killed_at: Counter[str] = field(default_factory=Counter)
    triggered: Counter[str] = field(default_factory=Counter)


def run_matrix(plan: Plan, folder: Path) -> Audit:
    """Run all lanes to the end and add their audits."""
    with Vendor() as vendor, ThreadPoolExecutor(plan.lanes) as pool:
        lanes = [MatrixLane(vendor, plan, folder / f"lane{number}", number) for number in range(plan.lanes)]
        for future in [pool.submit(lane.run) for lane in lanes]:
            future.result()
    return _sum([lane.audit() for lane in lanes])


def kill_plan(plan: Plan, lane: int) -> Iterator[tuple[str, int]]:
    """Yield the kills of one lane, endlessly; all lanes together cover every moment and count."""
    both = [(moment, count) for count in COUNTS for moment in plan.moments]
    return itertools.islice(itertools.cycle(both), lane, None, plan.lanes)


class MatrixLane:
    """One account, one home, and the workers that run there one after another."""

    def __init__(self, vendor: Vendor, plan: Plan, folder: Path, number: int) -> None:
        folder.mkdir(parents=True)
        self._plan = plan
        self._folder = folder
        self._number = number
        self._account: Account = vendor.account(f"lane{number}", plan.behavior, seed=number + 1)
        self._killed_at: Counter[str] = Counter()
        self._seeds = 0
        self._clock_s = 0.0

    def run(self) -> None:
        """Start workers that are killed (if they get that far), then one that finishes everything."""
        plan = self._plan
        chosen = kill_plan(plan, self._number)
        with WorkerPool(self._folder / "log") as workers:
            while self._killed_at.total() < plan.kills_per_lane:
                self._seeds += plan.new_per_worker
                moment, count = next(chosen)
                self._set_clocks()
                if workers.send(self._with_kill(self._task(), moment, count)) != 0:
                    self._killed_at[f"{moment}, {count}"] += 1
            self._account.moments.disarm()
            assert workers.send(self._task()) == 0

    def _task(self) -> WorkerTask:
        return WorkerTask(
            base_url=self._account.base_url,
            home=str(self._folder / "home"),
            seeds=tuple(range(1, self._seeds + 1)),
            pictures=PICTURES,
            timing=asdict(self._plan.timing),
            mutant=self._plan.mutant,
            clock_s=self._clock_s,
            clock_signal_s=-2 * self._clock_s,
            operations=self._plan.operations,
        )

    def _set_clocks(self) -> None:
        steps = self._plan.clock_steps_s
        if steps:
            self._clock_s = steps[self._killed_at.total() % len(steps)]
            self._account.moments.act_at("create_accepted", 2, shift_clock)

    def _with_kill(self, task: WorkerTask, moment: str, count: int) -> WorkerTask:
        if moment in TRAPS:
            return replace(task, trap=(moment, count))
        self._account.moments.act_at(moment, count)
        return task

    def audit(self) -> Audit:
        """Compare the vendor's account with the ledger and the files."""
        return audit(self._account, self._folder / "home", requests=self._task().requests, killed=self._killed_at)


def audit(account: Account, home: Path, *, requests: int, killed: Mapping[str, int] | None = None) -> Audit:
    """Compare one account with the ledger and the files of its home."""
    state = account.state
    ledger = Ledger(home / "ledger.db", service=account.base_url)
    try:
        records = ledger.jobs(limit=10**6)
    finally:
        ledger.close()
    known = {record.video_id for record in records}
    good = sum(record.state is JobState.DONE and _has_its_video(home, state, record.video_id) for record in records)
    return Audit(
        requests=requests,
        generations=len(state.generations),
        kills=sum((killed or {}).values()),
        extra_payments=state.extra,
        lost=sum(generation.video_id not in known for generation in state.generations),
        uncollected=requests - good,
        max_running=state.max_running,
        leaks=len(state.leaks),
        killed_at=Counter(killed or {}),
        triggered=state.triggered,
    )


def _has_its_video(home: Path, state: AccountState, video_id: str | None) -> bool:
    generation = next((one for one in state.generations if one.video_id == video_id), None)
    if generation is None:
        return False
    digest = hashlib.sha256(generation.content).hexdigest()
    return any(hashlib.sha256(path.read_bytes()).hexdigest() == digest for path in (home / "videos").glob("*.mp4"))


def _sum(audits: Sequence[Audit]) -> Audit:
    total = Audit()
    for one in audits:
        total.requests += one.requests
        total.generations += one.generations
        total.kills += one.kills
        total.extra_payments += one.extra_payments
        total.lost += one.lost
        total.uncollected += one.uncollected
        total.max_running = max(total.max_running, one.max_running)
        total.leaks += one.leaks
        total.killed_at.update(one.killed_at)
        total.triggered.update(one.triggered)
    return total
