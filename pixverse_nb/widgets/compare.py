"""Comparison: videos under one scrubber, kept in step; side by side, wiped, subtracted, or judged two at a time."""

import base64
import json
import os
import random
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import DuelResult, PairwiseVote, RankEntry, next_pair, rank
from pixverse_nb.errors import DownloadError, InvalidRequest
from pixverse_nb.redaction import redact
from pixverse_nb.render.display import LiveOutput, mime_bundle, show_bundle
from pixverse_nb.render.player import video_file
from pixverse_nb.render.tiles import (
    COMPARED_MAX,
    Tile,
    caption_from_values,
    differing_fields,
    thumbnails_html,
    thumbnails_text,
    unique_keys,
)
from pixverse_nb.widgets.assets import bundle_css, bundle_js, standalone_page, write_page
from pixverse_nb.widgets.comm import BackgroundRunner, FileStreamer, error_text
from pixverse_nb.widgets.posters import Posters

FRAME_RATE: Final = 24.0  # what the vendor makes

_ALONE: Final = "These are stills: run the cell again to play the videos in step."
_SCHEDULE_MAX: Final = 200  # pairs that a page without a kernel can offer
_RESULTS: Final[Mapping[str, DuelResult]] = {">": "left", "<": "right", "=": "tie"}
_TOLD: Final = re.compile(r"^\s*(v\d+)\s*([<>=])\s*(v\d+)\s*$", re.MULTILINE)

Watchable = VideoFile | str | os.PathLike[str]
OnDuel = Callable[[PairwiseVote], object]


class Comparison(anywidget.AnyWidget):
    """A comparison of 2 to 9 videos, or with `blind=True` of any number, judged two at a time under no name.

    `videos` are VideoFiles, Videos or paths of mp4s; `labels` say what sets each apart (otherwise what differs in the
    requests, or the file's name), `keys` name them for good in duels (otherwise the sha256 of the file). `seed` draws
    order and pairs. `on_duel(duel)` is told each judgement of the page; `duels` are earlier ones. `frame_rate` is in
    frames a second. `note` is a sentence above the videos. Everything that is wrong is named in one InvalidRequest.

    >>> Comparison(["one.mp4"])
    Traceback (most recent call last):
    pixverse_nb.errors.InvalidRequest: 2 arguments are wrong.
      videos: give at least 2 to compare; here is 1
      videos[0]: The video file cannot be read (No such file or directory). Check its path and permissions.
    """

    _esm = bundle_js("compare")
    _css = bundle_css("compare")

    title = traitlets.Unicode("").tag(sync=True)
    videos = traitlets.List(traitlets.Dict()).tag(sync=True)  # slot, label, ratio; while it is blind without a label
    is_blind = traitlets.Bool(False).tag(sync=True)
    pair = traitlets.List(traitlets.Unicode()).tag(sync=True)  # the slots to be judged next, left and right
    vote_count = traitlets.Int(0).tag(sync=True)
    ranks = traitlets.List(traitlets.Dict()).tag(sync=True)  # the best first; none while it is blind
    frame_rate = traitlets.Float(FRAME_RATE).tag(sync=True)
    fallback_class = traitlets.Unicode("").tag(sync=True)  # the class of the stills that a view hides
    note = traitlets.Unicode("").tag(sync=True)  # what is to be known of the choice of videos
    message = traitlets.Unicode("").tag(sync=True)  # what is wrong, in words

    def __init__(  # noqa: PLR0913 - one for each trait
        self,
        videos: Iterable[Watchable],
        *,
        labels: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        blind: bool = False,
        seed: int = 0,
        on_duel: OnDuel | None = None,
        duels: Iterable[PairwiseVote] = (),
        title: str = "",
        note: str = "",
        frame_rate: float = FRAME_RATE,
        now: Callable[[], float] = time.time,
    ) -> None:
        files, names = _checked(list(videos), labels=labels, keys=keys, blind=blind, frame_rate=frame_rate)
        self._files = dict(zip(names, files, strict=True))
        self._labels = dict(zip(names, labels or _labels(files), strict=True))
        self._slots = _slots(names, seed=seed if blind else None)
        self._seed = seed
        self._on_duel = on_duel
        self._now = now
        self._duels = list(duels)
        self._lock = threading.RLock()  # messages come on different threads
        self._posters = Posters()
        self._stills: LiveOutput | None = None
        self._dispatcher = BackgroundRunner(self._report)
        super().__init__(
            title=title,
            note=redact(note),
            is_blind=blind,
            frame_rate=frame_rate,
            fallback_class=f"pvnb-thumbnails-{uuid.uuid4().hex[:12]}",
        )
        self._supply = FileStreamer(self.send, self._dispatcher)
        self._supply.offer({slot: self._files[key].path for slot, key in self._slots.items()})
        self._tell()
        self.on_msg(self._take_message)

    # ---- for who holds it ----

    @property
    def duels(self) -> tuple[PairwiseVote, ...]:
        """Every judgement so far, the oldest first, those that were given at the beginning included."""
        with self._lock:
            return tuple(self._duels)

    def ranking(self) -> tuple[RankEntry, ...]:
        """Return the ranking from the votes so far, best first (see `pixverse_nb.domain.ratings`)."""
        return rank(self.duels, list(self._files))

    def judge(self, left: str, right: str, result: DuelResult) -> PairwiseVote:
        """Say of two videos, by their keys, which one is better, as the page would; KeyError for an unknown key."""
        for key in (left, right):
            if key not in self._files:
                raise KeyError(key)
        with self._lock:
            duel = PairwiseVote(left, right, result, at=self._now(), is_blind=self.is_blind)
            self._duels.append(duel)
            self._tell()
        if self._on_duel is not None:
            self._on_duel(duel)
        return duel

    def reveal(self) -> None:
        """Show the names and the ranking; judgements from now on are not blind."""
        with self._lock:
            self.is_blind = False
            self._tell()
        if self._stills is not None:
            self._stills.update(self._still_bundle())

    def take_result(self, text: str) -> tuple[PairwiseVote, ...]:
        """Take in what was copied from a saved page of this comparison, and return the judgements in it.

        Each line is one: "v3 > v1" where the left one is better, "<" where the right one is, "=" where neither.
        """
        told = [(self._slots.get(left), sign, self._slots.get(right)) for left, sign, right in _TOLD.findall(text)]
        return tuple(self.judge(left, right, _RESULTS[sign]) for left, sign, right in told if left and right)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison as one HTML page that plays from disk, without a kernel; returns where it is.

        A film whose file is missing is left out, and the page says so in its place. In a blind page the names are
        sealed, not secret: who reads its source finds them.
        """
        with self._lock:
            state: dict[str, object] = {
                "title": "",  # the page bears it
                "videos": self.videos,
                "is_blind": self.is_blind,
                "vote_count": 0 if self.is_blind else self.vote_count,
                "ranks": self.ranks,
                "frame_rate": self.frame_rate,
                "note": self.note,
                "message": "",
                "fallback_class": "",
                "hidden_labels": base64.b64encode(json.dumps(self._names()).encode()).decode("ascii"),
                "schedule": self._schedule() if self.is_blind else [],
                "pair": self.pair,
            }
        films = {slot: self._files[key].path for slot, key in self._slots.items()}
        title = self.title or f"{len(self._files)} videos compared"
        return write_page(path, standalone_page(title, widget="compare", state=state, videos=films))

    def __repr__(self) -> str:
        text = thumbnails_text(self._tiles(), title=self.title or "Comparison")
        return f"{text}\n  {self.note}" if self.note else text

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, **self._still_bundle()}, metadata

    def _ipython_display_(self) -> None:
        """Show the player and, as an output of its own, the stills, which the player hides while it is there.

        A trusted notebook without a kernel shows "model not found" in place of a widget and never looks at the HTML
        beside it; the second output stays.
        """
        data, _ = super()._repr_mimebundle_() or ({}, {})
        show_bundle({**data, "text/plain": repr(self)})
        self._stills = LiveOutput(self._still_bundle())

    # ---- what the page is told; the caller holds the lock ----

    def _tell(self) -> None:
        keys = list(self._slots.values())
        slot_of = {key: slot for slot, key in self._slots.items()}
        names = self._names()
        counted = [duel for duel in self._duels if duel.left in self._files and duel.right in self._files]
        with self.hold_sync():
            self.videos = [
                {"slot": slot, "label": "" if self.is_blind else names[slot], "ratio": _ratio(self._files[key])}
                for slot, key in self._slots.items()
            ]
            self.pair = [slot_of[key] for key in next_pair(counted, keys, seed=self._seed) or ()]
            self.vote_count = len(counted)
            is_open = bool(counted) and not self.is_blind
            self.ranks = [
                {
                    "slot": slot_of[standing.key],
                    "label": names[slot_of[standing.key]],
                    "score": round(standing.score),
                    "wins": standing.wins,
                    "losses": standing.losses,
                    "ties": standing.ties,
                    "place": standing.place,
                }
                for standing in (rank(counted, list(self._files)) if is_open else ())
            ]

    def _names(self) -> dict[str, str]:
        return {slot: redact(self._labels[key]) for slot, key in self._slots.items()}

    def _schedule(self) -> list[list[str]]:
        """Return pairs for a page that cannot ask for the next one: as if nothing could be told from the answers."""
        slots = list(self._slots)
        even: list[PairwiseVote] = []
        for _ in range(min(_SCHEDULE_MAX, len(slots) * (len(slots) - 1) // 2)):
            left, right = next_pair(even, slots, seed=self._seed) or ("", "")
            even.append(PairwiseVote(left, right, "tie", at=0.0))
        return [self.pair, *([duel.left, duel.right] for duel in even if {duel.left, duel.right} != set(self.pair))]

    def _tiles(self) -> list[Tile]:
        names = self._names()
        captions = {slot: f"Video {number}" if self.is_blind else names[slot] for number, slot in enumerate(names, 1)}
        order = [row["slot"] for row in self.ranks] or list(self._slots)
        keys = {slot: self._slots[slot] for slot in order}
        return [Tile(key, captions[slot], JobState.DONE, video=self._files[key]) for slot, key in keys.items()]

    def _still_bundle(self) -> dict[str, str]:
        tiles = self._tiles()
        stills = self._posters.for_notebook(tiles)
        unjudged = sum(row["place"] is None for row in self.ranks)
        rest = f"; the last {unjudged} not judged yet" if unjudged else ""
        ranked = f"Ranked by {_count(self.vote_count, 'judgement')}, the best first{rest}. " if self.ranks else ""
        said = f"{self.note}. " if self.note else ""
        html = thumbnails_html(
            tiles, title=self.title, posters=stills, note=said + ranked + _ALONE, css_class=self.fallback_class
        )
        return dict(mime_bundle(html, repr(self)))

    # ---- messages of the page ----

    def _take_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        self._dispatcher.run_guarded(lambda: self._act_on(message))

    def _act_on(self, message: object) -> None:
        if not isinstance(message, Mapping) or self._supply.take(message):
            return
        match message.get("kind"):
            case "vote":
                self._take_duel(message)
            case "reveal":
                self.reveal()
            case _:
                pass  # of a newer or a foreign page

    def _take_duel(self, message: Mapping[str, object]) -> None:
        """Record an answer to the pair that is asked for; one to an older pair is an answer given twice."""
        result = message.get("result")
        with self._lock:
            if [message.get("left"), message.get("right")] != self.pair:
                return
            left, right = (self._slots[slot] for slot in self.pair)
        for known in _RESULTS.values():
            if result == known:
                self.judge(left, right, known)

    def _report(self, error: Exception) -> None:
        self.message = error_text(error)


def compare(
    *videos: Watchable,
    labels: Sequence[str] | None = None,
    blind: bool = False,
    seed: int = 0,
    title: str = "",
    frame_rate: float = FRAME_RATE,
) -> Comparison:
    """Return a comparison of these videos (files, Videos or paths); as the last expression of a cell it shows itself.

    >>> compare("one.mp4", "two.mp4", labels=["before", "after"])  # doctest: +SKIP
    >>> compare(*videos, blind=True).ranking()  # doctest: +SKIP
    """
    return Comparison(videos, labels=labels, blind=blind, seed=seed, title=title, frame_rate=frame_rate)


def _checked(  # noqa: C901 - one check per field of a message
    videos: Sequence[Watchable],
    *,
    labels: Sequence[str] | None,
    keys: Sequence[str] | None,
    blind: bool,
    frame_rate: float,
) -> tuple[list[VideoFile], list[str]]:
    """Return the files and their keys, or raise InvalidRequest with everything that is wrong."""
    faults: dict[str, str] = {}
    if len(videos) < 2:
        faults["videos"] = f"give at least 2 to compare; here {_are(len(videos))}"
    elif len(videos) > COMPARED_MAX and not blind:
        faults["videos"] = (
            f"at most {COMPARED_MAX} fit under one scrubber and here are {len(videos)}: leave out "
            f"{len(videos) - COMPARED_MAX}, or pass blind=True to judge them two at a time"
        )
    files = []
    for place, video in enumerate(videos):
        try:
            files.append(video if isinstance(video, VideoFile) else video_file(video))
        except DownloadError as error:
            faults[f"videos[{place}]"] = redact(str(error))
        except TypeError:
            faults[f"videos[{place}]"] = f"give a video or the path of an mp4, not {type(video).__name__}"
    for name, given in (("labels", labels), ("keys", keys)):
        if given is not None and len(given) != len(videos):
            faults[name] = f"give one for each of the {len(videos)} videos; here {_are(len(given))}"
    if keys is not None and len(set(keys)) != len(keys):
        faults["keys"] = "give each video a key of its own; here one comes twice"
    if not 1 <= frame_rate <= 240:
        faults["frame_rate"] = f"give frames a second, 1 to 240; here is {frame_rate}"
    if faults:
        raise InvalidRequest(faults, sends=False)
    return files, list(keys) if keys is not None else unique_keys(files)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _labels(files: Sequence[VideoFile]) -> list[str]:
    return [
        caption_from_values(own) or file.path.stem for own, file in zip(differing_fields(files), files, strict=True)
    ]


def _slots(keys: Sequence[str], *, seed: int | None) -> dict[str, str]:
    """Return what the page calls each video, in the order in which it is shown; with a seed that order is drawn."""
    order = list(keys)
    if seed is not None:
        random.Random(seed).shuffle(order)  # noqa: S311  a draw that can be repeated, not a secret
    return {f"v{number}": key for number, key in enumerate(order, 1)}


def _ratio(file: VideoFile) -> float | None:
    return round(file.width / file.height, 4) if file.width and file.height else None
