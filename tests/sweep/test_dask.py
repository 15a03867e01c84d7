"""A sweep measured on a real dask cluster, one of whose workers is killed."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from distributed import Client, LocalCluster

from tests.client.harness import Harness
from tests.metrics.videos import SerialExecutor
from tests.metrics.worker_gate import GatedTask, WorkerGate, run_gated_task
from tests.sweep.small_sweeps import run, small_sweep


class GatedExecutor:
    """An executor on a dask cluster whose first task waits at the gate."""

    def __init__(self, cluster: Client, gate: Path) -> None:
        self._pool = cluster.get_executor(pure=False)  # type: ignore[no-untyped-call]  # not typed
        self._gate: Path | None = gate

    def submit(self, task: Any, item: Any) -> Future[Any]:
        """Submit an item, the first one behind the gate."""
        del task
        gate, self._gate = self._gate, None
        future: Future[Any] = self._pool.submit(run_gated_task, GatedTask(item, gate=gate))
        return future


def test_a_killed_worker_loses_no_result_and_costs_nothing(harness: Harness, tmp_path: Path) -> None:
    """The measurements equal those of a serial run in another home, and no request is sent to the vendor."""
    here, there = harness.open(home=tmp_path / "here"), harness.open(home=tmp_path / "there")
    serial, distributed = (run(small_sweep(client, seed=range(1, 5))) for client in (here, there))
    serial.measure(executor=SerialExecutor())
    paid, requests = harness.paid, harness.control.requests.copy()
    gate = WorkerGate(tmp_path)
    with (
        LocalCluster(n_workers=2, processes=True, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
        ThreadPoolExecutor(1) as thread,
    ):
        kill = thread.submit(gate.kill_waiting_process)
        measured = distributed.measure(executor=GatedExecutor(client, tmp_path))
        kill.result()
    assert len(measured) == 4
    assert measured == serial.measure()
    diversity = [[row["diversity_levels"] for row in sweep.rows()] for sweep in (distributed, serial)]
    assert diversity[0] == diversity[1]
    assert (harness.paid, harness.control.requests) == (paid, requests)
