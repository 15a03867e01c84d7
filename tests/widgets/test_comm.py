"""Work handed over by callbacks."""

import threading

from pixverse_nb.widgets.comm import BackgroundRunner, error_text


def test_an_error_in_handed_over_work_is_reported() -> None:
    """What the work raises reaches the report, not the void."""
    told: list[Exception] = []
    error = OSError("disk full")

    def fail() -> None:
        raise error

    BackgroundRunner(told.append).run_in_thread(fail).join()
    BackgroundRunner(told.append).run_guarded(fail)
    assert told == [error, error]


def test_work_once_runs_once_at_a_time() -> None:
    """While the first runs a second is not begun; afterwards the next is, also when the first has failed."""
    may_end, began = threading.Event(), []

    def work() -> None:
        began.append(1)
        may_end.wait()
        raise ValueError

    told: list[Exception] = []
    dispatcher = BackgroundRunner(told.append)
    first = dispatcher.run_exclusive(work)
    assert first is not None
    assert dispatcher.run_exclusive(work) is None
    may_end.set()
    first.join()
    second = dispatcher.run_exclusive(work)
    assert second is not None
    second.join()
    assert (len(began), len(told)) == (2, 2)


def test_errors_become_sentences_without_secrets() -> None:
    """E-mails and tokens are masked, an error without words gives its name, and nothing is longer than 600 signs."""
    assert error_text(OSError("maria@example.org user:7-secretsecret")) == "OSError: m…@e… user:7-…"
    assert error_text(KeyError()) == "KeyError: KeyError"
    assert len(error_text(ValueError("x" * 9000))) == 600
