"""Finds the videos that one argument names: lists, sweeps, jobs, paths, folders of mp4 files and patterns."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pixverse_nb.domain.arguments import as_path, listed
from pixverse_nb.domain.jobs import VideoFile
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.player import HasVideo


def find_videos(given: object, *, name: str = "videos") -> list[Any]:
    """Return the single videos, jobs and paths of an argument: of a list, a sweep, a folder or a pattern (`*.mp4`).

    The files of a folder or pattern are sorted by name, with numbers in their order: 2.mp4 before 10.mp4. Raises
    InvalidRequest if there are none, or for something else.
    """
    if isinstance(given, VideoFile | HasVideo):
        return [given]
    if isinstance(given, str | os.PathLike):
        return _find_files(given, name=name)
    if isinstance(given, Iterable) and not isinstance(given, bytes | bytearray | Mapping):
        return list(_flatten(listed(given, name=name), name=name))
    problem = f"must be videos, jobs or paths of mp4 files, not {type(given).__name__}"
    raise InvalidRequest({name: problem}, sends=False)


def label_problem(labels: object, *, count: int) -> str | None:
    """Return what is wrong with the labels of `count` videos; None if nothing is."""
    if labels is None:
        return None
    is_list = isinstance(labels, Sequence) and not isinstance(labels, str | bytes)
    if not is_list or not all(isinstance(label, str) for label in labels):  # type: ignore[attr-defined]
        return "must be a list of texts"
    number = len(labels)  # type: ignore[arg-type]
    return None if number == count else f"pass one for each of the {count} videos, not {number}"


def _flatten(entries: Iterable[object], *, name: str) -> Iterator[Any]:
    for number, entry in enumerate(entries):
        is_several = isinstance(entry, str | os.PathLike | list | tuple) or hasattr(entry, "gallery")
        if is_several and not isinstance(entry, VideoFile):
            yield from find_videos(entry, name=f"{name}[{number}]")
        else:
            yield entry  # the caller checks it, so that all problems are reported together


def _find_files(given: str | os.PathLike[str], *, name: str) -> list[Path]:
    path = as_path(given, name=name)
    if path.is_dir():
        found = [file for file in path.iterdir() if file.suffix.lower() == ".mp4" and not file.name.startswith(".")]
    elif glob.has_magic(str(path)) and not path.exists():
        found = [Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file()]  # noqa: PTH207
    else:
        return [path]
    if not found:
        what = "there is no mp4 file in the folder" if path.is_dir() else "no file matches"
        raise InvalidRequest({name: f"{what} {redact(str(path))!r} (searched from {Path.cwd()})"}, sends=False)
    return sorted(found, key=_natural_key)


def _natural_key(path: Path) -> list[tuple[int, str]]:
    """Return a sort key in which numbers count as numbers: every second part is one."""
    parts = re.split(r"(\d+)", str(path).lower())
    return [(int(part), "") if at % 2 else (0, part) for at, part in enumerate(parts)]
