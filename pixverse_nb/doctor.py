"""What this machine and its settings are like, as plain findings: nothing is sent, nothing is changed."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pixverse_nb.errors import ConfigError
from pixverse_nb.settings import DEFAULT_BASE_URL, find_base_url, find_home, find_token

NEEDED: Final = ("anywidget", "httpx", "ipython", "ipywidgets", "pillow", "pydantic")
OPTIONAL: Final = ("ipykernel", "jupyterlab", "nest-asyncio2", "keyring")
SANDBOX_MODULES: Final = ("av", "cv2", "numpy", "python_multipart", "starlette", "uvicorn")
ENOUGH_DISK_BYTES: Final = 500_000_000  # some fifty videos at 1080p


@dataclass(frozen=True)
class Finding:
    """One line of the examination; `ok` is False where something must be mended."""

    name: str
    text: str
    ok: bool = True


def examine() -> tuple[Finding, ...]:
    """Return every finding of this installation, its home folder and its settings."""
    return (
        Finding("pixverse_nb", importlib.metadata.version("pixverse-nb")),
        Finding("Python", f"{platform.python_version()} on {platform.system()}"),
        *(_package(name, needed=True) for name in NEEDED),
        *(_package(name, needed=False) for name in OPTIONAL),
        _sandbox(),
        *_home(),
        _service(),
        _token(),
    )


def _package(name: str, *, needed: bool) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, f"missing: pip install {name}" if needed else "not installed (optional)", ok=not needed)


def _sandbox() -> Finding:
    missing = [name for name in SANDBOX_MODULES if importlib.util.find_spec(name) is None]
    if missing:
        return Finding("sandbox", f'not installed ({", ".join(missing)}): pip install "pixverse-nb[sandbox]"')
    return Finding("sandbox", "installed")


def _home() -> tuple[Finding, ...]:
    home = find_home(None)
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return (Finding("home", f"{home} cannot be written: choose another with PIXVERSE_NB_HOME", ok=False),)
    state = "there" if (home / "ledger.db").is_file() else "made with the first job"
    return (Finding("home", f"{home} ({state})"), _disk(there))


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    enough = free >= ENOUGH_DISK_BYTES
    return Finding("disk", f"{free / 1e9:.1f} GB free" + ("" if enough else ": too little for videos"), ok=enough)


def _service() -> Finding:
    try:
        url = find_base_url(None)
    except ConfigError as error:
        return Finding("service", str(error), ok=False)
    return Finding("service", "the vendor's" if url == DEFAULT_BASE_URL else f"{url} (PIXVERSE_NB_BASE_URL)")


def _token() -> Finding:
    try:
        token = find_token(None)
    except ConfigError as error:
        return Finding("token", str(error), ok=False)
    return Finding("token", "found" if token else "none: the sandbox is used, nothing is paid")
