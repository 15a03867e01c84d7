"""The compute port: order, errors, interrupts, and every kind of executor (a dask cluster in test_dask)."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.compute import Outcome, run_all
from tests.measure.films import InOrder

ROOT = Path(__file__).parents[2]


def inverse(number: int) -> float:
    """A task that fails for 0."""
    return 1 / number


def die(number: int) -> int:
    """A task that takes its whole process along."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def processes() -> ProcessPoolExecutor:
    """Two processes that are not forked from this one, which has threads."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("make", [lambda: None, InOrder, lambda: ThreadPoolExecutor(3), processes])
def test_outcomes_come_in_order(make: Callable[[], Any]) -> None:
    """Whoever does the work, outcomes stand in the order of the items, and an error is one of them."""
    executor = make()
    outcomes = run_all(inverse, [4, 0, 2], executor=executor)
    if isinstance(executor, Executor):
        executor.shutdown()
    assert [outcome.value for outcome in outcomes] == [0.25, None, 0.5]
    assert isinstance(outcomes[1].error, ZeroDivisionError)


def test_an_outcome_is_a_value_or_an_error() -> None:
    """`get` returns the value, None too, or raises the error as it was."""
    assert Outcome(value=3).get() == 3
    assert Outcome[None](value=None).get() is None
    error = MeasureError("gone")
    with pytest.raises(MeasureError) as caught:
        Outcome[int](error=error).get()
    assert caught.value is error


def test_no_items_no_work() -> None:
    """Nothing to do is an empty list, without an executor being asked."""
    assert run_all(inverse, []) == []


def test_the_same_item_twice() -> None:
    """Items need not differ: each has its own outcome."""
    assert [outcome.get() for outcome in run_all(inverse, [2, 2])] == [0.5, 0.5]


def test_on_done_hears_of_each_in_the_callers_thread() -> None:
    """`on_done` is called once for each item, as it is done, by the thread that waits."""
    heard: dict[int, Outcome[float]] = {}
    threads = set()

    def on_done(number: int, outcome: Outcome[float]) -> None:
        heard[number] = outcome
        threads.add(threading.current_thread())

    outcomes = run_all(inverse, [1, 0, 4], on_done=on_done)
    assert [heard[number] for number in range(3)] == outcomes
    assert threads == {threading.current_thread()}


def test_an_executor_of_ones_own_stays_open() -> None:
    """An executor that was given is left as it is, ready for more."""
    with ThreadPoolExecutor(1) as pool:
        run_all(inverse, [1], executor=pool)
        assert pool.submit(inverse, 2).result() == 0.5


def test_an_interrupt_gives_up_what_has_not_begun() -> None:
    """When the waiting is interrupted, the interrupt goes on to the caller and the rest is never done."""
    done: list[int] = []

    def interrupt(number: int, outcome: Outcome[None]) -> None:
        raise KeyboardInterrupt

    gate = threading.Event()

    def work(number: int) -> None:
        if number:
            gate.wait()
            done.append(number)

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(KeyboardInterrupt):
            run_all(work, range(50), executor=pool, on_done=interrupt)
        gate.set()
    assert done in ([], [1])  # the one that had begun


def test_what_others_cancel_is_an_outcome() -> None:
    """A future that the executor's owner cancels is an error of that item alone."""

    class Fickle(InOrder):
        def submit(self, task: Any, item: Any, /) -> Future[Any]:
            if item != 2:
                return super().submit(task, item)
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    one, two, three = run_all(inverse, [1, 2, 4], executor=Fickle())
    assert (one.value, three.value) == (1.0, 0.25)
    assert isinstance(two.error, CancelledError)


def test_a_pool_that_breaks_is_an_outcome() -> None:
    """When a worker process dies, its pool is broken: outcomes say so, in time or not, and nothing hangs."""
    with processes() as pool:
        outcomes = run_all(die, [1, *range(2, 40)], executor=pool)
    assert len(outcomes) == 39
    assert isinstance(outcomes[0].error, BrokenExecutor)
    assert all(outcome.value or isinstance(outcome.error, BrokenExecutor) for outcome in outcomes)
    with processes() as pool:
        run_all(die, [1], executor=pool)
        (late,) = run_all(die, [5], executor=pool)  # the pool refuses it when it is handed in
    assert isinstance(late.error, BrokenExecutor)


def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    """The default executor works in a plain script and one from standard input, where new processes would not."""
    code = "from pixverse_nb.measure.compute import run_all\nprint([o.get() for o in run_all(abs, [-1, -2])])\n"
    script = tmp_path / "script.py"
    script.write_text(code)
    for command, given in (([sys.executable, str(script)], None), ([sys.executable, "-"], code)):
        said = subprocess.run(command, input=given, cwd=ROOT, capture_output=True, text=True, check=True)
        assert (said.stdout, said.stderr) == ("[1, 2]\n", "")


def test_the_port_costs_nothing_to_import() -> None:
    """The table and the port load none of the heavy packages."""
    code = """
import sys
import pixverse_nb.measure.compute, pixverse_nb.measure.metrics
print(sorted({"av", "cv2", "numpy", "PIL", "skimage", "distributed"} & set(sys.modules)))
"""
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "[]\n"
