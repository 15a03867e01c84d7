"""Under its name a file is complete or absent, whatever happens while it is written."""

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from pixverse_nb.atomic_files import atomic_write, fsync_replace, remove_stale_parts, sha256_of_file, sync_folder


def names(folder: Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_complete(tmp_path: Path) -> None:
    """The new file replaces the old one only when it is complete."""
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    with atomic_write(target) as part:
        part.write_bytes(b"new")
        assert part.parent == tmp_path
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["x.bin"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    """After an error or an interrupt the old file is unchanged and no part of the new one remains."""
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    with pytest.raises(type(error)):
        write_half(target, error)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["x.bin"]


def write_half(target: Path, error: BaseException) -> None:
    """Start to write, then raise."""
    with atomic_write(target) as part:
        part.write_bytes(b"half")
        raise error


def test_a_new_file_is_private(tmp_path: Path) -> None:
    """Only its owner can read a new file, unless it is shared."""
    with atomic_write(tmp_path / "private") as part:
        part.write_bytes(b"x")
    with atomic_write(tmp_path / "public", is_shared=True) as part:
        part.write_bytes(b"x")
    rights = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("private", "public")]
    assert rights == [0o600, 0o644]


def test_contents_and_names_reach_the_disk_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contents are synced first, then the file is renamed, then the folder is synced."""
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


def test_the_sha256_of_a_file(tmp_path: Path) -> None:
    """The digest covers all bytes; a missing file raises an OSError."""
    data = bytes(range(256)) * 10_000
    (tmp_path / "x").write_bytes(data)
    assert sha256_of_file(tmp_path / "x") == hashlib.sha256(data).hexdigest()
    with pytest.raises(FileNotFoundError):
        sha256_of_file(tmp_path / "y")


def test_stale_partial_files_are_removed(tmp_path: Path) -> None:
    """Partial files older than a day are removed; newer ones and all other files stay."""
    (tmp_path / "videos").mkdir()
    old, new, video = (tmp_path / "videos" / name for name in ("a.mp4.7.part", "b.mp4.8.part", "c.mp4"))
    for file in (old, new, video):
        file.touch()
    for file in (old, video):
        os.utime(file, (1_000_000, 1_000_000))
    remove_stale_parts(tmp_path)
    assert names(tmp_path / "videos") == ["b.mp4.8.part", "c.mp4"]


def refusing_fsync(kinds: frozenset[bool], number: int) -> Callable[[int], None]:
    """Return an fsync that fails with `number` for folders (True), files (False) or both."""

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode) in kinds:
            raise OSError(number, os.strerror(number))

    return fsync


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EPERM, errno.EBADF, errno.EIO])
def test_a_folder_that_cannot_be_synced_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A share that refuses to sync folders (EINVAL on SMB) does not make a finished write fail."""
    monkeypatch.setattr(os, "fsync", refusing_fsync(frozenset({True}), number))
    with atomic_write(tmp_path / "x.bin") as part:
        part.write_bytes(b"new")
    assert (tmp_path / "x.bin").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_disk_without_fsync_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A file system that does not support fsync at all can be used."""
    monkeypatch.setattr(os, "fsync", refusing_fsync(frozenset({True, False}), number))
    with atomic_write(tmp_path / "x.bin") as part:
        part.write_bytes(b"new")
    assert (tmp_path / "x.bin").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_contents_that_cannot_be_written_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """If the contents do not reach the disk, the write fails and the old file is unchanged."""
    target = tmp_path / "x.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", refusing_fsync(frozenset({False}), number))
    with pytest.raises(OSError) as caught, atomic_write(target) as part:  # noqa: PT011  its number is compared below
        part.write_bytes(b"new")
    assert caught.value.errno == number
    assert (target.read_bytes(), names(tmp_path)) == (b"old", ["x.bin"])


def test_a_share_without_chmod_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A share that refuses chmod does not make a finished write fail."""

    def refuse(self: Path, mode: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "chmod", refuse)
    with atomic_write(tmp_path / "x.bin", is_shared=True) as part:
        part.write_bytes(b"new")
    assert (tmp_path / "x.bin").read_bytes() == b"new"
