"""Looking at a sweep: the gallery that fills as its jobs end, the comparison in step, and what people say of them."""

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from pixverse_nb.domain.jobs import JobState
from pixverse_nb.domain.ratings import RankEntry, Rating, rank
from pixverse_nb.errors import InvalidRequest, PixVerseError
from pixverse_nb.jobs.job import Job
from pixverse_nb.render.tiles import COMPARED_MAX, NO_WINNER, Tile
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.measuring import Measures
from pixverse_nb.sweep.running import Runs
from pixverse_nb.video import Video

_NUMBERS_SHOWN: Final = 12  # of cells that have no video, in a sentence


class Looks(Runs, Measures):
    """A sweep that can be looked at and judged."""

    @property
    def verdicts(self) -> dict[str, Rating]:
        """What was said of the cells, by their caption; those of which nothing was said are left out."""
        said = self._bench.engine.ledger.ratings.ratings([cell.key for cell in self.cells])
        return {cell.caption: said[cell.key] for cell in self.cells if cell.key in said}

    @property
    def winners(self) -> list[Video]:
        """The videos that were chosen, in the order of the cells."""
        said = self._bench.engine.ledger.ratings.ratings([cell.key for cell in self.cells])
        chosen = {key for key, verdict in said.items() if verdict.choice == "winner"}
        return [video for cell in self.cells if cell.key in chosen and (video := self._video(cell)) is not None]

    def judge(self, which: Any, choice: str = "", *, note: str = "") -> None:
        """Say of one cell that it is the "winner", "rejected", or neither (""), with a note; kept in the ledger.

        `which` is its number (from 1), caption, job, video or key. Raises InvalidRequest where there is no such cell,
        and for a winner that has no video.
        """
        if choice not in ("", "winner", "rejected"):
            raise InvalidRequest({"choice": f"must be winner, rejected or empty, not {choice!r:.40}"}, sends=False)
        cell = self._cell(which)
        if choice == "winner" and self._video(cell) is None:
            raise InvalidRequest({"choice": f"cell {cell.number} ({cell.caption}) {NO_WINNER}"}, sends=False)
        self._keep_verdict(cell.key, Rating(choice, note))  # type: ignore[arg-type]  # checked above

    def ranking(self) -> tuple[RankEntry, ...]:
        """Return the standing of every cell by the judgements between two so far, the best first (see `ranking`).

        Its score is in Elo points: one that is 100 points ahead is preferred in 64 % of all judgements. Cells that
        nobody judged stand last, without a place.
        """
        keys = [cell.key for cell in self.cells if self._video(cell) is not None]
        return rank(self._bench.engine.ledger.ratings.votes(keys), keys)

    def tiles(self) -> list[Tile]:
        """Return one tile for each cell as it stands now."""
        said = self._bench.engine.ledger.ratings.ratings([cell.key for cell in self.cells])
        return [self._tile(cell, said.get(cell.key, Rating())) for cell in self.cells]

    def gallery(self) -> Any:
        """Return the gallery of all cells: it fills while jobs end, and what is said of a tile is kept in the ledger.

        Choosing two to nine tiles there opens a comparison below it. `.save("gallery.html")` writes a page that plays
        without a kernel.
        """
        from pixverse_nb.widgets.gallery import Gallery

        gallery = Gallery(
            self.tiles(), title=self.title, on_verdict=self._keep_verdict, on_open=lambda keys: self.compare(*keys)
        )
        _Refresher(self, gallery).start(self._bench.subscribe)
        return gallery

    def compare(self, *which: Any, blind: bool = False, seed: int = 0) -> Any:
        """Return the comparison of some videos in step: by default of the winners, else of the first nine.

        `which` are numbers, captions, jobs, videos or keys of cells. `blind=True` hides the labels, shuffles by `seed`
        and asks for judgements between two of all finished videos; they are kept in the ledger (see `ranking()`).
        Cells that have no video are left out, and the comparison says so. Raises InvalidRequest where there are not two
        videos to compare.
        """
        from pixverse_nb.widgets.compare import Comparison

        cells = [self._cell(one) for one in which] or self._compared(blind=blind)
        shown = [(cell, video) for cell in cells if (video := self._video(cell)) is not None]
        note = _left_out(cells, [cell for cell, _ in shown])
        if len(shown) < 2:
            there = f"{'one video' if shown else 'no video'} is there, and two are needed to compare"
            raise InvalidRequest({"which": "; ".join(text for text in (there, note) if text)}, sends=False)
        ratings = self._bench.engine.ledger.ratings
        keys = [cell.key for cell, _ in shown]
        return Comparison(
            [video for _, video in shown],
            labels=[cell.caption for cell, _ in shown],
            keys=keys,
            blind=blind,
            seed=seed,
            on_duel=ratings.add_vote,
            duels=ratings.votes(keys),
            note=note,
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _compared(self, *, blind: bool) -> list[Cell]:
        done = [cell for cell in self.cells if self._video(cell) is not None]
        said = self._bench.engine.ledger.ratings.ratings([cell.key for cell in done])
        rejected = {key for key, verdict in said.items() if verdict.choice == "rejected"}
        if blind:
            return [cell for cell in done if cell.key not in rejected]
        winners = [cell for cell in done if said.get(cell.key, Rating()).choice == "winner"]
        chosen = winners if len(winners) > 1 else [cell for cell in done if cell.key not in rejected]
        return chosen[:COMPARED_MAX]

    def _tile(self, cell: Cell, verdict: Rating) -> Tile:
        job = self._book.job_of(cell)
        if job is None:
            refused = "; ".join(rule.reason for rule in cell.violations)
            state = JobState.REFUSED if refused else JobState.PLANNED
            line = refused or "Not asked for yet."
            return Tile(cell.key, cell.caption, state, axes=cell.values, line=line, rating=verdict)
        snapshot = job.snapshot()
        video = snapshot.video
        return Tile(
            cell.key,
            cell.caption,
            snapshot.state,
            axes=cell.values,
            metrics=self.metrics_of(cell),
            video=video,
            line=" ".join(text for text in (snapshot.error, snapshot.warning, snapshot.suggested_action) if text),
            rating=verdict,
            began_at=snapshot.submitted_at or snapshot.created_at,
            ended_at=snapshot.finished_at if snapshot.state.is_final else None,
        )

    def _keep_verdict(self, key: str, verdict: Rating) -> None:
        self._bench.engine.ledger.ratings.set_rating(key, verdict, at=time.time())


def _left_out(asked: Sequence[Cell], shown: Sequence[Cell]) -> str:
    """Return how many of the cells that were asked for have no video, and which; empty where all have one."""
    numbers = [str(cell.number) for cell in asked if cell not in shown]
    if not numbers:
        return ""
    more = f" and {len(numbers) - _NUMBERS_SHOWN} more" if len(numbers) > _NUMBERS_SHOWN else ""
    have, cells = ("has", "cell") if len(numbers) == 1 else ("have", "cells")
    return f"{len(numbers)} of {len(asked)} {have} no video: {cells} {', '.join(numbers[:_NUMBERS_SHOWN])}{more}"


class _Refresher:
    """Brings a gallery up to date at a change of its cells, until it is closed or nobody holds it.

    It works on a thread of its own, since many tiles take their time; where nothing changes there is none.
    """

    def __init__(self, sweep: Looks, gallery: Any) -> None:
        self._sweep = weakref.ref(sweep)
        self._gallery = weakref.ref(gallery)
        self._cells = frozenset(cell.key for cell in sweep.cells)
        self._shown = {tile.key: tile for tile in gallery.tiles}
        self._lock = threading.Lock()
        self._is_stale = False
        self._is_working = False

    def start(self, subscribe: Callable[[Callable[[Job], object]], Callable[[], None]]) -> None:
        """Hear of every changed job from now on, and look once for what has changed since the tiles were made."""
        self._unsubscribe = subscribe(self._hear)
        self._refresh()

    def _hear(self, job: Job) -> None:
        gallery = self._gallery()
        if gallery is None or gallery.is_closed:
            self._unsubscribe()
        elif job.request.content_key in self._cells:
            self._refresh()

    def _refresh(self) -> None:
        with self._lock:
            self._is_stale = True
            if self._is_working:
                return
            self._is_working = True
        threading.Thread(target=self._run, name="pixverse-nb-gallery", daemon=True).start()

    def _run(self) -> None:
        while self._has_news():
            with suppress(PixVerseError):  # the client was closed: it tells of nothing more
                self._show()

    def _has_news(self) -> bool:
        with self._lock:
            self._is_working, self._is_stale = self._is_stale, False
            return self._is_working

    def _show(self) -> None:
        sweep, gallery = self._sweep(), self._gallery()
        if sweep is None or gallery is None or gallery.is_closed:
            return
        tiles = sweep.tiles()
        new = [tile for tile in tiles if self._shown.get(tile.key) != tile]
        self._shown = {tile.key: tile for tile in tiles}
        if new:
            gallery.update(new)
