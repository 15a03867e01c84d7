"""Prepare images for upload: `encode_frame` makes one `Frame`, `ImagePreparer` remembers the most recent ones."""

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from pixverse_nb.domain.catalogue import ASPECT_RATIOS
from pixverse_nb.domain.notices import Notice
from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.images.decode import ImageInfo, decode, is_plain_srgb, open_image, to_srgb
from pixverse_nb.images.framing import Framing, framing_for, nearest_ratio, validate_framing
from pixverse_nb.images.sources import ImageSource, UnusableImageError, load_source

PNG_MAX_BYTES: Final = 4_000_000  # a larger lossless upload takes too long for the quality that it gains
_MIN_FINAL_SIDE_PX: Final = 8
_MAX_SIZES: Final = 1024  # each is a hash and two numbers
_MEDIA_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Frame:
    """An image ready for upload: `data` of `media_type` (image/jpeg, image/png, image/webp), upright 8-bit sRGB.

    `width` and `height` are in pixels. `sha256` is the hash of `data`, `source_sha256` that of what the user passed.
    `notices` say what was changed; `jobs.messages.describe_notice` turns one into text.
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
        """Identifies the image: the same source, cropped or padded in the same way."""
        return f"sha256:{self.source_sha256}:{self.fit or 'none'}:{self.aspect_ratio}"


class ImagePreparer:
    """Prepares images and caches the most recently used frames, at most `frames` of them and `size_bytes` in total.

    The cache is keyed by content: a file is read and hashed every time, but not decoded again. Thread-safe; two
    threads that request the same new image at the same time may both decode it.

    >>> preparer = ImagePreparer()
    >>> first, last = "notebooks/pictures/astronaut.jpg", "notebooks/pictures/rocket.png"
    >>> frames = preparer.prepare_all({"first": first, "last": last})
    >>> frames["first"].aspect_ratio, frames["last"].notices[-1].kind
    ('1:1', 'small_after_crop')
    """

    def __init__(self, *, frames: int = 16, size_bytes: int = 64_000_000) -> None:
        self._max_frames = frames
        self._max_bytes = size_bytes
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, str, str | None], Frame] = OrderedDict()
        self._sizes: OrderedDict[str, tuple[int, int]] = OrderedDict()  # upright, in pixels

    def prepare(
        self, source: object, *, role: str = "first", aspect_ratio: str | None = None, fit: str | None = "cover"
    ) -> Frame:
        """Return `source` as a Frame. Errors name it by its `role`. See `prepare_all`."""
        return self.prepare_all({role: source}, aspect_ratio=aspect_ratio, fit=fit)[role]

    def prepare_all(
        self,
        sources: Mapping[str, object],
        *,
        aspect_ratio: str | None = None,
        fit: str | None = "cover",
        ratios: Sequence[str] = ASPECT_RATIOS,
    ) -> dict[str, Frame]:
        """Return each image as a Frame, by role ("first", "last", "frame_3", …), all in one aspect ratio.

        `aspect_ratio=None` takes the one of `ratios` that is nearest to the first usable image. `fit` "cover" crops
        evenly to the ratio, "contain" adds black bars (a video model animates a blurred border, but leaves bars alone),
        None keeps the shape. Raises InvalidImage whose `fields` has the role of each unusable image, and InvalidRequest
        (with the unusable images in its `fields` too) if `fit` or `aspect_ratio` is invalid.
        """
        wrong = validate_framing(aspect_ratio=aspect_ratio, fit=fit, ratios=ratios)
        if wrong:  # the images are still checked, so that one error names everything
            aspect_ratio, fit = None, None
        unusable: dict[str, str] = {}
        frames: dict[str, Frame] = {}
        for role, source in sources.items():
            try:
                frames[role] = self._prepare(load_source(source), aspect_ratio, fit=fit, ratios=ratios)
                aspect_ratio = aspect_ratio or frames[role].aspect_ratio
            except UnusableImageError as error:
                unusable[role] = str(error)
        if wrong:
            raise InvalidRequest(wrong | unusable)
        if unusable:
            raise InvalidImage(unusable)
        return frames

    def _prepare(
        self, source: ImageSource, aspect_ratio: str | None, *, fit: str | None, ratios: Sequence[str]
    ) -> Frame:
        info: ImageInfo | None = None
        ratio = aspect_ratio
        if ratio is None:
            size = self._cached_size(source.sha256)
            if size is None:
                info = open_image(source)
                size = (info.width, info.height)
                self._cache_size(source.sha256, size)
            ratio = nearest_ratio(*size, among=ratios)
        frame = self._cached_frame((source.sha256, ratio, fit))
        if frame is None:
            frame = encode_frame(info or open_image(source), aspect_ratio=ratio, fit=fit)
            self._cache_frame(frame)
        return frame

    def _cached_size(self, source_sha256: str) -> tuple[int, int] | None:
        with self._lock:
            return self._sizes.get(source_sha256)

    def _cached_frame(self, key: tuple[str, str, str | None]) -> Frame | None:
        with self._lock:
            if key not in self._frames:
                return None
            self._frames.move_to_end(key)
            return self._frames[key]

    def _cache_size(self, source_sha256: str, size: tuple[int, int]) -> None:
        with self._lock:
            self._sizes[source_sha256] = size
            while len(self._sizes) > _MAX_SIZES:
                self._sizes.popitem(last=False)

    def _cache_frame(self, frame: Frame) -> None:
        with self._lock:
            self._frames[(frame.source_sha256, frame.aspect_ratio, frame.fit)] = frame
            while self._frames and (len(self._frames) > self._max_frames or self._size_bytes() > self._max_bytes):
                self._frames.popitem(last=False)

    def _size_bytes(self) -> int:
        return sum(frame.size_bytes for frame in self._frames.values())


def encode_frame(info: ImageInfo, *, aspect_ratio: str, fit: str | None) -> Frame:
    """Return the Frame of an opened image.

    The file is used byte for byte if it needs no change and holds nothing private; otherwise the pixels are encoded
    again (PNG if the source was lossless and the result is small, else JPEG). Raises UnusableImageError if the pixels
    cannot be decoded.
    """
    framing = framing_for(info.width, info.height, aspect_ratio=aspect_ratio, fit=fit)
    if min(framing.canvas) < _MIN_FINAL_SIDE_PX:
        raise UnusableImageError(
            "too_small",
            f"the picture is a strip of {info.width}×{info.height} pixels, too narrow to scale; crop it first",
        )
    # Decoded in any case, so that a damaged file is found before it is sent.
    image, notices = decode(info, at_least=_needed_size(info, framing))
    if framing.changes_nothing and not notices and info.is_bare and is_plain_srgb(info.mode, info.icc):
        data, media_type = info.source.data or b"", _MEDIA_TYPES[str(info.format)]
    else:
        image, colour_notices = to_srgb(_crop_and_scale(image, info, framing), info.icc)
        if framing.canvas != framing.inner:
            image = _on_canvas(image, framing.canvas)
        data, media_type = _encode(image, is_lossless=info.is_lossless)
        notices += colour_notices + framing.notices
    return Frame(
        data=data,
        media_type=media_type,
        width=framing.canvas[0],
        height=framing.canvas[1],
        sha256=hashlib.sha256(data).hexdigest(),
        source_sha256=info.source.sha256,
        aspect_ratio=aspect_ratio,
        fit=fit,
        notices=notices,
    )


def thumbnail(source: object, *, longest_px: int = 320, role: str = "first") -> bytes:
    """Return a small upright JPEG of `source` (a Frame, or any source of an image); its longest side is `longest_px`.

    A smaller image is not enlarged. Below 100 pixels it is compressed more: a table has many of them.
    Raises InvalidImage, naming it by its `role`.
    """
    try:
        info = open_image(source.data if isinstance(source, Frame) else source)
        scale = min(1.0, longest_px / max(info.width, info.height))
        size = max(1, round(info.width * scale)), max(1, round(info.height * scale))
        image, _ = decode(info, at_least=(size[0] * 2, size[1] * 2))
        if image.size != size:
            image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
        image, _ = to_srgb(image, info.icc)
    except UnusableImageError as error:
        raise InvalidImage({role: str(error)}) from error
    return _encode_jpeg(image, quality=80 if longest_px >= 100 else 60, subsampling=2)


def _needed_size(info: ImageInfo, framing: Framing) -> tuple[int, int]:
    """Return the smallest size of the whole decoded image at which the cropped part need not be enlarged."""
    scale = framing.inner[0] / (framing.box[2] - framing.box[0])
    return max(1, round(info.width * scale)), max(1, round(info.height * scale))


def _crop_and_scale(image: Image.Image, info: ImageInfo, framing: Framing) -> Image.Image:
    """Crop and scale in one step; `image` may have been decoded at a fraction of its full size."""
    across, down = image.width / info.width, image.height / info.height
    left, top, right, bottom = framing.box
    if image.size == (info.width, info.height) and (right - left, bottom - top) == framing.inner:
        return image.crop(framing.box)
    box = (left * across, top * down, min(right * across, image.width), min(bottom * down, image.height))
    return image.resize(framing.inner, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)


def _on_canvas(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    canvas = Image.new("RGB", size, "black")
    canvas.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return canvas


def _encode(image: Image.Image, *, is_lossless: bool) -> tuple[bytes, str]:
    if is_lossless:
        sink = io.BytesIO()
        _without_info(image).save(sink, "PNG", compress_level=3)
        if sink.tell() <= PNG_MAX_BYTES:
            return sink.getvalue(), "image/png"
    return _encode_jpeg(image, quality=95), "image/jpeg"


def _encode_jpeg(image: Image.Image, *, quality: int, subsampling: int = 0) -> bytes:
    sink = io.BytesIO()
    _without_info(image).save(sink, "JPEG", quality=quality, subsampling=subsampling)
    return sink.getvalue()


def _without_info(image: Image.Image) -> Image.Image:
    """Return a copy without `info`, from which Pillow's writers take comments and profiles by default."""
    plain = image.copy()
    plain.info = {}
    return plain
