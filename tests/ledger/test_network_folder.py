"""Whether a folder is on a network file system, read from Linux's list of mounts."""

from pathlib import Path

import pytest

from pixverse_nb.ledger.database import has_stable_inodes, network_file_system

MOUNTS = r"""
22 28 0:20 / /sys rw,nosuid - sysfs sysfs rw
28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 28 0:35 / /home rw,relatime shared:2 - nfs4 server:/home rw,vers=4.2
41 40 254:1 / /home/maria/local rw - ext4 /dev/vdb rw
42 28 0:36 / /mnt/my\040share rw - cifs //nas/share rw
garbage
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/pixverse", None),
        ("/home/maria/pixverse", "nfs4"),
        ("/home/maria/local/pixverse", None),
        ("/mnt/my share/pixverse", "cifs"),
        ("/homes", None),
    ],
)
def test_the_innermost_mount_decides(folder: str, kind: str | None) -> None:
    """The innermost mount that contains the folder decides, even if its name has a space."""
    assert network_file_system(Path(folder), mounts=MOUNTS) == kind


def test_the_systems_own_list_is_the_default(tmp_path: Path) -> None:
    """Without `mounts` the system's own list is read; a temporary folder is local."""
    assert network_file_system(tmp_path) is None


def test_a_windows_share_is_recognised_by_its_name() -> None:
    """A path that starts with two backslashes is a share, whatever the list of mounts contains."""
    assert network_file_system(Path(r"\\nas\share\pixverse"), mounts="") == "smb"


@pytest.mark.parametrize(
    ("kind", "is_stable"), [("ext4", True), ("tmpfs", True), ("fuse.drive", False), ("nfs4", False)]
)
def test_only_known_file_systems_have_stable_inodes(tmp_path: Path, kind: str, is_stable: bool) -> None:
    """Inode numbers identify files on Linux's own file systems; on others they may change."""
    mounts = f"36 35 98:0 / {tmp_path} rw - {kind} /dev/x rw"
    assert has_stable_inodes(tmp_path, mounts=mounts) is is_stable
    assert not has_stable_inodes(tmp_path, mounts="")
