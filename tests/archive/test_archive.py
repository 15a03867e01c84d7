"""The bundle's file: whole or refused, whatever was done to it."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pixverse_nb.archive.archive import FORMAT_VERSION, open_archive, write_archive
from pixverse_nb.errors import LedgerError

FILM = bytes(range(256)) * 9
FACTS = {"service": "s", "package": "0", "jobs": 1}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small bundle."""
    film = tmp_path / "film.mp4"
    film.write_bytes(FILM)
    made = tmp_path / "bundle.zip"
    write_archive(made, {"rows.json": b'{"jobs": []}', "videos/pv-1.mp4": film}, facts=FACTS, overwrite=False)
    return made


def test_what_goes_in_comes_out(path: Path, tmp_path: Path) -> None:
    """Rows and films are read as they were; films are not packed again; nobody else may read the file."""
    with open_archive(path) as archive:
        assert archive.service == "s"
        assert archive.names == {"rows.json", "videos/pv-1.mp4"}
        assert archive.rows() == {"jobs": []}
        archive.copy("videos/pv-1.mp4", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == FILM
    with zipfile.ZipFile(path) as plain:
        assert plain.getinfo("videos/pv-1.mp4").compress_type == zipfile.ZIP_STORED
        assert plain.testzip() is None
    assert path.stat().st_mode & 0o077 == 0


def test_no_file_is_overwritten_unasked(path: Path) -> None:
    """A file of that name stays as it is, unless its replacement was asked for."""
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_archive(path, {"rows.json": b"{}"}, facts=FACTS, overwrite=False)
    assert path.read_bytes() == before
    write_archive(path, {"rows.json": b"{}"}, facts=FACTS, overwrite=True)
    assert path.read_bytes() != before


def test_a_writing_that_fails_leaves_nothing(path: Path, tmp_path: Path) -> None:
    """Where a member cannot be read, there is neither half a bundle nor a rest, and what was there stays."""
    before = path.read_bytes()
    names = sorted(tmp_path.iterdir())
    (tmp_path / "gone.mp4").mkdir()
    with pytest.raises(OSError, match="gone"):
        write_archive(path, {"rows.json": b"{}", "videos/a.mp4": tmp_path / "gone.mp4"}, facts=FACTS, overwrite=True)
    assert path.read_bytes() == before
    assert sorted(tmp_path.iterdir()) == sorted([*names, tmp_path / "gone.mp4"])


def test_every_cut_is_noticed(path: Path) -> None:
    """Cut short anywhere, it is refused with a sentence."""
    whole = path.read_bytes()
    for length in (0, 1, 30, len(whole) // 2, len(whole) - 23, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerError, match=r"bundle\.zip"), open_archive(path):
            pass


def test_every_altered_byte_is_noticed_or_harmless(path: Path) -> None:
    """Any byte that is flipped either leaves every member as it was, or is refused; nothing else is ever raised."""
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            with open_archive(path) as archive:
                assert archive.rows() == {"jobs": []}
                archive.copy("videos/pv-1.mp4", path.with_name("out"))
                assert path.with_name("out").read_bytes() == FILM
        except LedgerError:
            refused += 1
    assert refused > len(whole) // 7 * 0.8


def rewritten(path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object]) -> None:
    """Write the bundle anew with another manifest and other members, as somebody else's program might."""
    with zipfile.ZipFile(path) as plain:
        members = {name: plain.read(name) for name in plain.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    change(manifest, members)
    with zipfile.ZipFile(path, "w") as other:
        other.writestr("manifest.json", json.dumps(manifest))
        for name, data in members.items():
            other.writestr(name, data)


def renamed(name: str) -> Callable[[dict[str, Any], dict[str, bytes]], object]:
    """Return a change that gives the film another name, in the manifest too."""

    def change(manifest: dict[str, Any], members: dict[str, bytes]) -> None:
        manifest["members"][name] = manifest["members"].pop("videos/pv-1.mp4")
        members[name] = members.pop("videos/pv-1.mp4")

    return change


@pytest.mark.parametrize(
    "name", ["../../evil.mp4", "videos/../evil.mp4", "/etc/evil.mp4", "videos\\evil.mp4", "ledger.db", "videos/.mp4"]
)
def test_names_that_lead_elsewhere_are_refused(path: Path, name: str) -> None:
    """A member may only be a film or a picture in its own folder."""
    rewritten(path, renamed(name))
    with pytest.raises(LedgerError, match="what no bundle holds"), open_archive(path):
        pass


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda manifest, _: manifest.update(form=FORMAT_VERSION + 1), "newer pixverse_nb"),
        (lambda manifest, _: manifest.update(kind="else"), "no bundle"),
        (lambda manifest, _: manifest.pop("members"), "damaged"),
        (lambda manifest, _: manifest.update(members=[*manifest["members"]]), "damaged"),
        (lambda manifest, _: manifest.pop("service"), "damaged"),
        (lambda manifest, _: manifest["members"].pop("videos/pv-1.mp4"), "what no bundle holds"),
        (lambda _, members: members.pop("videos/pv-1.mp4"), "damaged"),
        (lambda _, members: members.update({"videos/pv-1.mp4": FILM[:-1]}), "another size"),
        (lambda _, members: members.update({"videos/pv-1.mp4": FILM[:-1] + b"x"}), "altered"),
        (lambda _, members: members.update({"extra.txt": b"x"}), "what no bundle holds"),
    ],
)
def test_what_does_not_fit_its_manifest_is_refused(
    path: Path, change: Callable[[dict[str, Any], dict[str, bytes]], object], said: str
) -> None:
    """Newer, of another kind, with missing, other or more members: each is said."""
    rewritten(path, change)
    with pytest.raises(LedgerError, match=said), open_archive(path):
        pass


def test_any_other_zip_is_no_bundle(tmp_path: Path) -> None:
    """A zip without our manifest, or no zip at all, is said to be none; a missing one is missing."""
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as plain:
        plain.writestr("hello.txt", "hello")
    with pytest.raises(LedgerError, match="no bundle"), open_archive(other):
        pass
    other.write_text("hello")
    with pytest.raises(LedgerError, match="damaged or incomplete"), open_archive(other):
        pass
    with pytest.raises(FileNotFoundError), open_archive(tmp_path / "none.zip"):
        pass
