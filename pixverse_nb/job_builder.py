"""Builds a job record from the arguments of a call: prepares the pictures and validates every field. Sends nothing.

One error lists every problem. The prepared pictures are stored in the home folder, so that a job can be uploaded after
a restart.
"""

import contextlib
import os
import random
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pixverse_nb import images as imaging
from pixverse_nb.config import OTHER_HOME, Timing
from pixverse_nb.domain.arguments import REUSE, Reuse
from pixverse_nb.domain.catalogue import SEED_MAX, Catalogue, price_factor
from pixverse_nb.domain.jobs import JobInput, JobRecord
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import (
    AUDIO,
    LINK_DEFAULT_S,
    OPERATIONS,
    SOURCE_VIDEO,
    UNDOCUMENTED_PRICES,
    Operation,
)
from pixverse_nb.domain.remote import UploadedFile
from pixverse_nb.domain.requests import GenerationRequest, Input, operation_request
from pixverse_nb.domain.validation import Flag, Number, Rule, as_float, plain, validate
from pixverse_nb.errors import ConfigError, InvalidImage, InvalidRequest, PixVerseError
from pixverse_nb.media import AccountOf, Media, UnusableMediaError, load_media
from pixverse_nb.media_types import IMAGE_SUFFIXES, SOUND_SUFFIXES, VIDEO_SUFFIXES
from pixverse_nb.redaction import redact

DEADLINE: Final = Number(
    sys.float_info.min,
    10 * 365 * 86400.0,  # infinity cannot be stored in the ledger's JSON
    "a positive number of seconds, at most ten years",
    default=None,
)
_random: Final = random.SystemRandom()

CALL_OPTIONS: Final = ("fit", "deadline_s", "allow_refused", "reuse")  # arguments of a call besides its fields
_RULES: Final[Mapping[str, Rule]] = {"deadline_s": DEADLINE, "allow_refused": Flag(), "reuse": REUSE}
_UPSCALE_PRICED_S: Final = 8  # the longest source whose price is documented
RequestFunction = Callable[..., GenerationRequest]  # (inputs, fields, **options of build_request)
Frames = Mapping[str, "imaging.Frame"]  # the prepared pictures by role, except those that the vendor already has


@dataclass(frozen=True)
class PreparedInputs:
    """The inputs of a call, ready to be stored and uploaded, by role."""

    frames: Frames = field(default_factory=dict)
    media: Mapping[str, Media] = field(default_factory=dict)

    @property
    def source_s(self) -> float | None:
        """The length of the source video in seconds; None if there is none, or it is not known."""
        return self.media[SOURCE_VIDEO].duration_s if SOURCE_VIDEO in self.media else None


@dataclass(frozen=True)
class CreateArgs:
    """The arguments of one call: the pictures, videos and sounds by role, the fields, and how to frame the pictures.

    `fields` are those of the model and of `Delivery`; each may be None or missing. `deadline_s` is in seconds from the
    creation of the job (None: the client's default). With `reuse` an earlier job of the same call is returned, with
    "any" also one of another home. `arguments` maps a role or field to the argument of the caller, if their names
    differ. `request_function` builds the request (None: as `operation_request` does).
    """

    images: Mapping[str, Any] = field(repr=False)
    fields: Mapping[str, Any] = field(repr=False)
    media: Mapping[str, Any] = field(default_factory=dict, repr=False)
    operation: Operation = Operation.FRAMES
    fit: Any = "cover"
    deadline_s: Any = None
    allow_refused: bool = False
    reuse: Reuse = True
    arguments: Mapping[str, str] = field(default_factory=dict)
    wrong: Mapping[str, str] = field(default_factory=dict)  # problems that were found before, by the caller's names
    email: Any = None  # the account that this call names; that of the client is in `fields`
    request_function: RequestFunction | None = None

    def __post_init__(self) -> None:
        for name in CALL_OPTIONS:
            object.__setattr__(self, name, plain(getattr(self, name)))

    @property
    def default_model(self) -> str:
        """The model if none is given."""
        return OPERATIONS[self.operation].default_model


class JobBuilder:
    """Builds jobs for one home folder; `fetch` returns the bytes of a picture at an address."""

    def __init__(  # noqa: PLR0913 - each part has a name
        self,
        *,
        home: Path,
        owner: str,
        service: str,
        catalogue: Catalogue,
        timing: Timing,
        budget_credits: int | None,
        account_of: AccountOf,
        fetch: Callable[[str], bytes],
        email: str | None = None,
    ) -> None:
        self._home = home
        self._email = email  # the account of the client
        self._owner = owner
        self._service = service
        self.catalogue = catalogue
        self._timing = timing
        self.budget_credits = budget_credits
        self._fetch = fetch
        self._account_of = account_of
        self.factors: Mapping[str, float] | None = None  # on prices, of `Credits.factors`; None: never asked for

    def build(self, args: CreateArgs, *, now: float) -> tuple[JobRecord, PreparedInputs]:
        """Return the job for a call and its prepared inputs; stores nothing.

        Raises InvalidRequest, which names every wrong field and picture, or InvalidImage if only pictures are wrong.
        """
        wrong, bad_images, frames = self._prepare(args)
        media, bad_media = self._load_media(args)
        wrong |= {**bad_media, **_other_account(media, args.email)}
        wrong |= validate(_RULES, {name: getattr(args, name) for name in _RULES})[1]
        request: GenerationRequest | None = None
        try:
            request = self.request_for(args, PreparedInputs(frames, media))
        except InvalidRequest as error:
            wrong = {**error.fields, **wrong}
        if wrong or args.wrong:
            raise InvalidRequest({**_named({**bad_images, **wrong}, args), **args.wrong})
        if bad_images or request is None:
            raise InvalidImage(_named(bad_images, args))
        inputs = PreparedInputs(frames, media)
        return self.new_record(args, request, inputs, now=now), inputs

    def load_images(self, images: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return pictures that can be used in several jobs, and the reason for each one that cannot be read.

        An address is downloaded and an open file is read, each once.
        """
        loaded, bad = self._fetch_addresses(images)
        for role, source in tuple(loaded.items()):
            if hasattr(source, "read"):
                try:
                    loaded[role] = imaging.load_source(source)
                except imaging.UnusableImageError as error:
                    bad[role] = str(error)
        return loaded, bad

    def prepare(self, args: CreateArgs) -> PreparedInputs:
        """Return the prepared inputs of a call without building a job. Raises InvalidImage or InvalidRequest."""
        wrong, bad_images, frames = self._prepare(args)
        media, bad_media = self._load_media(args)
        wrong |= bad_media
        if wrong:
            raise InvalidRequest({**bad_images, **wrong})
        if bad_images:
            raise InvalidImage(bad_images)
        return PreparedInputs(frames, media)

    def request_for(
        self,
        args: CreateArgs,
        prepared: PreparedInputs,
        *,
        default_seed: int | None = None,
        catalogue: Catalogue | None = None,
    ) -> GenerationRequest:
        """Return the validated request of a call whose inputs are prepared. Raises InvalidRequest.

        A missing seed becomes `default_seed`, or a random one if that is None.
        """
        frames, media = prepared.frames, prepared.media
        own_ratio = next((frame.aspect_ratio for frame in frames.values()), None)
        defaults = {
            "aspect_ratio": own_ratio or self.catalogue.spec_for(args.fields, args.default_model).aspect_ratios[0],
            "seed": _random.randint(1, SEED_MAX) if default_seed is None else default_seed,
        }
        inputs = [Input(role, image_key(source, frames.get(role))) for role, source in args.images.items()]
        inputs += [Input(role, media[role].key if role in media else "unusable") for role in args.media]
        options: dict[str, Any] = {
            "defaults": defaults,
            "allow_refused": args.allow_refused,
            "catalogue": catalogue or self.catalogue,
        }
        if args.request_function is not None:
            return args.request_function(inputs, args.fields, **options)
        roles = (*args.images, *args.media)
        wrong = self._already_large(args, media) if catalogue is None else {}
        return operation_request(args.operation, inputs, args.fields, roles=roles, wrong=wrong, **options)

    def estimate(
        self, request: GenerationRequest, *, source_s: float | None = None, is_full: bool = False
    ) -> int | None:
        """Return the estimated credits for a request, or None if no price is known: see `estimate_fields`."""
        return self.estimate_fields(
            request.operation,
            request.model,
            request.params,
            links=len(request.inputs) - 1,
            source_s=source_s,
            email=request.delivery.email,
            is_full=is_full,
        )

    def estimate_fields(
        self,
        operation: Operation,
        model: str,
        params: Mapping[str, Any],
        *,
        links: int = 1,
        source_s: float | None = None,
        email: str | None = None,
        is_full: bool = False,
    ) -> int | None:
        """Return the estimated credits for a call with these fields, or None if no price is known.

        `links` is the number of pictures of a transition but the last, `source_s` the length of the source video in
        seconds. The documents have a price for upscaling up to 8 s; for restyle, modify, lip sync and motion control
        only `Client(prices=…)` has one. `is_full` leaves out the account's factors.
        """
        values = dict(params)
        if operation is Operation.TRANSITION:
            seconds = (values.get(f"duration_{at}_to_{at + 1}") for at in range(1, links + 1))
            values["duration"] = sum(int(each or LINK_DEFAULT_S) for each in seconds)
        elif "duration" not in OPERATIONS[operation].model_fields:
            values["duration"] = None if source_s is None else max(1, round(source_s))
        is_documented = operation not in UNDOCUMENTED_PRICES
        if operation is Operation.UPSCALE and source_s is not None and round(source_s) > _UPSCALE_PRICED_S:
            is_documented = False
        factors = {} if is_full else self._factors_for(email)
        return self.catalogue.estimate(model, values, is_documented=is_documented, factors=factors)

    def source_s(self, operation: Operation, source: Any) -> float | None:
        """Return the length in seconds of a video that an operation starts from; None if it is not known.

        Raises InvalidRequest if it cannot be used.
        """
        media, wrong = self._load_media(CreateArgs({}, {}, {SOURCE_VIDEO: source}, operation))
        if wrong:
            raise InvalidRequest({"video": wrong[SOURCE_VIDEO]}, sends=False)
        return PreparedInputs({}, media).source_s

    def _factors_for(self, email: str | None) -> Mapping[str, float]:
        """Return the factors on prices for a call with this account; none are known for another than the client's."""
        is_other = self._email is not None and email not in (None, self._email)
        return {} if is_other else self.factors or {}

    def is_limit(self, params: Mapping[str, Any]) -> bool:
        """Return whether the estimate for these fields is the full price of a cheaper mode, whose factor is unknown."""
        return price_factor(params, self.factors or {}) is None

    def new_record(
        self,
        args: CreateArgs,
        request: GenerationRequest,
        prepared: PreparedInputs,
        *,
        now: float,
    ) -> JobRecord:
        """Return the new job of a call whose request is built and whose inputs are prepared."""
        frames, media = prepared.frames, prepared.media
        usual_deadline_s = self._timing.job_deadline_s(is_off_peak=request.is_off_peak)
        has_factors = price_factor(request.params, self._factors_for(request.delivery.email)) not in (None, 1)
        return JobRecord(
            ref=f"pv-{request.content_key[:12]}-{secrets.token_hex(4)}",
            service=self._service,
            request=request,
            created_at=now,
            deadline_at=now + (usual_deadline_s if args.deadline_s is None else as_float(args.deadline_s)),
            owner=self._owner,
            seed_was_drawn=args.fields.get("seed") is None and request.seed is not None,
            inputs=(
                *(
                    JobInput(
                        role,
                        sha256=frames[role].sha256 if role in frames else None,
                        remote=source.path if isinstance(source, UploadedFile) else None,
                        source_expr=source_expr(source, role),
                    )
                    for role, source in args.images.items()
                ),
                *(JobInput(role, one.sha256, one.remote, one.expr) for role, one in media.items()),
            ),
            account=next((one.account for one in media.values() if one.account), None),
            budget_credits=self.budget_credits,
            estimated_credits=self.estimate(request, source_s=prepared.source_s),
            estimate_source="factors" if has_factors else "",
            full_credits=self.estimate(request, source_s=prepared.source_s, is_full=True) if has_factors else None,
            notices=(
                *self.catalogue.notices(request.model, request.operation, request.params),
                *(_with_role(notice, role) for role, frame in frames.items() for notice in frame.notices),
            ),
            fit=args.fit,
            allow_refused=args.allow_refused,
        )

    def store(self, inputs: PreparedInputs) -> None:
        """Store the prepared inputs in the home folder. Raises ConfigError if they cannot be written."""
        for frame in inputs.frames.values():
            self._store(frame)
        for media in inputs.media.values():
            media.store(self._home / "pictures")

    def _prepare(self, args: CreateArgs) -> tuple[dict[str, str], dict[str, str], Frames]:
        """Return the problems with the framing, the unusable pictures, and the prepared pictures if all are usable."""
        ratio = plain(args.fields.get("aspect_ratio"))
        ratios = self.catalogue.spec_for(args.fields, args.default_model).aspect_ratios
        usable_ratio = ratio if isinstance(ratio, str) and ratio in ratios else None
        wrong = imaging.validate_framing(aspect_ratio=usable_ratio, fit=args.fit, ratios=ratios)
        fit = None if wrong else args.fit
        sources, bad = self._fetch_addresses(args.images)
        local = {role: source for role, source in sources.items() if not isinstance(source, UploadedFile)}
        frames: Frames = {}
        try:
            frames = self._preparer.prepare_all(local, aspect_ratio=usable_ratio, fit=fit, ratios=ratios)
        except InvalidImage as error:
            bad |= error.fields
        return wrong, bad, {} if bad else frames

    @cached_property
    def _preparer(self) -> "imaging.ImagePreparer":
        return imaging.ImagePreparer()

    def _load_media(self, args: CreateArgs) -> tuple[dict[str, Media], dict[str, str]]:
        """Return the usable videos and sounds by role, and the reason for each other one."""
        media: dict[str, Media] = {}
        wrong: dict[str, str] = {}
        for role, source in args.media.items():
            suffixes = tuple((SOUND_SUFFIXES if role == AUDIO else VIDEO_SUFFIXES).values())
            is_uploaded = args.operation is Operation.MOTION or role == AUDIO  # these take no video ids
            try:
                media[role] = load_media(
                    source, role=role, suffixes=suffixes, account_of=self._account_of, is_uploaded=is_uploaded
                )
            except UnusableMediaError as error:
                wrong[role] = str(error)
        return media, wrong

    def _already_large(self, args: CreateArgs, media: Mapping[str, Media]) -> dict[str, str]:
        """Return the problem with upscaling a video that is at least as large; nothing if its size is not known."""
        if args.operation is not Operation.UPSCALE or SOURCE_VIDEO not in media:
            return {}
        spec = self.catalogue.spec_for(args.fields, args.default_model)
        quality = plain(args.fields.get("quality"))
        quality = spec.default("quality", args.operation) if quality is None else quality
        lines, wanted = media[SOURCE_VIDEO].lines, quality.removesuffix("p") if isinstance(quality, str) else ""
        if lines is None or not (wanted.isascii() and wanted.isdigit()) or lines < int(wanted):
            return {}
        return {SOURCE_VIDEO: f"has {lines} lines already: choose another video, or a higher quality"}

    def _fetch_addresses(self, images: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the pictures, with addresses replaced by their bytes, and the reason for each failed download."""
        sources: dict[str, Any] = {}
        bad: dict[str, str] = {}
        for role, source in images.items():
            try:
                sources[role] = self._fetch(source) if imaging.is_url(source) else source
            except PixVerseError as error:
                bad[role] = f"could not be downloaded from its address. {error}"
        return sources, bad

    def _store(self, frame: "imaging.Frame") -> None:
        folder = self._home / "pictures"
        path = folder / f"{frame.sha256}{IMAGE_SUFFIXES[frame.media_type]}"
        if path.exists() and path.stat().st_size == frame.size_bytes:
            return
        part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(frame.data)
            part.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):  # it may fail for the same reason
                part.unlink()
            raise ConfigError(
                f"The pictures cannot be stored in {folder} ({error.strerror or error}). "
                f"Make it writable, free some space, or {OTHER_HOME}. Nothing was sent and nothing was charged."
            ) from error


def _named(problems: Mapping[str, str], args: CreateArgs) -> dict[str, str]:
    """Return the problems by the names of the caller's arguments."""
    return {args.arguments.get(name, name): problem for name, problem in problems.items()}


def _other_account(media: Mapping[str, Media], email: Any) -> dict[str, str]:
    """Return the problem with an explicit account that is not the one that has the source video."""
    found: dict[str, str] = {}
    for role, one in media.items():
        if isinstance(email, str) and email.strip() and one.account not in (None, email.strip()):
            found[role] = "belongs to another account than email"
            found["email"] = f"is not the account of the source video ({redact(str(one.account))}): leave it out"
    return found


def image_key(source: Any, frame: "imaging.Frame | None") -> str:
    """Return the key that identifies a picture in a request: by its content, or by the vendor's name for an upload."""
    if isinstance(source, UploadedFile):
        return f"path:{source.path}"
    return frame.key if frame is not None else "unusable"


def source_expr(source: Any, role: str) -> str:
    """Return a Python expression for a picture: its path, address or upload; its role if it has none."""
    if isinstance(source, UploadedFile):
        return f"pv.UploadedFile({source.path!r})"
    if isinstance(source, str | os.PathLike):
        name = os.fspath(source)
        return repr(name) if isinstance(name, str) and len(name) <= 200 else role
    return role


def _with_role(notice: Notice, role: str) -> Notice:
    return Notice(notice.kind, {**notice.data, "role": role})
