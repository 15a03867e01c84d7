"""Posters: the stills of a gallery, made once each, and as small as they must be.

All videos of the same two pictures begin alike, so the still of a tile is taken from the middle of its film where the
packages for that are there, and is the first picture where they are not.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from pixverse_nb import images
from pixverse_nb.errors import ConfigError, PixVerseError
from pixverse_nb.render.tiles import Tile

PAGE_PX: Final = 480  # a tile is 200 to 280 px wide, on screens of up to twice as many points
STILL_MAX_BYTES: Final = 24_000  # in a notebook, where base64 makes a third more of it
WALL_MAX_BYTES: Final = 1_600_000  # all stills of one output together
_SIDES_PX: Final = (400, 320, 240, 200, 160, 128, 96)


class Posters:
    """The stills by tile; everything may be called from any thread.

    >>> Posters().at_hand(Tile("a1", "seed 7", JobState.DONE))  # no video, no still   # doctest: +SKIP
    """

    def __init__(self) -> None:
        self._middles: dict[str, bytes | None] = {}  # key of a tile to what its film gave
        self._small: dict[tuple[bytes, int], bytes] = {}  # digest of a picture and its longest side

    def at_hand(self, tile: Tile) -> bytes | None:
        """Return the best still that costs nothing to make, for a page; None where there is none."""
        source = self._middles.get(tile.key) or tile.poster
        return self._scaled(source, PAGE_PX) if source else None

    def best(self, tile: Tile) -> bytes | None:
        """Return the still from the middle of the film, at the cost of decoding half of it, else what is at hand."""
        if tile.video is None:
            return None
        if tile.poster_jpeg is None and tile.key not in self._middles:
            self._middles[tile.key] = _middle(tile)
        return self.at_hand(tile)

    def has_best(self, tile: Tile) -> bool:
        """True where `best` gives no other still than `at_hand`."""
        return tile.video is None or tile.poster_jpeg is not None or tile.key in self._middles

    def forget(self, key: str) -> None:
        """Make the still of this tile anew when it is next asked for: it has another film."""
        self._middles.pop(key, None)

    def for_notebook(self, tiles: Sequence[Tile]) -> Mapping[str, bytes]:
        """Return small stills by key: at most 24,000 bytes each, and less when there are many."""
        with_video = [tile for tile in tiles if tile.video is not None]
        most_bytes = min(STILL_MAX_BYTES, WALL_MAX_BYTES // max(1, len(with_video)))
        stills = {}
        for tile, source in zip(with_video, self._sources(with_video), strict=True):
            if source:
                stills[tile.key] = self._at_most(source, most_bytes)
        return stills

    def for_page(self, tiles: Iterable[Tile]) -> Mapping[str, bytes]:
        """Return the best stills by key, for a page that stands alone."""
        with_video = [tile for tile in tiles if tile.video is not None]
        with ThreadPoolExecutor() as pool:
            stills = pool.map(self.best, with_video)
        return {tile.key: still for tile, still in zip(with_video, stills, strict=True) if still}

    def _sources(self, tiles: Sequence[Tile]) -> list[bytes | None]:
        """Return a picture of each tile; a film is only opened where there is no other, as for a bare file."""
        bare = [tile for tile in tiles if tile.poster is None and tile.key not in self._middles]
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.best, bare))
        return [self._middles.get(tile.key) or tile.poster for tile in tiles]

    def _at_most(self, source: bytes, most_bytes: int) -> bytes:
        for side in _SIDES_PX:
            still = self._scaled(source, side)
            if len(still) <= most_bytes:
                break
        return still

    def _scaled(self, source: bytes, longest_px: int) -> bytes:
        """Return `source` with its longest side scaled down; many tiles share one first picture, which is made once."""
        known = hashlib.sha256(source).digest(), longest_px
        if known not in self._small:
            self._small[known] = images.thumbnail(source, longest_px=longest_px)
        return self._small[known]


def _middle(tile: Tile) -> bytes | None:
    """Return the middle of the film, or None where the packages are missing or the film gives none."""
    if tile.video is None:
        return None
    try:
        from pixverse_nb.metrics.frames import read_still_jpeg  # its packages are an optional part

        return read_still_jpeg(tile.video.path, longest_px=PAGE_PX)
    except (ConfigError, PixVerseError):
        return None
