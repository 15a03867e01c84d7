"""A sweep's progress where outputs cannot be replaced: tqdm's bar on the error stream, as people know it."""

import tqdm  # type: ignore[import-untyped]  # it ships no types

from pixverse_nb.show.sweep_card import SweepProgress


class Bar:
    """A bar that follows a sweep; `show` may be called from any thread, `close` leaves it standing."""

    def __init__(self, progress: SweepProgress) -> None:
        self._bar = tqdm.tqdm(total=progress.total, desc=progress.title, unit="video", dynamic_ncols=True)
        self._shown: tuple[int, dict[str, int]] | None = None
        self.show(progress)

    def show(self, progress: SweepProgress) -> None:
        """Bring the bar to where the sweep is."""
        ended = progress.done + progress.failed
        shown = {"making": progress.running, "failed": progress.failed, "credits": progress.spent}
        told = {name: value for name, value in shown.items() if value}
        if (ended, told) == self._shown:
            return  # where the stream is a file, each refresh is a line
        self._shown = (ended, told)
        self._bar.n = ended
        self._bar.set_postfix(told, refresh=False)
        self._bar.refresh()

    def close(self) -> None:
        """End the bar."""
        self._bar.close()
