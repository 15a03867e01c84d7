"""The compute port: the same task for many items, on threads here, or wherever an executor takes it.

A task is a pure function of local files: it may run anywhere the files are, and twice does no harm. Nothing that is
paid for ever goes this way.

An executor is anything that can `submit(task, item)` and gives back a `concurrent.futures.Future`: every executor of
the standard library and of the libraries that follow it. A new one is a class with that one method:

    class InOrder:
        def submit(self, task, item):
            future = Future()
            try:
                future.set_result(task(item))
            except Exception as error:
                future.set_exception(error)
            return future

One for a queue of your own puts `(task, item, future)` on it and returns the future; what works it off calls
`future.set_result` or `future.set_exception`. A `distributed.Client` is taken as it is.

By default the work is done on threads, one for each processor, not on processes: the decoder, OpenCV and NumPy let go
of the interpreter while they work, so threads are as fast (`python -m bench measure` shows it), and no process has to
be started from a notebook, whose `__main__` a new one cannot import and whose threads a forked one must not inherit.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable

from pixverse_nb.errors import ConfigError

Item = TypeVar("Item")
Value = TypeVar("Value")


class Executor(Protocol):
    """What takes work: one method; a dask client is given one by `run_all`."""

    def submit(self, task: Callable[[Item], Value], item: Item, /) -> Future[Value]:
        """Have `task(item)` done at some time and return its future at once."""
        ...


@runtime_checkable
class DaskClient(Protocol):
    """What of a `distributed.Client` is used."""

    @property
    def asynchronous(self) -> bool:
        """True where the caller stands on the client's own event loop."""
        ...

    def get_executor(self, **settings: Any) -> Any:
        """Return an executor of the standard library's kind that works on the client's cluster."""
        ...


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """What came of one item: a `value`, or the `error` that stood in its way.

    >>> half, none = run_all(lambda number: 1 / number, [2, 0])
    >>> half.get(), none.error
    (0.5, ZeroDivisionError('division by zero'))
    """

    value: Value | None = None
    error: BaseException | None = None

    def get(self) -> Value:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast("Value", self.value)


def run_all(
    task: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    executor: Executor | DaskClient | None = None,
    on_done: Callable[[int, Outcome[Value]], object] | None = None,
) -> list[Outcome[Value]]:
    """Do `task(item)` for every item and return the outcomes in the order of the items.

    An error of one item is its outcome and stops no other. `executor` is any `concurrent.futures.Executor`, a
    `distributed.Client`, or None for threads that end with the call. `on_done(number, outcome)` is called in the
    calling thread as each one is done. An interrupt gives up what has not begun.
    """
    with _executor_of(executor) as pool:
        futures = {_submitted(pool, task, item): number for number, item in enumerate(items)}
        outcomes: dict[int, Outcome[Value]] = {}
        try:
            for future in as_completed(futures):
                number = futures[future]
                outcomes[number] = _outcome_of(future)
                if on_done is not None:
                    on_done(number, outcomes[number])
        except BaseException:
            for future in futures:
                future.cancel()
            raise
    return [outcomes[number] for number in range(len(outcomes))]


@contextmanager
def _executor_of(given: Executor | DaskClient | None) -> Iterator[Executor]:
    if given is None:
        with ThreadPoolExecutor(_processors(), thread_name_prefix="measure") as pool:
            yield pool
    elif isinstance(given, DaskClient):
        yield _on_dask(given)
    else:
        yield given


def _on_dask(client: DaskClient) -> Executor:
    """Return the client as an executor; the scheduler gives the work of a worker that dies to another."""
    if client.asynchronous:
        raise ConfigError("A dask client with asynchronous=True cannot be waited for here; pass one without it.")
    # The key of a pure task is drawn from its arguments: a file that has changed under its name would not be looked at.
    return cast("Executor", client.get_executor(pure=False))


def _submitted(pool: Executor, task: Callable[[Item], Value], item: Item) -> Future[Value]:
    try:
        return pool.submit(task, item)
    except BrokenExecutor as error:  # a worker process died while the items were handed in
        future: Future[Value] = Future()
        future.set_exception(error)
        return future


def _outcome_of(future: Future[Value]) -> Outcome[Value]:
    try:
        error = future.exception()
    except CancelledError as cancelled:  # by whoever owns the executor
        error = cancelled
    return Outcome(error=error) if error is not None else Outcome(value=future.result())


def _processors() -> int:
    """Return how many processors this process may use: in a container fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
