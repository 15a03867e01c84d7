"""A file is whole or not there, whatever happens while it is written."""

import hashlib
import os
import stat
from pathlib import Path

import pytest

from pixverse_nb.atomic_files import atomic_write, fsync_replace, remove_stale_parts, sha256_of_file, sync_folder


def names(folder: Path) -> list[str]:
    """The names of what lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_whole(tmp_path: Path) -> None:
    """What is written beside it takes the place of what was there, only when it is complete."""
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    with atomic_write(target) as part:
        part.write_bytes(b"new")
        assert part.parent == tmp_path
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["x.bin"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_broken_off_file_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    """Where writing ends early, by an error or by a person, the old file stays and no part of the new one does."""
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(error)):
        write_half(target, error)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["x.bin"]


def write_half(target: Path, error: BaseException) -> None:
    """Begin to write, and end with an error."""
    with atomic_write(target) as part:
        part.write_bytes(b"half")
        raise error


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Who wants it to be read by others says so."""
    with atomic_write(tmp_path / "private") as part:
        part.write_bytes(b"x")
    with atomic_write(tmp_path / "public") as part:
        part.chmod(0o644)
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("private", "public")]
    assert rights == [0o600, 0o644]


def test_contents_and_names_reach_the_disk_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contents are synced under the old name, then the new name is given, then the folder is synced."""
    part, target = tmp_path / "x.part", tmp_path / "x.bin"
    part.write_bytes(b"new")
    synced: list[tuple[bool, list[str]]] = []

    def fsync(handle: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), names(tmp_path)))

    monkeypatch.setattr(os, "fsync", fsync)
    fsync_replace(part, target)
    assert synced == [(False, ["x.part"]), (True, ["x.bin"])]
    sync_folder(tmp_path)
    assert synced[2:] == [(True, ["x.bin"])]


def test_a_file_is_known_by_its_contents(tmp_path: Path) -> None:
    """The digest is that of all bytes; a file that is not there is an OSError."""
    data = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(data)
    assert sha256_of_file(tmp_path / "x") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        sha256_of_file(tmp_path / "y")


def test_what_killed_processes_left_is_cleared(tmp_path: Path) -> None:
    """Half-written files of yesterday go; one that may still be written stays, and so does everything else."""
    (tmp_path / "videos").mkdir()
    old, new, film = (tmp_path / "videos" / name for name in ("a.mp4.7.part", "b.mp4.8.part", "c.mp4"))
    for file in (old, new, film):
        file.touch()
    for file in (old, film):
        os.utime(file, (1_000_000, 1_000_000))
    remove_stale_parts(tmp_path)
    assert names(tmp_path / "videos") == ["b.mp4.8.part", "c.mp4"]
