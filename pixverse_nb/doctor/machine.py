"""This machine: versions, the parts that may be missing, the danger of a patched event loop, the home folder."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from pixverse_nb.doctor.findings import Finding, Mark
from pixverse_nb.errors import ConfigError
from pixverse_nb.ledger.place import network_file_system
from pixverse_nb.nested import choose_patch, look_around

NEEDED: Final = ("anywidget", "filelock", "h11", "httpx", "ipython", "ipywidgets", "pillow", "pydantic", "tenacity")
OPTIONAL: Final = ("ipykernel", "jupyterlab", "nest-asyncio2", "keyring")
SANDBOX_MODULES: Final = ("av", "cv2", "numpy", "python_multipart", "starlette", "uvicorn")
VIDEO_BYTES: Final = 10_000_000  # of a large one, where none has been made yet
_LEAST_VIDEO_BYTES: Final = 1_000_000
_FEW_VIDEOS: Final = 50
_TOO_FEW_VIDEOS: Final = 3


def look_at_machine() -> Iterator[Finding]:
    """Yield what is installed, in which version, and whether a patched event loop is a danger here."""
    yield Finding("pixverse_nb", importlib.metadata.version("pixverse-nb"))
    yield Finding("Python", f"{platform.python_version()} on {platform.system()}")
    yield from _packages()
    yield _event_loop()
    yield _sandbox()


def look_at_home(home: Path, *, video_bytes: int) -> Iterator[Finding]:
    """Yield whether videos can be stored in `home`, where it lies, and how many of `video_bytes` fit."""
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        mend = "Make it writable, or choose another with PIXVERSE_NB_HOME or home=…"
        yield Finding("home", f"{home} cannot be written", Mark.WRONG, mend)
        return
    kind = network_file_system(there)
    if kind is None:
        state = "there" if (home / "ledger.db").is_file() else "made with the first job"
        yield Finding("home", f"{home} ({state})")
    else:
        mend = "Choose a home on a local disk, or open this one from one machine at a time."
        text = f"{home} lies on a network file system ({kind}), whose locks may not be reliable"
        yield Finding("home", text, Mark.LOOK, mend)
    yield _disk(there, max(video_bytes, _LEAST_VIDEO_BYTES))


def _packages() -> Iterator[Finding]:
    needed = {name: _version(name) for name in NEEDED}
    yield Finding("packages", ", ".join(f"{name} {version}" for name, version in needed.items() if version))
    missing = [name for name, version in needed.items() if version is None]
    if missing:
        names = " ".join(missing)
        yield Finding("packages", f"missing: {names}", Mark.WRONG, f"pip install {names}")
    optional = {name: _version(name) for name in OPTIONAL}
    yield Finding("optional", ", ".join(f"{name} {version or 'not installed'}" for name, version in optional.items()))


def _event_loop() -> Finding:
    """Say whether `asyncio.run()` inside a cell can be made to work here without losing queued cells."""
    around = look_around()
    if around.ipykernel is None:  # not inside a kernel: the one that is installed is what a notebook would run on
        around = replace(around, ipykernel=_version("ipykernel"))
    if around.ipykernel is None:
        return Finding("event loop", "no Jupyter kernel is installed here")
    try:
        choose_patch(around)
    except ConfigError as error:
        is_done = around.applied is not None
        text = (
            "a patch is applied under which queued cells get lost" if is_done else "asyncio.run() in a cell is refused"
        )
        return Finding("event loop", text, Mark.WRONG if is_done else Mark.LOOK, str(error))
    return Finding("event loop", "asyncio.run() in a cell can be enabled safely (pv.enable_nested_asyncio)")


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _sandbox() -> Finding:
    missing = [name for name in SANDBOX_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("sandbox", f'not installed ({", ".join(missing)}): pip install "pixverse-nb[sandbox]" adds it')
    return Finding("sandbox", "installed")


def _disk(folder: Path, video_bytes: int) -> Finding:
    free = shutil.disk_usage(folder).free
    fits = free // video_bytes
    text = f"{free / 1e9:.1f} GB free: about {fits:,} more videos of {video_bytes / 1e6:.1f} MB"
    if fits >= _FEW_VIDEOS:
        return Finding("disk", text)
    return Finding("disk", text, Mark.WRONG if fits < _TOO_FEW_VIDEOS else Mark.LOOK, "Free some space.")
