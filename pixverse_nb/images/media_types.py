"""The media types of prepared pictures and the suffixes of their files."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

SUFFIX_BY_MEDIA_TYPE: Final[Mapping[str, str]] = MappingProxyType(
    {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
)
_MEDIA_TYPE_BY_SUFFIX: Final = {suffix: media_type for media_type, suffix in SUFFIX_BY_MEDIA_TYPE.items()}


def media_type_of(picture: Path) -> str:
    """Return the media type of a stored picture by its suffix; KeyError for a suffix that none has."""
    return _MEDIA_TYPE_BY_SUFFIX[picture.suffix]
