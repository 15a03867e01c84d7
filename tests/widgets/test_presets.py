"""Saved settings of the form: one file each, and what is done about damaged ones."""

import json
from pathlib import Path

import pytest

from pixverse_nb.errors import FileError
from pixverse_nb.widgets.presets import FOLDER, MAX_NAME_LENGTH, Presets, clean_name

VALUES = {"model": "v6", "duration": 8, "seed": ""}


def test_what_is_saved_is_read_by_another_kernel(tmp_path: Path) -> None:
    """Two savers of one home see each other's settings, in the order of their names; the same name replaces."""
    one, two = Presets(tmp_path), Presets(tmp_path)
    one.save("slow / zoom", VALUES)
    two.save("Arabic قطة", {**VALUES, "duration": 5})
    two.save("slow / zoom", {**VALUES, "duration": 10})
    one.save_last(VALUES)
    saved = two.read()
    assert list(saved.named) == ["Arabic قطة", "slow / zoom"]
    assert saved.named["slow / zoom"]["duration"] == 10
    assert (saved.last, saved.unreadable) == (VALUES, 0)
    one.delete("slow / zoom")
    one.delete("slow / zoom")
    assert list(two.read().named) == ["Arabic قطة"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1]",
        b'{"name": "a"}',
        b'{"name": 1, "values": {}}',
        b'{"name": "", "values": {}}',
        b"[" * 9999,
    ],
)
def test_a_damaged_file_is_left_out(tmp_path: Path, damaged: bytes) -> None:
    """The other settings are still there, and the damaged file is counted."""
    presets = Presets(tmp_path)
    presets.save("kept", VALUES)
    (tmp_path / FOLDER / "0.json").write_bytes(damaged)
    (tmp_path / FOLDER / "folder.json").mkdir()
    saved = presets.read()
    assert list(saved.named) == ["kept"]
    assert saved.unreadable == 1


def test_without_a_home_or_a_folder_nothing_is_saved(tmp_path: Path) -> None:
    """No home saves nothing; a home without saved settings has none."""
    nowhere = Presets(None)
    nowhere.save("a", VALUES)
    nowhere.delete("a")
    assert not nowhere.can_save
    assert nowhere.read() == Presets(tmp_path).read()
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_raises(tmp_path: Path) -> None:
    """The caller learns, by an error of this package, that nothing was saved or deleted."""
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    with pytest.raises(FileError):
        Presets(tmp_path).save("a", VALUES)
    with pytest.raises(FileError):
        Presets(tmp_path).delete("a")
    assert Presets(tmp_path).read().named == {}


def test_names_are_one_short_line_without_secrets() -> None:
    """Line ends, other characters without a shape, and e-mail addresses do not get into a name."""
    assert clean_name(" slow\n  zoom ") == "slow zoom"
    assert len(clean_name("x" * 200)) == MAX_NAME_LENGTH
    assert "someone@example.com" not in clean_name("for someone@example.com")
    assert [clean_name(name) for name in (None, 7, "  ", ["a"])] == [""] * 4


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """A file holds the name and the values, nothing else, and is private."""
    Presets(tmp_path).save("a", VALUES)
    (file,) = (tmp_path / FOLDER).iterdir()
    assert json.loads(file.read_text()) == {"name": "a", "values": VALUES}
    assert file.stat().st_mode & 0o077 == 0
