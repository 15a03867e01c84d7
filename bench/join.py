"""Joining three videos of 5 s: the time, and the ratio to a plain copy by ffmpeg, which keeps the doubled frames."""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pixverse_nb.joined import join
from pixverse_nb.sandbox.render import render_video, video_size

PICTURES = Path(__file__).parent.parent / "notebooks" / "pictures"
ROUND = ("coffee_wide.jpg", "coffee_close.jpg", "chelsea.jpg", "coffee_wide.jpg")
SECONDS, RUNS = 5, 9


def main() -> None:
    """Print the figures for two qualities."""
    for quality in ("540p", "720p"):
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), quality)


def compare(folder: Path, quality: str) -> None:
    """Join and copy in turn, and print the medians."""
    paths = make_videos(folder, quality)
    listed = folder / "list.txt"
    listed.write_text("".join(f"file '{path}'\n" for path in paths))
    joined = join(paths, folder / "joined.mp4")  # so that no figure includes the imports
    ours, processor, theirs = [], [], []
    for _ in range(RUNS):
        before = time.process_time()
        ours.append(seconds(lambda: join(paths, folder / "joined.mp4", overwrite=True)))
        processor.append(time.process_time() - before)
        theirs.append(seconds(lambda: remux(listed, folder / "copy.mp4")))
    print(
        f"join of three videos of {SECONDS} s {quality}: {statistics.median(ours):.2f} s; wanted at most 0.3 s "
        f"({statistics.median(processor):.2f} processor seconds; {joined.re_encoded_frames} of {joined.frames} frames "
        "encoded again)"
    )
    if shutil.which("ffmpeg") is not None:
        print(f"  a copy by the ffmpeg program, with the doubled frames: {statistics.median(theirs):.2f} s")


def make_videos(folder: Path, quality: str) -> list[Path]:
    """Render a loop of three videos."""
    width, height = video_size(quality, "16:9")
    paths = [folder / f"{number}.mp4" for number in range(3)]
    for number, path in enumerate(paths):
        ends = [(PICTURES / name).read_bytes() for name in ROUND[number : number + 2]]
        render_video(ends, path, width=width, height=height, duration_s=SECONDS, seed=number, motion_mode="normal")
    return paths


def remux(listed: Path, target: Path) -> None:
    """Copy the videos one after another with the ffmpeg program, if there is one."""
    if shutil.which("ffmpeg") is None:
        return
    command = ["ffmpeg", "-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy"]
    subprocess.run([*command, "-movflags", "+faststart", str(target)], check=True, capture_output=True)


def seconds(work: Callable[[], object]) -> float:
    """Return how long the work took."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


if __name__ == "__main__":
    main()
