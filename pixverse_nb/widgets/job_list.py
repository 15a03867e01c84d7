"""The list of jobs below the form: one row for each job, and the tracker that keeps them up to date.

The clocks run in the browser, on one timer. The kernel sends only changes, so the clocks keep going while a cell
keeps the kernel busy.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.redaction import redact
from pixverse_nb.render.formatting import (
    charge_sentence,
    format_cost,
    format_duration,
    format_row_parameters,
    job_severity,
    next_step,
    shorten,
    state_explanation,
    state_label,
)
from pixverse_nb.render.job_views import cancel_explanation
from pixverse_nb.render.player import player_html
from pixverse_nb.widgets.comm import BackgroundRunner, FileStreamer, Send
from pixverse_nb.widgets.job_actions import actions_of
from pixverse_nb.widgets.messages import as_sentence, retry_explanation, retry_label
from pixverse_nb.widgets.protocols import JobHandle, VideoClient

MAX_ROWS: Final = 12

_BALANCE_CHANGING: Final = frozenset(
    {JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.MODERATED, JobState.REFUSED}
)

_RUNNING: Final = tuple(state for state in JobState if not state.is_final)
_WAITING: Final = frozenset({JobState.PLANNED, JobState.UPLOADING, JobState.WAITING})
_MOST_RUNNING: Final = 1000  # jobs that are followed when the form opens


class JobTracker:
    """Follows the jobs passed to `track` and keeps their rows. Other jobs of the same client are ignored.

    `send(content, buffers)` sends a message to the pages, and `on_rows()` is called after a change of `to_json()`.
    `on_video` gets the snapshot of each job that has its video. `on_balance_changed` is called when a job may have
    changed the balance. All run on threads of `runner`, never on the client's thread.
    """

    def __init__(
        self,
        client: VideoClient,
        runner: BackgroundRunner,
        *,
        send: Send,
        on_rows: Callable[[], object],
        on_video: Callable[[JobSnapshot], object],
        on_balance_changed: Callable[[], object],
    ) -> None:
        self._client = client
        self._runner = runner
        self._send = send
        self._on_rows = on_rows
        self._on_video = on_video
        self._on_balance_changed = on_balance_changed
        self._lock = threading.Lock()
        self._jobs: dict[str, JobHandle] = {}
        self._rows: dict[str, JobSnapshot] = {}
        self._last_states: dict[str, JobState] = {}
        self._asked: set[str] = set()  # the jobs whose row asks whether to pay for what another home has paid for
        self._files: dict[str, Path] = {}  # the videos that a page has asked for, by ref
        self._streamer = FileStreamer(send, runner)
        self._unsubscribe: Callable[[], object] | None = None
        self._is_stopped = False

    def start(self) -> None:
        """Show all jobs that are still running, including those of an earlier kernel. A second call does nothing."""
        self._follow()
        running = self._client.jobs(limit=_MOST_RUNNING, state=_RUNNING)
        for job in running:
            self._jobs[job.ref] = job
        for job in running:
            self._add_row(job.snapshot())
        self._on_rows()
        for job in running:
            self._notify(job.snapshot())

    def stop(self) -> None:
        """Stop following the jobs. The jobs themselves continue."""
        with self._lock:
            self._is_stopped = True
            unsubscribe, self._unsubscribe = self._unsubscribe, None
        if unsubscribe is not None:
            unsubscribe()

    def track(self, job: JobHandle, *, scroll_to: bool = False) -> None:
        """Show the job and follow it; `scroll_to` brings its row or player into view."""
        self._follow()
        self._jobs[job.ref] = job
        snapshot = job.snapshot()
        self._add_row(snapshot)
        self._on_rows()
        self._notify(snapshot)
        if scroll_to:
            self._runner.run_in_thread(lambda: self._scroll_to(snapshot))

    def job(self, ref: object) -> JobHandle | None:
        """Return the job of a row, or None."""
        return self._jobs.get(str(ref)) if str(ref) in self._rows else None

    def to_json(self) -> dict[str, Any]:
        """Return the rows, newest first, and the number of jobs that are not shown.

        At most 12 rows are shown: jobs that the service has, then those that wait to be sent, then finished ones.
        """
        with self._lock:
            snapshots = tuple(self._rows.values())
        by_priority = sorted(snapshots, key=lambda job: (job.state.is_final, job.state in _WAITING, -job.created_at))
        shown = sorted(by_priority[:MAX_ROWS], key=lambda job: -job.created_at)
        return {"rows": [job_row(snapshot) for snapshot in shown], "more": len(by_priority) - len(shown)}

    def handle_message(self, message: Mapping[str, object]) -> None:
        """Handle a message of the list in the page: clock, cancel, retry and pay, player or dismiss."""
        ref = str(message.get("ref"))
        job = self.job(ref)
        match message.get("kind"):
            case "clock":
                self._send({"kind": "clock", "now": time.time()}, [])
            case "cancel" if job:
                self._runner.run_in_thread(job.cancel)
            case "retry" if job:
                self._runner.run_in_thread(lambda: self.resume(job))
            case "pay" if job and message.get("name") == "retry":
                self._runner.run_in_thread(lambda: self._resume_and_pay(job))
            case "player" if job:
                self._runner.run_in_thread(lambda: self._send_player(job))
            case "dismiss":
                self._runner.run_guarded(lambda: self.dismiss(ref))
            case _:
                pass  # from another version of the page

    def handle_stream(self, message: Mapping[str, object]) -> bool:
        """Handle a message about a video that the page loads and return True; return False for any other."""
        return self._streamer.handle_message(message)

    def dismiss(self, ref: str) -> None:
        """Remove the row of a finished job. The row of an unfinished job stays."""
        with self._lock:
            snapshot = self._rows.get(ref)
            is_removed = snapshot is not None and snapshot.state.is_final
            if is_removed:
                del self._rows[ref]
        if is_removed:
            self._on_rows()

    def resume(self, job: JobHandle) -> None:
        """Continue a tracked job. If another home has paid for its call, its row asks first, and nothing is sent."""
        notice = job.paid_elsewhere()
        if notice is None:
            job.resume()
            return
        with self._lock:
            self._asked.add(job.ref)
        label = "Send it anyway" if job.snapshot().is_sandbox else "Pay again"
        offer = {"kind": "offer", "ref": job.ref, "name": "retry", "text": redact(notice), "label": label}
        self._send({**offer, "seconds": [], "chosen": 0}, [])

    def _resume_and_pay(self, job: JobHandle) -> None:
        """Continue a job whose row has asked. **This spends credits.**"""
        with self._lock:
            is_asked = job.ref in self._asked
            self._asked.discard(job.ref)
        if not is_asked:
            self.resume(job)
            return
        self._send({"kind": "told", "ref": job.ref, "text": "", "tone": "plain"}, [])  # closes the question
        job.resume()

    def _send_player(self, job: JobHandle) -> None:
        """Send the player of a job to a page that has none; the page then loads the video."""
        snapshot = job.snapshot()
        if snapshot.video is None:
            return
        with self._lock:
            self._files[snapshot.ref] = snapshot.video.path
            self._streamer.set_files(self._files)
        html = player_html(snapshot.video, notices=snapshot.notices, is_streamed=True)
        self._send({"kind": "player", "ref": snapshot.ref, "html": str(html)}, [])

    def _follow(self) -> None:
        with self._lock:
            if self._unsubscribe is None and not self._is_stopped:
                self._unsubscribe = self._client.subscribe(self._on_job_changed)

    def _on_job_changed(self, job: JobHandle) -> None:
        self._runner.run_guarded(lambda: self._update(job))

    def _update(self, job: JobHandle) -> None:
        if job.ref in self._jobs:
            snapshot = job.snapshot()
            self._set_row(snapshot)
            self._notify(snapshot)

    def _add_row(self, snapshot: JobSnapshot) -> None:
        with self._lock:
            self._rows.setdefault(snapshot.ref, snapshot)  # a change since the snapshot was taken is newer

    def _set_row(self, snapshot: JobSnapshot) -> None:
        with self._lock:
            self._rows[snapshot.ref] = snapshot
        self._on_rows()

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
        self._send({"kind": "scroll_to", "ref": snapshot.ref}, [])


def job_row(snapshot: JobSnapshot) -> dict[str, Any]:
    """Return the texts and times of one row; times are Unix seconds.

    The clock runs unless `is_clock_stopped` is true; then it shows the time up to `ended`, or nothing if that is None.
    """
    state = snapshot.state
    request = snapshot.request
    cost = format_cost(snapshot, allow_estimate=False)
    seed = [] if request.seed is None else [f"seed {request.seed}"]
    facts = [*format_row_parameters(request), *seed, *([cost] if cost else [])]
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
        "prompt": redact(shorten(request.prompt, max_length=90)) if request.prompt.strip() else "",
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
        "actions": actions_of(snapshot),
    }


def _sentences(texts: Iterable[str | None]) -> str:
    return redact(" ".join(as_sentence(text) for text in texts if text))
