"""One frame of a film as a small JPEG, for where many films are told apart at a glance."""

import io
from pathlib import Path
from typing import Final

from pixverse_nb.errors import DownloadError, MeasureError
from pixverse_nb.measure.packages import Image, av
from pixverse_nb.mp4 import probe_mp4

_QUALITY: Final = 82


def still_jpeg(path: Path, *, share: float = 0.5, longest_px: int = 480) -> bytes:
    """Return the frame at `share` (0 to 1) of the film's length as a JPEG of at most `longest_px` a side.

    The middle says most: films of the same two pictures begin and end alike. Raises MeasureError where the file is
    missing, cut short or cannot be decoded.
    """
    try:
        info = probe_mp4(path)  # a decoder would hide that the end is missing
        with av.open(str(path)) as container:
            stream = container.streams.video[0]  # the check has seen one
            image = _frame_at(container, stream, share * (info.duration_s or 0.0))
    except (DownloadError, av.FFmpegError) as error:
        raise MeasureError(f"No picture of {path.name} can be had: {error}") from error
    image.thumbnail((longest_px, longest_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    sink = io.BytesIO()
    image.save(sink, "JPEG", quality=_QUALITY, optimize=True)
    return sink.getvalue()


def _frame_at(container: av.container.InputContainer, stream: av.VideoStream, at_s: float) -> Image.Image:
    """Return the first frame at or after `at_s` seconds, or the last one that there is."""
    container.seek(int(at_s * av.time_base))  # to the key frame before it
    last = None
    for frame in container.decode(stream):
        last = frame
        if frame.time is None or frame.time >= at_s:
            break
    if last is None:
        raise MeasureError("The film holds no frame that can be decoded. Fetch it again.")
    image: Image.Image = last.to_image()  # type: ignore[no-untyped-call]  # PyAV leaves it untyped
    return image
