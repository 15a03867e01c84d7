"""Progress: one honest line for each job, with its clock, and a way to cancel it.

The clocks tick in the browser, all from one timer: the kernel only tells what has changed, so no thread of ours
prints time, and the clocks go on while a cell keeps the kernel busy.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import anywidget
import traitlets

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    charge_sentence,
    format_cost,
    format_duration,
    format_parameters,
    job_severity,
    next_step,
    shorten,
    state_explanation,
    state_label,
)
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.comm import BackgroundRunner
from pixverse_nb.widgets.messages import again_step, retry_label, sentence
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

SHOWN_MAX: Final = 12

_NOT_SENT: Final = frozenset({JobState.PLANNED, JobState.UPLOADING, JobState.WAITING})


class Progress(anywidget.AnyWidget):
    """The list of jobs, newest first; `show` puts a snapshot in.

    `on_cancel` is told which job to give up, `on_again` which one to take up again.
    At most 12 rows are shown, the open ones first; `more` counts the others.
    """

    _esm = bundle_js("job_list")
    _css = bundle_css("job_list")

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    more = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        *,
        on_cancel: Callable[[str], object],
        on_again: Callable[[str], object],
        dispatcher: BackgroundRunner,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._snapshots: dict[str, JobSnapshot] = {}
        self._lock = threading.Lock()
        self._on_cancel = on_cancel
        self._on_again = on_again
        self._dispatcher = dispatcher
        self.on_msg(self._take_message)

    def show(self, snapshot: JobSnapshot, *, only_new: bool = False) -> None:
        """Put a job in, or bring its row up to date unless `only_new` (from any thread)."""
        with self._lock:
            if not (only_new and snapshot.ref in self._snapshots):
                self._snapshots[snapshot.ref] = snapshot
                self._draw()

    def drop(self, ref: str) -> None:
        """Take the row of a finished job off the list; an open one stays."""
        with self._lock:
            known = self._snapshots.get(ref)
            if known is not None and known.state.is_final:
                del self._snapshots[ref]
                self._draw()

    def scroll_to(self, ref: str) -> None:
        """Bring the job's row, or its player where there is one, into view and have it stand out for a moment."""
        self.send({"kind": "scroll_to", "ref": ref})

    def _draw(self) -> None:
        """Write the rows; the caller holds the lock, so that an older list never overwrites a newer one."""
        ordered = sorted(self._snapshots.values(), key=lambda job: (job.state.is_final, -job.created_at))
        shown = sorted(ordered[:SHOWN_MAX], key=lambda job: -job.created_at)
        self.rows = [row_of(snapshot) for snapshot in shown]
        self.more = len(ordered) - len(shown)

    def _take_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        if not isinstance(message, Mapping):
            return
        ref = message.get("ref")
        match message.get("kind"):
            case "clock":
                self.send({"kind": "clock", "now": time.time()})
            case "cancel" if ref in self._snapshots:
                self._dispatcher.run_in_thread(lambda: self._on_cancel(str(ref)))
            case "retry" if ref in self._snapshots:
                self._dispatcher.run_in_thread(lambda: self._on_again(str(ref)))
            case "dismiss" if isinstance(ref, str):
                self._dispatcher.run_guarded(lambda: self.drop(ref))
            case _:
                pass  # of a newer or a foreign page


def row_of(snapshot: JobSnapshot) -> dict[str, Any]:
    """Return what one row shows, in words; times are Unix seconds.

    The clock ticks unless `is_clock_stopped`; then it shows the time up to `ended`, or no time if that is None.
    """
    state = snapshot.state
    request = snapshot.request
    about = [shorten(request.prompt, max_length=90)] if request.prompt.strip() else []
    cost = format_cost(snapshot, allow_estimate=False)
    facts = [*about, *format_parameters(request)[:3], f"seed {request.seed}", *([cost] if cost else [])]
    is_wrong = snapshot.error is not None and state is not JobState.CANCELLED
    details = [
        snapshot.warning,
        "" if is_wrong else snapshot.error,
        state_explanation(snapshot) if state is not JobState.DONE else "",
        charge_sentence(snapshot) if state.is_final else "",
        again_step(snapshot) or next_step(snapshot),
    ]
    is_still = state.is_final or snapshot.is_paused
    waits = snapshot.typical_s is not None and snapshot.submitted_at is not None and not is_still
    return {
        "ref": snapshot.ref,
        "state": state_label(snapshot),
        "tone": job_severity(snapshot),
        "facts": redact(" · ".join(facts)),
        "error": _sentences([snapshot.error if is_wrong else ""]),
        "details": _sentences(details),
        "notices": _sentences(() if state is JobState.DONE else snapshot.notices),  # the player tells them
        "began": snapshot.submitted_at or snapshot.created_at,
        "ended": snapshot.finished_at if is_still else None,
        "is_clock_stopped": is_still,
        "typical_time": f"usually about {format_duration(snapshot.typical_s)}" if waits and snapshot.typical_s else "",
        "can_cancel": not state.is_final and state is not JobState.DOWNLOADING,  # what is finished is fetched
        "retry_label": retry_label(snapshot),
        "is_final": state.is_final,
        "cancel_question": cancel_words(snapshot),
    }


def _sentences(texts: Iterable[str | None]) -> str:
    return redact(" ".join(sentence(text) for text in texts if text))


def cancel_words(snapshot: JobSnapshot) -> str:
    """Return what cancelling this job would and would not stop."""
    if snapshot.state in _NOT_SENT:
        return "Nothing has been paid for yet. Cancelling stops it before the paid call."
    money = "No real credits are spent in the sandbox." if snapshot.is_sandbox else "Its credits are not given back."
    return (
        "Cancelling stops the waiting here and the API's tracking. "
        f"The generation itself may go on at PixVerse. {money}"
    )


_MOVES_BALANCE: Final = frozenset({JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.MODERATED})


class JobTracker:
    """Follows the tasks that it is given, in `progress`; those of others on the same maker are left alone.

    `on_video` is told the snapshot of each job that has its video, `on_spent` that the balance may have moved; both
    run on threads of the dispatcher, never on the maker's own.
    """

    def __init__(
        self,
        maker: VideoClient,
        dispatcher: BackgroundRunner,
        *,
        on_video: Callable[[JobSnapshot], object],
        on_spent: Callable[[], object],
    ) -> None:
        self.progress = Progress(on_cancel=self._cancel, on_again=self._resume, dispatcher=dispatcher)
        self._maker = maker
        self._dispatcher = dispatcher
        self._on_video = on_video
        self._on_spent = on_spent
        self._tasks: dict[str, JobHandle] = {}
        self._states: dict[str, JobState] = {}  # as last seen
        self._unsubscribe = maker.subscribe(self._hear)

    def stop(self) -> None:
        """Hear of no more changes; the jobs themselves go on."""
        self._unsubscribe()

    def take_up(self, task: JobHandle, *, points: bool = False) -> None:
        """Show the task and follow it from now on; `points` has the page bring it, or its player, into view."""
        self._tasks[task.ref] = task
        snapshot = task.snapshot()
        self.progress.show(snapshot, only_new=True)  # what was heard since it was taken is newer
        self._settle(snapshot)
        if points:
            self._dispatcher.run_in_thread(lambda: self._point_at(snapshot))

    def take_up_open(self) -> None:
        """Follow what was left running, by an earlier kernel too."""
        for task in self._maker.jobs():
            if not task.snapshot().state.is_final:
                self.take_up(task)

    def _hear(self, task: JobHandle) -> None:
        self._dispatcher.run_guarded(lambda: self._draw(task))

    def _draw(self, task: JobHandle) -> None:
        if task.ref in self._tasks:
            snapshot = task.snapshot()
            self.progress.show(snapshot)
            self._settle(snapshot)

    def _settle(self, snapshot: JobSnapshot) -> None:
        before = self._states.get(snapshot.ref)
        self._states[snapshot.ref] = snapshot.state
        if snapshot.video is not None:
            self._dispatcher.run_in_thread(lambda: self._on_video(snapshot))
        if snapshot.state is not before and snapshot.state in _MOVES_BALANCE:
            self._dispatcher.run_in_thread(self._on_spent)

    def _point_at(self, snapshot: JobSnapshot) -> None:
        if snapshot.video is not None:
            self._on_video(snapshot)  # its player is there before the page looks for it
        self.progress.scroll_to(snapshot.ref)

    def _cancel(self, ref: str) -> None:
        self._tasks[ref].cancel()

    def _resume(self, ref: str) -> None:
        self._tasks[ref].resume()
