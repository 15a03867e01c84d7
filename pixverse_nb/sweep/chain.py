"""Chains: one video between each two consecutive pictures, planned, paid and resumed as a sweep, and then joined."""

import itertools
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self

from pixverse_nb.domain.arguments import checked, public_class
from pixverse_nb.domain.validation import Flag
from pixverse_nb.errors import InvalidImage, InvalidRequest, PixVerseError
from pixverse_nb.job_builder import CreateArgs, image_key
from pixverse_nb.jobs.job import JobList
from pixverse_nb.joined import Joined, join
from pixverse_nb.render.sweep_views import SweepProgress, sweep_text
from pixverse_nb.sweep.axes import SHARED_FIELDS, has_several_values
from pixverse_nb.sweep.cells import Cell
from pixverse_nb.sweep.context import SweepContext, SweepOptions
from pixverse_nb.sweep.plan import Plan
from pixverse_nb.sweep.sweep import Sweep, make_sweep
from pixverse_nb.video import Video

_ROLES: Final = ("first", "last")
_SAME_FOR_ALL: Final = ("aspect_ratio", "fit", "model", "quality")  # videos that differ in these cannot be joined


def make_chain(
    context: SweepContext, images: Any, fields: Mapping[str, Any], options: SweepOptions, *, loop: bool
) -> "Chain":
    """Return the chain of a call. Raises InvalidRequest (InvalidImage) naming every wrong field and picture."""
    context.loop.check_open()
    loop = checked({"loop": loop}, {"loop": Flag()}, sends=True)["loop"]
    given = list(images) if has_several_values(images, is_source=True) else [images]
    if len(given) < 2:
        raise InvalidRequest({"images": "must be a list of at least two pictures"})
    pictures, ratio, bad = _prepare(context, given, fields)
    if loop and pictures[0] is not pictures[-1]:
        pictures.append(pictures[0])
    links = len(pictures) - 1
    own_ratio = fields.get("aspect_ratio")
    given_fields, wrong = _per_link({**fields, "aspect_ratio": ratio if own_ratio is None else own_ratio}, links=links)
    title = options.title or _default_title(links)
    options = replace(options, title=title, layout="zip", most_cells=max(links, options.most_cells), can_skip=False)
    try:
        chain = Chain(make_sweep(context, {"first": pictures[:-1], "last": pictures[1:]}, given_fields, options))
    except InvalidRequest as error:
        wrong |= {name: why for name, why in error.fields.items() if name.partition("[")[0] not in _ROLES}
        raise InvalidRequest(bad | wrong) if wrong else InvalidImage(bad or error.fields) from error
    if wrong:
        raise InvalidRequest(bad | wrong)
    if bad:
        raise InvalidImage(bad)
    return chain


@public_class()
class Chain:
    """Videos from picture to picture: `plan()` shows the cost, `run()` or `await` generates them, `join()` makes one.

    It is paid and continued like a sweep: the same call in another cell, kernel or process continues where the chain
    stopped; if pictures are added, only the new videos are charged.

    >>> chain = client.chain(["a.jpg", "b.jpg", "c.jpg"], loop=True)  # doctest: +SKIP
    >>> chain.run().join("story.mp4")  # doctest: +SKIP
    """

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep
        self._links = sweep.points

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell of each video in order; a video that occurs twice has the same cell twice."""
        return self._links

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[Cell]:
        return iter(self._links)

    @property
    def is_loop(self) -> bool:
        """Whether the last video ends on the picture with which the first one starts."""
        first, last = self._links[0].request.inputs, self._links[-1].request.inputs
        return first[0].key == last[-1].key

    @property
    def jobs(self) -> JobList:
        """The jobs in the order of the videos; a video that was never requested has none."""
        return self.sweep.jobs

    @property
    def videos(self) -> list[Video]:
        """The finished videos in order."""
        return [video for video in self._videos() if video is not None]

    @property
    def progress(self) -> SweepProgress:
        """The number of videos in each state, the credits spent, and the expected end of the run."""
        return self.sweep.progress

    def plan(self) -> Plan:
        """Return what `run()` would do and cost; displays as a table. Nothing is charged; see `Sweep.plan`."""
        return self.sweep.plan()

    def run(
        self,
        *,
        retry_failed: bool = False,
        stop_when: Callable[[Sweep], object] | None = None,
        timeout: float | None = None,
        quiet: bool = False,
    ) -> Self:
        """Generate every video that is missing, wait for the end, and return the chain. **This spends credits.**

        The arguments and errors are those of `Sweep.run`.
        """
        self.sweep.run(retry_failed=retry_failed, stop_when=stop_when, timeout=timeout, quiet=quiet)
        return self

    def start(self, *, retry_failed: bool = False) -> Self:
        """Start as `run()` does, in the background, and return at once. **This spends credits.**"""
        self.sweep.start(retry_failed=retry_failed)
        return self

    def wait(self, timeout: float | None = None) -> Self:
        """Wait until the run ends, at most `timeout` seconds; see `Sweep.wait`."""
        self.sweep.wait(timeout)
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait as `wait()` does; if nothing is running, start first. **This spends credits.**"""
        yield from self.sweep.__await__()
        return self

    def gallery(self) -> Any:
        """Return a gallery of the videos that fills as jobs end; see `Sweep.gallery`."""
        return self.sweep.gallery()

    def join(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Joined:
        """Join the finished videos into one mp4 at `path`, without the doubled frame at each seam. Nothing is charged.

        Raises InvalidRequest naming every video that is not finished. Everything else is as in `pv.join`.
        """
        videos = self._videos()
        missing = {f"videos[{number}]": self._state(number) for number, video in enumerate(videos) if video is None}
        if missing:
            raise InvalidRequest(missing, sends=False)
        return join([video for video in videos if video is not None], path, overwrite=overwrite)

    def _videos(self) -> list[Video | None]:
        jobs = [self.sweep.job_of(cell) for cell in self._links]
        return [job.video if job is not None else None for job in jobs]

    def _state(self, number: int) -> str:
        job = self.sweep.job_of(self._links[number])
        state = "was not requested yet" if job is None else f"has no video yet (its job is {job.state.value})"
        return f"{state}; chain.run() continues the chain"

    def _ipython_display_(self) -> None:
        self.sweep._ipython_display_()

    def _display_(self) -> object:
        """Return what marimo shows."""
        return self.sweep._display_()

    def __repr__(self) -> str:
        what = "" if self.sweep.title == _default_title(len(self)) else "Chain "
        try:
            return f"<{sweep_text(self.progress, now=time.time(), what=what)}>"
        except PixVerseError:  # the client is closed
            return "<Chain>"


def _default_title(links: int) -> str:
    return f"Chain of {links} video{'s' if links > 1 else ''}"


def _prepare(
    context: SweepContext, images: Sequence[Any], fields: Mapping[str, Any]
) -> tuple[list[Any], str | None, dict[str, str]]:
    """Return the pictures, equal ones as one object, the aspect ratio of the first, and why pictures cannot be used."""
    pictures, bad = context.builder.load_images({f"images[{number}]": image for number, image in enumerate(images)})
    args = CreateArgs(
        images=pictures,
        fields={name: fields.get(name) for name in ("aspect_ratio", "model")},
        fit=fields.get("fit", "cover"),
    )
    try:
        frames = context.builder.prepare(args).frames
    except InvalidRequest as error:
        return list(images), None, bad | {name: why for name, why in error.fields.items() if name in pictures}
    if bad:
        return list(images), None, bad
    known: dict[str, Any] = {}
    once = [known.setdefault(image_key(picture, frames.get(role)), picture) for role, picture in pictures.items()]
    return once, next((frame.aspect_ratio for frame in frames.values()), None), {}


def _per_link(fields: Mapping[str, Any], *, links: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the fields with lists of one value for each video, and what is wrong with the others."""
    per_link: dict[str, Any] = {}
    wrong = {}
    for name, value in fields.items():
        per_link[name] = value
        if not has_several_values(value) or name in SHARED_FIELDS:
            continue
        values = list(itertools.islice(value, links + 1))
        per_link[name] = values
        if name in _SAME_FOR_ALL:
            wrong[name] = "must be one value, because videos that differ in it cannot be joined"
        elif len(values) != links:
            wrong[name] = "must be one value" + (f", or one for each of the {links} videos" if links > 1 else "")
        if name in wrong:
            per_link[name] = values[0] if values else None
    return per_link, wrong
