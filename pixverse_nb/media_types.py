"""The media types of stored inputs (pictures, videos, sounds) and the suffixes of their files."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

IMAGE_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType(  # by media type
    {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "image/gif": ".gif"}
)
VIDEO_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType({"video/mp4": ".mp4"})
SOUND_SUFFIXES: Final[Mapping[str, str]] = MappingProxyType({"audio/mpeg": ".mp3", "audio/wav": ".wav"})
INPUT_SUFFIXES: Final = (*IMAGE_SUFFIXES.values(), *VIDEO_SUFFIXES.values(), *SOUND_SUFFIXES.values())
_MEDIA_TYPES: Final = {
    suffix: media_type
    for suffixes in (IMAGE_SUFFIXES, VIDEO_SUFFIXES, SOUND_SUFFIXES)
    for media_type, suffix in suffixes.items()
}


def media_type_of(file: Path) -> str:
    """Return the media type of a stored input by its suffix; KeyError for a suffix that none has."""
    return _MEDIA_TYPES[file.suffix]
