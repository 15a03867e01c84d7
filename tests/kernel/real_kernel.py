"""Real kernels, used like "Run All": several cells are queued before the first one has answered."""

import itertools
import queue
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.environment import private_environment, sockets

PATIENCE_S = 180.0  # longer than any cell here takes on a busy machine; a lost cell costs this once


@dataclass
class CellReply:
    """The result of one queued cell: "ok", "error", "aborted", or "lost" if no reply came in time."""

    code: str
    status: str = "lost"
    stdout: str = ""
    stderr: str = ""
    error: str = ""
    displays: list[dict[str, object]] = field(default_factory=list)


class Kernel:
    """A running kernel of this environment."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run_queued(self, codes: list[str], timeout_s: float = PATIENCE_S) -> list[CellReply]:
        """Send every cell at once, as Run All does, and return their replies in order."""
        cells = {self.client.execute(code, stop_on_error=False): CellReply(code) for code in codes}
        waiting = set(cells)
        while waiting:
            try:
                message = self.client.get_shell_msg(timeout=timeout_s)
            except queue.Empty:
                break
            asked = message["parent_header"].get("msg_id")
            if asked in waiting:
                waiting.discard(asked)
                cells[asked].status = message["content"]["status"]
                if message["content"]["status"] == "error":
                    cells[asked].error = f"{message['content']['ename']}: {message['content']['evalue']}"
        if not waiting:
            self._gather_outputs(cells, timeout_s)
        return list(cells.values())

    def run(self, code: str) -> CellReply:
        """Run one cell and return its reply."""
        return self.run_queued([code])[0]

    def run_and_interrupt(self, code: str, *, once: str) -> CellReply:
        """Run one cell, interrupt the kernel as soon as it has printed `once`, and return its reply."""
        cell = CellReply(code)
        asked = self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE_S)
            mine = message["parent_header"].get("msg_id") == asked
            if mine and message["msg_type"] == "stream" and once in message["content"]["text"]:
                break
        self.manager.interrupt_kernel()
        self._gather_outputs({asked: cell}, PATIENCE_S)
        reply = self.client.get_shell_msg(timeout=PATIENCE_S)
        cell.status = reply["content"]["status"]
        cell.error = f"{reply['content'].get('ename')}: {reply['content'].get('evalue')}"
        return cell

    def _gather_outputs(self, cells: dict[str, CellReply], timeout_s: float) -> None:
        busy = set(cells)
        while busy:
            message = self.client.get_iopub_msg(timeout=timeout_s)
            cell = cells.get(message["parent_header"].get("msg_id", ""))
            if cell is None:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream" and content["name"] == "stdout":
                cell.stdout += content["text"]
            elif kind == "stream":
                cell.stderr += content["text"]
            elif kind in ("display_data", "update_display_data", "execute_result"):
                cell.displays.append(content["data"])
            elif kind == "status" and content["execution_state"] == "idle":
                busy.discard(message["parent_header"]["msg_id"])


class StartKernel(Protocol):
    """Starts a kernel of this environment; `env` adds environment variables."""

    def __call__(self, env: Mapping[str, str] | None = None) -> Kernel: ...


@contextmanager
def kernels(folder: Path) -> Iterator[StartKernel]:
    """Return a function that starts kernels of this environment in `folder`; all of them end with the block."""
    with ExitStack() as stack:
        places = stack.enter_context(sockets())
        numbers = itertools.count(1)

        def start(env: Mapping[str, str] | None = None) -> Kernel:
            manager = KernelManager(kernel_name="python3", transport="ipc", ip=str(places / str(next(numbers))))
            surroundings = {**private_environment(folder), **(env or {})}
            manager.start_kernel(cwd=str(folder), env=surroundings, stdin=subprocess.DEVNULL)
            stack.callback(manager.shutdown_kernel, now=True)
            client = manager.client()
            client.start_channels()
            stack.callback(client.stop_channels)
            client.wait_for_ready(timeout=PATIENCE_S)
            return Kernel(manager, client)

        yield start
