"""The list of jobs below the form: a widget with one row for each job, and the tracker that keeps it up to date.

The clocks run in the browser, on one timer. The kernel sends only changes, so the clocks keep going while a cell
keeps the kernel busy.
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
    format_unusual_parameters,
    job_severity,
    next_step,
    shorten,
    state_explanation,
    state_label,
    with_direction_marks,
)
from pixverse_nb.render.job_views import cancel_explanation
from pixverse_nb.widgets.assets import bundle_css, bundle_js
from pixverse_nb.widgets.comm import BackgroundRunner
from pixverse_nb.widgets.messages import as_sentence, retry_explanation, retry_label
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

MAX_ROWS: Final = 12

_BALANCE_CHANGING: Final = frozenset({JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.MODERATED})


class JobTracker:
    """Keeps `job_list` up to date with the jobs passed to `track`. Other jobs of the same client are ignored.

    `on_video` gets the snapshot of each job that has its video. `on_balance_changed` is called when a job may have
    changed the balance. Both run on threads of `runner`, never on the client's thread.
    """

    def __init__(
        self,
        client: VideoClient,
        runner: BackgroundRunner,
        *,
        on_video: Callable[[JobSnapshot], object],
        on_balance_changed: Callable[[], object],
    ) -> None:
        self.job_list = JobListWidget(on_cancel=self._cancel, on_retry=self._resume, runner=runner)
        self._client = client
        self._runner = runner
        self._on_video = on_video
        self._on_balance_changed = on_balance_changed
        self._jobs: dict[str, JobHandle] = {}
        self._last_states: dict[str, JobState] = {}
        self._unsubscribe = client.subscribe(self._on_job_changed)

    def stop(self) -> None:
        """Stop following the jobs. The jobs themselves continue."""
        self._unsubscribe()

    def track(self, job: JobHandle, *, scroll_to: bool = False) -> None:
        """Show the job and follow it; `scroll_to` brings its row or player into view."""
        self._jobs[job.ref] = job
        snapshot = job.snapshot()
        self.job_list.set_job(snapshot, only_new=True)  # a change since the snapshot was taken is newer
        self._notify(snapshot)
        if scroll_to:
            self._runner.run_in_thread(lambda: self._scroll_to(snapshot))

    def track_open_jobs(self) -> None:
        """Show and follow all jobs that are still running, including those of an earlier kernel."""
        for job in self._client.jobs():
            if not job.snapshot().state.is_final:
                self.track(job)

    def _on_job_changed(self, job: JobHandle) -> None:
        self._runner.run_guarded(lambda: self._update(job))

    def _update(self, job: JobHandle) -> None:
        if job.ref in self._jobs:
            snapshot = job.snapshot()
            self.job_list.set_job(snapshot)
            self._notify(snapshot)

    def _notify(self, snapshot: JobSnapshot) -> None:
        last_state = self._last_states.get(snapshot.ref)
        self._last_states[snapshot.ref] = snapshot.state
        if snapshot.video is not None:
            self._runner.run_in_thread(lambda: self._on_video(snapshot))
        if snapshot.state is not last_state and snapshot.state in _BALANCE_CHANGING:
            self._runner.run_in_thread(self._on_balance_changed)

    def _scroll_to(self, snapshot: JobSnapshot) -> None:
        if snapshot.video is not None:
            self._on_video(snapshot)  # shows the player before the page looks for it
        self.job_list.scroll_to(snapshot.ref)

    def _cancel(self, ref: str) -> None:
        self._jobs[ref].cancel()

    def _resume(self, ref: str) -> None:
        self._jobs[ref].resume()


class JobListWidget(anywidget.AnyWidget):
    """The list of jobs, newest first.

    `on_cancel(ref)` and `on_retry(ref)` are called on threads of `runner` when a button is pressed. At most 12 rows
    are shown, unfinished jobs before finished ones; `more` is the number of jobs that are not shown.
    """

    _esm = bundle_js("job_list")
    _css = bundle_css("job_list")

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    more = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        *,
        on_cancel: Callable[[str], object],
        on_retry: Callable[[str], object],
        runner: BackgroundRunner,
        **traits: Any,
    ) -> None:
        super().__init__(**traits)
        self._snapshots: dict[str, JobSnapshot] = {}
        self._lock = threading.Lock()
        self._on_cancel = on_cancel
        self._on_retry = on_retry
        self._runner = runner
        self.on_msg(self._on_message)

    def set_job(self, snapshot: JobSnapshot, *, only_new: bool = False) -> None:
        """Add a job or update its row, from any thread. With `only_new`, a row that exists is not changed."""
        with self._lock:
            if not (only_new and snapshot.ref in self._snapshots):
                self._snapshots[snapshot.ref] = snapshot
                self._update_rows()

    def dismiss(self, ref: str) -> None:
        """Remove the row of a finished job. The row of an unfinished job stays."""
        with self._lock:
            snapshot = self._snapshots.get(ref)
            if snapshot is not None and snapshot.state.is_final:
                del self._snapshots[ref]
                self._update_rows()

    def scroll_to(self, ref: str) -> None:
        """Bring the job's player, or else its row, into view and highlight it for a moment."""
        self.send({"kind": "scroll_to", "ref": ref})

    def _update_rows(self) -> None:
        """Write the rows. The caller holds the lock, so that an older list never overwrites a newer one."""
        by_priority = sorted(self._snapshots.values(), key=lambda job: (job.state.is_final, -job.created_at))
        shown = sorted(by_priority[:MAX_ROWS], key=lambda job: -job.created_at)
        self.rows = [job_row(snapshot) for snapshot in shown]
        self.more = len(by_priority) - len(shown)

    def _on_message(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        if not isinstance(message, Mapping):
            return
        ref = str(message.get("ref"))
        is_known = ref in self._snapshots
        match message.get("kind"):
            case "clock":
                self.send({"kind": "clock", "now": time.time()})
            case "cancel" if is_known:
                self._runner.run_in_thread(lambda: self._on_cancel(ref))
            case "retry" if is_known:
                self._runner.run_in_thread(lambda: self._on_retry(ref))
            case "dismiss":
                self._runner.run_guarded(lambda: self.dismiss(ref))
            case _:
                pass  # from another version of the page


def job_row(snapshot: JobSnapshot) -> dict[str, Any]:
    """Return the texts and times of one row; times are Unix seconds.

    The clock runs unless `is_clock_stopped` is true; then it shows the time up to `ended`, or nothing if that is None.
    """
    state = snapshot.state
    request = snapshot.request
    prompt = [with_direction_marks(shorten(request.prompt, max_length=90))] if request.prompt.strip() else []
    cost = format_cost(snapshot, allow_estimate=False)
    seed = [] if request.seed is None else [f"seed {request.seed}"]
    facts = [*prompt, *format_unusual_parameters(request), *seed, *([cost] if cost else [])]
    is_error = snapshot.error is not None and state is not JobState.CANCELLED
    details = [
        snapshot.warning,
        "" if is_error else snapshot.error,
        state_explanation(snapshot) if state is not JobState.DONE else "",
        charge_sentence(snapshot) if state.is_final else "",
        retry_explanation(snapshot) or next_step(snapshot),
    ]
    is_stopped = state.is_final or snapshot.is_paused
    has_estimate = snapshot.submitted_at is not None and not is_stopped
    typical_s = snapshot.typical_s if has_estimate else None
    return {
        "ref": snapshot.ref,
        "state": state_label(snapshot),
        "severity": job_severity(snapshot),
        "facts": redact(" · ".join(facts)),
        "error": _sentences([snapshot.error if is_error else ""]),
        "details": _sentences(details),
        "notices": _sentences(() if state is JobState.DONE else snapshot.notices),  # the player shows them too
        "began_at": snapshot.submitted_at or snapshot.created_at,
        "ended_at": snapshot.finished_at if is_stopped else None,
        "is_clock_stopped": is_stopped,
        "typical_time": f"usually about {format_duration(typical_s)}" if typical_s else "",
        "can_cancel": not state.is_final and state is not JobState.DOWNLOADING,  # a finished video is always downloaded
        "retry_label": retry_label(snapshot),
        "is_final": state.is_final,
        "cancel_question": cancel_explanation(snapshot),
    }


def _sentences(texts: Iterable[str | None]) -> str:
    return redact(" ".join(as_sentence(text) for text in texts if text))
