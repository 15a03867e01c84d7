"""A notebook's kernel at work: what is left after cells that run again, a live card's messages, and how busy it is.

A real kernel without a page. What a page would send to a form is sent by the bench.
"""

import json
import queue
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.fixtures import copying_renderer
from pixverse_nb.sandbox import Sandbox
from tests.kernel.real_kernel import Kernel, kernels

FIRST_CELL = """import pixverse_nb as pv

client = pv.Client.sandbox(speed=20)
job = client.create_frames(pv.samples.first, pv.samples.last, prompt="a slow dolly towards the cup", seed=7)
job"""
FORM_CELL = """import pixverse_nb as pv
client = pv.Client.sandbox(speed=20)
pv.studio(client)"""
CELLS = {"the first cell of the README": (FIRST_CELL, 50), "the cell of the form": (FORM_CELL, 15)}
# ipykernel closes the sockets of threads that have ended every ten seconds, and IPython writes its history.
LEFT = """import gc, json, os, resource, threading, time, comm
gc.collect()
time.sleep(12)
def opened(file):
    try:
        return "" if "history.sqlite" in (path := os.readlink(f"/proc/self/fd/{file}")) else path
    except OSError:  # closed meanwhile
        return ""
with open("/proc/self/statm") as file:
    megabytes = int(file.read().split()[1]) * resource.getpagesize() / 1e6
left = {
    "threads": threading.active_count(),
    "files": sum(bool(opened(file)) for file in os.listdir("/proc/self/fd")),
    "comms": len(comm.get_comm_manager().comms),
    "MB": megabytes,
}
print(json.dumps(left))"""

# A video that takes a minute, and a card that shows it.
CARD_CELL = """import pixverse_nb as pv
client = pv.Client.sandbox(speed=1)
client.sandbox_control.settings.queue_s = (3, 3)
client.sandbox_control.settings.generation_s = (60, 60)
job = client.create_frames(pv.samples.first, pv.samples.last, prompt="a slow dolly towards the cup", seed=7)
job"""
SPANS = ((0.0, 32.0), (32.0, 60.0))  # seconds after the cell has ended

# Fifty jobs that run for longer than the bench, each with its card, and the form, which follows them all.
BUSY_CELL = """import json, threading, time, asyncio.events
import pixverse_nb as pv
from IPython.display import display
client = pv.Client(token={token!r}, base_url={url!r}, home="home")
form = pv.studio(client)
display(form)
jobs = [client.create_frames(pv.samples.first, pv.samples.last, seed=seed) for seed in range(1, {jobs} + 1)]
for job in jobs:
    display(job)
print(form.form.model_id)"""
# Every callback of the kernel's own loop, the main thread: messages of pages, timers, and the cells. Beside them one
# that needs 1 ms of the processor: what else this machine does shows there too.
WATCH = """taken, control, main, run = [], [], threading.get_ident(), asyncio.events.Handle._run
def timed(handle):
    began, used = time.perf_counter(), time.thread_time()
    run(handle)
    if threading.get_ident() == main and getattr(handle, "_callback", None) is not spin:
        taken.append((time.perf_counter() - began, time.thread_time() - used))
def spin():
    began, used = time.perf_counter(), time.thread_time()
    while time.thread_time() - used < 0.001:
        pass
    control.append((time.perf_counter() - began, time.thread_time() - used))
    asyncio.get_event_loop().call_later(0.1, spin)
asyncio.events.Handle._run = timed
spin()
process_began = time.process_time()"""
RUNNING = """print(sum(job.state.value == "generating" for job in jobs))"""
TAKEN = "print(json.dumps([taken, control, time.process_time() - process_began]))"
JOBS = 50
START_S = 60.0  # at most, until all of them run
WATCHED_S = 20.0
PAGE_EVERY_S = 0.2


def main() -> None:
    """Print the figures."""
    if not Path("/proc/self/statm").exists():
        print("kernel: measured on Linux only")
        return
    run_again()
    card_messages()
    busy_thread()


def run_again() -> None:
    """Run cells again and again, and print what is left beyond one run."""
    for name, (code, runs) in CELLS.items():
        with tempfile.TemporaryDirectory() as folder, kernels(Path(folder)) as start:
            kernel = start()
            kernel.run(code)
            kernel.run("job.wait()" if "job" in code else "")
            kernel.run(code)  # what is loaded once belongs to one run
            first = printed(kernel, LEFT)
            for _ in range(runs - 1):
                kernel.run(code)
            last = printed(kernel, LEFT)
        more = ", ".join(f"{last[what] - first[what]:+.0f} {what}" for what in first)
        print(f"{runs} runs of {name}: {more}; wanted 0 threads and 0 files more, at most 10 MB")


def card_messages() -> None:
    """Print the bytes per second that one live card sends."""
    with tempfile.TemporaryDirectory() as folder, kernels(Path(folder)) as start:
        kernel = start()
        kernel.run("import pixverse_nb as pv; pv.Client")
        asked = kernel.client.execute(CARD_CELL)
        sent: list[tuple[float, str, int]] = []
        ended_at = 0.0
        while not ended_at or time.perf_counter() - ended_at < SPANS[-1][1]:
            try:
                message = kernel.client.get_iopub_msg(timeout=1.0)
            except queue.Empty:
                continue
            now = time.perf_counter()
            kind, content = message["msg_type"], message["content"]
            if kind == "status":
                is_idle = content["execution_state"] == "idle" and message["parent_header"].get("msg_id") == asked
                ended_at = now if is_idle else ended_at
                continue
            sent.append((now, kind_of(message), size_of(message)))
    print(f"a live card: {sum(size for at, _, size in sent if at <= ended_at) / 1e3:.0f} kB when it is shown, then")
    for begin, end in SPANS:
        sizes: dict[str, int] = defaultdict(int)
        for at, kind, size in sent:
            if begin < at - ended_at <= end:
                sizes[kind] += size
        parts = ", ".join(f"{kind} {size / 1e3:.1f}" for kind, size in sorted(sizes.items()))
        print(
            f"  {begin:.0f} to {end:.0f} s: {sum(sizes.values()) / 1e3 / (end - begin):.2f} kB/s (in kB: {parts}); "
            "wanted at most 2 kB/s"
        )


def kind_of(message: dict[str, Any]) -> str:
    """Return what a message is: its type, or the method or kind of a widget's message."""
    data = message["content"].get("data", {})
    if message["msg_type"] != "comm_msg":
        return str(message["msg_type"])
    return str(data.get("method") if data.get("method") != "custom" else data["content"].get("kind"))


def size_of(message: dict[str, Any]) -> int:
    """Return the bytes of a message with its headers and buffers."""
    parts = (message["header"], message["parent_header"], message["metadata"], message["content"])
    return len(json.dumps(parts, default=str)) + sum(len(buffer) for buffer in message.get("buffers", ()))


def busy_thread() -> None:
    """Print how long callbacks keep the kernel's main thread with fifty jobs running."""
    with tempfile.TemporaryDirectory() as folder, kernels(Path(folder)) as start, sandbox(Path(folder)) as box:
        kernel = start()
        shown = kernel.run(BUSY_CELL.format(token=box.token, url=box.base_url, jobs=JOBS))
        form = shown.stdout.split()[-1]
        until = time.perf_counter() + START_S
        while time.perf_counter() < until and printed(kernel, RUNNING) < JOBS:
            time.sleep(1.0)
        running = printed(kernel, RUNNING)
        kernel.run(WATCH)
        until, number = time.perf_counter() + WATCHED_S, 0
        while time.perf_counter() < until:
            number += 1
            send_as_page(kernel, form, number)
            time.sleep(PAGE_EVERY_S)
        taken, control, used_s = printed(kernel, TAKEN)
    print(f"with {running} jobs running, their cards and the form, of {len(taken)} callbacks on the main thread:")
    for name, seconds in zip(("waited", "of the processor"), zip(*taken, strict=True), strict=True):
        print(f"  {name}: {spread(seconds)}; wanted p99 at most 10 ms")
    print(f"  a callback that needs 1 ms of the processor waited: {spread(next(zip(*control, strict=True)))}")
    print(f"  the kernel used {used_s / WATCHED_S:.0%} of one processor")


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Give a server outside the kernel, with slots for all jobs, which do not end."""
    with Sandbox(speed=1, render=copying_renderer(folder)) as box:
        for number in range(JOBS // 8):
            box.control.add_account(f"bench{number}@example.org")
        box.control.settings.queue_s = (0.0, 0.0)
        box.control.settings.generation_s = (3600.0, 3600.0)
        yield box


def send_as_page(kernel: Kernel, form: str, number: int) -> None:
    """Send what a page sends when it is loaded, when someone types, and to hear that the kernel runs."""
    contents: list[dict[str, Any]] = [
        {"kind": "hello"},
        {"kind": "set", "name": "prompt", "value": "a slow dolly " * (number % 9)},
        {"kind": "ping"},
        {"kind": "clock", "part": "jobs"},
    ]
    content = {**contents[number % len(contents)], "view": "bench", "number": number}
    data = {"comm_id": form, "data": {"method": "custom", "content": content}}
    kernel.client.shell_channel.send(kernel.client.session.msg("comm_msg", data))


def spread(seconds: tuple[float, ...]) -> str:
    """Return the median, p99 and maximum in milliseconds."""
    ordered = sorted(seconds)
    p99 = ordered[max(0, round(len(ordered) * 0.99) - 1)]
    return (
        f"median {statistics.median(ordered) * 1e3:.2f} ms, p99 {p99 * 1e3:.1f} ms, at most {ordered[-1] * 1e3:.1f} ms"
    )


def printed(kernel: Kernel, code: str) -> Any:
    """Run a cell and return the value that it prints as JSON."""
    return json.loads(kernel.run(code).stdout)


if __name__ == "__main__":
    main()
