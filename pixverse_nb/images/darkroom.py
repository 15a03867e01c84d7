"""A `ImagePreparer` prepares pairs of pictures and remembers the last ones, so that a sweep decodes each picture once."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

from pixverse_nb.errors import InvalidImage, InvalidRequest
from pixverse_nb.images.decoding import Picture, open_picture
from pixverse_nb.images.frames import Frame, develop, validate_framing
from pixverse_nb.images.framing import nearest_ratio
from pixverse_nb.images.sources import Given, UnusableImageError, receive

_RATIOS_KEPT: Final = 1024  # a digest and a word each


class ImagePreparer:
    """Prepares pictures and keeps the last frames in memory: at most `frames` of them and `size_bytes` in all.

    What is asked for again is found by content: a file is read and hashed every time, but not decoded. May be used
    from any thread; two threads that ask for the same new picture at the same moment may both decode it.

    >>> preparer = ImagePreparer()
    >>> pictures = {"first": "notebooks/pictures/coffee_wide.jpg", "last": "notebooks/pictures/rocket.png"}
    >>> frames = preparer.prepare_all(pictures)
    >>> frames["first"].aspect_ratio, frames["last"].notices[-1].kind
    ('16:9', 'cropped')
    """

    def __init__(self, *, frames: int = 16, size_bytes: int = 64_000_000) -> None:
        self._most_frames = frames
        self._most_bytes = size_bytes
        self._lock = threading.Lock()
        self._frames: OrderedDict[tuple[str, str, str | None], Frame] = OrderedDict()
        self._ratios: OrderedDict[str, str] = OrderedDict()

    def prepare(
        self, source: object, *, role: str, aspect_ratio: str | None = None, fit: str | None = "cover"
    ) -> Frame:
        """Return `source` as a Frame, from memory where it is the same as before.

        `aspect_ratio=None` takes the vendor's ratio nearest to this picture. `fit` "cover" cuts evenly to the ratio;
        "contain" adds black bars (as every player does: a video model leaves them alone, while a blurred border would
        be animated); None keeps the shape. Raises InvalidImage, naming `role`, and InvalidRequest for a wrong `fit` or
        `aspect_ratio`.
        """
        if wrong := validate_framing(aspect_ratio=aspect_ratio, fit=fit):
            raise InvalidRequest(wrong)
        try:
            return self._prepared(receive(source), aspect_ratio=aspect_ratio, fit=fit)
        except UnusableImageError as error:
            raise InvalidImage({role: str(error)}) from error

    def prepare_all(
        self, sources: Mapping[str, object], *, aspect_ratio: str | None = None, fit: str | None = "cover"
    ) -> dict[str, Frame]:
        """Return all pictures by role in one ratio: `aspect_ratio`, or the vendor's ratio nearest to the first picture.

        Raises InvalidImage naming every unusable picture by its role, or InvalidRequest if `fit` or `aspect_ratio` is
        wrong as well.
        """
        wrong = validate_framing(aspect_ratio=aspect_ratio, fit=fit)
        if wrong:  # the pictures are still checked, so that every problem is named at once
            aspect_ratio, fit = None, None
        bad_images: dict[str, str] = {}
        frames: dict[str, Frame] = {}
        for role, source in sources.items():
            try:
                frames[role] = self._prepared(receive(source), aspect_ratio=aspect_ratio, fit=fit)
                aspect_ratio = aspect_ratio or frames[role].aspect_ratio
            except UnusableImageError as error:
                bad_images[role] = str(error)
        if wrong:
            raise InvalidRequest(wrong | bad_images)
        if bad_images:
            raise InvalidImage(bad_images)
        return frames

    def _prepared(self, given: Given, *, aspect_ratio: str | None, fit: str | None) -> Frame:
        picture: Picture | None = None
        ratio = aspect_ratio or self._known_ratio(given.sha256)
        if ratio is None:
            picture = open_picture(given)
            ratio = nearest_ratio(picture.width, picture.height)
            self._keep_ratio(given.sha256, ratio)
        frame = self._known_frame((given.sha256, ratio, fit))
        if frame is None:
            frame = develop(picture or open_picture(given), aspect_ratio=ratio, fit=fit)
            self._keep_frame(frame)
        return frame

    def _known_ratio(self, source_sha256: str) -> str | None:
        with self._lock:
            return self._ratios.get(source_sha256)

    def _known_frame(self, key: tuple[str, str, str | None]) -> Frame | None:
        with self._lock:
            if key not in self._frames:
                return None
            self._frames.move_to_end(key)
            return self._frames[key]

    def _keep_ratio(self, source_sha256: str, ratio: str) -> None:
        with self._lock:
            self._ratios[source_sha256] = ratio
            while len(self._ratios) > _RATIOS_KEPT:
                self._ratios.popitem(last=False)

    def _keep_frame(self, frame: Frame) -> None:
        with self._lock:
            self._frames[(frame.source_sha256, frame.aspect_ratio, frame.fit)] = frame
            while self._frames and (len(self._frames) > self._most_frames or self._size_bytes() > self._most_bytes):
                self._frames.popitem(last=False)

    def _size_bytes(self) -> int:
        return sum(frame.size_bytes for frame in self._frames.values())
