"""Open and decode an image of any kind into upright, opaque 8-bit sRGB pixels."""

import functools
import importlib
import io
import math
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from PIL import ExifTags, Image, ImageChops, PngImagePlugin, UnidentifiedImageError, features

from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.framing import GOOD_SIDE_PX
from pixverse_nb.images.sources import (
    MAX_PIXELS,
    ImageSource,
    UnusableImageError,
    damaged,
    load_source,
    looks_like_heic,
    own_pillow_settings,
    unreadable,
)

MIN_SIDE_PX: Final = 16  # one block of the video encoder: anything smaller is an icon or a tracking pixel
_DARK: Final = 32  # of 255: a grey image whose brightest pixel is below this looks black

# EPS (runs Ghostscript), PSD, WMF and the like are left out on purpose: opening an image must not start programs.
_COMMON: Final = ("JPEG", "PNG", "GIF", "BMP", "PPM")
_OTHERS: Final = ("WEBP", "TIFF", "AVIF", "HEIF", "JPEG2000", "ICO", "QOI")

_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# What Pillow's readers raise for damaged files; Warning if the process turns warnings into errors.
_DECODER_ERRORS: Final = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    Warning,
)


@dataclass(frozen=True)
class ImageInfo:
    """What the header of an image says. `width` × `height` are upright pixels, `format` is Pillow's name or None.

    `orientation` is EXIF's (1…8). `is_deep` means more than 8 bits per channel. `is_bare` means that the file holds
    pixels and their colour profile but nothing that could be private; if that is uncertain, it is False.
    """

    source: ImageSource
    width: int
    height: int
    mode: str
    format: str | None = None
    orientation: int = 1
    is_deep: bool = False
    is_animated: bool = False
    is_bare: bool = False
    icc: bytes | None = field(default=None, repr=False)

    @property
    def is_lossless(self) -> bool:
        """True if the source holds exact pixels, so that a lossless upload is worth its bytes."""
        is_lossless_webp = self.format == "WEBP" and b"VP8L" in (self.source.data or b"")[:64]
        return is_lossless_webp or self.format in {None, "PNG", "BMP", "GIF", "TIFF", "PPM", "ICO", "QOI"}


def read_image(source: object, *, role: str) -> ImageInfo:
    """Return the format and size of `source`, without decoding its pixels.

    Raises InvalidImage whose `fields` maps `role` ("first", "last", …) to the reason and the fix.
    """
    try:
        return open_image(source)
    except UnusableImageError as error:
        raise InvalidImage({role: str(error)}) from error


def open_image(source: object) -> ImageInfo:
    """Like `read_image`, but raises UnusableImageError, for callers that collect the errors of several images."""
    loaded = load_source(source)
    with _opened(loaded) as image:
        orientation = _orientation(image)
        width, height = _stored_size(image) if orientation < 5 else _stored_size(image)[::-1]
        if width * height > MAX_PIXELS:
            raise _too_many_pixels(f"{width}×{height}")
        if min(width, height) < MIN_SIDE_PX:
            raise UnusableImageError(
                "too_small",
                f"the picture has only {width}×{height} pixels; each side needs at least {MIN_SIDE_PX}, "
                f"and {GOOD_SIDE_PX} or more for a good video",
            )
        _check_tiff(image)
        file_format = image.format if loaded.data is not None else None
        return ImageInfo(
            source=loaded,
            width=width,
            height=height,
            mode=image.mode,
            format=file_format,
            orientation=orientation,
            is_deep=_is_deep(image, loaded.data),
            is_animated=file_format not in {None, "MPO", "ICO"} and bool(getattr(image, "is_animated", False)),
            is_bare=loaded.data is not None and is_bare(image, loaded.data),
            icc=image.info.get("icc_profile") or None,
        )


def decode(info: ImageInfo, *, at_least: tuple[int, int]) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Return the upright pixels (mode L, RGB or CMYK, colours not yet converted) and notices of what was changed.

    `at_least` is the upright (width, height) that is needed: a large JPEG is decoded at a half, a quarter or an eighth
    of its size if that is still enough. Raises UnusableImageError if the file is cut short or damaged.
    """
    notices = []
    with _opened(info.source) as opened:
        image = _load_pixels(opened, info, at_least)
        if info.is_animated:
            notices.append(Notice("first_frame_used"))
        if info.is_deep:
            notices.append(Notice("reduced_to_8_bits"))
        turn = _UPRIGHT.get(_orientation(image))  # after loading: Pillow turns a TIFF by itself
        image, range_notices = _to_8_bits(image)
        image, was_transparent = _flatten(image)
        notices += range_notices
        if was_transparent:
            notices.append(Notice("transparency_flattened"))
        if turn is not None:
            image = image.transpose(turn)
        if info.orientation > 1:
            notices.append(Notice("turned_upright"))
        return image, tuple(notices)


# -- opening -----------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(source: ImageSource) -> Iterator[Image.Image]:
    """Open `source` and translate whatever Pillow raises, also while its pixels are decoded."""
    data = source.data
    try:
        with own_pillow_settings():
            if data is None:
                assert source.image is not None  # noqa: S101  an ImageSource holds one of the two
                yield source.image
                return
            with _open_file(data) as image:
                yield image
    except UnusableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except MemoryError as error:
        raise UnusableImageError("too_large", "the picture does not fit into memory; make it smaller") from error
    except _DECODER_ERRORS as error:
        raise _explain(data) from error


def _open_file(data: bytes) -> Image.Image:
    if looks_like_heic(data):
        _register_heif()
    try:
        return Image.open(io.BytesIO(data), formats=_COMMON)
    except UnidentifiedImageError:
        _load_rarer_readers()
        return Image.open(io.BytesIO(data), formats=[name for name in _OTHERS if name in Image.OPEN])


@functools.cache
def _load_rarer_readers() -> None:
    """Import the readers in `_OTHERS` that this Pillow has; Image.init() imports 40 more and takes twice as long."""
    for name in ("WebP", "Tiff", "Avif", "Jpeg2K", "Ico", "Qoi"):
        with suppress(ImportError):
            importlib.import_module(f"PIL.{name}ImagePlugin")


@functools.cache
def _register_heif() -> None:
    """Enable HEIC in Pillow if the optional package pillow-heif is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return


def _too_many_pixels(size: str = "too many") -> UnusableImageError:
    return UnusableImageError(
        "too_large",
        f"the picture has {size} pixels; the limit is {MAX_PIXELS // 1_000_000} million, so make it smaller",
    )


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DECODER_ERRORS:  # a damaged EXIF block is no reason to refuse the image
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _stored_size(image: Image.Image) -> tuple[int, int]:
    """Return (width, height) before the image is turned upright; newer versions of Pillow turn a TIFF's own size."""
    if image.format != "TIFF":
        return image.size
    tags: Any = image.tag_v2  # type: ignore[attr-defined]  # a TiffImageFile
    return int(tags[ExifTags.Base.ImageWidth]), int(tags[ExifTags.Base.ImageLength])


def _is_deep(image: Image.Image, data: bytes | None) -> bool:
    if image.mode.startswith("I") or image.mode == "F":
        return True
    if data is not None and image.format == "PNG":
        return data[24:25] == b"\x10"  # the bit depth in IHDR; Pillow takes the high byte of 16-bit colour itself
    return image.format == "TIFF" and _bits_per_channel(image) > 8


# -- whole files that cannot be used -----------------------------------------------------------------------------------


def _check_tiff(image: Image.Image) -> None:
    """Refuse the kinds of TIFF that Pillow reads without an error, but not as the picture that the file holds."""
    if image.format != "TIFF":
        return
    tags: Any = image.tag_v2  # type: ignore[attr-defined]  # a TiffImageFile
    tag = ExifTags.Base
    # Bit 0 of NewSubfileType: a reduced version of another image, such as the preview in a camera's raw file.
    if tags.get(tag.NewSubfileType, 0) & 1 or tag.DNGVersion in tags:
        raise UnusableImageError(
            "preview_only",
            "this is a camera's raw file, or a TIFF that starts with a small preview; export the full picture as JPEG",
        )
    bits, formats = _bits_per_channel(image), set(tags.get(tag.SampleFormat, (1,)))
    misread = ""
    if bits > 8 and tags.get(tag.PlanarConfiguration) == 2:
        misread = f"{bits}-bit channels in separate planes"
    elif bits > 8 and tags.get(tag.PhotometricInterpretation) == 0:
        misread = f"inverted grey values of {bits} bits"
    elif bits == 8 and formats != {1}:
        misread = "signed 8-bit values"
    elif bits == 32 and formats == {1} and _extrema(image)[0] < 0:  # Pillow has no unsigned 32-bit mode
        misread = "grey values of 2³¹ and more"
    if misread:
        raise _unsupported(f"a TIFF with {misread}")


def _unsupported(what: str) -> UnusableImageError:
    return UnusableImageError("unsupported", f"{what} cannot be read here; export the picture as PNG or 8-bit JPEG")


def _bits_per_channel(image: Image.Image) -> int:
    bits = image.tag_v2.get(ExifTags.Base.BitsPerSample, 1)  # type: ignore[attr-defined]  # a TiffImageFile
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _explain(data: bytes | None) -> UnusableImageError:
    """Return why the image cannot be decoded; "damaged" only if the file is not a whole one of an unsupported kind."""
    if data is None:
        return UnusableImageError("unsupported", "the PIL image cannot be converted to RGB")
    if looks_like_heic(data) and "HEIF" in Image.OPEN:
        return damaged("HEIC")
    error = unreadable(data)
    if error.kind != "damaged":
        return error
    detail = _unsupported_jpeg(data) or _unsupported_tiff(data)
    if not detail:
        return error
    return _unsupported(detail)


def _unsupported_jpeg(data: bytes) -> str:
    """Return what is unusual about a whole JPEG, or ""."""
    try:
        header, _ = _jpeg_header(data)
    except (ValueError, struct.error):
        return ""
    for marker, body in header:
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC} and len(body) >= 6:
            if body[0] != 8:
                return f"a JPEG with {body[0]} bits per channel"
            if marker not in {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}:
                return "a lossless or hierarchical JPEG"
            if body[5] not in {1, 3, 4}:
                return f"a JPEG with {body[5]} channels"
    return ""


def _unsupported_tiff(data: bytes) -> str:
    """Return which kind of pixels a TIFF holds if all of them lie within the file, else ""."""
    try:
        reader = importlib.import_module("PIL.TiffImagePlugin")
        tags = reader.ImageFileDirectory_v2(data[: 16 if b"+" in data[2:4] else 8])  # "+" marks a BigTIFF
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        tag = ExifTags.Base
        offsets = tags.get(tag.StripOffsets) or tags[tag.TileOffsets]
        counts = tags.get(tag.StripByteCounts) or tags[tag.TileByteCounts]
        is_whole = all(offset + count <= len(data) for offset, count in zip(offsets, counts, strict=True))
        bits, formats = tags.get(tag.BitsPerSample, (1,)), tags.get(tag.SampleFormat, (1,))
        compression = tags.get(tag.Compression, 1)
    except _DECODER_ERRORS:
        return ""
    if not is_whole:
        return ""
    if compression not in reader.COMPRESSION_INFO:
        return f"a TIFF with compression method {compression}"
    if max(bits) <= 8 and set(formats) == {1}:
        return ""
    number = {2: "signed integers", 3: "floating-point numbers"}.get(formats[0], "numbers")
    return f"a TIFF whose pixels are {number} of {max(bits)} bits"


# -- private metadata --------------------------------------------------------------------------------------------------

_PNG_BARE: Final = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"pHYs"}
)
_JFIF_BYTES: Final = 14  # without an embedded thumbnail
_ADOBE_BYTES: Final = 12


def is_bare(image: Image.Image, data: bytes) -> bool:
    """Return whether the file `data`, opened as `image`, has nothing but pixels, size, density and colour profile.

    What Pillow shows of a file is not all of it: it skips unknown chunks, segments after the first scan, and bytes
    after the end. So the file's parts are listed here; anything unexpected counts as private.
    """
    try:
        match image.format:
            case "JPEG":
                return _is_bare_jpeg(data, has_profile=bool(image.info.get("icc_profile")))
            case "PNG":
                return _is_bare_png(data)
            case "WEBP":
                # The simple file layout: one chunk of pixels that fills the file.
                riff, size, form, chunk, length = struct.unpack_from("<4sI4s4sI", data)
                is_simple = riff == b"RIFF" and form == b"WEBP" and chunk in {b"VP8 ", b"VP8L"}
                return is_simple and size + 8 == 20 + length + length % 2 == len(data)
    except (ValueError, SyntaxError, struct.error):
        return False
    return False


def _is_bare_jpeg(data: bytes, *, has_profile: bool) -> bool:
    header, scan_start = _jpeg_header(data)
    for marker, body in header:
        is_application_data = 0xE0 <= marker <= 0xEF or marker == 0xFE
        is_harmless = (
            (marker == 0xE0 and body.startswith(b"JFIF\0") and len(body) == _JFIF_BYTES)
            or (marker == 0xE2 and body.startswith(b"ICC_PROFILE\0") and has_profile)
            or (marker == 0xEE and body.startswith(b"Adobe") and len(body) == _ADOBE_BYTES)
        )
        if is_application_data and not is_harmless:
            return False
    # Coded pixels never contain these markers. A match inside a table between two scans only costs a re-encoding.
    late = re.search(rb"\xff[\xd9\xe0-\xef\xfe]", data[scan_start:])
    return late is not None and scan_start + late.start() == len(data) - 2 and data.endswith(b"\xff\xd9")


def _jpeg_header(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Return (marker, body) of each segment up to the first scan, and where its coded pixels start.

    Raises ValueError or struct.error if there is anything between the segments.
    """
    segments = []
    at = 2
    while True:
        prefix, marker, length = struct.unpack_from(">BBH", data, at)
        if prefix != 0xFF or not 0xC0 <= marker <= 0xFE or length < 2:
            raise ValueError("not a JPEG segment")
        segments.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            return segments, at


def _is_bare_png(data: bytes) -> bool:
    file = io.BytesIO(data)
    file.seek(8)
    chunks = PngImagePlugin.ChunkStream(file)
    kind = b""
    while kind != b"IEND":
        kind, start, length = chunks.read()
        if kind not in _PNG_BARE:
            return False
        file.seek(start + length + 4)
    return length == 0 and file.tell() == len(data)


# -- pixels ------------------------------------------------------------------------------------------------------------


def _load_pixels(opened: Image.Image, info: ImageInfo, at_least: tuple[int, int]) -> Image.Image:
    data = info.source.data
    is_jpeg = data is not None and info.format in {"JPEG", "MPO"}
    if is_jpeg:
        opened.draft(None, at_least if info.orientation < 5 else at_least[::-1])
    try:
        opened.load()
    except OSError:
        complete = _load_without_end_mark(data) if is_jpeg and data is not None else None
        if complete is None:
            raise
        return complete
    return opened


def _load_without_end_mark(data: bytes) -> Image.Image | None:
    """Return a JPEG that lacks only its end mark (some cameras and grabbers write such files), or None.

    A decoder fills missing pixels from whatever bytes follow. So the file is decoded with two different endings: the
    results are equal only if no pixel was missing.
    """
    body = data[:-1] if data.endswith(b"\xff") else data
    decoded = []
    for filler in (bytes(range(1, 255)) * 4, bytes(range(254, 0, -1)) * 4):
        restarts = b"".join(bytes((0xFF, 0xD0 + number)) + filler for number in range(8))
        with Image.open(io.BytesIO(body + filler + restarts + b"\xff\xd9"), formats=("JPEG",)) as image:
            image.load()
            decoded.append(image)
    first, second = decoded
    has_all = _has_last_scans(body, len(first.getbands())) and first.tobytes() == second.tobytes()
    return first if has_all else None


def _has_last_scans(jpeg: bytes, channels: int) -> bool:
    """Return whether the scan with the finest details of each channel has begun; a progressive JPEG has several."""
    complete: set[int] = set()
    for scan in re.finditer(rb"\xff\xda\x00[\x08-\x0e]([\x01-\x04])", jpeg):
        end = scan.end() + 2 * scan[1][0]
        last_coefficient, precision = jpeg[end + 1 : end + 2], jpeg[end + 2 : end + 3]
        if last_coefficient == b"\x3f" and precision and precision[0] & 0x0F == 0:
            complete.update(jpeg[scan.end() : end : 2])
    return len(complete) == channels


def _to_8_bits(image: Image.Image) -> tuple[Image.Image, list[Notice]]:
    """Return 8-bit grey for a grey image of 16 or 32 bits or of floats, its range scaled and never clipped."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image, []
    is_float = image.mode == "F"
    wide = image if is_float else image.convert("I")
    low, high = _extrema(wide)
    # Cameras store 12-bit values, and programs 8-bit ones, in wider integers: those would come out black.
    usual_whites = (1.0, 255.0) if is_float else (255.0, 4095.0, 65535.0)
    black, white = low, high
    if low >= 0 and high <= usual_whites[-1]:
        black, white = 0.0, next(white for white in usual_whites if high <= white)
    scale = 255 / (white - black) if white > black else 0.0
    grey = wide.point(lambda value: value * scale + (0.5 - black * scale)).convert("L")
    grey.info.pop("transparency", None)  # its value refers to the old range
    notices = []
    if not is_float and white in usual_whites[:-1]:
        notices.append(Notice("grey_range_assumed", {"white": int(white)}))
    brightest = int(grey.getextrema()[1])  # type: ignore[arg-type]  # one band has two numbers
    if brightest < _DARK:
        notices.append(Notice("very_dark", {"brightest": brightest}))
    return grey, notices


def _extrema(image: Image.Image) -> tuple[float, float]:
    extrema = image.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]  # one band has two plain numbers
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnusableImageError(
            "unsupported", "the picture contains values that are not numbers (NaN or infinite); replace them first"
        )
    return low, high


def _flatten(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the image on white as L, RGB or CMYK, and whether any of it was transparent."""
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        layered = _with_alpha(image)
        alpha = layered.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return layered.convert("RGB"), False
        background = Image.new("RGB", image.size, "white")
        background.paste(layered.convert("RGB"), mask=alpha)
        return background, True
    if image.mode in {"L", "RGB", "CMYK"}:
        return image, False
    return image.convert("L" if image.mode == "1" else "RGB"), False


def _with_alpha(image: Image.Image) -> Image.Image:
    plain = image.convert("LA") if image.mode == "La" else image  # Pillow cannot convert La to RGBA directly
    return plain if plain.mode == "RGBA" else plain.convert("RGBA")


# -- colour ------------------------------------------------------------------------------------------------------------

_LATTICE: Final = bytes(
    level
    for red in range(0, 256, 51)
    for green in range(0, 256, 51)
    for blue in range(0, 256, 51)
    for level in (red, green, blue)
)
_INVISIBLE: Final = 3  # levels of 255
_MACHINE_NAME: Final = re.compile(r"[0-9A-Fa-f]{12}")  # Chromium's: "Google/Skia/C9C8092730B14C7EA74093A63312E737"


def is_plain_srgb(mode: str, icc: bytes | None) -> bool:
    """Return whether 8-bit pixels of `mode` are sRGB as they are; False for an ICC profile that cannot be read."""
    if mode != "RGB" or not icc:
        return mode == "RGB"
    transform = _transform(mode, icc)
    return transform is not None and int.from_bytes(icc[:4]) == len(icc) and _is_identity(transform)


def to_srgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Return `image` (L, RGB or CMYK) as 8-bit sRGB, and notices of visible changes.

    A profile that cannot be read, or that belongs to another colour model, is ignored.
    """
    transform = _transform(image.mode, icc)
    if transform is None:
        notices = (Notice("converted_from_cmyk"),) if image.mode == "CMYK" else ()
        return image.convert("RGB"), notices
    if image.mode == "RGB" and _is_identity(transform):
        return image, ()
    converted = transform.apply(image)
    if image.mode == "RGB" and _largest_difference(image, converted) <= _INVISIBLE:
        return converted, ()
    return converted, (Notice("colours_converted", {"profile": _profile_name(icc)}),)


def _transform(mode: str, icc: bytes | None) -> Any:
    """Return littleCMS's transform from `icc` to sRGB, or None if there is nothing to transform."""
    if not icc or not features.check("littlecms2"):
        return None
    cms: Any = importlib.import_module("PIL.ImageCms")  # takes a quarter of a second; most images have no profile
    try:
        profile = cms.ImageCmsProfile(io.BytesIO(icc))
        return cms.buildTransform(profile, cms.createProfile("sRGB"), mode, "RGB")
    except (cms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _is_identity(transform: Any) -> bool:
    """Return whether no colour of a 6 × 6 × 6 lattice changes visibly: profiles with other names are often sRGB."""
    lattice = Image.frombytes("RGB", (36, 6), _LATTICE)
    return _largest_difference(lattice, transform.apply(lattice)) <= _INVISIBLE


def _largest_difference(before: Image.Image, after: Image.Image) -> int:
    """Return the largest difference of any pixel in any channel, in levels of 255."""
    bands = ImageChops.difference(before, after).split()
    return max(int(band.getextrema()[1]) for band in bands)  # type: ignore[arg-type]  # one band has a number


def _profile_name(icc: bytes | None) -> str | None:
    """Return the profile's name, or None if it has none that a person would recognise."""
    cms: Any = importlib.import_module("PIL.ImageCms")
    try:
        name = cms.getProfileDescription(cms.ImageCmsProfile(io.BytesIO(icc or b""))).strip()
    except (cms.PyCMSError, OSError, ValueError, TypeError):
        return None
    is_name = bool(name) and name.isprintable() and not _MACHINE_NAME.search(name)
    return name[:60] if is_name else None
