"""The gallery: many videos as tiles that fill in as their jobs finish; people sort, filter, play and rate them."""

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
from pixverse_nb.redaction import printable
from pixverse_nb.render.display import LiveOutput, can_replace_outputs, mime_bundle, show_bundle
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
from pixverse_nb.widgets.comm import BackgroundRunner, Batcher, FileStreamer, answer_while_busy, error_text
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.posters import Posters

MAX_NOTE_LENGTH: Final = 2000
_MAX_PUSHED_POSTERS: Final = 8  # posters sent with finished tiles, because a busy kernel cannot answer requests

_EMPTY_HTML: Final = "<div></div>"  # shown instead of the text where the widget cannot be displayed
_NO_KERNEL_NOTE: Final = "These are still images. Run the cell again to play, sort and rate the videos."

OnRating = Callable[[str, Rating], object]
OnOpen = Callable[[Sequence[str]], object]


def gallery(
    videos: Iterable[VideoFile | str | os.PathLike[str]], *, labels: Sequence[str] | None = None, title: str = ""
) -> "Gallery":
    """Return a gallery of finished videos: VideoFiles, Videos or paths of mp4 files.

    Each video is labelled with `labels`, or else with the fields that distinguish it from the others. Two to nine
    videos can be selected in the page; their comparison opens below. Raises DownloadError for a path that is not an
    mp4, and ValueError if the numbers of labels and videos differ.

    >>> gallery(["one.mp4", "two.mp4"], labels=["before", "after"])  # doctest: +SKIP
    """
    files = [video if isinstance(video, VideoFile) else video_file(video) for video in videos]
    if labels is not None and len(labels) != len(files):
        raise ValueError(f"labels has {len(labels)} items for {len(files)} videos: pass one label for each, or none.")
    axes = differing_fields(files)
    captions = labels or [caption_from_values(own) or file.path.stem for own, file in zip(axes, files, strict=True)]
    keys = unique_keys(files)
    tiles = {
        key: Tile(key, caption, JobState.DONE, axes=own, video=file)
        for key, caption, own, file in zip(keys, captions, axes, files, strict=True)
    }
    file_by_key = dict(zip(keys, files, strict=True))

    def compare_selected(selected: Sequence[str]) -> Comparison:
        return Comparison([file_by_key[key] for key in selected], labels=[tiles[key].caption for key in selected])

    return Gallery(tiles.values(), title=title, on_open=compare_selected)


class Gallery(anywidget.AnyWidget):
    """A gallery of `tiles`. `update` adds and changes tiles from any thread.

    `on_rating(key, rating)` gets each rating that a person gives. `on_open(keys)` opens a comparison of two to nine
    tiles; if it is given, tiles can be selected for one, and what it returns is displayed below the gallery. The page
    shows errors that these callbacks raise.

    >>> gallery = Gallery([Tile("a1", "seed 7", JobState.GENERATING)], title="Steam")
    >>> gallery.show_tile(Tile("a1", "seed 7", JobState.FAILED, detail="The service had an error."))
    >>> gallery.ratings
    {}
    """

    _esm = bundle_js("gallery")
    _css = bundle_css("gallery")

    title = traitlets.Unicode("").tag(sync=True)
    rows = traitlets.List(traitlets.Dict()).tag(sync=True)  # until a page says hello; then changes are sent as messages
    fallback_class = traitlets.Unicode("").tag(sync=True)  # the class of the still images, which a live view hides
    can_compare = traitlets.Bool(False).tag(sync=True)
    selected = traitlets.List(traitlets.Unicode(), maxlen=COMPARED_MAX).tag(sync=True)  # keys in the order of selection

    def __init__(
        self,
        tiles: Iterable[Tile] = (),
        *,
        title: str = "",
        on_rating: OnRating | None = None,
        on_open: OnOpen | None = None,
    ) -> None:
        self._tiles: dict[str, Tile] = {}
        self._lock = threading.RLock()  # tiles come from any thread, and messages too
        self._on_rating = on_rating
        self._on_open = on_open
        self._runner = BackgroundRunner(self._show_error)
        self._posters = Posters()
        self._streamer = FileStreamer(self.send, self._runner)
        self._batcher = Batcher(self._send_changes, self._runner)
        self._has_page = False  # True once a page has said hello
        self._images_output: LiveOutput | None = None
        self._comparison_output: LiveOutput | None = None
        self._merge(tiles)
        super().__init__(
            title=printable(title),
            rows=[tile_json(tile) for tile in self.tiles],
            can_compare=on_open is not None,
            fallback_class=f"pvnb-thumbnails-{uuid.uuid4().hex[:12]}",
        )
        self.on_msg(self._on_message)
        answer_while_busy(self)

    # ---- tiles and ratings ----

    @property
    def tiles(self) -> tuple[Tile, ...]:
        """The current tiles with their ratings, in the order in which they were added."""
        with self._lock:
            return tuple(self._tiles.values())

    @property
    def ratings(self) -> dict[str, Rating]:
        """The ratings by key. Unrated tiles are left out."""
        return {tile.key: tile.rating for tile in self.tiles if not tile.rating.is_empty}

    @property
    def is_closed(self) -> bool:
        """True after `close()`."""
        return self.comm is None

    def show_tile(self, tile: Tile) -> None:
        """Add or change one tile, from any thread."""
        self.update([tile])

    def update(self, tiles: Iterable[Tile]) -> None:
        """Add or change tiles, from any thread. Changes within a tenth of a second are sent together.

        A tile that is already shown keeps its rating and its position.
        """
        keys = self._merge(tiles)
        if keys:
            self._batcher.add(keys)

    def rate(self, key: str, rating: Rating) -> None:
        """Rate a tile. Raises KeyError for an unknown key, and InvalidRequest for a winner without a video."""
        with self._lock:
            if not self._tiles[key].can_be_rated(rating):
                raise InvalidRequest({"rating": f"{self._tiles[key].caption} {NO_WINNER}"}, sends=False)
            self._tiles[key] = replace(self._tiles[key], rating=rating)
        self._publish_rating(key, rating, view="")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the gallery as one HTML page that plays from disk without a kernel, and return the path.

        A video whose file is missing is left out, and the page says so in its place.
        """
        tiles = self.tiles
        posters = self._posters.for_page(tiles)
        state = {
            "title": self.title,
            "rows": [tile_json(tile) for tile in tiles],
            "can_compare": False,
            "selected": [],
            "fallback_class": "",
            "posters": {key: base64.b64encode(jpeg).decode("ascii") for key, jpeg in posters.items()},
        }
        title = self.title or "Videos"
        return write_page(path, standalone_page(title, widget="gallery", state=state, videos=_video_paths(tiles)))

    # ---- display ----

    def __repr__(self) -> str:
        return thumbnails_text(self.tiles, title=self.title)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, **self._images_bundle()}, metadata

    def _ipython_display_(self) -> None:
        """Show the gallery, and its still images as a separate output, which a live gallery hides.

        A trusted notebook without a kernel shows "model not found" in place of a widget and ignores the HTML of the
        same output. The separate output stays, and can be updated when all jobs have finished without resetting what
        a person has set in the gallery.
        """
        if not can_replace_outputs():  # a terminal prints each output
            show_bundle(self._images_bundle())
            return
        data, _ = super()._repr_mimebundle_() or ({}, {})
        show_bundle({**data, **mime_bundle(_EMPTY_HTML, repr(self))})
        with self._lock:
            self._comparison_output = LiveOutput(mime_bundle(_EMPTY_HTML, "")) if self.can_compare else None
            self._images_output = LiveOutput(self._images_bundle())
        self._runner.run_in_thread(self._refresh_images)

    def _images_bundle(self) -> dict[str, str]:
        tiles = self.tiles
        html = thumbnails_html(
            tiles,
            title=self.title,
            posters=self._posters.for_notebook(tiles),
            note=_NO_KERNEL_NOTE,
            css_class=self.fallback_class,
        )
        return dict(mime_bundle(html, thumbnails_text(tiles, title=self.title)))

    def _refresh_images(self) -> None:
        """Update the still images once all jobs have finished, each with the middle frame of its video."""
        output, tiles = self._images_output, self.tiles
        if output is None or not all(tile.state.is_final for tile in tiles):
            return
        for tile in tiles:
            self._posters.best(tile)
        output.update(self._images_bundle())

    # ---- changes of tiles ----

    def _merge(self, tiles: Iterable[Tile]) -> list[str]:
        """Store the tiles and return the keys of those that are new or changed."""
        changed = []
        with self._lock:
            for tile in tiles:
                old = self._tiles.get(tile.key)
                new = replace(tile, rating=old.rating) if old else tile
                if new == old:
                    continue
                if old and old.video != new.video:
                    self._posters.forget(tile.key)
                self._tiles[tile.key] = new
                changed.append(tile.key)
            self._streamer.set_files(_video_paths(self._tiles.values()))
        return changed

    def _send_changes(self, keys: Sequence[str]) -> None:
        with self._lock:
            changed = [self._tiles[key] for key in keys]
            has_page = self._has_page
            if has_page:
                self._send_tiles(changed)
            else:
                self.rows = [tile_json(tile) for tile in self.tiles]
        finished = [tile for tile in changed if tile.state is JobState.DONE]
        if has_page and len(finished) <= _MAX_PUSHED_POSTERS:
            self._send_posters(finished)
        self._runner.run_in_thread(self._refresh_images)

    def _send_tiles(self, tiles: Iterable[Tile], *, is_complete: bool = False) -> None:
        rows = [tile_json(tile) for tile in tiles]
        self.send({"kind": "tiles", "rows": rows, "is_complete": is_complete, "now": time.time()})

    def _send_posters(self, tiles: Sequence[Tile]) -> None:
        """Send the available posters first, so that the page fills at once, and then the better ones."""
        for tile in tiles:
            self._send_poster(tile, self._posters.available(tile))
        for tile in tiles:
            if not self._posters.has_best(tile):
                self._send_poster(tile, self._posters.best(tile))

    def _send_poster(self, tile: Tile, jpeg: bytes | None) -> None:
        self.send({"kind": "poster", "key": tile.key}, [jpeg] if jpeg else [])

    # ---- messages of the page ----

    def _on_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        self._runner.run_guarded(lambda: self._handle_message(message))

    def _handle_message(self, message: object) -> None:
        if not isinstance(message, Mapping) or self._streamer.handle_message(message):
            return
        match message.get("kind"):
            case "hello":
                with self._lock:
                    self._has_page = True
                    self._send_tiles(self.tiles, is_complete=True)
            case "posters":
                tiles = self._find_tiles(message.get("keys"))
                self._runner.run_in_thread(lambda: self._send_posters(tiles))
            case "rating":
                self._receive_rating(message)
            case "open":
                self._open_comparison([tile.key for tile in self._find_tiles(message.get("keys"))])
            case _:
                pass  # from another version of the page

    def _find_tiles(self, keys: object) -> list[Tile]:
        """Return the tiles that a page names. Unknown keys are ignored."""
        with self._lock:
            names = [key for key in keys if isinstance(key, str)] if isinstance(keys, list) else []
            return [self._tiles[key] for key in names if key in self._tiles]

    def _receive_rating(self, message: Mapping[str, object]) -> None:
        key, choice, note = message.get("key"), message.get("choice"), message.get("note")
        if not isinstance(note, str) or len(note) > MAX_NOTE_LENGTH:
            return
        for valid_choice in ("", "winner", "rejected"):
            if choice == valid_choice and isinstance(key, str) and key in self._tiles:
                rating = Rating(valid_choice, note)
                with self._lock:
                    if not self._tiles[key].can_be_rated(rating):
                        return
                    self._tiles[key] = replace(self._tiles[key], rating=rating)
                self._publish_rating(key, rating, view=str(message.get("view", "")))

    def _publish_rating(self, key: str, rating: Rating, *, view: str) -> None:
        """Send the rating to the other views and the callback on this thread, so that quick ratings stay in order."""
        self.send({"kind": "rating", "key": key, "choice": rating.choice, "note": rating.note, "view": view})
        if self._on_rating is not None:
            self._on_rating(key, rating)

    def _open_comparison(self, keys: Sequence[str]) -> None:
        on_open = self._on_open
        if on_open is not None and 2 <= len(keys) <= COMPARED_MAX:
            self._runner.run_exclusive(lambda: self._show_comparison(on_open(keys)))

    def _show_comparison(self, comparison: Any) -> None:
        """Show the comparison in the output below, and tell the page, which shows it itself if that is not there.

        The output is not updated in a Box, in a second view, or after the page was loaded again.
        """
        if not hasattr(comparison, "_repr_mimebundle_"):
            return
        if self._comparison_output is not None:
            data, _ = comparison._repr_mimebundle_()
            self._comparison_output.update(data)
        model_id = getattr(comparison, "model_id", None)
        if model_id is not None:
            self.send({"kind": "comparison", "model_id": model_id, "mark": comparison.fallback_class})

    def _show_error(self, error: Exception) -> None:
        self.send({"kind": "error", "text": error_text(error)})


def _video_paths(tiles: Iterable[Tile]) -> dict[str, Path]:
    return {tile.key: tile.video.path for tile in tiles if tile.video is not None}
