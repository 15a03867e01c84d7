"""`pv.show(…)`: a video, a file or a path in the player, once."""

import os

from pixverse_nb.models import VideoFile
from pixverse_nb.show.display import bundle_of, show_bundle
from pixverse_nb.show.files import video_file
from pixverse_nb.show.player import player_html, player_text


def show(video: VideoFile | str | os.PathLike[str]) -> None:
    """Show the player of a video or of any mp4 on disk, as an output of the running cell; returns nothing.

    A path that is not an mp4 raises DownloadError. In a terminal or a plain script the facts are printed.

    >>> show("holiday.mp4")  # doctest: +SKIP
    """
    made = video if isinstance(video, VideoFile) else video_file(video)
    show_bundle(bundle_of(player_html(made), player_text(made)))
