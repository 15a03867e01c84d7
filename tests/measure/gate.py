"""A place where a worker process stands still, in the middle of its work, until it is killed or let through."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from pixverse_nb.measure.metrics import Measurement
from pixverse_nb.measure.video import Clip, measure_clip


class Gate:
    """Two named pipes in a folder: a process tells its number at the one and waits at the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("arrived", "open"):
            os.mkfifo(folder / name)

    def kill_who_waits(self) -> None:
        """Wait until a process stands at the gate, open it for those who come later, and kill that process."""
        process = int((self.folder / "arrived").read_text())
        for name in ("arrived", "open"):
            plain = self.folder / f"{name}.plain"
            plain.touch()
            plain.replace(self.folder / name)
        os.kill(process, signal.SIGKILL)


@dataclass(frozen=True)
class Gated:
    """A clip, and the folder of the gate that must be passed before it is measured, if any."""

    clip: Clip
    gate: Path | None = None


def measure_gated(item: Gated) -> Measurement:
    """Pass the gate, then measure."""
    if item.gate is not None:
        (item.gate / "arrived").write_text(str(os.getpid()))
        (item.gate / "open").read_bytes()
    return measure_clip(item.clip)
