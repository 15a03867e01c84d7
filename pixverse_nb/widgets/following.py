"""Following: the jobs of one form, kept in its list as the maker reports their changes."""

from collections.abc import Callable
from typing import Final

from pixverse_nb.domain.jobs import JobSnapshot, JobState
from pixverse_nb.widgets.dispatch import BackgroundRunner
from pixverse_nb.widgets.ports import JobHandle, VideoClient
from pixverse_nb.widgets.progress import Progress

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
