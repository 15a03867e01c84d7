"""Measuring on a real dask cluster: several worker processes, one of them killed in the middle."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from distributed import Client, LocalCluster

from pixverse_nb.errors import ConfigError
from pixverse_nb.measure.compute import Outcome, run_all
from pixverse_nb.measure.metrics import Measurement
from pixverse_nb.measure.sheet import SheetRow, contact_sheet
from pixverse_nb.measure.video import Clip, measure_all
from tests.measure.films import CLOSE, WIDE, InOrder, sandbox_film
from tests.measure.gate import Gate, Gated, measure_gated


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """A client of a cluster of three real processes on this machine."""
    # Where no address is named, the scheduler's page asks for port 8787 and warns where another cluster has it.
    page = "127.0.0.1:0"
    with (
        LocalCluster(n_workers=3, processes=True, threads_per_worker=1, dashboard_address=page) as cluster,  # type: ignore[no-untyped-call]  # not typed
        Client(cluster) as client,  # type: ignore[no-untyped-call]  # not typed
    ):
        yield client


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    """Clips of three films, and one that is not there."""
    folder = tmp_path_factory.mktemp("films")
    films = [sandbox_film(folder / f"{seed}.mp4", seed=seed) for seed in (1, 2, 3)]
    return [*(Clip(films[number % 3], first=WIDE, last=CLOSE) for number in range(6)), Clip(folder / "gone.mp4")]


def test_measuring_is_the_same_everywhere(client: Client, clips: list[Clip]) -> None:
    """One after the other, on threads and on a cluster the very same numbers come out, to the last bit."""
    here = said(measure_all(clips, executor=InOrder()))
    assert said(measure_all(clips)) == here
    assert said(measure_all(clips, executor=client)) == here


def test_a_killed_worker_changes_no_result(client: Client, clips: list[Clip], tmp_path: Path) -> None:
    """A worker process that is killed in the middle of a clip costs nothing but the time of another try."""
    gate = Gate(tmp_path)
    items = [Gated(clip, gate=tmp_path if number == 2 else None) for number, clip in enumerate(clips)]
    with ThreadPoolExecutor(1) as hand:
        killing = hand.submit(gate.kill_who_waits)
        there = run_all(measure_gated, items, executor=client)
        killing.result()
    assert said(there) == said(measure_all(clips, executor=InOrder()))


def test_the_sheet_is_the_same_from_a_cluster(client: Client, clips: list[Clip]) -> None:
    """The contact sheet's frames may be taken by a cluster's workers."""
    rows = [SheetRow(clip.path.stem, clip.path) for clip in clips]
    assert contact_sheet(rows, executor=client).tobytes() == contact_sheet(rows).tobytes()


def test_a_client_on_the_callers_own_loop_is_refused() -> None:
    """To wait for a client on whose event loop one stands would wait forever: ConfigError says so."""

    class OnThisLoop:
        asynchronous = True

        def get_executor(self, **settings: Any) -> Any:
            raise AssertionError("never asked")

    with pytest.raises(ConfigError, match="asynchronous=True"):
        run_all(str, [1], executor=OnThisLoop())


def said(outcomes: list[Outcome[Measurement]]) -> list[Any]:
    """The values, and the words of the errors: errors themselves are never equal."""
    return [str(outcome.error) if outcome.error else outcome.value for outcome in outcomes]
