"""The settings of the form that are kept in the home: the last used ones, and those that a person has saved by name.

Each is a file of its own, written atomically, so that two kernels never lose what the other one saves. Only settings
are kept: no prompt, no picture, no account. A file that cannot be read is left out and counted.
"""

import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pixverse_nb.atomic_files import atomic_write
from pixverse_nb.domain.arguments import file_errors
from pixverse_nb.redaction import printable, redact

FOLDER: Final = "presets"
MAX_NAME_LENGTH: Final = 60
MAX_PRESETS: Final = 100
_LAST: Final = "last.json"
_MAX_BYTES: Final = 20_000


@dataclass(frozen=True)
class SavedSettings:
    """What is saved: `last` used settings or None, `named` ones in the order of their names, and `unreadable` files."""

    last: Mapping[str, Any] | None = None
    named: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    unreadable: int = 0


class Presets:
    """Saves and reads settings in a folder of `home`; without a home nothing is saved. Values are plain JSON.

    >>> Presets(None).read()
    SavedSettings(last=None, named={}, unreadable=0)
    """

    def __init__(self, home: Path | None) -> None:
        self._folder = None if home is None else home / FOLDER
        self._lock = threading.Lock()

    @property
    def can_save(self) -> bool:
        """Whether there is a home to save in."""
        return self._folder is not None

    def read(self) -> SavedSettings:
        """Return what is saved now, also by other kernels. Never raises."""
        last, named, unreadable = None, {}, 0
        try:
            files = sorted(self._folder.glob("*.json"))[: MAX_PRESETS + 1] if self._folder else []
        except OSError:
            return SavedSettings(unreadable=1)
        for file in files:
            found = _read(file)
            if found is None:
                unreadable += file.is_file()  # another kernel may have deleted it
            elif file.name == _LAST:
                last = found[1]
            else:
                named[found[0]] = found[1]
        return SavedSettings(last, {name: named[name] for name in sorted(named, key=str.casefold)}, unreadable)

    def save_last(self, values: Mapping[str, Any]) -> None:
        """Save the last used settings. Raises FileError."""
        self._write(_LAST, "", values)

    def save(self, name: str, values: Mapping[str, Any]) -> None:
        """Save settings under a name (see `clean_name`), in place of any that have it. Raises FileError."""
        self._write(_file_name(name), name, values)

    def delete(self, name: str) -> None:
        """Delete the settings of this name, if there are any. Raises FileError."""
        if self._folder is None:
            return
        with file_errors(self._folder, "written"):
            (self._folder / _file_name(name)).unlink(missing_ok=True)

    def _write(self, file_name: str, name: str, values: Mapping[str, Any]) -> None:
        if self._folder is None:
            return
        with self._lock, file_errors(self._folder, "written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._folder / file_name) as part:
                part.write_text(json.dumps({"name": name, "values": dict(values)}, indent=1), encoding="utf-8")


def clean_name(name: object) -> str:
    """Return a name for settings: one line of at most 60 characters, without secrets; "" if nothing is left.

    >>> clean_name("  slow   zoom ")
    'slow zoom'
    """
    text = " ".join(printable(name).split()) if isinstance(name, str) else ""
    return redact(text)[:MAX_NAME_LENGTH].strip()


def _file_name(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:24] + ".json"  # any name, on any file system


def _read(file: Path) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the settings in a file, or None if it is damaged."""
    try:
        with file.open("rb") as stream:
            content = json.loads(stream.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    name, values = content.get("name"), content.get("values")
    if not isinstance(values, dict) or name != clean_name(name) or (not name and file.name != _LAST):
        return None
    return name, values
