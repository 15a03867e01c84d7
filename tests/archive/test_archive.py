"""The archive file: complete and unmodified, or rejected."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.archive.archive import FORMAT_VERSION, open_archive, write_archive
from pixverse_nb.errors import LedgerError

VIDEO = bytes(range(256)) * 9
FACTS = {"service": "s", "package": "0", "jobs": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small archive."""
    video = tmp_path / "video.mp4"
    video.write_bytes(VIDEO)
    path = tmp_path / "archive.zip"
    write_archive(path, {"rows.json": b'{"jobs": []}', "videos/pv-1.mp4": video}, facts=FACTS, overwrite=False)
    return path


def test_members_are_read_back(path: Path, tmp_path: Path) -> None:
    """Rows and videos are read back unchanged; videos are not compressed; only the owner may read the file."""
    with open_archive(path) as archive:
        assert archive.service == "s"
        assert archive.names == {"rows.json", "videos/pv-1.mp4"}
        assert archive.rows() == {"jobs": []}
        archive.copy("videos/pv-1.mp4", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == VIDEO
    with zipfile.ZipFile(path) as plain:
        assert plain.getinfo("videos/pv-1.mp4").compress_type == zipfile.ZIP_STORED
        assert plain.testzip() is None
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_is_overwritten_only_on_request(path: Path) -> None:
    """An existing file is kept unless `overwrite` is True."""
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite"):
        write_archive(path, {"rows.json": b"{}"}, facts=FACTS, overwrite=False)
    assert path.read_bytes() == before
    write_archive(path, {"rows.json": b"{}"}, facts=FACTS, overwrite=True)
    assert path.read_bytes() != before


def test_a_failed_export_leaves_nothing(path: Path, tmp_path: Path) -> None:
    """If a member cannot be read, no partial file is left and an existing archive is kept."""
    before = path.read_bytes()
    names = sorted(tmp_path.iterdir())
    (tmp_path / "gone.mp4").mkdir()
    with pytest.raises(OSError, match="gone"):
        write_archive(path, {"rows.json": b"{}", "videos/a.mp4": tmp_path / "gone.mp4"}, facts=FACTS, overwrite=True)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([*names, tmp_path / "gone.mp4"])


def test_every_truncation_is_noticed(path: Path) -> None:
    """An archive that was cut short anywhere is rejected."""
    whole = path.read_bytes()
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 23, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerError), open_archive(path):
            pass


def test_every_modified_byte_is_noticed_or_harmless(path: Path) -> None:
    """A flipped byte leaves every member intact or raises LedgerError, nothing else."""
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with open_archive(path) as archive:
                assert archive.rows() == {"jobs": []}
                archive.copy("videos/pv-1.mp4", path.with_name("out"))
                assert path.with_name("out").read_bytes() == VIDEO
        except LedgerError:
            refused += 1
    assert refused > len(whole) // 7 * 0.8


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]) -> None:
    """Write the archive again with another manifest and other members."""
    with zipfile.ZipFile(path) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(manifest, members)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("manifest.json", json.dumps(manifest))
        for name, data in members.items():
            other.writestr(name, data)


def renamed(name: str) -> Callable[[dict[str, Any], dict[str, bytes]], object]:
    """Return a change that renames the video, in the manifest too."""

    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["members"][name] = manifest["members"].pop("videos/pv-1.mp4")
        members[name] = members.pop("videos/pv-1.mp4")

    return change


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "videos/../evil.mp4", "/etc/evil.mp4", "videos\\evil.mp4", "ledger.db", "videos/.mp4"]
)
def test_names_outside_the_home_are_rejected(path: Path, name: str) -> None:
    """A member may only be a video or a picture in its own folder."""
    rewritten(path, renamed(name))
    with pytest.raises(LedgerError), open_archive(path):
        pass


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest, _: manifest.update(format_version=FORMAT_VERSION + 1),
        lambda manifest, _: manifest.update(kind="else"),
        lambda manifest, _: manifest.pop("members"),
        lambda manifest, _: manifest.update(members=[*manifest["members"]]),
        lambda manifest, _: manifest.pop("service"),
        lambda manifest, _: manifest["members"].pop("videos/pv-1.mp4"),
        lambda _, members: members.pop("videos/pv-1.mp4"),
        lambda _, members: members.update({"videos/pv-1.mp4": VIDEO[:-1]}),
        lambda _, members: members.update({"videos/pv-1.mp4": VIDEO[:-1] + b"x"}),
        lambda _, members: members.update({"extra.txt": b"x"}),
    ],
)
def test_an_archive_that_contradicts_its_manifest_is_rejected(
    path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]
) -> None:
    """A newer format, another kind, and missing, other or additional members are rejected."""
    rewritten(path, change)
    with pytest.raises(LedgerError), open_archive(path):
        pass


def test_another_zip_is_not_an_archive(tmp_path: Path) -> None:
    """A zip without a manifest, and a file that is not a zip, are rejected; a missing one raises FileNotFoundError."""
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as plain:
        plain.writestr("hello.txt", "hello")
    with pytest.raises(LedgerError), open_archive(other):
        pass
    other.write_text("hello")
    with pytest.raises(LedgerError), open_archive(other):
        pass
    with pytest.raises(FileNotFoundError), open_archive(tmp_path / "none.zip"):
        pass
