"""What the row of a job offers besides waiting: another video from it, its call as text, its file.

A paid action has two steps: the page asks for an offer, which states the price, and only a press on that offer pays.
"""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.catalogue import Operation
from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.domain.operations import OPERATIONS, SOURCE_VIDEO
from pixverse_nb.errors import ConfigError
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import format_credits
from pixverse_nb.widgets.comm import BackgroundRunner, Send, error_text
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

_EXTEND: Final = OPERATIONS[Operation.EXTEND].default_model
_LABELS: Final[Mapping[str, str]] = {
    "extend": "Extend",
    "upscale": "Upscale",
    "last_frame": "Use last frame as first picture",
    "use_again": "Use again",
    "python": "Copy as Python",
    "curl": "Copy as curl",
    "save": "Save",
    "file": "Show file",
}
_PAID: Final = ("extend", "upscale")


def actions_of(snapshot: JobSnapshot) -> list[list[str]]:
    """Return the name and label of every action that a finished job offers."""
    if not snapshot.state.is_final:
        return []
    has_video = snapshot.state is JobState.DONE and snapshot.video is not None
    names = list(_LABELS) if has_video else ["use_again", "curl"]
    if any(item.role == SOURCE_VIDEO for item in snapshot.request.inputs):
        names.remove("use_again")  # the form makes videos of pictures only
    return [[name, _LABELS[name]] for name in names]


class JobActions:
    """Carries out the actions of the rows. `send(content, buffers)` sends the answers to the pages.

    `track(job)` shows a new job, `fill(job)` fills the form from a job, and `use_picture(image, name)` puts a picture
    into the first slot. Everything runs on threads of `runner`.
    """

    def __init__(
        self,
        client: VideoClient,
        runner: BackgroundRunner,
        *,
        send: Send,
        track: Callable[[JobHandle], object],
        fill: Callable[[JobHandle], object],
        use_picture: Callable[[object, str], object],
    ) -> None:
        self._client = client
        self._runner = runner
        self._send = send
        self._track = track
        self._fill = fill
        self._use_picture = use_picture
        self._lock = threading.Lock()
        self._offers: dict[tuple[str, str], int | None] = {}  # reference and action to the seconds that were offered

    def handle_message(self, message: Mapping[str, object], job: JobHandle) -> None:
        """Handle a message about the row of `job`; one that makes no sense is ignored. Never raises."""
        name = str(message.get("name"))
        seconds = message.get("seconds")
        seconds = seconds if type(seconds) is int and 1 <= seconds <= 15 else 5
        prompt = message.get("prompt")
        match message.get("kind"):
            case "offer" if name in _PAID:
                self._run(job, lambda: self._offer(job, name, seconds))
            case "pay" if name in _PAID:
                text = prompt.strip() if isinstance(prompt, str) else ""
                self._runner.run_exclusive(lambda: self._guarded(job, lambda: self._pay(job, name, seconds, text)))
            case "action" if name in _LABELS and name not in _PAID:
                self._run(job, lambda: self._run_action(job, name))
            case _:
                pass  # from another version of the page

    def _run(self, job: JobHandle, work: Callable[[], object]) -> None:
        self._runner.run_in_thread(lambda: self._guarded(job, work))

    def _guarded(self, job: JobHandle, work: Callable[[], object]) -> None:
        BackgroundRunner(lambda error: self._tell(job, error_text(error), tone="bad")).run_guarded(work)

    def _tell(self, job: JobHandle, text: str, **more: object) -> None:
        self._send({"kind": "told", "ref": job.ref, "text": redact(text), "tone": "plain", **more}, [])

    # ---- paid ----

    def _offer(self, job: JobHandle, name: str, seconds: int) -> None:
        """State the price: an estimate, or for an upscale the vendor's quote, if it gives one."""
        if name == "extend":
            values = {"quality": self._quality(job), "duration": seconds}
            price, is_estimate = self._client.estimate(Operation.EXTEND, model=_EXTEND, **values), True
            title = f"A new video of {seconds} s that continues this one, with {_EXTEND}."
        else:
            price, is_estimate = self._quote(job)
            title = "A new video in 2160p."
        cost = format_credits(price, is_estimate=is_estimate, is_sandbox=self._client.is_sandbox)
        with self._lock:
            self._offers[job.ref, name] = seconds if name == "extend" else None
        self._send(
            {
                "kind": "offer",
                "ref": job.ref,
                "name": name,
                "text": f"{title} {cost[:1].upper()}{cost[1:]}." if cost else f"{title} Its price is not known.",
                "label": f"{_LABELS[name]} for {cost}" if cost else f"{_LABELS[name]} at an unknown price",
                "seconds": list(self._client.catalogue.spec(_EXTEND).durations) if name == "extend" else [],
                "chosen": seconds,
            },
            [],
        )

    def _quote(self, job: JobHandle) -> tuple[int | None, bool]:
        try:
            return self._client.quote_upscale(job), False
        except ConfigError as error:
            if error.may_have_been_charged != "no":
                raise  # it has made the video
            return None, True  # the service gives none

    def _pay(self, job: JobHandle, name: str, seconds: int, prompt: str) -> None:
        """Make the video that was offered. **This spends credits.** Without that very offer it makes a new one."""
        offered = seconds if name == "extend" else None
        with self._lock:
            is_offered = (job.ref, name) in self._offers and self._offers[job.ref, name] == offered
            self._offers.pop((job.ref, name), None)
        if not is_offered:
            self._offer(job, name, seconds)
            return
        if name == "extend":
            made = self._client.extend(job, prompt=prompt or None, duration=seconds, quality=self._quality(job))
        else:
            made = self._client.upscale(job)
        self._track(made)
        self._tell(job, "You already have this video. Nothing was charged." if made.snapshot().reused else "")

    def _quality(self, job: JobHandle) -> str:
        spec = self._client.catalogue.spec(_EXTEND)
        quality = job.snapshot().request.quality
        return quality if quality in spec.qualities else spec.default_quality

    # ---- free ----

    def _run_action(self, job: JobHandle, name: str) -> None:
        video: Any = job.snapshot().video
        match name:
            case "use_again":
                self._fill(job)
                self._tell(job, "The form now has the values of this job.")
            case "curl":
                self._tell(
                    job, "Copied. Set the token, and replace the ids in capitals.", copy=self._client.curl(job.ref)
                )
            case _ if video is None:
                self._tell(job, "The video is not here.", tone="bad")
            case "python":
                self._tell(job, "Copied.", copy=redact(video.python or ""))
            case "last_frame":
                self._use_picture(video.last_frame(), f"last frame of {video.path.name}")
                self._tell(job, "The last frame is the first picture of the form.")
            case "save":
                self._tell(job, f"Saved as {video.save(Path(video.path.name))} in the folder of the notebook.")
            case _:
                self._tell(job, str(video.path))
