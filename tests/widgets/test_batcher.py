"""Batches: changes that come together are handed on together."""

import threading
from collections.abc import Sequence

from pixverse_nb.widgets.comm import BackgroundRunner, Batcher
from tests.widgets.page import PATIENCE_S, settle


def test_what_comes_during_the_pause_is_one_batch() -> None:
    """The first key goes at once; those that follow wait for the pause, each once, in the order of their coming."""
    told: list[Sequence[str]] = []
    resting, go_on = threading.Event(), threading.Event()

    def pause() -> None:
        resting.set()
        assert go_on.wait(PATIENCE_S)

    batches = Batcher(told.append, BackgroundRunner(lambda error: None), pause=pause)
    batches.add(["a"])
    assert resting.wait(PATIENCE_S)
    for key in ("c", "b", "c"):
        batches.add([key])
    assert told == [["a"]]
    go_on.set()
    settle()
    assert told == [["a"], ["c", "b"]]


def test_a_delivery_that_fails_is_reported_and_the_next_one_comes() -> None:
    """An error of the receiver is told, and later keys are delivered all the same."""
    errors: list[Exception] = []
    told: list[Sequence[str]] = []

    def deliver(keys: Sequence[str]) -> None:
        if not errors:
            raise LookupError("not now")
        told.append(keys)

    batches = Batcher(deliver, BackgroundRunner(errors.append), pause=lambda: None)
    batches.add(["a"])
    settle()
    batches.add(["b"])
    settle()
    assert [str(error) for error in errors] == ["not now"]
    assert told == [["b"]]
