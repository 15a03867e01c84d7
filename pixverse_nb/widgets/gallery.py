"""Gallery: many videos as tiles that fill as their jobs end; sorted, filtered, watched and judged in the page."""

import base64
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.errors import InvalidRequest
from pixverse_nb.render.display import LiveOutput, mime_bundle, show_bundle
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import (
    COMPARED_MAX,
    NO_WINNER,
    Tile,
    caption_from_values,
    differing_fields,
    thumbnails_html,
    thumbnails_text,
    tile_json,
    unique_keys,
)
from pixverse_nb.widgets.assets import bundle_css, bundle_js, standalone_page, write_page
from pixverse_nb.widgets.comm import BackgroundRunner, Batcher, FileStreamer, error_text
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.posters import Posters

NOTE_MAX: Final = 2000
_PUSHED_MAX: Final = 8  # posters that come along unasked with tiles that fill: a busy kernel could not be asked

_NOTHING: Final = "<div></div>"  # for a reader who cannot see a widget, in place of the text
_ALONE: Final = "These are stills: run the cell again to play, sort and judge."

OnVerdict = Callable[[str, Rating], object]
OnOpen = Callable[[Sequence[str]], object]


class Gallery(anywidget.AnyWidget):
    """A gallery of `tiles`; `update` puts new states in, from any thread, and the page fills.

    `on_verdict(key, verdict)` is told what a person says of a tile. `on_open(keys)` opens a comparison of two to nine
    tiles, and only where it is given can tiles be chosen for one; what it returns is shown below the gallery where it
    can show itself. What these raise is said in the page.

    >>> wall = Gallery([Tile("a1", "seed 7", JobState.GENERATING)], title="Steam")
    >>> wall.show_tile(Tile("a1", "seed 7", JobState.FAILED, line="The service had an error."))
    >>> wall.verdicts
    {}
    """

    _esm = bundle_js("gallery")
    _css = bundle_css("gallery")

    title = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)  # until a page says hello; then changes travel as messages
    fallback_class = traitlets.Unicode("").tag(sync=True)  # the class of the stills that a view hides
    can_compare = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode(), maxlen=COMPARED_MAX).tag(sync=True)  # keys, in the order of choosing

    def __init__(
        self,
        tiles: Iterable[Tile] = (),
        *,
        title: str = "",
        on_verdict: OnVerdict | None = None,
        on_open: OnOpen | None = None,
    ) -> None:
        self._tiles: dict[str, Tile] = {}
        self._lock = threading.RLock()  # tiles come from any thread, messages on whichever the kernel takes
        self._on_verdict = on_verdict
        self._on_open = on_open
        self._dispatcher = BackgroundRunner(self._report)
        self._posters = Posters()
        self._supply = FileStreamer(self.send, self._dispatcher)
        self._batches = Batcher(self._deliver, self._dispatcher)
        self._is_heard = False  # a page has said hello
        self._wall: LiveOutput | None = None  # the stills
        self._stage: LiveOutput | None = None  # what `on_open` has returned
        self._put(tiles)
        super().__init__(
            title=title,
            rows=self._all_rows(),
            can_compare=on_open is not None,
            fallback_class=f"pvnb-thumbnails-{uuid.uuid4().hex[:12]}",
        )
        self.on_msg(self._take_message)

    # ---- for who holds it ----

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The tiles as they stand, verdicts included, in the order in which they came."""
        with self._lock:
            return tuple(self._tiles.values())

    @property
    def verdicts(self) -> dict[str, Rating]:
        """What was said of the tiles, by key; tiles of which nothing was said are left out."""
        return {tile.key: tile.rating for tile in self.tiles if not tile.rating.is_empty}

    @property
    def is_closed(self) -> bool:
        """True after `close()`: no page shows it any more."""
        return self.comm is None

    def show_tile(self, tile: Tile) -> None:
        """Put one tile in, or bring it up to date (from any thread)."""
        self.update([tile])

    def update(self, tiles: Iterable[Tile]) -> None:
        """Put tiles in, or bring them up to date, from any thread; what comes at once travels together.

        A tile that is here keeps the verdict that was given here; the order is that of the first coming.
        """
        keys = self._put(tiles)
        if keys:
            self._batches.add(keys)

    def judge(self, key: str, verdict: Rating) -> None:
        """Say something of a tile as the page would; KeyError for a key that is not here.

        A winner without a video is an InvalidRequest.
        """
        with self._lock:
            if not self._tiles[key].can_be_rated(verdict):
                raise InvalidRequest({"verdict": f"{self._tiles[key].caption} {NO_WINNER}"}, sends=False)
            self._tiles[key] = replace(self._tiles[key], rating=verdict)
        self._spread_verdict(key, verdict, view="")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the gallery as one HTML page that plays from disk, without a kernel; returns where it is.

        Films whose file is missing are left out, and the page says so in their place.
        """
        tiles = self.tiles
        stills = self._posters.for_page(tiles)
        state = {
            "title": self.title,
            "rows": [tile_json(tile) for tile in tiles],
            "can_compare": False,
            "selected": [],
            "fallback_class": "",
            "posters": {key: base64.b64encode(still).decode("ascii") for key, still in stills.items()},
        }
        films = _films(tiles)
        title = self.title or "Videos"
        return write_page(path, standalone_page(title, widget="gallery", state=state, videos=films))

    def __repr__(self) -> str:
        return thumbnails_text(self.tiles, title=self.title)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, **self._still_bundle()}, metadata

    def _ipython_display_(self) -> None:
        """Show the gallery and, as an output of its own, its stills, which the gallery hides while it is there.

        A trusted notebook without a kernel shows "model not found" in place of a widget and never looks at the HTML
        beside it; the second output stays. It can also be renewed when all jobs have ended, without taking the
        gallery, with what a person has set in it, off the page.
        """
        data, _ = super()._repr_mimebundle_() or ({}, {})
        show_bundle({**data, **mime_bundle(_NOTHING, repr(self))})
        with self._lock:
            self._stage = LiveOutput(mime_bundle(_NOTHING, "")) if self.can_compare else None
            self._wall = LiveOutput(self._still_bundle())
        self._dispatcher.run_in_thread(self._renew_wall)

    def _still_bundle(self) -> dict[str, str]:
        tiles = self.tiles
        stills = self._posters.for_notebook(tiles)
        html = thumbnails_html(tiles, title=self.title, posters=stills, note=_ALONE, css_class=self.fallback_class)
        return dict(mime_bundle(html, thumbnails_text(tiles, title=self.title)))

    # ---- tiles ----

    def _put(self, tiles: Iterable[Tile]) -> list[str]:
        """Take the tiles in and return the keys of those that are new or other than before."""
        changed = []
        with self._lock:
            for tile in tiles:
                known = self._tiles.get(tile.key)
                kept = replace(tile, rating=known.rating) if known else tile
                if kept == known:
                    continue
                if known and known.video != kept.video:
                    self._posters.forget(tile.key)
                self._tiles[tile.key] = kept
                changed.append(tile.key)
            self._supply.offer(_films(self._tiles.values()))
        return changed

    def _all_rows(self) -> list[dict[str, Any]]:
        return [tile_json(tile) for tile in self.tiles]

    def _deliver(self, keys: Sequence[str]) -> None:
        with self._lock:
            tiles = [self._tiles[key] for key in keys]
            is_heard = self._is_heard
            if is_heard:
                self._send_rows(tiles)
            else:
                self.rows = self._all_rows()
        filled = [tile for tile in tiles if tile.state is JobState.DONE]
        if is_heard and len(filled) <= _PUSHED_MAX:
            self._send_posters(filled)
        self._dispatcher.run_in_thread(self._renew_wall)

    def _renew_wall(self) -> None:
        """Bring the stills of the notebook up to date once all jobs have ended, each from the middle of its film."""
        wall, tiles = self._wall, self.tiles
        if wall is None or not all(tile.state.is_final for tile in tiles):
            return
        for tile in tiles:
            self._posters.best(tile)
        wall.update(self._still_bundle())

    def _send_rows(self, tiles: Iterable[Tile], *, is_intact: bool = False) -> None:
        rows = [tile_json(tile) for tile in tiles]
        self.send({"kind": "tiles", "rows": rows, "is_complete": is_intact, "now": time.time()})

    def _send_posters(self, tiles: Sequence[Tile]) -> None:
        """Send what is at hand first, so that the page fills at once, then what has to be made."""
        for tile in tiles:
            self._send_poster(tile, self._posters.at_hand(tile))
        for tile in tiles:
            if not self._posters.has_best(tile):
                self._send_poster(tile, self._posters.best(tile))

    def _send_poster(self, tile: Tile, still: bytes | None) -> None:
        self.send({"kind": "poster", "key": tile.key}, [still] if still else [])

    # ---- messages of the page ----

    def _take_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        self._dispatcher.run_guarded(lambda: self._act_on(message))

    def _act_on(self, message: object) -> None:
        if not isinstance(message, Mapping) or self._supply.take(message):
            return
        match message.get("kind"):
            case "hello":
                with self._lock:
                    self._is_heard = True
                    self._send_rows(self.tiles, is_intact=True)
            case "posters":
                tiles = self._named(message.get("keys"))
                self._dispatcher.run_in_thread(lambda: self._send_posters(tiles))
            case "rating":
                self._take_verdict(message)
            case "open":
                self._open([tile.key for tile in self._named(message.get("keys"))])
            case _:
                pass  # of a newer or a foreign page

    def _named(self, keys: object) -> list[Tile]:
        """Return the tiles of the keys that a page names; what is no key of ours is passed over."""
        with self._lock:
            names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
            return [self._tiles[key] for key in names if key in self._tiles]

    def _take_verdict(self, message: Mapping[str, object]) -> None:
        key, choice, note = message.get("key"), message.get("choice"), message.get("note")
        if not isinstance(note, str) or len(note) > NOTE_MAX:
            return
        for known in ("", "winner", "rejected"):
            if choice == known and isinstance(key, str) and key in self._tiles:
                verdict = Rating(known, note)
                with self._lock:
                    if not self._tiles[key].can_be_rated(verdict):
                        return
                    self._tiles[key] = replace(self._tiles[key], rating=verdict)
                self._spread_verdict(key, verdict, view=str(message.get("view", "")))

    def _spread_verdict(self, key: str, verdict: Rating, *, view: str) -> None:
        """Tell the other views and the owner, here and now, so that two quick verdicts keep their order."""
        self.send({"kind": "rating", "key": key, "choice": verdict.choice, "note": verdict.note, "view": view})
        if self._on_verdict is not None:
            self._on_verdict(key, verdict)

    def _open(self, keys: Sequence[str]) -> None:
        on_open = self._on_open
        if on_open is not None and 2 <= len(keys) <= COMPARED_MAX:
            self._dispatcher.run_exclusive(lambda: self._show_below(on_open(keys)))

    def _show_below(self, opened: Any) -> None:
        if self._stage is not None and hasattr(opened, "_repr_mimebundle_"):
            data, _ = opened._repr_mimebundle_()
            self._stage.update(data)

    def _report(self, error: Exception) -> None:
        self.send({"kind": "error", "text": error_text(error)})


def gallery(
    videos: Iterable[VideoFile | str | os.PathLike[str]], *, labels: Sequence[str] | None = None, title: str = ""
) -> Gallery:
    """Return a gallery of finished videos (files, Videos or paths); each is called what sets it apart, or `labels`.

    Two to nine of them can be chosen in the page; their comparison opens below.
    A path that is not an mp4 raises DownloadError; another number of labels than of videos is a ValueError.

    >>> gallery(["one.mp4", "two.mp4"], labels=["before", "after"])  # doctest: +SKIP
    """
    files = [video if isinstance(video, VideoFile) else video_file(video) for video in videos]
    if labels is not None and len(labels) != len(files):
        raise ValueError(
            f"There are {len(files)} videos and {len(labels)} labels: give each video one, or none at all."
        )
    axes = differing_fields(files)
    names = labels or [caption_from_values(own) or file.path.stem for own, file in zip(axes, files, strict=True)]
    keys = unique_keys(files)
    tiles = {
        key: Tile(key, name, JobState.DONE, axes=own, video=file)
        for key, name, own, file in zip(keys, names, axes, files, strict=True)
    }
    film_of = dict(zip(keys, files, strict=True))

    def compared(chosen: Sequence[str]) -> Comparison:
        return Comparison([film_of[key] for key in chosen], labels=[tiles[key].caption for key in chosen])

    return Gallery(tiles.values(), title=title, on_open=compared)


def _films(tiles: Iterable[Tile]) -> dict[str, Path]:
    return {tile.key: tile.video.path for tile in tiles if tile.video is not None}
