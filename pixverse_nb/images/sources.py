"""From what a person gives (path, bytes, file, PIL image, numpy array) to a `Given`: bytes or pixels, with identity."""

import difflib
import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from PIL import Image

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_KINDS: Final = "a path, bytes, an open file, a PIL image or a numpy array (height × width × 3, uint8)"


class UnusableImageError(Exception):
    """A picture cannot be used; the text says why and the mend, and never repeats its bytes."""


@dataclass(frozen=True)
class Given:
    """A picture as it was given: the bytes of a file in `data`, or the pixels in `image`; one of them is set.

    `sha256` (hex) is its identity: of the file's bytes, or of the pixels with their mode, size and colour data.
    """

    sha256: str
    data: bytes | None = field(default=None, repr=False)
    image: Image.Image | None = field(default=None, repr=False)


def is_url(source: object) -> bool:
    """Tell whether `source` is an http(s) address, whose bytes have to be fetched first."""
    return isinstance(source, str) and re.match(r"\s*https?://", source, re.IGNORECASE) is not None


def receive(source: object) -> Given:
    """Return what `source` holds, with its identity; nothing is decoded.

    Raises UnusableImageError where there is nothing to decode: a missing or empty file, a folder, a wrong kind of
    array. A file object is read from its current position to its end.
    """
    if isinstance(source, Given):
        return source
    if isinstance(source, Image.Image):
        return _from_pixels(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), empty="the bytes are empty")
    if isinstance(source, str | os.PathLike):
        return _from_path(source)
    if hasattr(source, "read"):
        return _from_file(source)
    if hasattr(source, "__array_interface__"):
        return _from_array(source)
    if source is None:
        raise UnusableImageError(f"no picture was given; give {_KINDS}")
    hint = "; for a tensor call .cpu().numpy() first" if hasattr(source, "__array__") else ""
    raise UnusableImageError(f"a {type(source).__name__} is not a picture; give {_KINDS}{hint}")


def _from_bytes(data: bytes, *, empty: str) -> Given:
    if not data:
        raise UnusableImageError(f"{empty}; copy or download the picture again")
    if len(data) > MAX_FILE_BYTES:
        raise UnusableImageError(_too_long(len(data)))
    return Given(hashlib.sha256(data).hexdigest(), data=data)


def _too_long(size_bytes: int) -> str:
    return f"the file has {size_bytes / 1e6:.0f} MB and at most {MAX_FILE_BYTES // 2**20} MiB are read; make it smaller"


def _from_path(source: str | os.PathLike[Any]) -> Given:
    if is_url(source):
        raise UnusableImageError("an address is fetched by the client before this step; give the fetched bytes")
    if isinstance(source, str) and not source.strip():
        raise UnusableImageError(f"the path is empty; give {_KINDS}")
    if isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+:(//|[^,]*;base64,)", source, re.IGNORECASE):
        raise UnusableImageError("this kind of address is not read; give a path or an http(s) address")
    try:
        path = Path(os.fsdecode(source)).expanduser()
        if path.is_dir():
            raise UnusableImageError(f"{_shown(path)} is a folder; give the picture file in it")
        if not path.exists():
            raise UnusableImageError(_missing(path))
        if not path.is_file():
            raise UnusableImageError(f"{_shown(path)} is not a regular file")
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise UnusableImageError(_too_long(size_bytes))
        data = path.read_bytes()
    except PermissionError as error:
        raise UnusableImageError("the file may not be read; check its permissions") from error
    except (OSError, ValueError, RuntimeError) as error:  # no such drive, a name too long, a NUL in it, no home for ~
        raise UnusableImageError("the path cannot be opened; check it") from error
    return _from_bytes(data, empty=f"{_shown(path)} is empty (0 bytes)")


def _missing(path: Path) -> str:
    where = "" if path.is_absolute() else f" (looked in {_shown(Path.cwd())})"
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"there is no file {_shown(path)}{where}" + (f"; did you mean {near[0]!r}?" if near else "; check the path")


def _shown(path: Path) -> str:
    text = str(path)  # the caller's own, as it was given: masked, it could not be found
    return repr(text if len(text) <= 120 else f"…{text[-118:]}")


def _from_file(source: Any) -> Given:
    try:
        data = source.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise UnusableImageError("the open file cannot be read; open it with mode 'rb' and keep it open") from error
    if isinstance(data, str):
        raise UnusableImageError("the file is open as text; open it with mode 'rb'")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UnusableImageError(f"read() gave a {type(data).__name__}, not bytes; give {_KINDS}")
    return _from_bytes(
        bytes(data), empty="the open file has nothing left to read (is it at its end? seek(0) goes back)"
    )


def _from_array(source: Any) -> Given:
    interface = source.__array_interface__
    shape, kind = tuple(interface["shape"]), str(interface["typestr"])
    if kind != "|u1":
        mend = "a.astype('uint8')"
        if kind[1:2] == "f":
            mend = "(a * 255).round().clip(0, 255).astype('uint8') for values 0…1"
        elif kind[1:] == "u2":
            mend = "(a // 257).astype('uint8')"
        raise UnusableImageError(f"the array must hold uint8 values 0…255, not {kind.lstrip('<>|=')!r}; try {mend}")
    if len(shape) == 3 and shape[0] in {3, 4} and shape[2] not in {3, 4}:
        raise UnusableImageError(f"the array is {_times(shape)}, channels first; try a.transpose(1, 2, 0)")
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in {3, 4})):
        raise UnusableImageError(f"the array must be height × width × 3 (or × 4, or grey without), not {_times(shape)}")
    if 0 in shape:
        raise UnusableImageError(f"the array is empty ({_times(shape)})")
    return _from_pixels(Image.fromarray(source))


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single value"


def _from_pixels(source: Image.Image) -> Given:
    """Take a private copy, so that later drawing on the original changes neither the picture nor its identity."""
    if 0 in source.size:
        raise UnusableImageError("the picture has no pixels")
    try:
        image = source.copy()
    except (OSError, ValueError, SyntaxError, EOFError, AssertionError) as error:  # a closed one asserts
        raise UnusableImageError("the PIL image cannot be loaded; is its file closed, cut short or damaged?") from error
    digest = hashlib.sha256(f"{image.mode} {image.size}".encode())
    digest.update(image.tobytes())
    if image.palette is not None:
        digest.update(image.palette.mode.encode() + bytes(image.palette.palette))
    for name in ("transparency", "icc_profile", "exif"):
        digest.update(f"{name}={image.info.get(name)!r}".encode())
    return Given(digest.hexdigest(), image=image)
