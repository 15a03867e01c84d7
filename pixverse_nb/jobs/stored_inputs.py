"""The inputs of jobs that are stored in the home folder."""

from pathlib import Path

from pixverse_nb.domain.jobs import SHA256
from pixverse_nb.errors import ConfigError
from pixverse_nb.media_types import INPUT_SUFFIXES


def stored_input(home: Path, sha256: str) -> Path:
    """Return the file of a stored input in the home folder; raises ConfigError if it is missing."""
    names = [f"{sha256}{suffix}" for suffix in INPUT_SUFFIXES if SHA256.fullmatch(sha256)]
    for path in (home / "pictures" / name for name in names):
        if path.is_file():
            return path
    raise ConfigError(
        "The stored input of this job is missing from the home folder; make the call again with the pictures."
    )
