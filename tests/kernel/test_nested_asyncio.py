"""Nested loops in a real kernel with cells queued behind: no cell is lost."""

from tests.kernel.real_kernel import Kernel

ENABLE = "from pixverse_nb.event_loop import enable_nested_asyncio; enable_nested_asyncio()"
SLEEPER = "import asyncio\nasync def five():\n    await asyncio.sleep(0.05)\n    return 5"
HIDE = """
import importlib.metadata as metadata
known = metadata.version
def version(name):
    if name == "nest-asyncio2":
        raise metadata.PackageNotFoundError(name)
    return known(name)
metadata.version = version
"""


def test_cells_behind_a_nested_run_get_their_replies(kernel: Kernel) -> None:
    """After enable_nested_asyncio() asyncio.run() works in cells, and the cells queued behind run in order."""
    replies = kernel.run_queued(
        [
            SLEEPER,
            ENABLE,
            "print(asyncio.run(five()))",
            "print('plain')",
            "print(await five() + 1)",
            "print(asyncio.run(five()) + 2)",
            "print('last')",
        ]
    )
    assert [(reply.status, reply.error) for reply in replies] == [("ok", "")] * 7
    assert "".join(reply.stdout for reply in replies) == "5\nplain\n6\n7\nlast\n"


def test_without_nest_asyncio2_the_kernel_stays_unpatched(kernel: Kernel) -> None:
    """Without nest_asyncio2, enable_nested_asyncio() raises ConfigError and leaves asyncio unpatched."""
    replies = kernel.run_queued([HIDE, ENABLE, "import asyncio; print(hasattr(asyncio, '_nest_patched'))"])
    assert replies[1].error.startswith("ConfigError: ")
    assert "nest-asyncio2>=1.7.3" in replies[1].error
    assert replies[2].stdout == "False\n"


def test_an_already_patched_kernel_is_rejected(kernel: Kernel) -> None:
    """If nest_asyncio was applied before, enable_nested_asyncio() raises ConfigError that names it."""
    replies = kernel.run_queued(["import nest_asyncio; nest_asyncio.apply()", ENABLE])
    assert replies[1].error.startswith("ConfigError: ")
    assert "nest_asyncio" in replies[1].error
