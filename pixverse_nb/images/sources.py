"""Turn what the user passed (path, bytes, file, PIL image, numpy array) into an `ImageSource`: content and identity."""

import difflib
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageFile, PngImagePlugin

PILImage = Image.Image
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
MAX_PIXELS: Final = 89_478_485  # Pillow's default limit against decompression bombs, about 9,459 pixels square
_ACCEPTED: Final = "a path, bytes, an open file, a PIL image or a numpy array (height × width × 3, uint8)"
_HEIC_BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_IMAGE_SIGNATURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"BM", "BMP"),
)


class UnusableImageError(Exception):
    """An image cannot be used. `kind` names the cause; the text says why and how to fix it, without quoting the file.

    Kinds: "missing", "empty", "wrong_type", "unreadable_file", "too_large", "too_small", "damaged", "unsupported",
    "preview_only", "heic", "pdf", "svg", "video", "web_page", "not_an_image".
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True)
class ImageSource:
    """An image as the user passed it: the file's bytes in `data`, or pixels in `image`. Exactly one of them is set.

    `sha256` (hex) identifies it: the hash of the bytes, or of the pixels with their mode, size and colour data.
    """

    sha256: str
    data: bytes | None = field(default=None, repr=False)
    image: Image.Image | None = field(default=None, repr=False)


def is_url(source: object) -> bool:
    """Return whether `source` is an http(s) address, whose content must be downloaded first."""
    return isinstance(source, str) and re.match(r"\s*https?://", source, re.IGNORECASE) is not None


def load_source(source: object) -> ImageSource:
    """Read `source` and compute its identity, without decoding a file.

    A file object is read from its current position to its end. Raises UnusableImageError if there is nothing to
    decode: a missing or empty file, a folder, an array of the wrong type or shape.
    """
    if isinstance(source, ImageSource):
        return source
    if isinstance(source, Image.Image):
        return _from_pixels(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), empty="the bytes are empty")
    if hasattr(type(source), "last_frame"):
        raise UnusableImageError("video", "this is a video; pass one of its frames, such as video.last_frame()")
    if isinstance(source, str | os.PathLike):
        return _from_path(source)
    if hasattr(source, "read"):
        return _from_file(source)
    if hasattr(source, "__array_interface__"):
        return _from_array(source)
    if source is None:
        raise UnusableImageError("missing", f"no picture was given; pass {_ACCEPTED}")
    if hasattr(type(source), "video"):  # a job, or a cell of a sweep
        name = type(source).__name__.lower()
        raise UnusableImageError(
            "video", f"a {name} is not a picture; pass a frame of its video, such as {name}.video.last_frame()"
        )
    hint = "; for a tensor, call .cpu().numpy() first" if hasattr(source, "__array__") else ""
    raise UnusableImageError(
        "wrong_type", f"an object of type {type(source).__name__} is not a picture; pass {_ACCEPTED}{hint}"
    )


def unreadable(data: bytes) -> UnusableImageError:
    """Return the error for bytes that no image reader could decode, from what they look like."""
    head = data[:1024]
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, name in _IMAGE_SIGNATURES:
        if head.startswith(signature):
            return damaged(name)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return damaged("WebP")
    if looks_like_heic(head):
        return UnusableImageError(
            "heic",
            "this is a HEIC picture (the iPhone's format), which needs an extra package; run `pip install pillow-heif` "
            "and restart the kernel, or export the picture as JPEG",
        )
    if head[4:12] in (b"ftypavif", b"ftypavis"):
        return UnusableImageError("unsupported", "this AVIF picture cannot be read here; export it as JPEG or PNG")
    if head[4:8] == b"ftyp" or head.startswith((b"RIFF", b"\x1a\x45\xdf\xa3", b"\x00\x00\x01\xba", b"FLV\x01")):
        return UnusableImageError(
            "video", "this is a video or sound file; of an mp4, pass a frame: pv.Video.from_path(…).last_frame()"
        )
    if head.startswith(b"%PDF"):
        return UnusableImageError("pdf", "this is a PDF; export the page as JPEG or PNG")
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return UnusableImageError("web_page", "this is a web page; pass the address or the file of the picture itself")
    if b"<svg" in text:
        return UnusableImageError("svg", "this is an SVG drawing; export it as PNG, about 1920 pixels wide")
    return UnusableImageError(
        "not_an_image", "this is not a picture that can be read here; pass a JPEG, PNG, WebP, GIF or TIFF file"
    )


def damaged(format_name: str) -> UnusableImageError:
    """Return the error for a file of a known format that is incomplete or corrupt."""
    return UnusableImageError(
        "damaged", f"the {format_name} file is cut short or damaged; copy or download it again, or export it anew"
    )


def looks_like_heic(data: bytes) -> bool:
    """Return whether `data` starts like a HEIC (HEIF) file, the iPhone's format."""
    return data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS


# -- Pillow's process-wide settings ------------------------------------------------------------------------------------

_OWN_SETTINGS: Final[tuple[tuple[Any, str, Any], ...]] = (
    (ImageFile, "LOAD_TRUNCATED_IMAGES", False),
    (Image, "MAX_IMAGE_PIXELS", MAX_PIXELS),
    # Image generators store whole workflows as PNG text. Pillow's defaults (1 MiB a chunk) refuse such files.
    (PngImagePlugin, "MAX_TEXT_CHUNK", 64 * 1024 * 1024),
    (PngImagePlugin, "MAX_TEXT_MEMORY", 256 * 1024 * 1024),
)
_settings_lock: Final = threading.Lock()
_saved_settings: Final[list[Any]] = []
_readers = 0


@contextmanager
def own_pillow_settings() -> Iterator[None]:
    """Read with our limits, whatever another library has set for the process; its values are restored afterwards.

    Without this, LOAD_TRUNCATED_IMAGES (which some libraries set on import) lets half an image through in silence.
    Nested and concurrent use is counted, so that readers do not wait for each other.
    """
    global _readers
    with _settings_lock:
        if _readers == 0:
            _saved_settings[:] = [getattr(module, name) for module, name, _ in _OWN_SETTINGS]
            for module, name, value in _OWN_SETTINGS:
                setattr(module, name, value)
        _readers += 1
    try:
        yield
    finally:
        with _settings_lock:
            _readers -= 1
            if _readers == 0:
                for (module, name, _), value in zip(_OWN_SETTINGS, _saved_settings, strict=True):
                    setattr(module, name, value)


# -- each kind of source -----------------------------------------------------------------------------------------------


def _from_bytes(data: bytes, *, empty: str) -> ImageSource:
    if not data:
        raise UnusableImageError("empty", f"{empty}; copy or download the picture again")
    if len(data) > MAX_FILE_BYTES:
        raise _too_many_bytes(len(data))
    return ImageSource(hashlib.sha256(data).hexdigest(), data=data)


def _too_many_bytes(size_bytes: int) -> UnusableImageError:
    return UnusableImageError(
        "too_large", f"the file has {size_bytes / 1e6:.0f} MB; the limit is {MAX_FILE_BYTES // 2**20} MiB"
    )


def _from_path(source: str | os.PathLike[Any]) -> ImageSource:
    if is_url(source):
        raise UnusableImageError("wrong_type", "web addresses are not downloaded here; pass the downloaded bytes")
    if isinstance(source, str) and not source.strip():
        raise UnusableImageError("missing", f"the path is empty; pass {_ACCEPTED}")
    if isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+:(//|[^,]*;base64,)", source, re.IGNORECASE):
        raise UnusableImageError("wrong_type", "this kind of address is not supported; pass a path or an http(s) URL")
    try:
        path = Path(os.fsdecode(source)).expanduser()
        if path.is_dir():
            raise UnusableImageError("wrong_type", f"{_shown(path)} is a folder; pass the picture file in it")
        if not path.exists():
            raise UnusableImageError("missing", _missing(path))
        if not path.is_file():
            raise UnusableImageError("wrong_type", f"{_shown(path)} is not a regular file")
        size_bytes = path.stat().st_size
        if size_bytes > MAX_FILE_BYTES:
            raise _too_many_bytes(size_bytes)
        data = path.read_bytes()
    except PermissionError as error:
        raise UnusableImageError("unreadable_file", "permission to read the file was denied") from error
    except (OSError, ValueError, RuntimeError) as error:  # unknown drive, name too long, NUL byte, no home for ~
        raise UnusableImageError("unreadable_file", "the path cannot be opened; check it") from error
    return _from_bytes(data, empty=f"{_shown(path)} is empty (0 bytes)")


def _missing(path: Path) -> str:
    where = "" if path.is_absolute() else f" (searched in {_shown(Path.cwd())})"
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"file not found: {_shown(path)}{where}" + (f"; did you mean {near[0]!r}?" if near else "; check the path")


def _shown(path: Path) -> str:
    text = str(path)  # not redacted: a masked path could not be found
    return repr(text if len(text) <= 120 else f"…{text[-118:]}")


def _from_file(source: Any) -> ImageSource:
    try:
        data = source.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise UnusableImageError(
            "unreadable_file", "the open file cannot be read; open it with mode 'rb' and keep it open"
        ) from error
    if isinstance(data, str):
        raise UnusableImageError("wrong_type", "the file is open in text mode; open it with mode 'rb'")
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UnusableImageError(
            "wrong_type", f"read() returned {type(data).__name__} instead of bytes; pass {_ACCEPTED}"
        )
    return _from_bytes(
        bytes(data), empty="the open file has nothing left to read (if it is at its end, call seek(0) first)"
    )


def _from_array(source: Any) -> ImageSource:
    interface = source.__array_interface__
    shape, kind = tuple(interface["shape"]), str(interface["typestr"])
    if 0 in shape:
        raise UnusableImageError("empty", f"the array is empty ({_times(shape)})")
    if kind != "|u1":
        advice = _conversion(source, kind)
        raise UnusableImageError(
            "wrong_type",
            f"the array must hold uint8 values 0…255, not {kind.lstrip('<>|=')!r}"
            + (f"; try {advice}" if advice else ""),
        )
    if len(shape) == 3 and shape[0] in {3, 4} and shape[2] not in {3, 4}:
        raise UnusableImageError(
            "wrong_type", f"the array is {_times(shape)} (channels first); try a.transpose(1, 2, 0)"
        )
    if not (len(shape) == 2 or (len(shape) == 3 and shape[2] in {3, 4})):
        raise UnusableImageError(
            "wrong_type", f"the array must be height × width, optionally × 3 or × 4, not {_times(shape)}"
        )
    return _from_pixels(Image.fromarray(source))


def _conversion(array: Any, kind: str) -> str:
    """Return code that turns the array `a` into uint8 without making it black or wrapping it; "" if unknown."""
    if kind[1:2] == "b":
        return "a.astype('uint8') * 255"
    if kind[1:2] not in {"u", "i", "f"} or not (hasattr(array, "min") and hasattr(array, "max")):
        return ""
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 65535):  # NaN fails here too; no one scale is right for negative or larger values
        return ""
    if kind[1:2] == "f":
        return "(a * 255).round().astype('uint8')" if high <= 1 else _shrink(high, "a.round().astype('uint8')")
    return _shrink(high, "a.astype('uint8')")


def _shrink(high: float, if_8_bits: str) -> str:
    return if_8_bits if high <= 255 else f"(a // {16 if high <= 4095 else 257}).astype('uint8')"


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "a single value"


def _from_pixels(source: Image.Image) -> ImageSource:
    """Copy the pixels, so that later changes to the original do not affect the image or its identity."""
    if 0 in source.size:
        raise UnusableImageError("empty", "the picture has no pixels")
    try:
        with own_pillow_settings():
            image = source.copy()
    except (OSError, ValueError, SyntaxError, EOFError, AssertionError) as error:  # a closed file asserts
        raise UnusableImageError(
            "unreadable_file", "the PIL image cannot be loaded: its file is closed, cut short or damaged"
        ) from error
    digest = hashlib.sha256(f"{image.mode} {image.size}".encode())
    digest.update(image.tobytes())
    if image.palette is not None:
        digest.update(image.palette.mode.encode() + bytes(image.palette.palette))
    for name in ("transparency", "icc_profile", "exif"):
        digest.update(f"{name}={image.info.get(name)!r}".encode())
    return ImageSource(digest.hexdigest(), image=image)
