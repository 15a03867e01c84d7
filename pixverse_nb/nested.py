"""Nested event loops, for people whose own code calls `asyncio.run()` in a cell. Nothing of ours needs them.

Measured with real kernels and several cells queued at once, as Run All does: nest_asyncio 1.6.0 on ipykernel 7.1 and
later loses every cell that is queued behind the one that used it (they never answer); on ipykernel 6.31 and 7.0 it
does not. nest_asyncio2 does not from 1.7.3 on, unless nest_asyncio was applied before it.
"""

import asyncio
import importlib
import importlib.metadata
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pixverse_nb.errors import ConfigError

LOSSY_IPYKERNEL: Final = (7, 1)  # from here on nest_asyncio loses queued cells
SAFE_NEST_ASYNCIO2: Final = (1, 7, 3)


@dataclass(frozen=True)
class Surroundings:
    """What decides which patch is safe: installed versions, and what has already patched asyncio.

    `ipykernel` is None where this process is no Jupyter kernel; `applied` is "nest_asyncio", "nest_asyncio2" or None.
    """

    ipykernel: str | None
    nest_asyncio2: str | None
    nest_asyncio: str | None
    applied: str | None = None


def enable_nested_asyncio() -> None:
    """Let `asyncio.run()` and `run_until_complete()` work inside a cell, or raise ConfigError where that is not safe.

    Never called by us: it patches asyncio for the whole process and cannot be taken back. Takes nest_asyncio2
    (1.7.3 or newer) where it is installed, else nest_asyncio where no queued cell can get lost. Calling it again does
    nothing. `job.result()` and `await job` work without it.

    >>> import pixverse_nb as pv
    >>> pv.enable_nested_asyncio()  # doctest: +SKIP
    """
    patch = choose_patch(look_around())
    if patch is None:
        return
    apply: Callable[[], None] = importlib.import_module(patch).apply
    try:
        apply()
    except ValueError as error:  # "Can't patch loop of type …": uvloop and the like
        raise ConfigError(
            f"This process runs on an event loop that cannot be nested ({error}). "
            "Write `await` in place of `asyncio.run()`."
        ) from error


def choose_patch(around: Surroundings) -> str | None:
    """Return the module to apply, or None where one is applied already; ConfigError where neither is safe."""
    lossy = around.ipykernel is not None and _numbers(around.ipykernel) >= LOSSY_IPYKERNEL
    good2 = around.nest_asyncio2 is not None and _numbers(around.nest_asyncio2) >= SAFE_NEST_ASYNCIO2
    if around.applied is not None:
        if lossy and not (around.applied == "nest_asyncio2" and good2):
            raise ConfigError(
                f"{around.applied} has already been applied in this kernel, by your code or by another package. On "
                f"ipykernel {around.ipykernel} the cells queued behind it would get lost, and it cannot be taken back. "
                f"{_mend_install(good2)}Restart the kernel, leave that apply() out and call pv.enable_nested_asyncio() "
                "first."
            )
        return None
    if good2:
        return "nest_asyncio2"
    if lossy:
        raise ConfigError(
            f"On ipykernel {around.ipykernel} nest_asyncio loses the cells that are queued behind it, so asyncio was "
            f"not patched. {_mend_install(good2)}Then restart the kernel; or write `await` in place of `asyncio.run()`."
        )
    if around.nest_asyncio is not None:
        return "nest_asyncio"
    raise ConfigError(f"Neither nest_asyncio2 nor nest_asyncio is installed. {_mend_install(good2)}".rstrip())


def look_around() -> Surroundings:
    """Return the facts of this process."""
    return Surroundings(
        ipykernel=_version("ipykernel") if _is_kernel() else None,
        nest_asyncio2=_version("nest-asyncio2"),
        nest_asyncio=_version("nest-asyncio"),
        applied=_applied(),
    )


def _mend_install(good2: bool) -> str:
    return "" if good2 else 'Install it: %pip install "nest-asyncio2>=1.7.3". '


def _is_kernel() -> bool:
    kernelapp: Any = sys.modules.get("ipykernel.kernelapp")  # a kernel has it loaded; never loaded by us
    return kernelapp is not None and bool(kernelapp.IPKernelApp.initialized())


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _applied() -> str | None:
    """Read the mark that both packages leave on asyncio."""
    if not hasattr(asyncio, "_nest_patched"):
        return None
    return "nest_asyncio2" if hasattr(asyncio, "_nest_asyncio2") else "nest_asyncio"


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers at the head of a version, in order: "7.4.0rc1" is (7, 4, 0)."""
    head = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in head[0].split(".")) if head else ()
