"""From what a person asks for to the job that is to be: pictures prepared, every field checked, nothing sent.

All that is wrong is collected and named at once. What comes out is a `JobRecord` that no ledger holds yet, and the
prepared pictures, stored in the home folder so that a job survives the process before its upload.
"""

import contextlib
import os
import random
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pixverse_nb.config import Prices
from pixverse_nb.domain.jobs import JobRecord
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.requests import ASPECT_RATIOS, SEED_MAX, FramesRequest, build_request
from pixverse_nb.errors import ConfigError, InvalidImage, InvalidRequest, PixVerseError
from pixverse_nb.images import Darkroom, Frame, Which, is_url
from pixverse_nb.images.frames import framing_faults

_SUFFIX: Final[Mapping[str, str]] = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
}
_WHICH: Final[tuple[Which, Which]] = ("first", "last")
_LONGEST_DEADLINE_S: Final = 10 * 365 * 86400.0  # an endless one has no place in the ledger's JSON
_draw: Final = random.SystemRandom()

Frames = tuple[Frame | None, Frame | None]  # None for a picture that the vendor holds already


@dataclass(frozen=True)
class CreateArgs:
    """What a person asks for: two pictures, the fields of the request, and how both are fitted.

    `fields` are those of FramesRequest; `aspect_ratio` and `seed` may be None or missing. `deadline_s` is in seconds.
    """

    first: Any = field(repr=False)
    last: Any = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    fit: Any = "cover"
    deadline_s: Any = None
    allow_refused: bool = False


class JobBuilder:
    """Turns wishes into jobs for one home; `fetch` returns the bytes behind a picture's address."""

    def __init__(
        self,
        *,
        home: Path,
        owner: str,
        service: str,
        prices: Prices,
        deadline_s: float,
        budget_credits: int | None,
        fetch: Callable[[str], bytes],
    ) -> None:
        self._home = home
        self._owner = owner
        self._service = service
        self._prices = prices
        self._deadline_s = deadline_s
        self.budget_credits = budget_credits
        self._fetch = fetch
        self._darkroom = Darkroom()

    def draft(self, wish: CreateArgs, *, now: float) -> tuple[JobRecord, Frames]:
        """Return the job as asked for, and its prepared pictures.

        Raises InvalidRequest with every wrong field and picture named, InvalidImage where only pictures are wrong.
        """
        wrong, bad_pictures, frames = self._prepared(wish)
        if wish.deadline_s is not None and not is_deadline(wish.deadline_s):
            wrong["deadline_s"] = f"must be a number of seconds above 0, ten years at most, not {wish.deadline_s!r}"
        request: FramesRequest | None = None
        try:
            request = build_request(_values(wish, frames), allow_refused=wish.allow_refused)
        except InvalidRequest as error:
            wrong = {**error.fields, **wrong}
        if wrong:
            raise InvalidRequest({**bad_pictures, **wrong})
        if bad_pictures or request is None:
            raise InvalidImage(bad_pictures)
        return self.record_of(wish, request, frames, now=now), frames

    def develop(self, wish: CreateArgs) -> Frames:
        """Return the prepared pictures of a wish alone; InvalidImage (or InvalidRequest) names what is wrong."""
        wrong, bad_pictures, frames = self._prepared(wish)
        if wrong:
            raise InvalidRequest({**bad_pictures, **wrong})
        if bad_pictures:
            raise InvalidImage(bad_pictures)
        return frames

    def record_of(self, wish: CreateArgs, request: FramesRequest, frames: Frames, *, now: float) -> JobRecord:
        """Return the job of a wish whose request is built and whose pictures are prepared."""
        first, last = frames
        return JobRecord(
            ref=f"pv-{request.cell[:12]}-{secrets.token_hex(4)}",
            service=self._service,
            request=request,
            created_at=now,
            deadline_at=now + (wish.deadline_s if wish.deadline_s is not None else self._deadline_s),
            owner=self._owner,
            seed_was_drawn=wish.fields.get("seed") is None,
            first_sha=first.sha256 if first else None,
            last_sha=last.sha256 if last else None,
            first_path=wish.first.path if isinstance(wish.first, UploadedFile) else None,
            last_path=wish.last.path if isinstance(wish.last, UploadedFile) else None,
            budget_credits=self.budget_credits,
            estimated_credits=self._prices.estimate(request),
            notices=_notices(frames),
            source_exprs=(source_expr(wish.first, "first"), source_expr(wish.last, "last")),
            fit=wish.fit,
            allow_refused=wish.allow_refused,
        )

    def keep(self, frames: Frames) -> None:
        """Store the prepared pictures in the home folder; ConfigError where the disk takes them not."""
        for frame in frames:
            if frame is not None:
                self._keep_picture(frame)

    # -- inside --------------------------------------------------------------------------------------------------

    def _prepared(self, wish: CreateArgs) -> tuple[dict[str, str], dict[str, str], Frames]:
        """Return the wrong fields, the bad pictures, and the pictures where both are good."""
        ratio = wish.fields.get("aspect_ratio")
        usable_ratio = ratio if ratio in ASPECT_RATIOS else None
        wrong = framing_faults(aspect_ratio=usable_ratio, fit=wish.fit)
        fit = None if wrong else wish.fit
        fetched, bad = self._fetched(wish)
        try:
            if not bad:
                return wrong, {}, self._developed(**fetched, aspect_ratio=usable_ratio, fit=fit)
            for which, source in fetched.items():  # what is wrong with the other one is named too
                if not isinstance(source, UploadedFile):
                    self._darkroom.prepare(source, which=which, aspect_ratio=usable_ratio, fit=fit)
        except InvalidImage as error:
            bad |= error.fields
        return wrong, bad, (None, None)

    def _developed(self, first: Any, last: Any, *, aspect_ratio: str | None, fit: Any) -> Frames:
        if not isinstance(first, UploadedFile) and not isinstance(last, UploadedFile):
            return self._darkroom.prepare_pair(first, last, aspect_ratio=aspect_ratio, fit=fit)
        one, two = (
            None
            if isinstance(source, UploadedFile)
            else self._darkroom.prepare(source, which=which, aspect_ratio=aspect_ratio, fit=fit)
            for source, which in zip((first, last), _WHICH, strict=True)
        )
        return one, two

    def _fetched(self, wish: CreateArgs) -> tuple[dict[Which, Any], dict[str, str]]:
        """Return the pictures, those with an address as their bytes, and why one could not be fetched."""
        fetched: dict[Which, Any] = {}
        bad: dict[str, str] = {}
        for which, source in zip(_WHICH, (wish.first, wish.last), strict=True):
            try:
                fetched[which] = self._fetch(source) if is_url(source) else source
            except PixVerseError as error:
                bad[which] = f"its address could not be fetched. {error}"
        return fetched, bad

    def _keep_picture(self, frame: Frame) -> None:
        folder = self._home / "pictures"
        path = folder / f"{frame.sha256}{_SUFFIX[frame.media_type]}"
        if path.exists() and path.stat().st_size == frame.size_bytes:
            return
        part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(frame.data)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):  # what hindered the writing may hinder this too
                part.unlink()
            raise ConfigError(
                f"The pictures cannot be stored in {folder} ({error.strerror or error}). "
                "Free some space or choose another home; nothing was sent and nothing was paid."
            ) from error


def is_deadline(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LONGEST_DEADLINE_S


def _values(wish: CreateArgs, frames: Frames) -> dict[str, Any]:
    """Return the values of the request: the ratio and the seed chosen where the person left them open."""
    own_ratio = next((frame.aspect_ratio for frame in frames if frame is not None), "16:9")
    ratio, seed = wish.fields.get("aspect_ratio"), wish.fields.get("seed")
    prompt = wish.fields.get("prompt")
    return {
        **wish.fields,
        "prompt": "" if prompt is None else prompt,
        "first": image_key(wish.first, frames[0]),
        "last": image_key(wish.last, frames[1]),
        "aspect_ratio": own_ratio if ratio is None else ratio,
        "seed": _draw.randint(1, SEED_MAX) if seed is None else seed,
    }


def image_key(source: Any, frame: Frame | None) -> str:
    """Return what a request calls a picture: its content, or the vendor's name of an upload."""
    if isinstance(source, UploadedFile):
        return f"path:{source.path}"
    return frame.key if frame is not None else "unusable"


def source_expr(source: Any, which: Which) -> str:
    """Return how a line of Python names this picture: its path or address, else the plain word."""
    if isinstance(source, UploadedFile):
        return f"pv.UploadedFile({source.path!r})"
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return repr(name) if isinstance(name, str) and len(name) <= 200 else which
    return which


def _notices(frames: Frames) -> tuple[str, ...]:
    return tuple(
        f"{which.capitalize()} picture: {notice}"
        for which, frame in zip(_WHICH, frames, strict=True)
        if frame is not None
        for notice in frame.notices
    )
