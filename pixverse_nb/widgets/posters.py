"""The poster images of a gallery: one small JPEG for each video, made once.

All videos of the same two pictures start alike. So a poster is the middle frame of its video if the optional
packages that read videos are installed, and otherwise the first picture.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pixverse_nb import images
from pixverse_nb.errors import ConfigError, PixVerseError
from pixverse_nb.render.tiles import Tile

PAGE_PX: Final = 480  # a tile is 200 to 280 CSS pixels wide, on screens with up to two pixels for each
NOTEBOOK_MAX_BYTES: Final = 24_000  # of one poster in a notebook; base64 adds a third
NOTEBOOK_TOTAL_BYTES: Final = 1_600_000  # of all posters of one output
_NOTEBOOK_SIDES_PX: Final = (400, 320, 240, 200, 160, 128, 96)


class Posters:
    """Makes and caches the posters of tiles. Every method can be called from any thread.

    >>> Posters().available(Tile("a1", "seed 7", JobState.DONE))  # None, because there is no video  # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._middle_frames: dict[str, bytes | None] = {}  # by key of the tile
        self._thumbnails: dict[tuple[bytes, int], bytes] = {}  # by digest of the image and longest side

    def available(self, tile: Tile) -> bytes | None:
        """Return the best poster that needs no decoding of the video, or None."""
        image = self._middle_frames.get(tile.key) or tile.poster
        return self._scaled(image, PAGE_PX) if image else None

    def best(self, tile: Tile) -> bytes | None:
        """Return the middle frame, which decodes half of the video the first time, or else what is available."""
        if tile.video is None:
            return None
        if tile.poster_jpeg is None and tile.key not in self._middle_frames:
            self._middle_frames[tile.key] = _read_middle_frame(tile)
        return self.available(tile)

    def has_best(self, tile: Tile) -> bool:
        """Return whether `best` would return the same image as `available`."""
        return tile.video is None or tile.poster_jpeg is not None or tile.key in self._middle_frames

    def forget(self, key: str) -> None:
        """Drop the cached poster of a tile whose video has changed."""
        self._middle_frames.pop(key, None)

    def for_notebook(self, tiles: Sequence[Tile]) -> Mapping[str, bytes]:
        """Return small posters by key, at most 24,000 bytes each, and less if there are many."""
        with_video = [tile for tile in tiles if tile.video is not None]
        max_bytes = min(NOTEBOOK_MAX_BYTES, NOTEBOOK_TOTAL_BYTES // max(1, len(with_video)))
        posters = {}
        for tile, image in zip(with_video, self._images(with_video), strict=True):
            if image:
                posters[tile.key] = self._scaled_below(image, max_bytes)
        return posters

    def for_page(self, tiles: Iterable[Tile]) -> Mapping[str, bytes]:
        """Return the best posters by key, for a standalone page."""
        with_video = [tile for tile in tiles if tile.video is not None]
        with ThreadPoolExecutor() as pool:
            posters = pool.map(self.best, with_video)
        return {tile.key: poster for tile, poster in zip(with_video, posters, strict=True) if poster}

    def _images(self, tiles: Sequence[Tile]) -> list[bytes | None]:
        """Return an image of each tile. A video is decoded only if its tile has no other image."""
        without_image = [tile for tile in tiles if tile.poster is None and tile.key not in self._middle_frames]
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.best, without_image))
        return [self._middle_frames.get(tile.key) or tile.poster for tile in tiles]

    def _scaled_below(self, image: bytes, max_bytes: int) -> bytes:
        for side_px in _NOTEBOOK_SIDES_PX:
            scaled = self._scaled(image, side_px)
            if len(scaled) <= max_bytes:
                break
        return scaled

    def _scaled(self, image: bytes, longest_px: int) -> bytes:
        """Return a thumbnail from the cache, or make it. Many tiles share one first picture."""
        cache_key = hashlib.sha256(image).digest(), longest_px
        if cache_key not in self._thumbnails:
            self._thumbnails[cache_key] = images.thumbnail(image, longest_px=longest_px)
        return self._thumbnails[cache_key]


def _read_middle_frame(tile: Tile) -> bytes | None:
    """Return the middle frame as a JPEG, or None if it cannot be read or the packages are missing."""
    if tile.video is None:
        return None
    try:
        from pixverse_nb.metrics.frames import read_still_jpeg  # needs optional packages

        return read_still_jpeg(tile.video.path, longest_px=PAGE_PX)
    except (ConfigError, PixVerseError):
        return None
