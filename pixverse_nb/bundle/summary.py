"""What was carried out of a home, or into it, in a sentence."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Exported:
    """A bundle that was written: where, what is in it, and the jobs whose video is not whole on this disk."""

    path: Path
    jobs: int
    videos: int
    size_bytes: int
    without_video: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{_count(self.jobs, 'job')} and {_count(self.videos, 'video')}"
        text = f"{what}, {self.size_bytes / 1e6:.1f} MB in {self.path}"
        if self.without_video:
            text += (
                f"; the video of {_count(len(self.without_video), 'job')} is not whole on this disk and stayed behind"
            )
        return text

    __repr__ = __str__


@dataclass(frozen=True)
class Imported:
    """A bundle that was taken in. `jobs` and `videos` are what it holds.

    `known` counts the jobs that were there already, of which `updated` learnt something; `unsent` names those that
    were never sent where they come from, and are not sent here before `job.resume()` says so.
    """

    path: Path
    jobs: int
    videos: int
    known: int = 0
    updated: int = 0
    unsent: tuple[str, ...] = ()

    def __str__(self) -> str:
        text = f"{_count(self.jobs, 'job')} and {_count(self.videos, 'video')}"
        if self.known:
            text += f", {self.known} {'was' if self.known == 1 else 'were'} there already"
        if self.updated:
            text += f" ({self.updated} of them learnt more)"
        if self.unsent:
            them = "it" if len(self.unsent) == 1 else "each"
            text += f"; {len(self.unsent)} never sent: job.resume() sends {them} from here"
        return text

    __repr__ = __str__


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
