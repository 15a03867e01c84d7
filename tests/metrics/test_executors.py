"""Running tasks on every kind of executor: order, errors and interrupts. (A dask cluster is in test_dask.)"""

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
from pixverse_nb.metrics.executors import TaskResult, run_all
from tests.metrics.videos import SerialExecutor

ROOT = Path(__file__).parents[2]


def inverse(number: int) -> float:
    """A task that fails for 0."""
    return 1 / number


def die(number: int) -> int:
    """A task that kills its process for 1."""
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def processes() -> ProcessPoolExecutor:
    """Return a pool of two spawned processes."""
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))


@pytest.mark.parametrize("make", [lambda: None, SerialExecutor, lambda: ThreadPoolExecutor(3), processes])
def test_results_come_in_order(make: Callable[[], Any]) -> None:
    """Results have the order of the items on every executor, and an error is a result."""
    executor = make()
    results = run_all(inverse, [4, 0, 2], executor=executor)
    if isinstance(executor, Executor):
        executor.shutdown()
    assert [result.value for result in results] == [0.25, None, 0.5]
    assert isinstance(results[1].error, ZeroDivisionError)


def test_a_result_is_a_value_or_an_error() -> None:
    """`get` returns the value, even if it is None, or raises the same error."""
    assert TaskResult(value=3).get() == 3
    assert TaskResult[None](value=None).get() is None
    error = MeasureError("gone")
    with pytest.raises(MeasureError) as caught:
        TaskResult[int](error=error).get()
    assert caught.value is error


def test_no_items() -> None:
    """Without items the result is an empty list."""
    assert run_all(inverse, []) == []


def test_the_same_item_twice() -> None:
    """Equal items each have their own result."""
    assert [result.get() for result in run_all(inverse, [2, 2])] == [0.5, 0.5]


def test_on_done_runs_in_the_callers_thread() -> None:
    """`on_done` is called once for each item, in the thread that waits."""
    seen: dict[int, TaskResult[float]] = {}
    threads = set()

    def on_done(number: int, result: TaskResult[float]) -> None:
        seen[number] = result
        threads.add(threading.current_thread())

    results = run_all(inverse, [1, 0, 4], on_done=on_done)
    assert [seen[number] for number in range(3)] == results
    assert threads == {threading.current_thread()}


def test_a_failing_on_done_loses_no_result(caplog: pytest.LogCaptureFixture) -> None:
    """If `on_done` fails, the tasks continue, and the error is logged once."""
    calls: list[int] = []

    def print_to_closed_pipe(number: int, result: TaskResult[float]) -> None:
        calls.append(number)
        raise BrokenPipeError

    results = run_all(inverse, [1, 0, 4], on_done=print_to_closed_pipe)
    assert [result.value for result in results] == [1.0, None, 0.25]
    assert len(calls) == 1
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [BrokenPipeError]


def test_a_given_executor_stays_open() -> None:
    """An executor that is passed in is not shut down."""
    with ThreadPoolExecutor(1) as pool:
        run_all(inverse, [1], executor=pool)
        assert pool.submit(inverse, 2).result() == 0.5


def test_an_interrupt_cancels_tasks_that_have_not_started() -> None:
    """An interrupt while waiting is raised to the caller, and the remaining tasks never run."""
    done: list[int] = []

    def interrupt(number: int, result: TaskResult[None]) -> None:
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
    assert done in ([], [1])  # the one that had started


def test_a_cancelled_future_is_a_result() -> None:
    """A future that the executor's owner cancels is an error of that item only."""

    class CancellingExecutor(SerialExecutor):
        def submit(self, task: Any, item: Any, /) -> Future[Any]:
            if item != 2:
                return super().submit(task, item)
            future: Future[Any] = Future()
            future.cancel()
            future.set_running_or_notify_cancel()
            return future

    one, two, three = run_all(inverse, [1, 2, 4], executor=CancellingExecutor())
    assert (one.value, three.value) == (1.0, 0.25)
    assert isinstance(two.error, CancelledError)


def test_a_broken_pool_is_a_result() -> None:
    """If a worker process dies, the remaining results are BrokenExecutor errors, and nothing hangs."""
    with processes() as pool:
        results = run_all(die, [1, *range(2, 40)], executor=pool)
    assert len(results) == 39
    assert isinstance(results[0].error, BrokenExecutor)
    assert all(result.value or isinstance(result.error, BrokenExecutor) for result in results)
    with processes() as pool:
        run_all(die, [1], executor=pool)
        (late,) = run_all(die, [5], executor=pool)  # the pool rejects it on submit
    assert isinstance(late.error, BrokenExecutor)


def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    """The default executor works in a plain script and in one from standard input, where new processes would not."""
    code = "from pixverse_nb.metrics.executors import run_all\nprint([r.get() for r in run_all(abs, [-1, -2])])\n"
    script = tmp_path / "script.py"
    script.write_text(code)
    for command, stdin in (([sys.executable, str(script)], None), ([sys.executable, "-"], code)):
        done = subprocess.run(command, input=stdin, cwd=ROOT, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("[1, 2]\n", "")


def test_imports_without_heavy_packages() -> None:
    """Importing the definitions and the executors loads none of the heavy packages."""
    code = """
import sys
import pixverse_nb.metrics.executors, pixverse_nb.metrics.definitions
print(sorted({"av", "cv2", "numpy", "PIL", "skimage", "distributed"} & set(sys.modules)))
"""
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True) == "[]\n"
