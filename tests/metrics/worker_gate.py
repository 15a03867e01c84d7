"""A gate at which a worker process waits in the middle of its work, until it is killed or let through."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.metrics.definitions import Measurement
from pixverse_nb.metrics.measure import MeasureTask, run_measure_task


class WorkerGate:
    """Two named pipes in a folder: a process writes its id to one and waits at the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("arrived", "open"):
            os.mkfifo(folder / name)

    def kill_waiting_process(self) -> None:
        """Wait until a process arrives, open the gate for later ones, and kill the process."""
        process = int((self.folder / "arrived").read_text())
        for name in ("arrived", "open"):
            plain = self.folder / f"{name}.plain"
            plain.touch()
            plain.replace(self.folder / name)
        os.kill(process, signal.SIGKILL)


@dataclass(frozen=True)
class GatedTask:
    """A task, and the folder of the gate to pass before it is measured, if any."""

    task: MeasureTask
    gate: Path | None = None


def run_gated_task(item: GatedTask) -> Measurement:
    """Pass the gate, then measure."""
    if item.gate is not None:
        (item.gate / "arrived").write_text(str(os.getpid()))
        (item.gate / "open").read_bytes()
    return run_measure_task(item.task)
