"""The sandbox's video against ffmpeg: its time against xfade's, its middle frame against minterpolate's.

The pair is one photograph in two framings, so the true middle of the camera move is known: the framing at the geometric
mean, cut from the wide one. The video is measured after decoding the mp4, minterpolate before any encoding.
"""

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pixverse_nb.sandbox.render import render_video, watermark_box

Grey = NDArray[np.uint8]

PICTURES = Path(__file__).parent.parent / "notebooks" / "pictures"
WIDE, CLOSE = PICTURES / "coffee_wide.jpg", PICTURES / "coffee_close.jpg"
WIDTH, HEIGHT, SECONDS, FPS = 1280, 720, 5, 24
PAIRS = 7


def main() -> None:
    """Print the ratio of times and the difference of the middle frames."""
    if shutil.which("ffmpeg") is None:
        print("render: ffmpeg is not installed, so there is nothing to compare with. Install it and run again.")
        return
    with tempfile.TemporaryDirectory() as folder:
        compare_times(Path(folder))
        compare_middles(Path(folder))


def compare_times(folder: Path) -> None:
    """Render and cross-fade in turn, and print the median of the ratios."""
    ours, theirs, start = [], [], []
    make_video(folder / "warm.mp4", drift=1.0)
    for _ in range(PAIRS):
        ours.append(seconds(lambda: make_video(folder / "video.mp4", drift=1.0)))
        theirs.append(seconds(lambda: cross_fade(folder / "xfade.mp4")))
        start.append(seconds(lambda: run("ffmpeg", "-version")))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    bare = statistics.median(a / (b - c) for a, b, c in zip(ours, theirs, start, strict=True))
    sizes = [round((folder / name).stat().st_size / 1024) for name in ("video.mp4", "xfade.mp4")]
    print(f"video time / xfade time: {ratio:.2f} ({bare:.2f} without the start of the ffmpeg process)")
    print(
        f"  {SECONDS} s of {WIDTH}×{HEIGHT}: video {statistics.median(ours):.2f} s, {sizes[0]} KiB; "
        f"xfade {statistics.median(theirs):.2f} s, {sizes[1]} KiB; median of {PAIRS} pairs in turn"
    )


def compare_middles(folder: Path) -> None:
    """Print how near the middle frames come to the true camera move, in dB of brightness without the label's corner."""
    true = true_middle()
    make_video(folder / "still.mp4", drift=0.0)
    rendered = psnr(nearest_frame(folder / "still.mp4", true), true)
    minterpolated = psnr(minterpolate(folder), true)
    dissolve = psnr(grey(cv2.addWeighted(load(WIDE), 0.5, load(CLOSE), 0.5, 0)), true)
    print(f"middle frame, video - minterpolate: {rendered - minterpolated:+.1f} dB (with drift=0.0)")
    print(f"  video {rendered:.1f} dB, minterpolate {minterpolated:.1f} dB, dissolve {dissolve:.1f} dB")


def make_video(path: Path, *, drift: float) -> None:
    """Render the video of the pair."""
    render_video(
        [WIDE.read_bytes(), CLOSE.read_bytes()],
        path,
        width=WIDTH,
        height=HEIGHT,
        duration_s=SECONDS,
        seed=1,
        motion_mode="normal",
        fps=FPS,
        drift=drift,
    )


def cross_fade(path: Path) -> None:
    """The same length, size, preset, crf and threads by ffmpeg; each picture is decoded and scaled once."""
    count = SECONDS * FPS
    still = f"scale={WIDTH}:{HEIGHT},format=yuv420p,loop=loop={count - 1}:size=1,settb=1/{FPS},setpts=N,fps={FPS}"
    graph = f"[0:v]{still}[a];[1:v]{still}[b];[a][b]xfade=transition=fade:duration={SECONDS}:offset=0,format=yuv420p"
    encoder = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        "22",
        "-g",
        str(2 * FPS),
        "-threads",
        "2",
    ]
    run("ffmpeg", "-y", "-i", str(WIDE), "-i", str(CLOSE), "-filter_complex", graph, "-frames:v", str(count), *encoder,
        "-movflags", "+faststart", str(path))  # fmt: skip


def minterpolate(folder: Path) -> Grey:
    """The frame that ffmpeg's motion interpolation puts in the middle, at its best settings for one large move."""
    for index, source in enumerate([WIDE, WIDE, CLOSE, CLOSE]):
        cv2.imwrite(str(folder / f"key{index}.png"), load(source))
    rule = "minterpolate=fps=2:mi_mode=mci:mc_mode=aobmc:me_mode=bidir:me=epzs:search_param=64:vsbmc=1:scd=none"
    run("ffmpeg", "-y", "-framerate", "1", "-i", str(folder / "key%d.png"), "-vf", rule, str(folder / "mid%d.png"))
    between = [read_grey(path) for path in sorted(folder.glob("mid*.png"))]
    true = true_middle()
    return max(between, key=lambda frame: psnr(frame, true))


def true_middle() -> Grey:
    """The wide picture's framing half-way to the close one: at the geometric mean of the two."""
    wide, close = load(WIDE), load(CLOSE)
    matrix = np.array([[0.6, 0, WIDTH * 0.2], [0, 0.6, HEIGHT * 0.2]], np.float32)
    best = 0.0
    for share in np.arange(0.5, 0.9, 0.02):
        small = cv2.resize(close, (round(WIDTH * share), round(HEIGHT * share)), interpolation=cv2.INTER_AREA)
        _, score, _, place = cv2.minMaxLoc(cv2.matchTemplate(wide, small, cv2.TM_CCOEFF_NORMED))
        if score > best:
            best, matrix = score, np.array([[share, 0, place[0]], [0, share, place[1]]], np.float32)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-7)
    found = np.asarray(cv2.findTransformECC(close, wide, matrix, cv2.MOTION_AFFINE, stop)[1])
    share = float(np.sqrt(found[0, 0] * found[1, 1]))
    fixed = found[:, 2] / (1 - share)
    half = share**0.5
    middle = np.array([[half, 0, fixed[0] * (1 - half)], [0, half, fixed[1] * (1 - half)]])
    way = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return grey(cv2.warpAffine(wide, middle, (WIDTH, HEIGHT), flags=way))


def nearest_frame(path: Path, true: Grey) -> Grey:
    """Return the frame closest to `true`: the easing reaches the midpoint at a moment of its own."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return max((grey(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)) for frame in frames), key=lambda frame: psnr(frame, true))


def psnr(frame: Grey, true: Grey) -> float:
    """Peak signal to noise in dB, with the label's rectangle left out."""
    box = watermark_box("SANDBOX", width=WIDTH, height=HEIGHT)
    error = (frame.astype(np.float64) - true) ** 2
    error[box.top : box.top + box.height, box.left : box.left + box.width] = np.nan
    return float(10 * np.log10(255**2 / np.nanmean(error)))


def load(path: Path) -> Grey:
    """The picture's brightness at the video's size."""
    return grey(cv2.resize(read_grey(path), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def read_grey(path: Path) -> Grey:
    """A picture file's brightness."""
    return grey(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


def grey(image: object) -> Grey:
    """OpenCV's answer with its exact type."""
    return np.asarray(image, np.uint8)


def seconds(work: Callable[[], object]) -> float:
    """How long the work took."""
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def run(*command: str) -> None:
    """Run a program to its end, quietly; its own words are in the error if it fails."""
    subprocess.run([command[0], "-hide_banner", "-loglevel", "error", *command[1:]], check=True, capture_output=True)


if __name__ == "__main__":
    main()
