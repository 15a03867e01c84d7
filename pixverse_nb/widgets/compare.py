"""The comparison: videos that play in sync; side by side, as a wipe, as a difference, or two at a time for votes."""

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

from pixverse_nb.domain.arguments import ANY_INTEGER, COUNT, NOTE, TITLE_MAX, checked, public_function
from pixverse_nb.domain.jobs import JobState, VideoFile
from pixverse_nb.domain.ratings import PairwiseVote, RankEntry, VoteResult, next_pair, rank
from pixverse_nb.domain.validation import Flag, Number, OneOf, Rule, Text, as_float, safe_repr, validate
from pixverse_nb.errors import InvalidRequest, UnknownItem
from pixverse_nb.redaction import printable, redact
from pixverse_nb.render.display import LiveOutput, can_replace_outputs, mime_bundle, show_bundle
from pixverse_nb.render.player import VideoSource, as_video_file
from pixverse_nb.render.sweep_tables import ranking_table
from pixverse_nb.render.table import TableTuple
from pixverse_nb.render.tiles import (
    COMPARED_MAX,
    Tile,
    default_captions,
    thumbnails_html,
    thumbnails_text,
    unique_keys,
)
from pixverse_nb.widgets.assets import bundle_css, bundle_js, standalone_page, write_page
from pixverse_nb.widgets.comm import BackgroundRunner, FileStreamer, answer_while_busy, error_text
from pixverse_nb.widgets.earlier_runs import close_earlier
from pixverse_nb.widgets.posters import Posters
from pixverse_nb.widgets.videos import find_videos, label_problem

FRAME_RATE: Final = 24.0  # of the vendor's videos

_NO_KERNEL_NOTE: Final = "These are still images. Run the cell again to play the videos in sync."
_MAX_SCHEDULED_PAIRS: Final = 200  # in a page without a kernel
_RULES: Final[Mapping[str, Rule]] = {
    "blind": Flag(),
    "seed": ANY_INTEGER,
    "title": Text(TITLE_MAX),
    "note": Text(NOTE.longest),
    "frame_rate": Number(1, 240, "a number from 1 to 240 (frames per second)"),
}
_RESULT_BY_SIGN: Final[Mapping[str, VoteResult]] = {">": "left", "<": "right", "=": "tie"}
_VOTE_LINE: Final = re.compile(r"^\s*(v\d+)\s*([<>=])\s*(v\d+)\s*$", re.MULTILINE)

OnVote = Callable[[PairwiseVote], object]


@public_function
def compare(
    *videos: VideoSource | Iterable[VideoSource],
    labels: Sequence[str] | None = None,
    blind: bool = False,
    seed: int = 0,
    title: str = "",
    frame_rate: float = FRAME_RATE,
) -> "Comparison":
    """Return a comparison of videos, finished jobs or mp4 files. As the last expression of a cell, it is shown.

    `labels` name the videos; the default is what differs between them. Up to 9 videos play in sync. With `blind=True`,
    any number is shown two at a time without names, in an order drawn with `seed`. `frame_rate` is in frames per
    second, 1 to 240. Raises InvalidRequest with all problems.

    >>> compare("one.mp4", "two.mp4", labels=["before", "after"])  # doctest: +SKIP
    >>> compare(*videos, blind=True).ranking()  # doctest: +SKIP
    """
    return Comparison(find_videos(videos), labels=labels, blind=blind, seed=seed, title=title, frame_rate=frame_rate)


class Comparison(anywidget.AnyWidget):
    """A comparison of 2 to 9 videos, or with `blind=True` of any number, shown two at a time without names.

    `videos` are VideoFiles, Videos or paths of mp4 files. `labels` name them in the page; the default is what differs
    between the requests, or the file name. `keys` identify them in votes; the default is the sha256 of the file.
    `seed` determines the order and the pairs. `on_vote(vote)` gets each vote, and `votes` are earlier ones.
    `frame_rate` is in frames per second, 1 to 240. `note` is shown above the videos. Raises InvalidRequest with all
    problems.

    >>> Comparison(["one.mp4"])
    Traceback (most recent call last):
    pixverse_nb.errors.InvalidRequest: 2 arguments are wrong.
      videos: pass at least 2 videos, not 1
      videos[0]: The video file cannot be read (No such file or directory). Check its path and permissions.
    """

    _esm = bundle_js("compare")
    _css = bundle_css("compare")

    title = traitlets.Unicode("").tag(sync=True)
    videos = traitlets.List(traitlets.Dict()).tag(sync=True)  # slot, label, ratio; the label is empty while blind
    is_blind = traitlets.Bool(False).tag(sync=True)
    pair = traitlets.List(traitlets.Unicode()).tag(sync=True)  # the slots of the next vote, left and right
    vote_count = traitlets.Int(0).tag(sync=True)
    ranks = traitlets.List(traitlets.Dict()).tag(sync=True)  # best first; empty while blind
    frame_rate = traitlets.Float(FRAME_RATE).tag(sync=True)
    fallback_class = traitlets.Unicode("").tag(sync=True)  # the class of the still images, which a live view hides
    note = traitlets.Unicode("").tag(sync=True)  # a remark on the choice of videos
    message = traitlets.Unicode("").tag(sync=True)  # the text of an error, or ""

    def __init__(  # noqa: PLR0913 - one for each trait
        self,
        videos: Iterable[VideoSource],
        *,
        labels: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        blind: bool = False,
        seed: int = 0,
        on_vote: OnVote | None = None,
        votes: Iterable[PairwiseVote] = (),
        title: str = "",
        note: str = "",
        frame_rate: float = FRAME_RATE,
        now: Callable[[], float] = time.time,
    ) -> None:
        given = {"blind": blind, "seed": seed, "title": title, "note": note, "frame_rate": frame_rate}
        valid, wrong = validate(_RULES, given)
        blind, seed = valid.get("blind", False), valid.get("seed", 0)
        files, video_keys = _validate(list(videos), labels=labels, keys=keys, blind=blind, problems=wrong)
        self._files = dict(zip(video_keys, files, strict=True))
        self._labels = dict(zip(video_keys, labels or default_captions(files), strict=True))
        self._key_by_slot = _assign_slots(video_keys, seed=seed if blind else None)
        self._seed = seed
        self._on_vote = on_vote
        self._now = now
        self._votes = list(votes)
        self._lock = threading.RLock()  # messages arrive on different threads
        self._posters = Posters()
        self._images_output: LiveOutput | None = None
        self._runner = BackgroundRunner(self._show_error)
        super().__init__(
            title=printable(title),
            note=redact(note),
            is_blind=blind,
            frame_rate=as_float(frame_rate),
            fallback_class=f"pvnb-thumbnails-{uuid.uuid4().hex[:12]}",
        )
        self._streamer = FileStreamer(self.send, self._runner)
        self._streamer.set_files(self._paths_by_slot())
        self._update_traits()
        self.on_msg(self._on_message)
        answer_while_busy(self)

    # ---- votes ----

    @property
    def votes(self) -> tuple[PairwiseVote, ...]:
        """All votes, oldest first, including those passed to the constructor."""
        with self._lock:
            return tuple(self._votes)

    def ranking(self) -> tuple[RankEntry, ...]:
        """Return the ranking from the votes so far, best first (see `pixverse_nb.domain.ratings`).

        It displays as a table; as long as the comparison is blind, the videos are only numbered.
        """
        captions = {tile.key: tile.caption for tile in self._tiles()}
        return TableTuple(rank(self.votes, list(self._files), captions=captions), ranking_table)

    def vote(self, left: str, right: str, result: VoteResult) -> PairwiseVote:
        """Vote on two videos, by their keys, and return the vote. `result` is "left", "right" or "tie".

        Raises UnknownItem for an unknown key, InvalidRequest for another result.
        """
        for name, key in (("left", left), ("right", right)):
            if not isinstance(key, str) or key not in self._files:
                raise UnknownItem({name: f"the comparison has no video {safe_repr(key):.80}"}, sends=False)
        result = checked({"result": result}, {"result": OneOf(tuple(_RESULT_BY_SIGN.values()))})["result"]
        vote = self._store_vote(left, right, result)
        self._pass_on(vote)
        return vote

    def import_votes(self, text: str) -> tuple[PairwiseVote, ...]:
        """Record the votes in a text copied from a saved page of this comparison, and return them.

        Each line is one vote: "v3 > v1" if the left video is better, "<" if the right one is, "=" for a tie. Other
        lines are ignored.
        """
        text = checked({"text": text}, {"text": Text(COUNT.most)})["text"]
        return tuple(
            self.vote(self._key_by_slot[left], self._key_by_slot[right], _RESULT_BY_SIGN[sign])
            for left, sign, right in _VOTE_LINE.findall(text)
            if left in self._key_by_slot and right in self._key_by_slot
        )

    def close(self) -> None:
        """Remove the comparison from the page; its still images stay. Running its cell again closes it, too."""
        if self.comm is not None:  # else it is closed, or was never complete
            super().close()
            self.layout.close()  # a widget of its own, which ipywidgets keeps

    def reveal(self) -> None:
        """Show the names and the ranking. Later votes are not blind."""
        with self._lock:
            self.is_blind = False
            self._update_traits()
        if self._images_output is not None:
            self._images_output.update(self._images_bundle())

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the comparison as one HTML page that plays from disk without a kernel, and return the path.

        A video whose file is missing is left out, and the page says so in its place. A blind page hides the names but
        does not protect them: its source contains them in encoded form.
        """
        with self._lock:
            state: dict[str, object] = {
                "title": "",  # the page's own heading shows it
                "videos": self.videos,
                "is_blind": self.is_blind,
                "vote_count": 0 if self.is_blind else self.vote_count,
                "ranks": self.ranks,
                "frame_rate": self.frame_rate,
                "note": self.note,
                "message": "",
                "fallback_class": "",
                "hidden_labels": base64.b64encode(json.dumps(self._label_by_slot()).encode()).decode("ascii"),
                "schedule": self._schedule_pairs() if self.is_blind else [],
                "pair": self.pair,
            }
        title = self.title or f"Comparison of {len(self._files)} videos"
        return write_page(path, standalone_page(title, widget="compare", state=state, videos=self._paths_by_slot()))

    # ---- display ----

    def __repr__(self) -> str:
        text = thumbnails_text(self._tiles(), title=self.title or "Comparison")
        return f"{text}\n  {self.note}" if self.note else text

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, **self._images_bundle()}, metadata

    def _ipython_display_(self) -> None:
        """Show the comparison, and its still images as a separate output, which a live comparison hides.

        A trusted notebook without a kernel shows "model not found" in place of a widget and ignores the HTML of the
        same output. The separate output stays.
        """
        if not can_replace_outputs() or self.comm is None:  # a terminal prints each output; it is closed
            show_bundle(self._images_bundle())
            return
        close_earlier(self)
        data, _ = super()._repr_mimebundle_() or ({}, {})
        show_bundle({**data, **mime_bundle("<div></div>", repr(self))})  # a page without widgets shows the images below
        self._images_output = LiveOutput(self._images_bundle())

    def _images_bundle(self) -> dict[str, str]:
        tiles = self._tiles()
        note = f"{self.note}. " if self.note else ""
        html = thumbnails_html(
            tiles,
            title=self.title,
            posters=self._posters.for_notebook(tiles),
            note=note + self._ranking_note() + _NO_KERNEL_NOTE,
            css_class=self.fallback_class,
        )
        return dict(mime_bundle(html, repr(self)))

    def _ranking_note(self) -> str:
        if not self.ranks:
            return ""
        votes = "1 vote" if self.vote_count == 1 else f"{self.vote_count} votes"
        unranked = sum(row["place"] is None for row in self.ranks)
        rest = f"; no votes yet for the last {unranked}" if unranked else ""
        return f"Ranked by {votes}, best first{rest}. "

    def _tiles(self) -> list[Tile]:
        """Return the videos as tiles, best first if there is a ranking."""
        labels = self._label_by_slot()
        captions = {slot: f"Video {n}" if self.is_blind else label for n, (slot, label) in enumerate(labels.items(), 1)}
        order = [row["slot"] for row in self.ranks] or list(self._key_by_slot)
        keys = {slot: self._key_by_slot[slot] for slot in order}
        return [Tile(key, captions[slot], JobState.DONE, video=self._files[key]) for slot, key in keys.items()]

    # ---- the state of the page; the caller holds the lock ----

    def _update_traits(self) -> None:
        slot_by_key = {key: slot for slot, key in self._key_by_slot.items()}
        labels = self._label_by_slot()
        votes = [vote for vote in self._votes if vote.left in self._files and vote.right in self._files]
        entries = rank(votes, list(self._files)) if votes and not self.is_blind else ()
        with self.hold_sync():
            self.videos = [
                {"slot": slot, "label": "" if self.is_blind else labels[slot], "ratio": _ratio(self._files[key])}
                for slot, key in self._key_by_slot.items()
            ]
            pair = next_pair(votes, list(self._key_by_slot.values()), seed=self._seed) or ()
            self.pair = [slot_by_key[key] for key in pair]
            self.vote_count = len(votes)
            self.ranks = [
                {
                    "slot": slot_by_key[entry.key],
                    "label": labels[slot_by_key[entry.key]],
                    "score": round(entry.score),
                    "wins": entry.wins,
                    "losses": entry.losses,
                    "ties": entry.ties,
                    "place": entry.place,
                }
                for entry in entries
            ]

    def _label_by_slot(self) -> dict[str, str]:
        return {slot: redact(self._labels[key]) for slot, key in self._key_by_slot.items()}

    def _paths_by_slot(self) -> dict[str, Path]:
        return {slot: self._files[key].path for slot, key in self._key_by_slot.items()}

    def _schedule_pairs(self) -> list[list[str]]:
        """Return the pairs for a page without a kernel, as if every vote were a tie; the current pair is first."""
        slots = list(self._key_by_slot)
        ties: list[PairwiseVote] = []
        for _ in range(min(_MAX_SCHEDULED_PAIRS, len(slots) * (len(slots) - 1) // 2)):
            left, right = next_pair(ties, slots, seed=self._seed) or ("", "")
            ties.append(PairwiseVote(left, right, "tie", at=0.0))
        return [self.pair, *([tie.left, tie.right] for tie in ties if {tie.left, tie.right} != set(self.pair))]

    # ---- messages of the page ----

    def _on_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        self._runner.run_guarded(lambda: self._handle_message(message))

    def _handle_message(self, message: object) -> None:
        if not isinstance(message, Mapping) or self._streamer.handle_message(message):
            return
        match message.get("kind"):
            case "vote":
                self._receive_vote(message)
            case "reveal":
                self.reveal()
            case _:
                pass  # from another version of the page

    def _receive_vote(self, message: Mapping[str, object]) -> None:
        """Record a vote on the current pair. A vote on another pair is a repetition and is ignored."""
        result = message.get("result")
        if result not in ("left", "right", "tie"):
            return
        with self._lock:  # from the check to the next pair, so that two equal messages count once
            if [message.get("left"), message.get("right")] != self.pair:
                return
            left, right = (self._key_by_slot[slot] for slot in self.pair)
            vote = self._store_vote(left, right, result)
        self._pass_on(vote)

    def _store_vote(self, left: str, right: str, result: VoteResult) -> PairwiseVote:
        with self._lock:
            vote = PairwiseVote(left, right, result, at=self._now(), is_blind=self.is_blind)
            self._votes.append(vote)
            self._update_traits()
            return vote

    def _pass_on(self, vote: PairwiseVote) -> None:
        if self._on_vote is not None:
            self._on_vote(vote)

    def _show_error(self, error: Exception) -> None:
        self.message = error_text(error)


def _validate(
    videos: Sequence[VideoSource],
    *,
    labels: Sequence[str] | None,
    keys: Sequence[str] | None,
    blind: bool,
    problems: dict[str, str],
) -> tuple[list[VideoFile], list[str]]:
    """Return the files and their keys. Raises InvalidRequest with all problems, including the earlier `problems`."""
    problems = dict(problems)
    if len(videos) < 2:
        problems["videos"] = f"pass at least 2 videos, not {len(videos)}"
    elif len(videos) > COMPARED_MAX and not blind:
        problems["videos"] = (
            f"pass at most {COMPARED_MAX} videos, not {len(videos)}, or blind=True to vote on two at a time"
        )
    files = []
    for index, video in enumerate(videos):
        try:
            files.append(as_video_file(video, name=f"videos[{index}]"))
        except InvalidRequest as error:
            problems |= error.fields
    for name, values in (("labels", labels), ("keys", keys)):
        if problem := label_problem(values, count=len(videos)):
            problems[name] = problem
    if keys is not None and "keys" not in problems and len(set(keys)) != len(keys):
        problems["keys"] = "pass a different key for each video"
    if problems:
        raise InvalidRequest(problems, sends=False)
    return files, list(keys) if keys is not None else unique_keys(files)


def _assign_slots(keys: Sequence[str], *, seed: int | None) -> dict[str, str]:
    """Return the key of each slot ("v1", "v2", …) in the order of display; with a seed, the order is random."""
    order = list(keys)
    if seed is not None:
        random.Random(seed).shuffle(order)  # noqa: S311 - a repeatable order, not a secret
    return {f"v{number}": key for number, key in enumerate(order, 1)}


def _ratio(file: VideoFile) -> float | None:
    return round(file.width / file.height, 4) if file.width and file.height else None
