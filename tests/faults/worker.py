"""A process that asks for its videos and waits for them: the same script again after every kill.

As a script it takes its errand as JSON, says what it does line by line, and ends with 0 when every video is there.
"""

import importlib
import io
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from PIL import Image

import pixverse_nb as pv
from pixverse_nb.client import Client
from pixverse_nb.config import Timing
from tests.faults.kill_points import Trap, die
from tests.faults.mutants import MUTANTS

importlib.import_module("pixverse_nb.client")  # which a forked worker need not import then
RETURNS_AFTER_S: Final = 120.0  # no worker waits so long: it is there to fail in place of hanging


@dataclass(frozen=True)
class Errand:
    """What a worker is asked to do, as plain values.

    `trap` is the moment and count at which it dies; where `stops` is set it stands still then, and where `fills` is
    set the disk takes nothing more from then on. `pages` is how many pages the ledger may still grow by, `pictures`
    how many different first pictures there are (0: the vendor holds them already). `clock_s` moves the wall clock of
    the process at its start, `clock_signal_s` at every SIGUSR1.
    """

    base_url: str
    home: str
    seeds: tuple[int, ...]
    timing: Mapping[str, Any] = field(default_factory=dict)
    trap: tuple[str, int] | None = None
    stops: bool = False
    pictures: int = 3
    mutant: str = ""
    clock_s: float = 0.0
    clock_signal_s: float = 0.0
    fills: bool = False
    pages: int | None = None

    def as_json(self) -> str:
        """Return it as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Errand":
        """Return it from one line."""
        fields = json.loads(line)
        trap = fields.pop("trap")
        return cls(seeds=tuple(fields.pop("seeds")), trap=tuple(trap) if trap else None, **fields)


def run(errand: Errand, say: Callable[[str], None]) -> None:
    """Carry the errand out."""
    if errand.clock_s or errand.clock_signal_s:
        _WallClock(errand.clock_s).set(on_signal_s=errand.clock_signal_s)
    if errand.trap is not None:
        Trap(*errand.trap, act=_stop if errand.stops else _fill if errand.fills else die).set()
    waits: dict[str, Any] = {name: _wait(value) for name, value in errand.timing.items()}
    timing = Timing(**waits)
    with Client(token=f"user:7-{os.getpid()}", base_url=errand.base_url, home=errand.home, timing=timing) as client:
        if errand.mutant:
            MUTANTS[errand.mutant](client)
        if errand.pages is not None:
            _allow_pages(client, errand.pages)
        if errand.fills or errand.pages is not None:
            for seed in errand.seeds:
                say(_tried(client, errand, seed))
            return
        jobs = [client.create_frames(*_pictures(errand, seed), quality="360p", seed=seed) for seed in errand.seeds]
        say("asked")
        for job in jobs:
            job.result(RETURNS_AFTER_S)
        say("done")


def _tried(client: Client, errand: Errand, seed: int) -> str:
    """Return what a person would read at the end of the cell."""
    try:
        client.create_frames(*_pictures(errand, seed), quality="360p", seed=seed).result(RETURNS_AFTER_S)
    except pv.PixVerseError as error:
        return f"{type(error).__name__}: {error}".replace("\n", " ")
    return "done"


def _wait(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # JSON knows no tuples


def _pictures(errand: Errand, seed: int) -> tuple[Any, Any]:
    if not errand.pictures:
        return pv.UploadedFile(path="upload/one.png"), pv.UploadedFile(path="upload/two.png")
    return _picture(seed % errand.pictures), _picture(200)


def _picture(shade: int) -> bytes:
    """Return a small PNG, made here: what the other tests make theirs with takes long to import, in every worker."""
    sink = io.BytesIO()
    Image.new("RGB", (32, 18), (shade, 90, 160)).save(sink, "PNG")
    return sink.getvalue()


def _fill() -> None:
    """Let every write to a file fail from now on; Python has SIGXFSZ ignored, so the writer is told."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def _allow_pages(client: Client, pages: int) -> None:
    with client._ledger._file.reading() as db:
        (count,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {count + pages}")


def _stop() -> None:
    """Stand still at this very instruction.

    The signal goes to this thread: one to the process may be taken by another thread, and this one would run on for a
    moment, perhaps into a transaction of the ledger.
    """
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


class _WallClock:
    """The wall clock of this process, which somebody sets: by `shift_s` at once, and further at every SIGUSR1."""

    def __init__(self, shift_s: float) -> None:
        self._shift_s = shift_s
        self._time = time.time

    def set(self, *, on_signal_s: float) -> None:
        """Put it in place of the process's own."""

        def step(*_: object) -> None:
            self._shift_s += on_signal_s

        signal.signal(signal.SIGUSR1, step)
        time.time = lambda: self._time() + self._shift_s


if __name__ == "__main__":
    run(Errand.from_json(sys.argv[1]), lambda text: print(text, flush=True))  # noqa: T201 - what the test reads
