"""Held: what lies in a picture slot, read once, with the small picture that is shown of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pixverse_nb.atomic_files import sha256_of_file
from pixverse_nb.images import Picture, Which, is_url, read_picture, thumbnail
from pixverse_nb.images.decoding import decode
from pixverse_nb.images.framing import framing_for
from pixverse_nb.jobs.messages import describe_notice

THUMBNAIL_PX: Final = 640


@dataclass(frozen=True)
class LoadedImage:
    """A picture that can be used: `name` as people call it, `jpeg` its thumbnail, `notices` what was changed in it.

    `id` tells the pages which picture a thumbnail belongs to; `path` is where it was taken from, if from a path.
    """

    id: str
    name: str
    picture: Picture = field(repr=False)
    jpeg: bytes = field(repr=False)
    notices: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def size_bytes(self) -> int:
        """The length of the file; 0 for pixels that never were one."""
        return len(self.picture.given.data or b"")

    def fitted(self, *, aspect_ratio: str, fit: str | None) -> tuple[bool, str]:
        """Tell whether the picture is cut or padded for the ratio, and what speaks against that; "" where nothing."""
        width, height = self.picture.width, self.picture.height
        framing = framing_for(width, height, aspect_ratio=aspect_ratio, fit=fit)
        is_cut = framing.box != (0, 0, width, height)
        cautions = (notice for notice in framing.notices if notice.kind == "small_after_crop")
        return is_cut or framing.canvas != framing.inner, next(map(describe_notice, cautions), "")

    @property
    def content(self) -> Any:
        """What to hand to `create_frames`.

        A path stays a path, so that the line of Python that makes the video again can name it, unless its file has
        changed since; everything else is the file as bytes, or the pixels.
        """
        given = self.picture.given
        if self.path is not None and _has_digest(self.path, given.sha256):
            return self.path
        return given.image if given.data is None else given.data


def read_held(
    source: object,
    *,
    which: Which,
    id: str,  # noqa: A002  the message's own word
    name: str,
    fetch: Callable[[str], bytes] | None = None,
) -> LoadedImage:
    """Return the picture in `source` (all that `create_frames` takes); `fetch(url)` gets the bytes of an address.

    Decodes the whole picture, so that a damaged one is found now. Raises InvalidImage, and what `fetch` raises.
    """
    data = fetch(source) if fetch and isinstance(source, str) and is_url(source) else source
    picture = read_picture(data, which=which)
    jpeg = thumbnail(picture.given, longest_px=THUMBNAIL_PX, role=which)
    # Only what happens to the picture itself: what the crop does to it is shown in the slot and told by the job.
    _, notices = decode(picture, at_least=(THUMBNAIL_PX, THUMBNAIL_PX))
    return LoadedImage(id, name, picture, jpeg, tuple(map(describe_notice, notices)), _path_of(source))


def source_of(typed: str) -> str:
    """Return the path or the address in what a person typed or pasted: out of its quotes, a file address as its path.

    >>> source_of(' "my picture.jpg" ')
    'my picture.jpg'
    """
    text = typed.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    parts = urlsplit(text) if text.lower().startswith("file:") else None
    if parts is None or parts.netloc not in ("", "localhost"):
        return text
    return url2pathname(parts.path)


def _path_of(source: object) -> Path | None:
    if isinstance(source, Path):
        return source
    return Path(source).expanduser() if isinstance(source, str) and not is_url(source) else None


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        return sha256_of_file(path) == sha256
    except OSError:
        return False
