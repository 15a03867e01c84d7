"""Importing pixverse_nb in a real kernel has no side effects there."""

from tests.kernel.real_kernel import Kernel

NOTE = """
import asyncio, sys, threading
before = asyncio.run, asyncio.Task, asyncio.get_event_loop, threading.active_count()
"""

LIST_HEAVY = """
heavy = {'httpx', 'pydantic', 'ipywidgets', 'anywidget', 'PIL', 'numpy', 'cv2', 'av', 'tenacity', 'sqlite3'}
heavy |= {'nest_asyncio', 'nest_asyncio2', 'pixverse_nb.sandbox'}
print(sorted(heavy & (set(sys.modules) - earlier)))
"""


def test_import_does_not_patch_asyncio(kernel: Kernel) -> None:
    """The import leaves asyncio.run, Task and get_event_loop unchanged and patches no loop."""
    replies = kernel.run_queued(
        [
            NOTE,
            "import pixverse_nb as pv",
            "assert (asyncio.run, asyncio.Task, asyncio.get_event_loop) == before[:3]",
            "assert not hasattr(asyncio, '_nest_patched')",
            "assert not hasattr(type(asyncio.get_running_loop()), '_nest_patched')",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 5


def test_import_starts_no_thread(kernel: Kernel) -> None:
    """The import starts no thread."""
    replies = kernel.run_queued([NOTE, "import pixverse_nb as pv", "print(threading.active_count() - before[3])"])
    assert replies[-1].stdout == "0\n"


def test_import_loads_nothing_heavy(kernel: Kernel) -> None:
    """The import does not load httpx, pydantic, ipywidgets, anywidget, PIL, numpy or the sandbox."""
    reply = kernel.run_queued(
        [
            "import sys; earlier = set(sys.modules)",
            "import pixverse_nb as pv",
            LIST_HEAVY,
        ]
    )[-1]
    assert reply.stdout == "[]\n"


def test_every_queued_cell_gets_its_reply(kernel: Kernel) -> None:
    """Cells queued behind one that awaits all run, in order."""
    replies = kernel.run_queued(
        ["import asyncio; import pixverse_nb", "await asyncio.sleep(0); print('a')", "print('b')"]
    )
    assert [reply.status for reply in replies] == ["ok", "ok", "ok"]
    assert [reply.stdout for reply in replies] == ["", "a\n", "b\n"]
