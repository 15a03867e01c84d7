"""Media types and suffixes."""

from pathlib import Path

from pixverse_nb.images import SUFFIX_BY_MEDIA_TYPE, media_type_of


def test_every_media_type_has_its_own_suffix() -> None:
    """The suffix of a stored picture leads back to its media type."""
    for media_type, suffix in SUFFIX_BY_MEDIA_TYPE.items():
        assert media_type_of(Path(f"picture{suffix}")) == media_type
