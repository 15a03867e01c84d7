"""Where the home folder lies: SQLite's WAL needs memory that all processes share, which no network gives."""

import os
from pathlib import Path
from typing import Final

_NETWORK: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
     "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb2", "smb3", "smbfs"}
)  # fmt: skip
_NUMBERED: Final = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


def network_file_system(folder: Path, *, mounts: str | None = None) -> str | None:
    """Return the kind of the network file system that holds `folder` ("nfs4", "cifs", …), or None for a local disk.

    `mounts` is the text of Linux's /proc/self/mountinfo (read where None). Other systems have no such list: there only
    a Windows share (two backslashes in front) is recognised.
    """
    if os.fspath(folder).startswith("\\\\"):
        return "smb"
    kind = _kind_of(folder, mounts)
    return kind if kind in _NETWORK else None


def has_steady_numbers(folder: Path, *, mounts: str | None = None) -> bool:
    """Tell whether a file on the file system of `folder` keeps its number (inode) as long as it is there.

    Known of Linux's own ones only; what is made elsewhere (a network, FUSE, a host's folder) may number anew.
    """
    return _kind_of(folder, mounts) in _NUMBERED


def _kind_of(folder: Path, mounts: str | None) -> str | None:
    if mounts is None:
        mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace") if _MOUNTS.exists() else ""
    place = folder.resolve()
    best, kind = -1, None
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if len(fields) < 5 or not kinds[0]:
            continue
        point = Path(fields[4].replace("\\040", " "))
        if place.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), kinds[0]
    return kind
