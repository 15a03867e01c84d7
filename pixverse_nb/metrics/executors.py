"""Run the same task for many items, on threads of this process or on any executor.

A task is a pure function of local files: it may run on any machine that has the files, and running it twice does no
harm. No paid call is ever made in a task.

An executor is any object whose `submit(task, item)` returns a `concurrent.futures.Future`, which includes the executors
of the standard library. To write one, define that method:

    class SerialExecutor:
        def submit(self, task, item):
            future = Future()
            try:
                future.set_result(task(item))
            except Exception as error:
                future.set_exception(error)
            return future

An executor for a queue puts `(task, item, future)` on the queue and returns the future; its worker then calls
`future.set_result` or `future.set_exception`. A `distributed.Client` is accepted as it is.

The default is one thread for each processor, not processes. The decoder, OpenCV and NumPy release the interpreter lock
while they work, so threads are as fast (see `python -m bench measure`). Processes also cause trouble in a notebook: a
spawned one cannot import its `__main__`, and a forked one inherits the state of its threads.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar, cast, runtime_checkable

from pixverse_nb.errors import ConfigError

_log: Final = logging.getLogger("pixverse_nb")

Item = TypeVar("Item")
Value = TypeVar("Value")


class Executor(Protocol):
    """An object that runs tasks."""

    def submit(self, task: Callable[[Item], Value], item: Item, /) -> Future[Value]:
        """Schedule `task(item)` and return its future at once."""
        ...


@runtime_checkable
class DaskClient(Protocol):
    """The part of a `distributed.Client` that is used."""

    @property
    def asynchronous(self) -> bool:
        """True if the client runs on the caller's event loop."""
        ...

    def get_executor(self, **settings: Any) -> Any:
        """Return a `concurrent.futures.Executor` that runs tasks on the cluster."""
        ...


@dataclass(frozen=True)
class TaskResult(Generic[Value]):
    """The result of one task: its `value`, or the `error` that it raised.

    >>> half, failed = run_all(lambda number: 1 / number, [2, 0])
    >>> half.get(), failed.error
    (0.5, ZeroDivisionError('division by zero'))
    """

    value: Value | None = None
    error: BaseException | None = None

    def get(self) -> Value:
        """Return the value or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("Value", self.value)


def run_all(
    task: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, TaskResult[Value]], object] | None = None,
) -> list[TaskResult[Value]]:
    """Call `task(item)` for every item and return the results in the order of the items.

    An error of one task is its result and does not stop the others. `executor` is any `concurrent.futures.Executor`, a
    `distributed.Client`, or None for threads that end with this call. `on_done(number, result)` is called in this
    thread after each task; if it fails, the error is logged and it is not called again. An interrupt cancels the tasks
    that have not started. Raises ConfigError for an asynchronous `distributed.Client`.
    """
    with _open_executor(executor) as pool:
        futures = {_submit(pool, task, item): number for number, item in enumerate(items)}
        results: dict[int, TaskResult[Value]] = {}
        try:
            for future in as_completed(futures):
                number = futures[future]
                results[number] = _result_of(future)
                if on_done is not None and not _notify(on_done, number, results[number]):
                    on_done = None
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return [results[number] for number in range(len(results))]


@contextmanager
def _open_executor(executor: Executor | DaskClient | None) -> Iterator[Executor]:
    if executor is None:
        with ThreadPoolExecutor(_processor_count(), thread_name_prefix="measure") as pool:
            yield pool
    elif isinstance(executor, DaskClient):
        yield _dask_executor(executor)
    elif callable(getattr(executor, "submit", None)):
        yield executor
    else:
        kind = type(executor).__name__
        raise ConfigError(f"executor must be a concurrent.futures.Executor, a dask client or None, not {kind}.")


def _dask_executor(client: DaskClient) -> Executor:
    """Return an executor on the client's cluster. If a worker dies, its tasks run on another one."""
    if client.asynchronous:
        raise ConfigError(
            "executor is a dask client with asynchronous=True, which would block. Pass a synchronous one."
        )
    # dask derives the key of a pure task from its arguments, and would not read a file again that has changed.
    return cast("Executor", client.get_executor(pure=False))


def _submit(pool: Executor, task: Callable[[Item], Value], item: Item) -> Future[Value]:
    try:
        return pool.submit(task, item)
    except BrokenExecutor as error:  # a worker process died while the tasks were being submitted
        future: Future[Value] = Future()
        future.set_exception(error)
        return future


def _result_of(future: Future[Value]) -> TaskResult[Value]:
    try:
        error = future.exception()
    except CancelledError as cancelled:  # by the owner of the executor
        error = cancelled
    return TaskResult(error=error) if error is not None else TaskResult(value=future.result())


def _notify(on_done: Callable[[int, TaskResult[Value]], object], number: int, result: TaskResult[Value]) -> bool:
    """Call `on_done` and return whether it succeeded."""
    try:
        on_done(number, result)
    except Exception:  # noqa: BLE001 - a failed progress display must not discard finished work
        _log.exception("on_done failed and is not called again. The tasks continue.")
        return False
    return True


def _processor_count() -> int:
    """Return how many processors this process may use; in a container this can be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
