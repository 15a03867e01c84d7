"""A `Frame`: a picture as it goes up, made without needless recompression and without private metadata."""

import hashlib
import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from pixverse_nb.domain.catalogue import ASPECT_RATIOS
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage
from pixverse_nb.images.colour import is_plain_srgb, to_srgb
from pixverse_nb.images.decoding import Picture, decode, open_picture
from pixverse_nb.images.framing import FITS, Framing, framing_for
from pixverse_nb.images.metadata import without_metadata
from pixverse_nb.images.sources import UnusableImageError

PNG_MAX_BYTES: Final = 4_000_000  # above this a lossless upload costs more seconds than it saves quality
_MIN_FINAL_SIDE_PX: Final = 8
_MEDIA_TYPES: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Frame:
    """A picture ready to go up: `data` of `media_type` (image/jpeg, image/png, image/webp), upright 8-bit sRGB.

    `sha256` is that of `data`; `source_sha256` that of what the person gave. `notices` are what was changed.
    """

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int
    sha256: str
    source_sha256: str
    aspect_ratio: str
    fit: str | None
    notices: tuple[Notice, ...] = ()

    @property
    def size_bytes(self) -> int:
        """The length of `data`."""
        return len(self.data)

    @property
    def key(self) -> str:
        """What "the same picture" means: the same source, cut or padded in the same way."""
        return f"sha256:{self.source_sha256}:{self.fit or 'none'}:{self.aspect_ratio}"


def validate_framing(*, aspect_ratio: object, fit: object) -> dict[str, str]:
    """Return the mend for each of the two fields that is wrong; empty where both are right."""
    wrong = {}
    if aspect_ratio is not None and aspect_ratio not in ASPECT_RATIOS:
        wrong["aspect_ratio"] = f"must be one of {', '.join(ASPECT_RATIOS)}, or None for the first picture's own"
    if fit is not None and fit not in FITS:
        wrong["fit"] = 'must be "cover" (cut to the ratio), "contain" (add bars) or None (send as it is)'
    return wrong


def develop(picture: Picture, *, aspect_ratio: str, fit: str | None) -> Frame:
    """Return the Frame of an opened picture; raises UnusableImageError where its pixels cannot be decoded."""
    framing = framing_for(picture.width, picture.height, aspect_ratio=aspect_ratio, fit=fit)
    if min(framing.canvas) < _MIN_FINAL_SIDE_PX:
        raise UnusableImageError(
            f"the picture is {picture.width}×{picture.height} pixels, a strip too narrow to scale down; cut it first"
        )
    image, decoding_notices = decode(picture, at_least=_needed_size(picture, framing))
    untouched = _as_it_is(picture) if framing.changes_nothing and not decoding_notices else None
    if untouched is not None:
        return _frame(picture, untouched, _MEDIA_TYPES[str(picture.format)], framing, aspect_ratio, fit, ())
    image = _composed(image, picture, framing)
    image, colour_notices = to_srgb(image, picture.icc)
    if framing.canvas != framing.inner:
        image = _on_canvas(image, framing.canvas)
    data, media_type = _encoded(image, is_lossless=picture.is_lossless)
    notices = decoding_notices + colour_notices + framing.notices
    return _frame(picture, data, media_type, framing, aspect_ratio, fit, notices)


def thumbnail(source: object, *, longest_px: int = 320, role: str = "first") -> bytes:
    """Return a small upright JPEG of `source` (anything that ImagePreparer accepts, or a Frame), longest side `longest_px`.

    A smaller picture is not enlarged. Raises InvalidImage, naming `role`.
    """
    try:
        picture = open_picture(source.data if isinstance(source, Frame) else source)
        scale = min(1.0, longest_px / max(picture.width, picture.height))
        size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
        image, _ = decode(picture, at_least=(size[0] * 2, size[1] * 2))
        if image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image, _ = to_srgb(image, picture.icc)
    except UnusableImageError as error:
        raise InvalidImage({role: str(error)}) from error
    return _jpeg(image, quality=85)


def _needed_size(picture: Picture, framing: Framing) -> tuple[int, int]:
    """Return the least size of the whole decoded picture that leaves the kept part no smaller than it goes up."""
    scale = framing.inner[0] / (framing.box[2] - framing.box[0])
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _as_it_is(picture: Picture) -> bytes | None:
    """Return the given file less its metadata, or None where it has to be encoded anew."""
    if picture.given.data is None or picture.format is None or not is_plain_srgb(picture.mode, picture.icc):
        return None
    return without_metadata(picture.given.data, picture.format)


def _composed(image: Image.Image, picture: Picture, framing: Framing) -> Image.Image:
    """Cut and scale in one step; `image` may have been decoded smaller than the picture is."""
    across, down = image.width / picture.width, image.height / picture.height
    left, top, right, bottom = framing.box
    if image.size == (picture.width, picture.height) and (right - left, bottom - top) == framing.inner:
        return image.crop(framing.box)
    box = (left * across, top * down, min(right * across, image.width), min(bottom * down, image.height))
    return image.resize(framing.inner, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _on_canvas(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGB", size, "black")
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas


def _encoded(image: Image.Image, *, is_lossless: bool) -> tuple[bytes, str]:
    if is_lossless:
        sink = io.BytesIO()
        _bare(image).save(sink, "PNG", compress_level=3)
        if sink.tell() <= PNG_MAX_BYTES:
            return sink.getvalue(), "image/png"
    return _jpeg(image, quality=95), "image/jpeg"


def _jpeg(image: Image.Image, *, quality: int) -> bytes:
    sink = io.BytesIO()
    _bare(image).save(sink, "JPEG", quality=quality, subsampling=0)
    return sink.getvalue()


def _bare(image: Image.Image) -> Image.Image:
    """Return a copy without `info`, from which Pillow's writers take comments and profiles unasked."""
    bare = image.copy()
    bare.info = {}
    return bare


def _frame(
    picture: Picture,
    data: bytes,
    media_type: str,
    framing: Framing,
    aspect_ratio: str,
    fit: str | None,
    notices: tuple[Notice, ...],
) -> Frame:
    return Frame(
        data=data,
        media_type=media_type,
        width=framing.canvas[0],
        height=framing.canvas[1],
        sha256=hashlib.sha256(data).hexdigest(),
        source_sha256=picture.given.sha256,
        aspect_ratio=aspect_ratio,
        fit=fit,
        notices=notices,
    )
