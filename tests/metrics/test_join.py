"""Joining mp4s: which frames are copied, which are encoded again, times, sound, and what is refused."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pixverse_nb.errors import InvalidRequest, MeasureError
from pixverse_nb.metrics.join import join_videos
from pixverse_nb.mp4 import probe_mp4
from pixverse_nb.sandbox.render import render_video
from tests.metrics.videos import CLOSE, PICTURES, WIDE, Pixels, scene, turn

FPS = 24
ROUND = [WIDE, CLOSE, PICTURES / "chelsea.jpg", WIDE]
QUIET: dict[str, Any] = {"x265-params": "log-level=none"}
NO_CABAC: dict[str, Any] = {"x264-params": "cabac=0"}
Planes = list[Pixels]


def decode(path: Path) -> Planes:
    """Return the planes of every frame as the decoder gives them."""
    with av.open(str(path)) as container:
        return [np.asarray(frame.to_ndarray(), np.uint8) for frame in container.decode(video=0)]


def times_of(path: Path) -> list[Fraction]:
    """Return when each frame is displayed, in seconds."""
    with av.open(str(path)) as container:
        return [(frame.pts or 0) * (frame.time_base or Fraction(1)) for frame in container.decode(video=0)]


def expected_frames(paths: Sequence[Path]) -> Planes:
    """Return the frames of all videos, without the last one of each but the last."""
    videos = [decode(path) for path in paths]
    return [frame for video in videos[:-1] for frame in video[:-1]] + videos[-1]


def changed_frames(path: Path, paths: Sequence[Path]) -> dict[int, float]:
    """Return the PSNR (dB) of each frame that differs from its source, by its number."""
    pairs = zip(decode(path), expected_frames(paths), strict=True)
    return {number: psnr(one, other) for number, (one, other) in enumerate(pairs) if not np.array_equal(one, other)}


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the peak signal-to-noise ratio in dB."""
    return float(10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2)))


def pan(seed: int, *, frames: int = 30) -> list[Pixels]:
    """Return the frames of a camera move."""
    return [np.roll(scene(seed), 3 * number, axis=1) for number in range(frames)]


def write(path: Path, frames: Sequence[Pixels], *, codec: str = "libx264", fps: int = FPS, **options: Any) -> Path:
    """Write frames with the defaults of a codec, and `options`; B-frames are used if the codec has them."""
    with av.open(str(path), "w", format="mp4") as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three videos of the sandbox with 120 frames each, which lead from picture to picture and back."""
    folder = tmp_path_factory.mktemp("films")
    paths = [folder / f"{number}.mp4" for number in range(3)]
    for number, path in enumerate(paths):
        ends = [picture.read_bytes() for picture in ROUND[number : number + 2]]
        render_video(ends, path, width=320, height=180, duration_s=5, seed=number, motion_mode="normal")
    return paths


def test_three_videos_of_120_frames_give_358(films: list[Path], tmp_path: Path) -> None:
    """One frame is left out at each seam; the times are even, and the duration is that of the frames."""
    facts = join_videos(films, tmp_path / "out.mp4")
    assert (facts.frames, len(facts.seams)) == (358, 2)
    assert times_of(tmp_path / "out.mp4") == [Fraction(number, FPS) for number in range(358)]
    info = probe_mp4(tmp_path / "out.mp4")
    assert info.duration_s == pytest.approx(358 / FPS, abs=0.001)
    assert info.is_faststart


def test_frames_are_copied_bit_by_bit(films: list[Path], tmp_path: Path) -> None:
    """Only the few frames that refer to a left-out one are encoded again, and they look the same."""
    facts = join_videos(films, tmp_path / "out.mp4")
    changed = changed_frames(tmp_path / "out.mp4", films)
    assert len(changed) <= facts.re_encoded_frames <= 6
    assert all(number in range(112, 119) or number in range(231, 238) for number in changed)
    assert all(decibels > 45 for decibels in changed.values())


@pytest.mark.parametrize(
    "options",
    [
        {"bf": "0"},
        {"codec": "libx265", "bf": "0", **QUIET},
        {"codec": "libvpx-vp9", "deadline": "realtime", "cpu-used": "8"},
    ],
    ids=["h264", "h265", "vp9"],
)
def test_without_b_frames_every_frame_is_copied(options: dict[str, Any], tmp_path: Path) -> None:
    """If nothing refers to the last frame of a video, all others are copied, whatever the codec."""
    paths = [write(tmp_path / f"{seed}.mp4", pan(seed, frames=12), **options) for seed in (1, 2, 3)]
    facts = join_videos(paths, tmp_path / "out.mp4")
    assert (facts.frames, facts.re_encoded_frames) == (34, 0)
    assert changed_frames(tmp_path / "out.mp4", paths) == {}


@pytest.mark.parametrize("options", [{}, {"b-pyramid": "strict", "bf": "5"}, {"profile": "main"}], ids=str)
def test_b_frames_before_a_seam_are_encoded_again(options: dict[str, Any], tmp_path: Path) -> None:
    """The B-frames that refer to the left-out frame are replaced, at a quality that hides it."""
    paths = [write(tmp_path / f"{seed}.mp4", pan(seed), **options) for seed in (1, 2, 3)]
    facts = join_videos(paths, tmp_path / "out.mp4")
    changed = changed_frames(tmp_path / "out.mp4", paths)
    assert 0 < len(changed) <= facts.re_encoded_frames <= 12
    assert all(decibels > 45 for decibels in changed.values())
    assert times_of(tmp_path / "out.mp4") == [Fraction(number, FPS) for number in range(88)]


@pytest.mark.parametrize(
    "other",
    [
        lambda path: write(path, pan(2), codec="libx265", **QUIET),
        lambda path: write(path, pan(2), profile="baseline"),
        lambda path: write(path, pan(2), **NO_CABAC),
    ],
    ids=["another codec", "another profile", "another entropy coder"],
)
def test_other_encodings_are_encoded_again(other: Callable[[Path], Path], tmp_path: Path) -> None:
    """Videos that were encoded differently are encoded again as a whole, with every frame and a high quality."""
    paths = [write(tmp_path / "one.mp4", pan(1)), other(tmp_path / "two.mp4"), write(tmp_path / "three.mp4", pan(3))]
    facts = join_videos(paths, tmp_path / "out.mp4")
    assert (facts.frames, facts.re_encoded_frames) == (88, 88)
    assert min(map(psnr, decode(tmp_path / "out.mp4"), expected_frames(paths))) > 48.5
    assert [float(time) for time in times_of(tmp_path / "out.mp4")] == pytest.approx(
        [number / FPS for number in range(88)], abs=0.001
    )
    assert probe_mp4(tmp_path / "out.mp4").duration_s == pytest.approx(88 / FPS, abs=0.01)


def test_other_frame_rates_keep_their_speed(tmp_path: Path) -> None:
    """A video with more frames in a second plays as fast as before."""
    paths = [write(tmp_path / f"{fps}.mp4", pan(fps), fps=fps) for fps in (24, 30)]
    join_videos(paths, tmp_path / "out.mp4")
    expected = [number / 24 for number in range(29)] + [29 / 24 + number / 30 for number in range(30)]
    assert [float(time) for time in times_of(tmp_path / "out.mp4")] == pytest.approx(expected, abs=0.001)


def test_a_seam_has_a_score(tmp_path: Path) -> None:
    """A seam of equal frames scores 100 dB, a jump to another scene much less."""
    there, back = pan(1), pan(1)[::-1]
    paths = [write(tmp_path / f"{name}.mp4", frames, crf="0", bf="0") for name, frames in (("a", there), ("b", back))]
    jump = write(tmp_path / "c.mp4", pan(5), crf="0", bf="0")
    equal, jumped = join_videos([*paths, jump], tmp_path / "out.mp4").seams
    assert equal == 100
    assert 5 < jumped < 15


def test_one_video_is_copied(films: list[Path], tmp_path: Path) -> None:
    """A single video has no seam and loses no frame."""
    facts = join_videos(films[:1], tmp_path / "out.mp4")
    assert (facts.seams, facts.frames, facts.re_encoded_frames) == ((), 120, 0)
    assert changed_frames(tmp_path / "out.mp4", films[:1]) == {}


def test_the_same_video_may_occur_twice(films: list[Path], tmp_path: Path) -> None:
    """A loop can be played several times over."""
    facts = join_videos([films[0], films[0]], tmp_path / "out.mp4")
    assert facts.frames == 239
    assert len(decode(tmp_path / "out.mp4")) == 239


def test_sizes_that_differ_are_refused(films: list[Path], tmp_path: Path) -> None:
    """Every video whose size is not that of the first one is named."""
    small = write(tmp_path / "small.mp4", [scene(1, width=160, height=90)] * 3)
    with pytest.raises(InvalidRequest) as caught:
        join_videos([films[0], small, films[1], small], tmp_path / "out.mp4")
    assert caught.value.fields.keys() == {"videos[1]", "videos[3]"}


def test_a_rotated_video_is_refused(films: list[Path], tmp_path: Path) -> None:
    """A video that is stored on its side is named, because its frames would be joined lying down."""
    turned = turn(write(tmp_path / "turned.mp4", pan(1, frames=3)))
    with pytest.raises(InvalidRequest) as caught:
        join_videos([films[0], turned], tmp_path / "out.mp4")
    assert caught.value.fields.keys() == {"videos[1]"}


def test_a_damaged_video_is_refused(films: list[Path], tmp_path: Path) -> None:
    """A video that is cut short raises MeasureError."""
    short = tmp_path / "short.mp4"
    short.write_bytes(films[1].read_bytes()[:-500])
    with pytest.raises(MeasureError):
        join_videos([films[0], short], tmp_path / "out.mp4")


# -- sound -----------------------------------------------------------------------------------------------------------


def add_sound(path: Path, target: Path, *, hertz: float) -> Path:
    """Copy a video with a tone as its sound."""
    with av.open(str(path)) as source, av.open(str(target), "w", format="mp4") as out:
        video = out.add_stream_from_template(source.streams.video[0])
        sound: Any = out.add_stream("aac", rate=44_100, layout="mono")
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)
        seconds = np.arange(44_100 * 5) / 44_100
        tone = (0.5 * np.sin(2 * np.pi * hertz * seconds)).astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 44_100, 0, Fraction(1, 44_100)
        out.mux(sound.encode(frame))
        out.mux(sound.encode(None))
    return target


def pitch(sound: np.ndarray[Any, Any], start_s: float, end_s: float) -> float:
    """Return the loudest frequency in hertz of a part of the sound; 0 for silence."""
    part = sound[round(start_s * 44_100) : round(end_s * 44_100)]
    if np.abs(part).max() < 0.01:
        return 0.0
    return float(np.fft.rfftfreq(len(part), 1 / 44_100)[np.abs(np.fft.rfft(part)).argmax()])


def test_sound_stays_in_step(films: list[Path], tmp_path: Path) -> None:
    """The sound of each video starts with its pictures; a video without sound is silent."""
    low = add_sound(films[0], tmp_path / "low.mp4", hertz=440)
    high = add_sound(films[2], tmp_path / "high.mp4", hertz=880)
    join_videos([low, films[1], high], tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)[0]
    span = 119 / FPS
    assert pitch(sound, 0.1, span - 0.05) == pytest.approx(440, abs=2)
    assert pitch(sound, span + 0.05, 2 * span - 0.05) == 0
    assert pitch(sound, 2 * span + 0.05, 2 * span + 4.9) == pytest.approx(880, abs=2)
    assert len(sound) / 44_100 == pytest.approx(358 / FPS, abs=0.06)
    assert len(decode(tmp_path / "out.mp4")) == 358
