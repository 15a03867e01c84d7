"""Media types and suffixes."""

from pathlib import Path

from pixverse_nb.media_types import IMAGE_SUFFIXES, INPUT_SUFFIXES, SOUND_SUFFIXES, VIDEO_SUFFIXES, media_type_of


def test_every_media_type_has_its_own_suffix() -> None:
    """The suffix of a stored input leads back to its media type."""
    suffixes = {**IMAGE_SUFFIXES, **VIDEO_SUFFIXES, **SOUND_SUFFIXES}
    assert sorted(suffixes.values()) == sorted(set(INPUT_SUFFIXES))
    assert {media_type: media_type_of(Path(f"input{suffix}")) for media_type, suffix in suffixes.items()} == {
        media_type: media_type for media_type in suffixes
    }
