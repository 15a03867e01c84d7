"""A sweep measured on a real dask cluster, one of whose workers is killed in the middle."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from tests.client.harness import Harness
from tests.metrics.videos import SerialExecutor
from tests.metrics.worker_gate import GatedTask, WorkerGate, run_gated_task
from tests.sweep.grids import run, sweep


class ThroughTheGate:
    """An executor on a cluster whose first item stands at the gate, as ten lines of anybody's own may be."""

    def __init__(self, cluster: Client, gate: Path) -> None:
        self._pool = cluster.get_executor(pure=False)  # type: ignore[no-untyped-call]  # not typed
        self._gate: Path | None = gate

    def submit(self, task: Any, item: Any) -> Future[Any]:
        """Have one clip measured behind the gate, the others at once."""
        del task
        gate, self._gate = self._gate, None
        future: Future[Any] = self._pool.submit(run_gated_task, GatedTask(item, gate=gate))
        return future


def test_a_killed_worker_costs_no_result_and_no_credit(harness: Harness, tmp_path: Path) -> None:
    """The numbers are those of a serial run in another home, and the vendor hears nothing of it all."""
    here, there = harness.open(home=tmp_path / "here"), harness.open(home=tmp_path / "there")
    serial, spread = (run(sweep(client, seed=range(1, 5))) for client in (here, there))
    serial.measure(executor=SerialExecutor())
    paid, asked = harness.paid, harness.control.requests.copy()
    gate = WorkerGate(tmp_path)
    with (
        LocalCluster(n_workers=2, processes=True, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
        ThreadPoolExecutor(1) as hand,
    ):
        killing = hand.submit(gate.kill_waiting_process)
        measured = spread.measure(executor=ThroughTheGate(client, tmp_path))
        killing.result()
    assert len(measured) == 4
    assert measured == serial.measure()
    assert [row["diversity_levels"] for row in spread.rows()] == [row["diversity_levels"] for row in serial.rows()]
    assert (harness.paid, harness.control.requests) == (paid, asked)
