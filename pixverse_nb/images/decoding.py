"""Open and decode a picture of any kind into upright, opaque 8-bit pixels."""

import functools
import importlib
import io
import math
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, Literal

from PIL import ExifTags, Image, UnidentifiedImageError

from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.framing import GOOD_SIDE_PX
from pixverse_nb.images.sniff import looks_like_heic, unreadable_reason
from pixverse_nb.images.sources import Given, UnusableImageError, receive

Which = Literal["first", "last"]

MIN_SIDE_PX: Final = 16  # one block of the video's own encoder: anything below is an icon or a tracking pixel
MAX_PIXELS: Final = 89_478_485  # Pillow's own bound against decompression bombs, about 9,459 pixels square

# EPS (runs Ghostscript), PSD, WMF and the like are left out on purpose: a picture file must not start programs.
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
# What Pillow's readers raise on damaged files; Warning where the process turns warnings into errors.
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
class Picture:
    """A picture whose header was read: `width` × `height` are upright pixels, `format` is Pillow's name or None.

    `orientation` is EXIF's (1…8), `is_deep` tells of more than 8 bits a channel.
    """

    given: Given
    width: int
    height: int
    mode: str
    format: str | None = None
    orientation: int = 1
    is_deep: bool = False
    is_animated: bool = False
    icc: bytes | None = field(default=None, repr=False)

    @property
    def is_lossless(self) -> bool:
        """True where the source holds exact pixels, so that a lossless upload is worth its bytes."""
        is_exact_webp = self.format == "WEBP" and b"VP8L" in (self.given.data or b"")[:64]
        return is_exact_webp or self.format in {None, "PNG", "BMP", "GIF", "TIFF", "PPM", "ICO", "QOI"}


def read_picture(source: object, *, which: Which) -> Picture:
    """Return the picture that `source` holds, its header read and its size known; the pixels are decoded later.

    Raises InvalidImage, naming `which` picture and the mend.
    """
    try:
        return open_picture(source)
    except UnusableImageError as error:
        raise InvalidImage({which: str(error)}) from error


def open_picture(source: object) -> Picture:
    """As `read_picture`, raising UnusableImageError: for callers who gather the faults of both pictures."""
    given = receive(source)
    with _opened(given) as image:
        orientation = _orientation(image)
        width, height = image.size if orientation < 5 else image.size[::-1]
        if width * height > MAX_PIXELS:
            raise UnusableImageError(_too_many_pixels(width, height))
        if min(width, height) < MIN_SIDE_PX:
            raise UnusableImageError(
                f"the picture has only {width}×{height} pixels; each side needs at least {MIN_SIDE_PX}, "
                f"and {GOOD_SIDE_PX} or more for a good video"
            )
        file_format = image.format if given.data is not None else None
        return Picture(
            given=given,
            width=width,
            height=height,
            mode=image.mode,
            format=file_format,
            orientation=orientation,
            is_deep=_is_deep(image, given.data),
            is_animated=file_format not in {None, "MPO", "ICO"} and bool(getattr(image, "is_animated", False)),
            icc=image.info.get("icc_profile") or None,
        )


def decode(picture: Picture, *, at_least: tuple[int, int]) -> tuple[Image.Image, tuple[Notice, ...]]:
    """Return the upright pixels and the notices of what was changed; mode L, RGB or CMYK, colours untouched.

    `at_least` is the upright (width, height) that is needed: a large JPEG is decoded to the half, quarter or eighth
    where that is still enough. Raises UnusableImageError where the file is cut short or damaged.
    """
    notices: list[Notice] = []
    with _opened(picture.given) as opened:
        if picture.given.data is not None and picture.format in {"JPEG", "MPO"}:
            opened.draft(None, at_least if picture.orientation < 5 else at_least[::-1])
        opened.load()
        image: Image.Image = opened
        if picture.is_animated:
            notices.append(Notice("first_frame_used"))
        if picture.is_deep:
            notices.append(Notice("reduced_to_8_bits"))
        image = _shallow(image)
        image, was_transparent = _opaque(image)
        if was_transparent:
            notices.append(Notice("transparency_flattened"))
        if picture.orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[picture.orientation])
            notices.append(Notice("turned_upright"))
        return image, tuple(notices)


@contextmanager
def _opened(given: Given) -> Iterator[Image.Image]:
    """Open `given` and translate whatever Pillow raises, also while its pixels are decoded, into a sentence."""
    data = given.data
    try:
        if data is None:
            assert given.image is not None  # noqa: S101  a Given holds one of the two
            yield given.image
            return
        with _open_file(data) as image:
            yield image
    except UnusableImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnusableImageError(_too_many_pixels()) from error
    except MemoryError as error:
        raise UnusableImageError("the picture does not fit into memory; make it smaller") from error
    except _DECODER_ERRORS as error:
        raise UnusableImageError(_unreadable(data)) from error


def _open_file(data: bytes) -> Image.Image:
    if looks_like_heic(data):
        _register_heif()
    try:
        return Image.open(io.BytesIO(data), formats=_COMMON)
    except UnidentifiedImageError:
        _load_rarer_readers()
        return Image.open(io.BytesIO(data), formats=[name for name in _OTHERS if name in Image.OPEN])


def _unreadable(data: bytes | None) -> str:
    if data is None:
        return "the PIL image cannot be converted to RGB"
    if looks_like_heic(data) and "HEIF" in Image.OPEN:
        return "the HEIC file is cut short or damaged; copy it again, or export it as JPEG"
    return unreadable_reason(data)


@functools.cache
def _load_rarer_readers() -> None:
    """Import the readers in `_OTHERS` that this Pillow has; Image.init() imports 40 more and takes twice as long."""
    for name in ("WebP", "Tiff", "Avif", "Jpeg2K", "Ico", "Qoi"):
        with suppress(ImportError):
            importlib.import_module(f"PIL.{name}ImagePlugin")


@functools.cache
def _register_heif() -> None:
    """Teach Pillow HEIC where the optional package pillow-heif is installed."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return


def _too_many_pixels(width: int = 0, height: int = 0) -> str:
    size = f"{width}×{height} pixels" if width else "too many pixels"
    return f"the picture has {size}; at most {MAX_PIXELS // 1_000_000} million are decoded, so make it smaller first"


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DECODER_ERRORS:  # a damaged EXIF block is no reason to refuse the picture
        return 1
    return value if isinstance(value, int) and value in _UPRIGHT else 1


def _is_deep(image: Image.Image, data: bytes | None) -> bool:
    if image.mode.startswith("I") or image.mode == "F":
        return True
    if data is not None and image.format == "PNG":
        return data[24:25] == b"\x10"  # the bit depth in IHDR; Pillow takes the high byte of 16-bit colour itself
    return False


def _shallow(image: Image.Image) -> Image.Image:
    """Return 8-bit grey for a grey picture of 16 or 32 bits or of floats, its range scaled and never clipped."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    is_float = image.mode == "F"
    wide = image if is_float else image.convert("I")
    low, high = _extrema(wide)
    if is_float and low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif is_float and low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    elif not is_float and low >= 0 and high <= 65535:
        low, high = 0.0, 65535.0
    scale = 255 / (high - low) if high > low else 0.0
    grey = wide.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")
    grey.info.pop("transparency", None)  # its value is one of the old range
    return grey


def _extrema(image: Image.Image) -> tuple[float, float]:
    extrema = image.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]  # one band has two plain numbers
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnusableImageError("the picture holds values that are not numbers (NaN or infinite); replace them first")
    return low, high


def _opaque(image: Image.Image) -> tuple[Image.Image, bool]:
    """Return the picture as L, RGB or CMYK without alpha, and whether anything of it was transparent."""
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        see_through = _with_alpha(image)
        alpha = see_through.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return see_through.convert("RGB"), False
        paper = Image.new("RGB", image.size, "white")
        paper.paste(see_through.convert("RGB"), mask=alpha)
        return paper, True
    if image.mode in {"L", "RGB", "CMYK"}:
        return image, False
    return image.convert("L" if image.mode == "1" else "RGB"), False


def _with_alpha(image: Image.Image) -> Image.Image:
    plain = image.convert("LA") if image.mode == "La" else image  # La has no direct way to RGBA
    return plain if plain.mode == "RGBA" else plain.convert("RGBA")
