"""`Client`: makes videos, and gives access to the jobs in the ledger and to the account.

It connects the ledger, the engine on its own thread, and the `JobBuilder` that prepares pictures. The methods that make
videos return a job at once; `job.result()` waits for it.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, NoReturn, Self, TypeVar

from pixverse_nb import __version__, archive, render
from pixverse_nb import sweep as sweeps
from pixverse_nb.backends.base import Backend, Call, curl_line
from pixverse_nb.config import Prices, Timing, find_email, find_home
from pixverse_nb.connection import (
    SANDBOX,
    Connection,
    resolve_connection,
    sandbox_connection,
    warn_network_filesystem,
    warn_other_token,
    warn_read_only,
)
from pixverse_nb.doctor.report import Report
from pixverse_nb.domain.arguments import (
    BUDGET,
    CALLBACK,
    COUNT,
    MAX_CELLS,
    Reuse,
    checked,
    named_keywords,
    public_class,
)
from pixverse_nb.domain.catalogue import DEFAULT_MODEL
from pixverse_nb.domain.custom_models import Models, catalogue_with
from pixverse_nb.domain.inputs import field_value, image_roles, link_values, listed_images
from pixverse_nb.domain.jobs import JobRecord, JobState, find_states
from pixverse_nb.domain.notices import Notice
from pixverse_nb.domain.operations import (
    AUDIO,
    CHEAPER_MODES,
    FUSION_MAX,
    OPERATIONS,
    PARAM_NAMES,
    SOURCE_VIDEO,
    TRANSITION_MAX,
    Operation,
)
from pixverse_nb.domain.remote import Capacity, Credits, NamedId, RemoteVideo, UploadedFile
from pixverse_nb.domain.requests import DELIVERY_FIELDS, REPLY_MAX
from pixverse_nb.domain.validation import (
    REQUIRED,
    Flag,
    Integer,
    OneOf,
    Rule,
    Text,
    is_blank,
    plain,
    safe_repr,
    unknown_fields,
    validate,
)
from pixverse_nb.errors import ConfigError, InvalidCall, InvalidRequest, LedgerError, PixVerseError, refuse_pickling
from pixverse_nb.event_loop import EventLoopThread, wait_for_future
from pixverse_nb.job_builder import CALL_OPTIONS, CreateArgs
from pixverse_nb.jobs.adoption import adopt_history, find_or_adopt, track_all, unix_seconds
from pixverse_nb.jobs.download import VerifyReport
from pixverse_nb.jobs.engine import Engine
from pixverse_nb.jobs.job import Job, JobFactory, JobList
from pixverse_nb.jobs.remote_videos import AllAccounts
from pixverse_nb.jobs.stored_inputs import stored_input
from pixverse_nb.jobs.webhooks import WebhookListener
from pixverse_nb.ledger.jobs import Ledger
from pixverse_nb.ledger.spending import GROUPS
from pixverse_nb.maintenance import FileVerifier
from pixverse_nb.redaction import Secret, redact
from pixverse_nb.render.live import MakeWidget, use_widgets
from pixverse_nb.render.player import HasVideo
from pixverse_nb.render.table import TableList
from pixverse_nb.session import Session, SessionSettings, leave_session, open_session
from pixverse_nb.video import Video

T = TypeVar("T")

_LISTENER: Final[Mapping[str, Rule]] = {
    "port": Integer(0, 65535),
    "host": Text(255),
    "public_url": Text(REPLY_MAX, default=None),
}
_ALL: Final = Integer(1, COUNT.most, default=None, note=", or None for all")
_JOBS: Final = Integer(0, COUNT.most, default=None, note=", or None for all")
_TOKEN: Final = Text(REPLY_MAX, default=None)
_REF: Final = Text(REPLY_MAX, what="a reference or a video id")
# What `**options` and `**fields` stand for, with the defaults: completion offers them.
_OPTIONS: Final[Mapping[str, object]] = {
    **dict.fromkeys((*DELIVERY_FIELDS, "deadline_s")),
    "fit": "cover",
    "reuse": True,
    "allow_refused": False,
}
_OPTIONS_UNFRAMED: Final[Mapping[str, object]] = {**_OPTIONS, "fit": None}
_FIELDS: Final[Mapping[str, object]] = {
    **dict.fromkeys(("model", *(name for name in PARAM_NAMES if "_to_" not in name))),
    "fit": "cover",
    **dict.fromkeys(("email", "reply_url", "max_jobs", "deadline_s")),
}
_FRAMES_FIELDS: Final = {
    name: default for name, default in _FIELDS.items() if name not in ("multi_shot", "restyle_id", "speaker_id")
}


@public_class(hides=("fetch_picture", "paid_elsewhere", "take_paid"))
class Client:
    """Generates videos, remembers every job, and never pays twice for one.

    The token comes from `token`, USEAPI_TOKEN, the keyring or Colab's secrets; without one the client runs on the
    embedded sandbox and says so. `base_url` is the API's address and `backend` its vendor (default: useapi.net v2 for
    PixVerse); the token of another vendor must be passed, unless its backend names a variable. `home` is the folder of
    the ledger and the videos (default: an existing home named `pixverse` in the working directory or in a folder above
    it, or else a new one in the working directory). `email` selects the PixVerse account if several are configured.
    `models` adds models to the catalogue or corrects their rows (see `client.models()`), `prices` corrects its prices.
    `budget_credits` limits what this home may spend in total, across restarts and kernels: a call that would exceed it
    is not sent. A context manager: `close()` stops its thread; the next Client on the same home continues the open
    jobs.

    >>> with Client.sandbox(speed=60) as client:  # doctest: +SKIP
    ...     video = client.create_frames("first.jpg", "last.jpg", seed=7).result()
    """

    def __init__(  # noqa: PLR0913 - every setting has a name
        self,
        token: str | None = None,
        *,
        base_url: str | None = None,
        backend: Backend | None = None,
        home: str | os.PathLike[str] | None = None,
        email: str | None = None,
        timing: Timing | None = None,
        models: Models | None = None,
        prices: Prices | Mapping[str, int] | None = None,
        budget_credits: int | None = None,
    ) -> None:
        if not _TOKEN.accepts(token):
            raise ConfigError("token must be a text of at most 1024 characters.")  # it is not shown: it is secret
        given = Secret(token) if token else None
        del token  # a verbose traceback prints the variables of every frame
        service = resolve_connection(given, base_url=base_url, backend=backend, home=home, timing=timing)
        account = None if service.is_sandbox else find_email(email)
        self._open(service, email=account, models=models, prices=prices, budget_credits=budget_credits)

    @classmethod
    def sandbox(
        cls,
        *,
        speed: float = 10.0,
        home: str | os.PathLike[str] | None = None,
        timing: Timing | None = None,
        models: Models | None = None,
        prices: Prices | Mapping[str, int] | None = None,
        budget_credits: int | None = None,
    ) -> Self:
        """Return a client on the embedded sandbox: a local server that renders real mp4s, without token or internet.

        `speed` is how many times faster than real time it runs (a video takes 40…70 s of real time; 0: the clock is
        stopped). `home` is its own folder (default: `sandbox` in the default home of `Client`), so that nothing mixes
        with paid videos.
        """
        folder = find_home(None) / SANDBOX if is_blank(home) else find_home(home)
        client = cls.__new__(cls)
        service = sandbox_connection(folder, speed=speed, timing=timing)
        client._open(service, email=None, models=models, prices=prices, budget_credits=budget_credits)
        return client

    def _open(
        self,
        service: Connection,
        *,
        email: str | None,
        models: Models | None,
        prices: Prices | Mapping[str, int] | None,
        budget_credits: int | None,
    ) -> None:
        budget_credits = plain(budget_credits)
        if not BUDGET.accepts(budget_credits):
            raise ConfigError(f"budget_credits must be {BUDGET}, not {safe_repr(budget_credits):.80}")
        if not isinstance(service.timing, Timing):
            raise ConfigError(f"timing must be a Timing, not {safe_repr(service.timing):.80}")
        self._email = email
        self.home: Path = service.home
        self.timing = service.timing
        self.prices = Prices.of(prices)
        self.catalogue = catalogue_with(models, prices=self.prices.base)
        settings = SessionSettings(
            owner=type(self),
            connection=service,
            email=self._email,
            models=tuple(self.catalogue.models()),
            prices=self.prices,
            budget_credits=budget_credits,
            catalogue=self.catalogue,
        )
        self._session, self._loop, is_new = open_session(settings, user=self)
        try:
            self._use_session(is_new=is_new)
        except BaseException:
            leave_session(self._session, user=self)
            raise

    def _use_session(self, *, is_new: bool) -> None:
        """Take the parts of the session, and start what is open."""
        session = self._session
        self._box = session.connection.box
        self._base_url = session.connection.base_url
        self._engine = session.engine
        self._backend = session.backend
        self._builder = session.builder
        if self._ledger.network is not None:
            warn_network_filesystem(self._ledger.network, self.home)
        if self._ledger.is_read_only:
            warn_read_only(self.home)
        if is_new and session.meets_other_token():
            warn_other_token(self.home)
        self._listener: WebhookListener | None = None
        self._unsubscribe: list[Callable[[], None]] = []
        use_widgets(_load_live_card)
        self._factory = JobFactory(
            self._engine, self._loop, handle=session.handle, keep=session.keep, other_homes=session.other_homes
        )
        if self._engine.has_stored_work():
            # waited for, so that `jobs()` shows a stopped download as running again; an error stays on the job
            wait_for_future(self._loop.submit(_continue_open_jobs(self._engine)), None)
        self._verifier = FileVerifier(self._engine, self._loop, job_of=partial(_job_of, session))
        if is_new:
            self._verifier.start()
            if self._ledger.count():
                session.register.note_home()

    # -- making videos -------------------------------------------------------------------------------------------

    def create_frames(  # noqa: PLR0913 - one for each field of the API
        self,
        first: Any,
        last: Any,
        *,
        prompt: str | None = None,
        model: str = DEFAULT_MODEL,
        duration: int | None = None,
        quality: str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        audio: bool | None = None,
        motion_mode: str | None = None,
        remove_watermark: bool | None = None,
        preview_mode: bool | None = None,
        off_peak_mode: bool | None = None,
        auto_sound: bool | None = None,
        sound_effect_prompt: str | None = None,
        email: str | None = None,
        reply_url: str | None = None,
        reply_ref: str | None = None,
        max_jobs: int | None = None,
        fit: str | None = "cover",
        deadline_s: float | None = None,
        reuse: Reuse = True,
        allow_refused: bool = False,
    ) -> Job:
        """Start one video from `first` to `last` and return its job at once. **This spends credits.**

        A picture is a path, an http(s) address (downloaded first), bytes, an open file, a PIL image, a numpy array
        (H×W×3|4, uint8), or an UploadedFile. `client.models("frames")` lists the models with the fields that each one
        takes; a field that is None takes the model's default. `prompt` has at most 2048 characters, `duration` is in
        seconds, `seed` 1…2147483647 (None: random). Most models take the ratio from the first picture: both pictures
        get `aspect_ratio` (None: nearest to the first picture). `fit` "cover" crops, "contain" pads, None
        sends the picture as it is. `deadline_s` is how long the job may take, in seconds (default: half an hour, or 25
        hours with `off_peak_mode=True`, which PixVerse makes within a day, for less, without using a slot).

        The same call finds the same job: with `reuse=True` an open or finished one is returned and nothing is charged
        again. If another home on this machine has paid for it, a message says so before this one pays too;
        `reuse="any"` copies that video into this home instead. `reuse=False` pays for a new one.

        Raises InvalidRequest (InvalidImage if only pictures are wrong) naming every wrong field, before anything is
        sent. `allow_refused=True` sends a combination that the vendor's documents refuse, or a model that does not make
        this operation. A model that is not in the catalogue is sent with a notice that nothing about it was checked.
        """
        self._loop.check_open()
        fields = {
            "prompt": prompt,
            "duration": duration,
            "quality": quality,
            "motion_mode": motion_mode,
            "aspect_ratio": aspect_ratio,
            "seed": seed,
            "audio": audio,
            "remove_watermark": remove_watermark,
            "preview_mode": preview_mode,
            "off_peak_mode": off_peak_mode,
            "auto_sound": auto_sound,
            "sound_effect_prompt": sound_effect_prompt,
            "model": model,
            "reply_ref": reply_ref,
            "max_jobs": max_jobs,
        }
        args = CreateArgs(
            images={"first": first, "last": last},
            fields=self._with_delivery(fields, email=email, reply_url=reply_url),
            fit=fit,
            deadline_s=deadline_s,
            allow_refused=allow_refused,
            reuse=reuse,
        )
        return self._create(args)

    @named_keywords(_OPTIONS)
    def create_video(  # noqa: PLR0913 - one for each field of the API
        self,
        prompt: str | None = None,
        image: Any = None,
        *,
        model: str = "v6",
        duration: int | None = None,
        quality: str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        audio: bool | None = None,
        multi_shot: bool | None = None,
        preview_mode: bool | None = None,
        off_peak_mode: bool | None = None,
        auto_sound: bool | None = None,
        sound_effect_prompt: str | None = None,
        **options: Any,
    ) -> Job:
        """Start one video from a prompt, or from one picture and an optional prompt. **This spends credits.**

        `prompt` has at most 5000 characters. Without an `image` the prompt is required, and `aspect_ratio` is that of
        the video; with one, the picture is cropped or padded to it (None: nearest to the picture). `options` are
        `email`, `reply_url`, `reply_ref`, `max_jobs`, `fit`, `deadline_s`, `reuse` and `allow_refused`. Everything else
        is as in `create_frames`.

        >>> client.create_video("a paper boat on a river at dawn", duration=3)  # doctest: +SKIP
        """
        fields = {
            "prompt": prompt,
            "model": model,
            "duration": duration,
            "quality": quality,
            "aspect_ratio": aspect_ratio,
            "seed": seed,
            "audio": audio,
            "multi_shot": multi_shot,
            "preview_mode": preview_mode,
            "off_peak_mode": off_peak_mode,
            "auto_sound": auto_sound,
            "sound_effect_prompt": sound_effect_prompt,
        }
        if image is None:
            return self._start(Operation.TEXT, fields, options)
        return self._start(Operation.IMAGE, fields, options, images={"first": image}, arguments={"first": "image"})

    @named_keywords(_OPTIONS)
    def create_transition(  # noqa: PLR0913 - one for each field of the API
        self,
        images: Sequence[Any],
        *,
        prompt: str | None = None,
        prompts: Sequence[str | None] | None = None,
        durations: Sequence[int | None] | None = None,
        model: str = "v5",
        quality: str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        audio: bool | None = None,
        off_peak_mode: bool | None = None,
        **options: Any,
    ) -> Job:
        """Start one video through 2 to 7 pictures (more than 2: v5 only). **This spends credits.**

        `prompts` and `durations` (1…8 seconds) have one entry for each picture but the last: what happens until the
        next one, and how long that takes. `options` as in `create_video`. Raises InvalidRequest for any other number of
        entries.
        """
        pictures, wrong = listed_images(images, at_least=2, at_most=TRANSITION_MAX)
        roles, arguments = image_roles(pictures)
        links = ({}, {}, {}) if wrong else link_values(prompts, durations, links=len(pictures) - 1)
        fields = {
            "prompt": prompt,
            "model": model,
            "quality": quality,
            "aspect_ratio": aspect_ratio,
            "seed": seed,
            "audio": audio,
            "off_peak_mode": off_peak_mode,
            **links[0],
        }
        arguments, wrong = arguments | links[1], wrong | links[2]
        return self._start(Operation.TRANSITION, fields, options, images=roles, arguments=arguments, wrong=wrong)

    @named_keywords(_OPTIONS)
    def extend(  # noqa: PLR0913 - one for each field of the API
        self,
        video: Any,
        *,
        prompt: str | None = None,
        model: str = "v6",
        duration: int | None = None,
        quality: str | None = None,
        seed: int | None = None,
        audio: bool | None = None,
        off_peak_mode: bool | None = None,
        **options: Any,
    ) -> Job:
        """Start a video that continues another one. **This spends credits.**

        `video` is a finished Video or Job, a video id, or the path of an mp4, which is uploaded. `duration` is the
        length of the new part in seconds. `options` as in `create_video`.
        """
        fields = {
            "prompt": prompt,
            "model": model,
            "duration": duration,
            "quality": quality,
            "seed": seed,
            "audio": audio,
            "off_peak_mode": off_peak_mode,
        }
        return self._start(Operation.EXTEND, fields, options, media={SOURCE_VIDEO: video})

    @named_keywords(_OPTIONS)
    def upscale(self, video: Any, *, quality: str = "2160p", model: str = "pixverse-upscale", **options: Any) -> Job:
        """Start a larger version of a video. **This spends credits**; `quote` returns how many.

        The vendor is asked for its price before the paid call; a budget is checked with that price. `video` as in
        `extend`, `options` as in `create_video`. A video that is already that large is refused.
        """
        fields = {"model": model, "quality": quality}
        return self._start(Operation.UPSCALE, fields, options, media={SOURCE_VIDEO: video})

    @named_keywords(_OPTIONS)
    def restyle(
        self,
        video: Any,
        *,
        restyle_id: int | str | NamedId | None = None,
        prompt: str | None = None,
        model: str = "v4",
        seed: int | None = None,
        **options: Any,
    ) -> Job:
        """Start a version of a video in another style: one of `restyles()`, or as the prompt says. **Spends credits.**

        `video` as in `extend`, `options` as in `create_video`.
        """
        prompt = None if is_blank(prompt) else prompt
        fields = {"restyle_id": restyle_id, "prompt": prompt, "model": model, "seed": seed}
        return self._start(Operation.RESTYLE, fields, options, media={SOURCE_VIDEO: video})

    @named_keywords(_OPTIONS)
    def modify(
        self,
        video: Any,
        prompt: str,
        *,
        quality: str | None = None,
        model: str = "v5.5",
        seed: int | None = None,
        **options: Any,
    ) -> Job:
        """Start a version of a video that is changed as the prompt says. **This spends credits.**

        `quality` is 360p, 540p or 720p. `video` as in `extend`, `options` as in `create_video`.
        """
        fields = {"prompt": prompt, "quality": quality, "model": model, "seed": seed}
        return self._start(Operation.MODIFY, fields, options, media={SOURCE_VIDEO: video})

    @named_keywords(_OPTIONS_UNFRAMED)
    def create_fusion(  # noqa: PLR0913 - one for each field of the API
        self,
        prompt: str,
        images: Sequence[Any],
        *,
        model: str = "pixverse-c1",
        duration: int | None = None,
        quality: str | None = None,
        aspect_ratio: str | None = None,
        seed: int | None = None,
        audio: bool | None = None,
        off_peak_mode: bool | None = None,
        **options: Any,
    ) -> Job:
        """Start a video in which the subjects of several pictures appear together. **This spends credits.**

        The prompt names them `@image1`, `@image2` and so on, in the order of `images` (1 to 9). A number without a
        picture is refused. If the prompt names no picture, a notice says so. `options` as in `create_video`.
        """
        pictures, wrong = listed_images(images, at_least=1, at_most=FUSION_MAX)
        roles, arguments = image_roles(pictures)
        fields = {
            "prompt": prompt,
            "model": model,
            "duration": duration,
            "quality": quality,
            "aspect_ratio": aspect_ratio,
            "seed": seed,
            "audio": audio,
            "off_peak_mode": off_peak_mode,
        }
        return self._start(Operation.FUSION, fields, options, images=roles, arguments=arguments, wrong=wrong)

    @named_keywords(_OPTIONS)
    def lip_sync(
        self,
        video: Any,
        *,
        audio: Any = None,
        prompt: str | None = None,
        speaker_id: str | NamedId | None = None,
        **options: Any,
    ) -> Job:
        """Start a version of a video whose lips follow a sound. **This spends credits.**

        The sound is `audio` (the path of an mp3 or wav file), or a `prompt` of at most 200 characters that is spoken by
        `speaker_id`, one of `voices()`. `video` as in `extend`, `options` as in `create_video`.
        """
        sources = {SOURCE_VIDEO: video} | ({AUDIO: audio} if audio is not None else {})
        fields = {"prompt": None if is_blank(prompt) else prompt, "speaker_id": speaker_id}
        return self._start(Operation.LIPSYNC, fields, options, media=sources)

    @named_keywords(_OPTIONS_UNFRAMED)
    def motion_control(
        self,
        image: Any,
        video: Any,
        *,
        quality: str | None = None,
        model: str = "v5.6",
        seed: int | None = None,
        **options: Any,
    ) -> Job:
        """Start a video in which the picture's subject moves as in a video. **This spends credits.**

        `video` is a finished Video or job, or the path of an mp4; its file is uploaded. `options` as in `create_video`.
        """
        fields = {"quality": quality, "model": model, "seed": seed}
        arguments = {"frame_1": "image"}
        return self._start(
            Operation.MOTION,
            fields,
            options,
            images={"frame_1": image},
            media={SOURCE_VIDEO: video},
            arguments=arguments,
        )

    def quote(self, operation: Operation | str, video: Any, **fields: Any) -> int:
        """Return the credits that the vendor quotes for an operation; nothing is charged.

        Only "upscale" has a quote: `video` and `fields` are those of `upscale`. Raises InvalidRequest for another
        operation; `estimate()` has the price list.

        >>> client.quote("upscale", video, quality="2160p")  # doctest: +SKIP
        30
        """
        name = plain(operation)
        if not isinstance(name, str) or name != Operation.UPSCALE:
            problem = f"must be 'upscale', for which alone the vendor gives a price, not {safe_repr(operation):.40}"
            raise InvalidRequest({"operation": problem}, sends=False)
        if wrong := unknown_fields(fields, ("quality", "model")):
            raise InvalidCall(wrong, sends=False)
        return self.quote_upscale(video, **fields)

    def quote_upscale(self, video: Any, *, quality: str = "2160p", model: str = "pixverse-upscale") -> int:
        """Return the credits that the vendor quotes for `upscale` with the same arguments; nothing is charged.

        A video that is only on this machine is uploaded first. Raises ConfigError if the service gives no quotes, or if
        the vendor makes and charges the video instead; its `ref` is then that of the job, which this home has. If the
        answer is lost, `upscale` looks for such a video before it pays.
        """
        if not self._backend.quotes:
            raise ConfigError(f"The service {self._backend.name} gives no price before a call.")
        args = CreateArgs(
            images={},
            media={SOURCE_VIDEO: self._known_job(video)},
            fields={"model": model, "quality": quality, "email": self._email},
            arguments=_MEDIA_ARGUMENTS,
            operation=Operation.UPSCALE,
        )
        draft, inputs = self._builder.build(args, now=self._engine.now())
        self._builder.store(inputs)

        async def quote() -> int:
            return await self._engine.quote(draft)

        return self._loop.call(quote())

    def restyles(self) -> list[NamedId]:
        """Return the styles for `restyle`, each with its id and name."""
        return self._listed(self._backend.list_restyles(account=self._email), what="styles")

    def voices(self) -> list[NamedId]:
        """Return the speakers for `lip_sync`, each with its id and name."""
        return self._listed(self._backend.list_voices(account=self._email), what="speakers")

    @named_keywords(_FIELDS)
    def sweep(  # noqa: PLR0913 - every option has a name
        self,
        first: Any = None,
        last: Any = None,
        *,
        images: Sequence[Any] | None = None,
        video: Any = None,
        operation: Operation | str | None = None,
        layout: str = "grid",
        cells: Iterable[Mapping[str, Any]] | None = None,
        title: str | None = None,
        budget_credits: int | None = None,
        skip_refused: bool = False,
        allow_refused: bool = False,
        most_cells: int = MAX_CELLS,
        reuse: Literal[True, "any"] = True,
        **fields: Any,
    ) -> "sweeps.Sweep":
        """Return a sweep: one call over several values. Nothing is sent or charged before `plan()` or `run()`.

        What you pass decides the operation: `first` and `last` make "frames", `first` alone "image", no picture "text",
        a list of `images` "transition", `first` and a `video` "motion". With a `video` alone, `operation` chooses among
        "extend", "upscale", "restyle", "modify" and "lipsync"; with `images` it may be "fusion". The sources and fields
        are those of the method of this client for that operation.

        Every field that affects the video may be a list, a tuple, a range, an array or a Series: `seed=range(1, 17)`,
        `model=["v5.6", "v6"]`, `prompt=[…]`, `restyle_id=client.restyles()`. So may `first`, `last`, `video`, each
        entry of `images`, and the `audio` of a lip sync. The layout "grid" combines every value with every other; "zip"
        combines the first values of all fields, then the second ones, and so on. `cells` lists the cells explicitly:
        `cells=[{"seed": 1, "quality": "540p"}, …]`, or as a DataFrame. Without a seed every cell has the same one.

        `budget_credits` limits what the cells of this sweep may cost in total, whoever requests them. A cell that is
        impossible, because the vendor's documentation excludes it or its model does not take a value, makes `run()`
        raise InvalidRequest, unless `skip_refused=True` skips it or `allow_refused=True` sends it anyway. `most_cells`
        limits the number of cells. `reuse="any"` copies the videos that another home on this machine has paid for,
        instead of paying again. Raises InvalidRequest (InvalidImage) naming every wrong field.

        >>> sweep = client.sweep("a.jpg", "b.jpg", seed=range(1, 9), quality=["540p", "720p"])  # doctest: +SKIP
        >>> sweep = client.sweep(prompt=["rain", "snow"], model=["v6", "pixverse-c1"])  # doctest: +SKIP
        >>> sweep = client.sweep(video=boat, operation="extend", prompt=["the sea", "a lake"])  # doctest: +SKIP
        >>> sweep.plan()  # doctest: +SKIP
        """
        options = sweeps.SweepOptions(
            title=title,
            budget_credits=budget_credits,
            skip_refused=skip_refused,
            allow_refused=allow_refused,
            layout=layout,
            cells=cells,
            most_cells=most_cells,
            reuse=reuse,
        )
        given = {"first": first, "last": last, "images": images, "video": video}
        sources = sweeps.find_sources(given, fields, operation=operation)
        media = {role: self._known_jobs(source) for role, source in sources.media.items()}
        return sweeps.make_sweep(
            self._sweep_context,
            sources.images,
            sources.fields,
            options,
            media=media,
            operation=sources.operation,
            names=sources.names,
            arguments=sources.arguments,
        )

    @named_keywords(_FRAMES_FIELDS)
    def chain(
        self,
        images: Sequence[Any],
        *,
        loop: bool = False,
        title: str | None = None,
        budget_credits: int | None = None,
        allow_refused: bool = False,
        reuse: Literal[True, "any"] = True,
        **fields: Any,
    ) -> "sweeps.Chain":
        """Return a chain: one video from each picture to the next, to be joined by `chain.join("story.mp4")`.

        `loop=True` adds the video from the last picture back to the first; naming the first picture again at the end
        does the same. Nothing is sent or charged before `plan()` or `run()`. The fields are those of `create_frames`;
        `prompt`, `seed`, `duration` and the like may be a list with one value for each video. All pictures are brought
        to the aspect ratio of the first one (or to `aspect_ratio`), and each is uploaded once. Without a seed every
        video has the same one. `budget_credits` limits what the videos of this chain may cost in total. `reuse` as in
        `sweep`.

        Raises InvalidRequest (InvalidImage) naming every wrong field and picture.

        >>> chain = client.chain(["a.jpg", "b.jpg", "c.jpg"], loop=True, duration=5)  # doctest: +SKIP
        >>> chain.plan()  # doctest: +SKIP
        """
        options = sweeps.SweepOptions(
            title=title, budget_credits=budget_credits, allow_refused=allow_refused, reuse=reuse
        )
        return sweeps.make_chain(self._sweep_context, images, fields, options, loop=loop)

    def find_paid(self, first: Any, last: Any, **fields: Any) -> Job | None:
        """Return the job that `create_frames` with the same arguments would reuse, or None; creates nothing."""
        extra = {name: fields.pop(name) for name in ("fit", "deadline_s", "allow_refused") if name in fields}
        images = {"first": first, "last": last}
        draft, _ = self._builder.build(CreateArgs(images, {"email": self._email, **fields}, **extra), now=time.time())
        record = self._ledger.find_reusable(draft)
        return self._handle(record) if record is not None else None

    def paid_elsewhere(self, operation: Operation, images: Sequence[Any], **fields: Any) -> Notice | None:
        """Return which other home of this machine has paid for a call, if this home would pay for it again; or None.

        `operation` makes a video of `images`, of which there may be none; `fields` are those of its method. Sends and
        stores nothing. Raises InvalidRequest as the call does.
        """
        return self._factory.find_paid_elsewhere(self._draft_of(operation, images, fields))

    def take_paid(self, operation: Operation, images: Sequence[Any], **fields: Any) -> Job | None:
        """Return the job of the call that `paid_elsewhere` has found, copied into this home; nothing is charged.

        Returns None if the other home does not have it any more. Raises LedgerError if it cannot be copied,
        OutcomeUnknown if that home does not know whether its call was accepted.
        """
        draft = self._draft_of(operation, images, fields)
        found = self._ledger.find_reusable(draft) if self._factory.take(draft) else None
        return self._handle(found) if found is not None else None

    def _draft_of(self, operation: Operation, images: Sequence[Any], fields: Mapping[str, Any]) -> JobRecord:
        """Return the job that a call would make."""
        operation = sweeps.find_operation(operation)
        if not isinstance(images, list | tuple):
            raise InvalidRequest({"images": "must be a list of pictures"}, sends=False)
        values = dict(fields)
        fit = values.pop("fit", OPERATIONS[operation].default_fit)
        links: Mapping[str, Any] = {}
        match operation:
            case Operation.TRANSITION:
                roles, arguments = image_roles(images)
                links = link_values(None, values.pop("durations", None), links=len(images) - 1)[0]
            case Operation.IMAGE:
                roles, arguments = dict(zip(("first",), images, strict=False)), {"first": "image"}
            case _:
                roles, arguments = dict(zip(("first", "last"), images, strict=False)), {}
        args = CreateArgs(
            images=roles,
            fields=self._with_delivery({**values, **links}, email=None, reply_url=None),
            operation=operation,
            fit=fit,
            arguments=arguments,
        )
        return self._builder.build(args, now=self._engine.now())[0]

    @named_keywords(_FIELDS)
    def estimate(
        self,
        operation: Operation | str = Operation.FRAMES,
        video: Any = None,
        *,
        images: Sequence[Any] | None = None,
        model: str | None = None,
        **fields: Any,
    ) -> int | None:
        """Return the estimated credits of one video, or None if no price is known; nothing is charged.

        `operation` is one of those of `sweep`; `fields` are those of its method, of which only those that affect the
        price are needed. The price of a transition depends on the number of its `images` and on `durations`, that of
        "upscale" on the length of the `video`. `sweep.plan()` adds up the same estimates; `quote()` asks the vendor for
        its own price.

        Off-peak and preview mode multiply the price by factors of the account, which are read from the vendor once. If
        it does not report them, this is the full price, the most that the video may cost. Raises InvalidRequest naming
        every wrong field, or a model that is not in the catalogue if its name is almost that of another one.

        >>> client.estimate(model="v6", duration=8)  # doctest: +SKIP
        56
        >>> client.estimate("extend", duration=5, off_peak_mode=True)  # doctest: +SKIP
        18
        """
        sources = sweeps.sources_to_estimate(operation, {"video": video, "images": images}, fields)
        if wrong := unknown_fields(sources.fields, _ESTIMATE_FIELDS):
            raise InvalidRequest(wrong)
        given = {name: value for name, value in {"model": model, **sources.fields}.items() if value is not None}
        spec = self.catalogue.spec_for(given, OPERATIONS[sources.operation].default_model)
        rules = spec.fields(sources.operation)
        needed = {name: rule for name, rule in rules.items() if name in given or rule.default is not REQUIRED}
        values, wrong = validate(needed, given)
        if wrong:
            problems = {sources.arguments.get(name, name): problem for name, problem in wrong.items()}
            raise InvalidRequest(problems, sends=False)
        if self._builder.factors is None and any(values.get(name) is True for name in CHEAPER_MODES):
            with suppress(PixVerseError):  # then the full price is the limit
                self.credits()
        source_s = None if video is None else self._builder.source_s(sources.operation, self._known_job(video))
        links = len(sources.images) - 1
        email = sources.fields.get("email")
        price = self._builder.estimate_fields(
            sources.operation, spec.name, values, links=links, source_s=source_s, email=email
        )
        if price is None and not spec.is_listed and (near := self.catalogue.nearest(spec.name)):
            problem = f"{safe_repr(spec.name):.60} is not in the catalogue; did you mean {near!r}?"
            raise InvalidRequest({"model": problem}, sends=False)
        return price

    def models(self, operation: Operation | str | None = None) -> "render.ModelTable":
        """Return the catalogue's models that make an operation ("frames", "text", …; None: all); displays as a table.

        Every row has its date and source, and the prices of this client. The vendor changes its models often:
        `Client(models=…)` corrects a row.
        """
        return render.ModelTable(map(self.catalogue.priced, self.catalogue.models(operation)))

    def spending(self, by: str = "day") -> "render.SpendingTable":
        """Return what this home has spent by "day", "model", "operation" or "sweep"; displays as a table.

        In credits: estimated, charged, refunded and unexplained (what they paid for is not known yet), and the cost per
        finished video whose price is known. It is read from the ledger; nothing is sent. Raises InvalidRequest for
        another `by`.
        """
        by = checked({"by": by}, {"by": OneOf(GROUPS, default="day")})["by"]
        return render.SpendingTable(self._ledger.spending.rows(by), by=by, is_sandbox=self.is_sandbox)

    # -- jobs and account ----------------------------------------------------------------------------------------

    def jobs(
        self, limit: int | None = 50, *, state: JobState | str | Iterable[JobState | str] | None = None
    ) -> JobList:
        """Return the newest `limit` jobs of this home (None: all), newest first; displays as a table.

        `state` is one state or several ("failed", ["failed", "moderated"]; None: any). `.to_frame()` gives a DataFrame.
        """
        given: Any = limit
        if isinstance(given, str):
            problem = f"must be a whole number, not {given[:40]!r}: pass a state by name, as state={given[:40]!r}"
            raise InvalidRequest({"limit": problem}, sends=False)
        limit = checked({"limit": limit}, {"limit": _JOBS})["limit"]
        states = None if state is None else find_states(state)
        records = self._ledger.jobs(limit=-1 if limit is None else limit, states=states)  # -1 is SQLite's "all"
        if_empty = "No jobs yet." if states is None else "No job is in this state."
        return JobList(map(self._handle, records), if_empty=if_empty)

    def job(self, ref_or_video_id: Any) -> Job:
        """Return one job by its `ref` or the vendor's video id, and continue it if it has stopped.

        Also takes a job, a video that a job has made, or a cell of a sweep. Raises InvalidRequest if this home has no
        such job.
        """
        return _continued(self._session, self._record(ref_or_video_id))

    def curl(self, ref: Any) -> str:
        """Return the paid call of a job as a curl command, with `$USEAPI_TOKEN` in place of the token.

        `ref` is what `job` takes. Names in capitals stand for the pictures and videos that the job starts from: upload
        them and insert their ids. Raises InvalidRequest if this home has no such job.
        """
        return curl_line(self._backend, self._record(ref).request)

    def input_files(self, ref: Any) -> dict[str, Path]:
        """Return the files of the pictures that a job starts from, by role ("first", "last", …), as they were sent.

        `ref` is what `job` takes. Raises InvalidRequest if this home has no such job, ConfigError if it does not have
        the files.
        """
        inputs = self._record(ref).inputs
        roles = (item for item in inputs if item.role not in (SOURCE_VIDEO, AUDIO))
        return {item.role: stored_input(self.home, item.sha256 or "") for item in roles}

    def adopt(self, ref_or_video_id: str) -> Job:
        """Add to this ledger a generation that only the vendor has, and download its video; nothing is charged.

        The generation is from another home or from a lost one; `client.doctor()` names such generations. Takes the ref,
        the video id or the number at its end. Raises InvalidRequest if it is not among the vendor's newest 200.
        """
        name = _ref_of(ref_or_video_id)
        self._loop.check_open()
        record, is_new = find_or_adopt(name, self._engine, send=self._send, email=self._email)
        if is_new:
            self._loop.call_soon(lambda: track_all(self._engine, [record]))
        return self.job(record.ref)

    def adopt_all(self, since: Any = None, *, limit: int | None = None) -> JobList:
        """Add to this ledger every generation that only the vendor has; return the new jobs, newest first.

        They come from the web site, other homes and other programs. Nothing is charged. The vendor's list is read page
        by page, for every account unless one is chosen, and the videos are downloaded in the background: `job.result()`
        waits for one. A generation that already has a job here is left out, so an interrupted call can simply be
        repeated. Failed and moderated ones become jobs without a video, so that the history is complete. Also left out
        are unfinished generations older than the deadline of a job, and those that may be a lost call of this home: the
        client settles that call by itself.

        `since` is a datetime or date (without a zone: of this machine), an ISO text such as "2026-11-01", or Unix
        seconds; None: from the beginning. `limit` is the most new jobs (None: all). Parameters that the vendor does not
        report get their defaults, and a notice says so; a seed that it does not report stays unknown. Raises
        InvalidRequest if an argument is wrong, or the error of an account that cannot be read, after the others have
        been.

        >>> client.adopt_all(since="2026-11-01")  # doctest: +SKIP
        """
        self._loop.check_open()
        moment = unix_seconds(since, now=self._engine.now())
        count = checked({"limit": limit}, {"limit": _ALL})["limit"]
        self._loop.call_soon(self._engine.start)  # an interrupted call may have left jobs that nothing follows
        found: list[JobRecord] = []
        pages = adopt_history(self._engine, send=self._send, email=self._email, since=moment, limit=count)
        for records in pages:
            self._loop.call_soon(partial(track_all, self._engine, records))
            found += records
        found.sort(key=lambda record: record.created_at, reverse=True)
        return JobList(map(self._handle, found), if_empty="The vendor has nothing new for this home.")

    def reconcile(self) -> JobList:
        """Poll the vendor now, wait for that one poll, and return the jobs that are still open.

        Nothing is charged. It is never needed: a client polls by itself while jobs are open.
        """

        async def poll() -> None:
            self._engine.start()
            await self._engine.poll_now()

        self._loop.call(poll())
        return JobList(map(self._handle, self._ledger.open_jobs()), if_empty="No job is open.")

    def uploads(self) -> list[UploadedFile]:
        """Return the uploaded pictures, newest first (from the ledger); displays as a table."""
        return TableList(self._ledger.uploads(), render.uploads_table)

    def videos(self, *, limit: int = 40, offset: int = 0) -> list[RemoteVideo]:
        """Return the vendor's generations, newest first: `limit` rows from `offset` on; displays as a table.

        Those of other programs too; `adopt` adds one to this home. Raises the APIError of the vendor, or NoAnswer.
        """
        page = checked({"limit": limit, "offset": offset}, {"limit": Integer(1, COUNT.most), "offset": COUNT})
        videos = AllAccounts(self._send, self._backend, email=self._email).videos(**page)
        return TableList(videos, render.remote_videos_table)

    def credits(self) -> Credits:
        """Return the balance in credits; summed over the accounts if several are configured and none is chosen.

        Displays as a table. Raises the APIError of the vendor, or NoAnswer if the connection fails.
        """
        self._builder.factors = self._builder.factors or {}  # asked for, also if there is no answer
        balance = AllAccounts(self._send, self._backend, email=self._email).credits()
        self._builder.factors = balance.factors
        return render.CreditsView(**vars(balance))

    @property
    def balance(self) -> int:
        """The credits that can be spent now, over all accounts; asks the vendor, so it may take a second.

        `credits()` has the details and the errors.
        """
        return self.credits().total

    @property
    def price_factors(self) -> Mapping[str, float]:
        """The factors on prices that the account last reported, by field; `estimate` uses them. Sends nothing."""
        return self._builder.factors or {}

    def capacity(self) -> Capacity:
        """Return how many jobs each account runs and accepts; ConfigError if the service does not report it."""
        call = self._backend.get_capacity()
        if call is None:
            raise ConfigError(f"The service {self._backend.name} does not report its capacity.")
        return render.CapacityView(self._send(call).accounts)

    def fetch_picture(self, url: str) -> bytes:
        """Return the bytes of a picture at an http(s) address; blocks, and sends no credentials."""
        self._loop.check_open()
        return self._session.fetch_picture(url)

    def doctor(self, *, offline: bool = False, live: bool = False) -> Report:
        """Check this machine, the home, the token, the accounts and the ledger; displays as a table.

        Nothing is charged and no job changes. `offline=True` sends nothing to the vendor. `live=True` adds a checklist
        of what only a live account can tell, read with GET requests. Each finding is "found", "not_found", "untestable"
        (no free call can tell) or "paid" (one paid call would tell; it has the price). Raises InvalidRequest if both
        are True.
        """
        flags = checked({"offline": offline, "live": live}, {"offline": Flag(), "live": Flag()})
        offline, live = flags["offline"], flags["live"]
        if offline and live:
            raise InvalidRequest({"live": "contacts the vendor: leave out offline=True"})
        from pixverse_nb.doctor.run import Target, run_checks  # slow to load and rarely used

        send = None if offline else self._session.send_briefly
        target = Target(
            self.home,
            self._base_url,
            self._ledger,
            send,
            self._backend,
            email=self._email,
            is_sandbox=self.is_sandbox,
            is_live=live,
            catalogue=self.catalogue,
        )
        return run_checks(target, now=time.time())

    # -- the files of the home -----------------------------------------------------------------------------------

    def verify(self, *, repair: bool = False) -> VerifyReport:
        """Compare every finished video with its sha256; return which are missing or modified.

        `repair=True` downloads those again (a modified one is kept as `*.modified.mp4`) and waits; nothing is charged.
        What the vendor no longer has is in `.lost`; its job stays in the ledger.
        """
        given = checked({"repair": repair}, {"repair": Flag()})
        self._loop.check_open()
        return self._verifier.verify(**given)

    def export(
        self,
        path: str | os.PathLike[str],
        refs: str | HasVideo | Iterable[str | HasVideo | Video] | None = None,
        *,
        overwrite: bool = False,
    ) -> "archive.Exported":
        """Write some jobs (None: all) with history, pictures and videos into one zip file.

        `refs` are jobs, their refs, their videos or cells, one or several: `sweep`, `client.jobs(state="done")`.

        **The file is private**: it contains prompts, pictures and, in the vendor's ids, the account's e-mail, but never
        the token. It is written atomically. Raises FileExists if `path` exists and `overwrite` is False,
        InvalidRequest if a ref is unknown, FileError if it cannot be written.
        """
        return archive.export_archive(
            path, ledger=self._ledger, home=self.home, refs=refs, version=__version__, overwrite=overwrite
        )

    def import_(self, path: str | os.PathLike[str]) -> "archive.Imported":
        """Import an archive that `export` wrote, here or on another machine, and return a summary.

        Everything is verified before anything changes: raises InvalidRequest if `path` is no archive, FileMissing if
        there is none, LedgerError if the archive is damaged, newer than this version, or of another service. Jobs that
        are already here stay, unless the archive has their video or knows of a payment. Open jobs are watched from
        here too; a job that was never sent is sent from here only after `job.resume()`, because its first machine may
        still send it.
        """
        self._ledger.check_writable()
        now = self._engine.now()
        deadline_at = now + self.timing.deadline_s
        summary, changed = archive.import_archive(
            path, ledger=self._ledger, home=self.home, at=now, deadline_at=deadline_at
        )

        async def follow() -> None:
            for record in changed:
                self._engine.on_external_change(record)
            self._engine.start()

        self._loop.call(follow())
        return summary

    def subscribe(self, callback: Callable[[Job], object]) -> Callable[[], None]:
        """Call `callback(job)` on every change of a job, on the client's thread; the returned function unsubscribes."""
        checked({"callback": callback}, {"callback": CALLBACK})
        self._loop.check_open()
        unsubscribe = self._session.subscribe(callback)
        self._unsubscribe.append(unsubscribe)
        return unsubscribe

    def listen_webhooks(
        self, port: int = 0, *, host: str = "127.0.0.1", public_url: str | None = None
    ) -> WebhookListener:
        """Receive the vendor's webhooks on a port of this machine (0: a free one) until the listener or client closes.

        A webhook triggers a poll at once; its content is not trusted. `public_url` is the address of a tunnel or proxy
        that forwards to this port; with it, or if the API itself is on this machine (the sandbox), `create_frames`
        sends the address unless a `reply_url` is given. Raises ConfigError if the port is in use.
        """
        given = checked({"port": port, "host": host, "public_url": public_url}, _LISTENER)
        if self._listener is not None and not self._listener.is_closed:
            raise ConfigError(f"This client already listens on port {self._listener.port}; close that listener first.")
        listener = WebhookListener(self._engine, self._loop, public_url=given["public_url"], vendor_url=self._base_url)
        self._listener = listener.open(given["host"], given["port"])
        self._session.listeners.add(listener)
        return listener

    @property
    def is_sandbox(self) -> bool:
        """Whether this client runs on the embedded sandbox, where nothing is charged."""
        return self._box is not None

    @property
    def sandbox_control(self) -> Any:
        """The sandbox's controls (faults, credits, clock); raises ConfigError on a real account."""
        if self._box is None:
            raise ConfigError("Only Client.sandbox() has a sandbox to control.")
        return self._box.control

    @property
    def requests_sent(self) -> int:
        """The number of requests sent to the API so far."""
        return self._engine.requests_sent

    # -- lifecycle -----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop the thread and close the files; the next Client on this home continues the open jobs.

        If another Client of this process has the same settings, its jobs continue, and only this client is closed.
        """
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if leave_session(self._session, user=self) or self._loop.is_closed:
            return
        if self._listener is not None and not self._loop.is_current:
            self._listener.close()
        self._loop = EventLoopThread()  # this client's alone, so that its next call raises
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        refuse_pickling(self, "its home instead, and open a Client there")

    def __repr__(self) -> str:
        if not hasattr(self, "_engine"):
            return "<Client that failed to open>"  # in the traceback of its own __init__
        where = "the embedded sandbox, nothing is charged" if self.is_sandbox else redact(self._base_url)
        state = "closed Client" if self._loop.is_closed else "Client"
        return f"<{state} on {where}; home {self.home}>"

    # -- internal ------------------------------------------------------------------------------------------------

    @cached_property
    def _sweep_context(self) -> "sweeps.SweepContext":
        session = self._session
        return sweeps.SweepContext(
            engine=self._engine,
            loop=self._loop,
            builder=self._builder,
            factory=self._factory,
            email=self._email,
            is_sandbox=self.is_sandbox,
            handle=session.handle,
            send=session.send_briefly,
            backend=self._backend,
            subscribe=session.subscribe,
        )

    @property
    def _ledger(self) -> Ledger:
        """The ledger. Raises ConfigError if this client is closed."""
        self._loop.check_open()
        return self._session.ledger

    def _record(self, ref_or_video_id: Any) -> JobRecord:
        """Return the job with this ref or video id, or that of a job, a video or a cell."""
        ref = _ref_of(ref_or_video_id)
        record = self._ledger.load(ref) or self._ledger.load_by_video(ref)
        if record is None:
            problem = f"no job {redact(ref)!r} in {self.home / 'ledger.db'}; client.jobs() lists the jobs"
            raise InvalidRequest({"ref": problem}, sends=False)
        return record

    def _start(
        self,
        operation: Operation,
        fields: Mapping[str, Any],
        options: Mapping[str, Any],
        *,
        images: Mapping[str, Any] = MappingProxyType({}),
        media: Mapping[str, Any] = MappingProxyType({}),
        arguments: Mapping[str, str] = MappingProxyType({}),
        wrong: Mapping[str, str] = MappingProxyType({}),
    ) -> Job:
        """Return the job of an operation, new or reused. **A new one spends credits.**

        `arguments` maps roles and fields to the argument names that errors show. `wrong` holds problems found so far.
        """
        self._loop.check_open()
        known = (*(name for name in fields if name not in arguments), *DELIVERY_FIELDS, *CALL_OPTIONS)
        wrong = {**unknown_fields(options, known, others=tuple(arguments)), **wrong}
        media = {role: self._known_job(source) for role, source in media.items()}
        fields = {name: field_value(name, value) for name, value in fields.items()}
        delivery = {name: value for name, value in options.items() if name in DELIVERY_FIELDS}
        args = CreateArgs(
            images=images,
            media=media,
            fields=self._with_delivery({**fields, **delivery}, **{"email": None, "reply_url": None, **delivery}),
            fit=options.get("fit", OPERATIONS[operation].default_fit),
            deadline_s=options.get("deadline_s"),
            allow_refused=options.get("allow_refused", False),
            reuse=options.get("reuse", True),
            operation=operation,
            arguments={**_MEDIA_ARGUMENTS, **arguments},
            wrong=wrong,
            email=options.get("email"),
        )
        return self._create(args)

    def _known_job(self, source: Any) -> Any:
        """Return the job of a video id that this home has, so that both are the same source; else `source` itself."""
        is_id = isinstance(source, str) and self._backend.account_of(source) is not None
        record = self._ledger.load_by_video(source) if is_id else None
        return source if record is None else self._handle(record)

    def _known_jobs(self, sources: Any) -> Any:
        """Return one or several sources as `_known_job` does."""
        if not sweeps.has_several_values(sources, is_source=True):
            return self._known_job(sources)
        return [self._known_job(source) for source in sources]

    def _with_delivery(
        self, fields: Mapping[str, Any], *, email: str | None, reply_url: str | None, **_: Any
    ) -> dict[str, Any]:
        """Return the fields with the account and the address of webhooks that hold for this client."""
        webhook_url = self._listener.reply_url if self._listener and reply_url is None else reply_url
        return {**fields, "email": self._email if is_blank(email) else email, "reply_url": webhook_url}

    def _listed(self, call: Call[list[NamedId]] | None, *, what: str) -> list[NamedId]:
        if call is None:
            raise ConfigError(f"The service {self._backend.name} does not list its {what}.")
        return self._send(call)

    def _create(self, args: CreateArgs) -> Job:
        """Return the job of a call, new or reused. **A new one spends credits.**"""
        draft, inputs = self._builder.build(args, now=self._engine.now())
        if self._ledger.is_read_only:  # what another home has cannot be copied here either
            found = self._ledger.find_reusable(draft) if args.reuse else None
            if found is not None:
                return self._handle(found)
            self._ledger.check_writable()
        self._builder.store(inputs)
        job, _ = self._factory.get_or_create(draft, reuse=args.reuse)
        return job

    def _send(self, call: Call[T], *, attempts: int = 4) -> T:
        """Send a free call and wait for its value."""
        self._loop.check_open()
        return self._session.send(call, attempts=attempts)

    def _handle(self, record: JobRecord) -> Job:
        return self._session.handle(record)


async def _continue_open_jobs(engine: Engine) -> None:
    engine.start()


def _ref_of(given: Any) -> str:
    """Return the ref or video id that is given, or the ref of a job, a video or a cell."""
    if not isinstance(given, str):
        given = getattr(given, "ref", None) or given
    return str(checked({"ref": given}, {"ref": _REF})["ref"])


def _job_of(session: Session, ref: str) -> Job:
    record = session.ledger.load(ref)
    if record is None:
        raise LedgerError(f"The ledger no longer has job {ref}.")
    return _continued(session, record)


def _continued(session: Session, record: JobRecord) -> Job:
    """Return the job of a record; one that has stopped is continued."""
    job = session.handle(record)
    if job.is_paused and not session.ledger.is_read_only:
        job.resume()
    return job


_ESTIMATE_FIELDS: Final = ("model", "first", "last", "image", *PARAM_NAMES, *DELIVERY_FIELDS, *CALL_OPTIONS)
_MEDIA_ARGUMENTS: Final[Mapping[str, str]] = {SOURCE_VIDEO: "video"}


def _load_live_card() -> MakeWidget | None:
    """Return the widget of live cards, or None if ipywidgets is not installed."""
    try:
        from pixverse_nb.widgets.live_card import LiveCardWidget
    except ImportError:
        return None
    return LiveCardWidget
