"""The gallery: many videos as tiles that fill in as their jobs finish; people sort, filter, play and rate them."""

import base64
import os
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.domain.arguments import public_function
from pixverse_nb.domain.jobs import JobSnapshot, JobState, VideoFile
from pixverse_nb.domain.ratings import Rating
from pixverse_nb.domain.validation import safe_repr
from pixverse_nb.errors import InvalidRequest, UnknownItem
from pixverse_nb.redaction import printable
from pixverse_nb.render.display import LiveOutput, can_replace_outputs, mime_bundle, show_bundle
from pixverse_nb.render.player import VideoSource, as_video_file
from pixverse_nb.render.tiles import (
    COMPARED_MAX,
    NO_WINNER,
    Tile,
    default_captions,
    differing_fields,
    job_tile,
    thumbnails_html,
    thumbnails_text,
    tile_json,
    unique_keys,
)
from pixverse_nb.widgets.assets import bundle_css, bundle_js, standalone_page, write_page
from pixverse_nb.widgets.comm import BackgroundRunner, Batcher, FileStreamer, answer_while_busy, error_text
from pixverse_nb.widgets.compare import Comparison
from pixverse_nb.widgets.earlier_runs import close_earlier
from pixverse_nb.widgets.posters import Posters
from pixverse_nb.widgets.videos import find_videos, label_problem

MAX_NOTE_LENGTH: Final = 2000
_MAX_PUSHED_POSTERS: Final = 8  # posters sent with finished tiles, because a busy kernel cannot answer requests

_EMPTY_HTML: Final = "<div></div>"  # shown instead of the text where the widget cannot be displayed
_NO_KERNEL_NOTE: Final = "These are still images. Run the cell again to play, sort and rate the videos."

OnRating = Callable[[str, Rating], object]
OnOpen = Callable[[Sequence[str]], object]


@public_function
def gallery(
    videos: VideoSource | Iterable[VideoSource], *, labels: Sequence[str] | None = None, title: str = ""
) -> "Gallery":
    """Return a gallery of videos, jobs and mp4 files: a list of them, a sweep, a folder or a pattern.

    The files of a folder ("renders/") or pattern ("renders/*.mp4") are sorted by name, with 2 before 10. A
    job that is not finished has a tile that follows it. A sweep gives the gallery of `sweep.gallery()`.

    Each video is labelled with `labels`, or else with the fields that distinguish it from the others. Two to nine
    videos can be selected in the page; their comparison opens below. Raises InvalidRequest if there is no
    video; it names everything that is not a video.

    >>> gallery(["one.mp4", "two.mp4"], labels=["before", "after"])  # doctest: +SKIP
    >>> gallery("renders/*.mp4")  # doctest: +SKIP
    """
    if not isinstance(title, str):
        raise InvalidRequest({"title": f"must be a text, not {type(title).__name__}"}, sends=False)
    if labels is None and callable(own_gallery := getattr(videos, "gallery", None)):
        existing: Gallery = own_gallery()
        existing.title = printable(title) or existing.title
        return existing
    sources = find_videos(videos)
    shown, jobs, wrong = _resolve(sources)
    if problem := label_problem(labels, count=len(sources)):
        wrong["labels"] = problem
    if wrong:
        raise InvalidRequest(wrong, sends=False)
    axes = differing_fields(shown)
    captions = labels or default_captions(shown)
    tiles = [
        job_tile(key, caption, item, axes=values)
        if isinstance(item, JobSnapshot)
        else Tile(key, caption, JobState.DONE, axes=values, video=item)
        for key, caption, values, item in zip(unique_keys(shown), captions, axes, shown, strict=True)
    ]
    new = Gallery(tiles, title=title)
    new.compare_selected()
    for tile, job in zip(tiles, jobs, strict=True):
        if job is not None and not tile.state.is_final:
            _follow(new, tile, job)
    return new


def _resolve(sources: Sequence[Any]) -> tuple[list[VideoFile | JobSnapshot], list[Any], dict[str, str]]:
    """Return each video or the snapshot of its job, the job if there is one, and what is wrong with the others."""
    shown: list[VideoFile | JobSnapshot] = []
    jobs: list[Any] = []
    wrong: dict[str, str] = {}
    for number, source in enumerate(sources):
        job = source if callable(getattr(source, "snapshot", None)) else getattr(source, "job", None)
        try:
            shown.append(as_video_file(source, name=f"videos[{number}]") if job is None else job.snapshot())
            jobs.append(job)
        except InvalidRequest as error:
            wrong |= error.fields
    return shown, jobs, wrong


def _follow(gallery: "Gallery", tile: Tile, job: Any) -> None:
    """Update the tile of a job at every change, until the job has ended or the gallery is gone."""
    reference = weakref.ref(gallery)

    def update(changed: Any) -> None:
        shown = reference()
        snapshot = changed.snapshot()
        if shown is not None and not shown.is_closed:
            shown.update([job_tile(tile.key, tile.caption, snapshot, axes=tile.axes)])
        if shown is None or shown.is_closed or snapshot.state.is_final:
            unsubscribe()

    unsubscribe = job.subscribe(update)
    update(job)  # it may have changed since the tile was made


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

    def close(self) -> None:
        """Remove the gallery from the page; its still images stay. Running its cell again closes it, too."""
        if self.comm is not None:  # else it is closed, or was never complete
            super().close()
            self.layout.close()  # a widget of its own, which ipywidgets keeps

    def compare_selected(self) -> None:
        """Open the comparison of the selected videos below the gallery, if there is no `on_open`."""
        self._on_open = self._on_open or self._compare
        self.can_compare = True

    def _compare(self, keys: Sequence[str]) -> Comparison:
        chosen = [self._tiles[key] for key in keys]
        videos = [tile.video for tile in chosen if tile.video is not None]
        return Comparison(videos, labels=[tile.caption for tile in chosen if tile.video is not None])

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
        """Rate a tile. Raises UnknownItem for an unknown key, and InvalidRequest for a winner without a video."""
        if not isinstance(rating, Rating):
            raise InvalidRequest({"rating": f"must be a Rating, not {type(rating).__name__}"}, sends=False)
        with self._lock:
            if not isinstance(key, str) or key not in self._tiles:
                raise UnknownItem({"key": f"the gallery has no tile {safe_repr(key):.80}"}, sends=False)
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
        if not can_replace_outputs() or self.is_closed:  # a terminal prints each output; no page can show it
            show_bundle(self._images_bundle())
            return
        close_earlier(self)
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
        if not isinstance(key, str) or key not in self._tiles or choice not in ("", "winner", "rejected"):
            return
        if not isinstance(note, str) or len(note) > MAX_NOTE_LENGTH:
            return
        rating = Rating(choice, note)
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
