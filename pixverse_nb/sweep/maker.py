"""`client.sweep(...)`: from one line to a sweep."""

from collections.abc import Iterable, Mapping
from typing import Any

from pixverse_nb.errors import InvalidRequest
from pixverse_nb.job_builder import is_deadline
from pixverse_nb.sweep.axes import MOST_CELLS, find_axes
from pixverse_nb.sweep.bench import SweepContext
from pixverse_nb.sweep.core import SweepOptions
from pixverse_nb.sweep.sweep import Sweep


class MakesSweeps:
    """What a Client does with sweeps; it is one."""

    _sweeps: "SweepMaker"

    def sweep(
        self,
        first: Any,
        last: Any,
        *,
        layout: str = "grid",
        cells: Iterable[Mapping[str, Any]] | None = None,
        title: str | None = None,
        budget_credits: int | None = None,
        skip_refused: bool = False,
        allow_refused: bool = False,
        most_cells: int = MOST_CELLS,
        **fields: Any,
    ) -> Sweep:
        """Return a sweep: the same call over several values; nothing is looked up or paid before `plan()` or `run()`.

        Every field of `create_frames` that makes another video may be a list, tuple or range: `seed=range(1, 17)`,
        `motion_mode=["normal", "fast"]`, `prompt=[…]`, the pictures too. `layout` is "grid" (every value with every
        other) or "zip" (the first of each, the second of each, …); `cells=[{"seed": 1, "quality": "540p"}, …]` names
        each cell itself. Without a seed every cell takes the same one, so that only what is varied differs.

        `budget_credits` is the most that the cells of this sweep may have cost in all, whoever asked for them. A cell
        that the vendor's documents refuse is shown in the plan; `run()` raises InvalidRequest for it, unless
        `skip_refused=True` leaves it out or `allow_refused=True` sends it. More than `most_cells` are not planned.
        Raises InvalidRequest (InvalidImage) with every wrong field named.

        >>> sweep = client.sweep("a.jpg", "b.jpg", seed=range(1, 9), quality=["540p", "720p"])  # doctest: +SKIP
        >>> sweep.plan()  # doctest: +SKIP
        """
        asked = {"first": first, "last": last, **fields}
        rules = SweepOptions(
            title=title, budget_credits=budget_credits, skip_refused=skip_refused, allow_refused=allow_refused
        )
        return self._sweeps.make(asked, layout=layout, cells=cells, most_cells=most_cells, rules=rules)


class SweepMaker:
    """Makes the sweeps of one client."""

    def __init__(self, bench: SweepContext) -> None:
        self._bench = bench

    def make(
        self,
        asked: Mapping[str, Any],
        *,
        layout: str,
        cells: Iterable[Mapping[str, Any]] | None,
        most_cells: int,
        rules: SweepOptions,
    ) -> Sweep:
        """Return a sweep of what is asked, its axes checked."""
        self._bench.loop.check_open()
        wrong = {}
        if rules.budget_credits is not None and not _is_count(rules.budget_credits):
            wrong["budget_credits"] = f"must be a whole number from 0 on, or None, not {rules.budget_credits!r:.40}"
        if not _is_count(most_cells) or most_cells < 1:
            wrong["most_cells"] = f"must be a whole number from 1 on, not {most_cells!r:.40}"
        if asked.get("deadline_s") is not None and not is_deadline(asked["deadline_s"]):
            wrong["deadline_s"] = (
                f"must be a number of seconds above 0, ten years at most, not {asked['deadline_s']!r:.40}"
            )
        title: object = rules.title
        if title is not None and not isinstance(title, str):
            wrong["title"] = f"must be a text, not {type(title).__name__}"
        for name in ("skip_refused", "allow_refused"):
            given: object = getattr(rules, name)
            if given not in (True, False):
                wrong[name] = f"must be True or False, not {given!r:.40}"
        if wrong:
            raise InvalidRequest(wrong)
        axes = find_axes(asked, layout=layout, cells=cells, most_cells=most_cells)
        return Sweep(self._bench, axes, rules)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
