"""Dispatcher: takes work out of widget callbacks, so that none of them waits, and none of their errors vanish.

Which thread and loop a widget callback runs on differs between kernels, and what it raises or prints is lost. So a
callback only hands a function over; it runs on a daemon thread of its own, and its end is always told.
"""

import threading
from collections.abc import Callable

from pixverse_nb.redaction import redact


class BackgroundRunner:
    """Runs handed-over work; `report` gets the error of whatever fails.

    >>> told = []
    >>> thread = Dispatcher(told.append).run_in_thread(lambda: 1 / 0)
    >>> thread.join()
    >>> told
    [ZeroDivisionError('division by zero')]
    """

    def __init__(self, report: Callable[[Exception], None]) -> None:
        self._report = report
        self._once = threading.Lock()

    def run_in_thread(self, work: Callable[[], object]) -> threading.Thread:
        """Start `work` on its own thread and return that thread."""
        thread = threading.Thread(target=self._run, args=(work,), name="pixverse-nb-form", daemon=True)
        thread.start()
        return thread

    def run_exclusive(self, work: Callable[[], object]) -> threading.Thread | None:
        """As `run_in_thread`; while earlier such work still runs, return None and do nothing: two clicks, one act."""
        if not self._once.acquire(blocking=False):
            return None

        def run_and_release() -> None:
            try:
                work()
            finally:
                self._once.release()

        return self.run_in_thread(run_and_release)

    def run_guarded(self, act: Callable[[], object]) -> None:
        """Run `act` here and now, and report its error instead of losing it."""
        self._run(act)

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a thread or callback ends here; what is not reported would vanish
            self._report(error)


def error_text(error: BaseException) -> str:
    """Return the error as a sentence for a form: masked, at most 600 characters, never empty."""
    text = str(error).strip() or type(error).__name__
    if type(error).__module__ == "builtins":
        text = f"{type(error).__name__}: {text}"
    return redact(text)[:600]
