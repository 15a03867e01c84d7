"""Measuring on a real dask cluster of several worker processes, one of which is killed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from pixverse_nb.errors import ConfigError
from pixverse_nb.metrics.contact_sheet import SheetRow, make_contact_sheet
from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.metrics.executors import TaskResult, run_all
from pixverse_nb.metrics.measure import MeasureTask, measure_all
from tests.metrics.videos import CLOSE, WIDE, SerialExecutor, render_sandbox_video
from tests.metrics.worker_gate import GatedTask, WorkerGate, run_gated_task


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a cluster of three real processes on this machine."""
    # The default port of the dashboard is 8787, and dask warns if another cluster uses it.
    dashboard_address = "127.0.0.1:0"
    with (
        LocalCluster(n_workers=3, processes=True, threads_per_worker=1, dashboard_address=dashboard_address) as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
    ):
        yield client


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[MeasureTask]:
    """Tasks for three videos, and one for a missing file."""
    folder = tmp_path_factory.mktemp("videos")
    videos = [render_sandbox_video(folder / f"{seed}.mp4", seed=seed) for seed in (1, 2, 3)]
    return [
        *(MeasureTask(videos[number % 3], first=WIDE, last=CLOSE) for number in range(6)),
        MeasureTask(folder / "gone.mp4"),
    ]


def test_measuring_is_the_same_everywhere(client: Client, tasks: list[MeasureTask]) -> None:
    """Serially, on threads and on a cluster the numbers are equal to the last bit."""
    serial = comparable(measure_all(tasks, executor=SerialExecutor()))
    assert comparable(measure_all(tasks)) == serial
    assert comparable(measure_all(tasks, executor=client)) == serial


def test_a_killed_worker_changes_no_result(client: Client, tasks: list[MeasureTask], tmp_path: Path) -> None:
    """If a worker process is killed, its task runs again on another one."""
    gate = WorkerGate(tmp_path)
    items = [GatedTask(task, gate=tmp_path if number == 2 else None) for number, task in enumerate(tasks)]
    with ThreadPoolExecutor(1) as thread:
        killing = thread.submit(gate.kill_waiting_process)
        results = run_all(run_gated_task, items, executor=client)
        killing.result()
    assert comparable(results) == comparable(measure_all(tasks, executor=SerialExecutor()))


def test_the_sheet_is_the_same_from_a_cluster(client: Client, tasks: list[MeasureTask]) -> None:
    """The frames of a contact sheet can be read on a cluster."""
    rows = [SheetRow(task.path.stem, task.path) for task in tasks]
    assert make_contact_sheet(rows, executor=client).tobytes() == make_contact_sheet(rows).tobytes()


def test_an_asynchronous_client_is_rejected() -> None:
    """Waiting for a client on the caller's own event loop would block, so it is a ConfigError."""

    class AsynchronousClient:
        asynchronous = True

        def get_executor(self, **settings: Any) -> Any:
            raise AssertionError("must not be called")

    with pytest.raises(ConfigError, match="asynchronous"):
        run_all(str, [1], executor=AsynchronousClient())


def comparable(results: list[TaskResult[Measurement]]) -> list[Any]:
    """Return the values, and the messages of the errors, because errors are never equal."""
    return [str(result.error) if result.error else result.value for result in results]
