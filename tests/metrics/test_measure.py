"""Measuring videos: synthetic ones with known answers, the sandbox's own, and files that cannot be measured."""

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pixverse_nb.errors import MeasureError
from pixverse_nb.metrics.definitions import METRICS, Measurement
from pixverse_nb.metrics.measure import (
    FINGERPRINT_MOMENTS,
    FINGERPRINT_SIDE_PX,
    MeasureTask,
    compute_diversity,
    compute_flicker,
    find_cuts,
    measure_all,
    measure_video,
)
from tests.metrics.videos import (
    CLOSE,
    HEIGHT,
    WIDE,
    WIDTH,
    Pixels,
    SerialExecutor,
    decode_frames,
    grey_frame,
    photo,
    render_sandbox_video,
    save_png,
    scene,
    write_video,
)


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video of one second from the sandbox."""
    return render_sandbox_video(tmp_path_factory.mktemp("sandbox") / "coffee.mp4")


def noisy(pixels: Pixels, sigma: float) -> Pixels:
    """Return the image with Gaussian noise of this standard deviation on each sample."""
    noise = np.random.default_rng(5).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def test_a_frozen_video(tmp_path: Path) -> None:
    """A video in which nothing changes is frozen, with no motion, flicker or cut."""
    measurement = measure_video(write_video(tmp_path / "video.mp4", [photo()] * 12))
    assert (measurement.frozen_share, measurement.motion_percent, measurement.flicker_levels, measurement.cuts) == (
        1.0,
        0.0,
        0.0,
        0,
    )


def test_the_share_of_frozen_steps(tmp_path: Path) -> None:
    """A video that does not change in four of its eight steps has a frozen share of one half."""
    frames = [photo()] * 5 + [grey_frame(level) for level in (40, 60, 80, 100)]
    assert measure_video(write_video(tmp_path / "video.mp4", frames)).frozen_share == 0.5


@pytest.mark.parametrize("step_px", [2, 4, 8])
def test_the_motion_of_a_shifting_picture(tmp_path: Path, step_px: int) -> None:
    """A picture that shifts by a known distance per frame has that motion within 5 %, at any size."""
    wide = photo(width=2 * WIDTH + 12 * step_px, height=2 * HEIGHT)
    frames = [wide[:, number * step_px : number * step_px + 2 * WIDTH] for number in range(12)]
    measurement = measure_video(write_video(tmp_path / "video.mp4", frames))
    assert measurement.motion_percent == pytest.approx(step_px / (2 * WIDTH) * 100, rel=0.05)
    assert measurement.frozen_share == 0
    assert measurement.cuts == 0


def test_a_video_with_cuts(tmp_path: Path) -> None:
    """Each cut is found at the first frame of the new scene, and is neither motion nor flicker."""
    measurement = measure_video(write_video(tmp_path / "video.mp4", [scene(number // 8) for number in range(32)]))
    assert (measurement.cuts, measurement.cut_frames) == (3, (8, 16, 24))
    assert (measurement.motion_percent, measurement.flicker_levels) == (0.0, 0.0)


def test_fast_motion_is_no_cut(tmp_path: Path) -> None:
    """A picture that moves by a sixteenth of its width per frame is still one scene."""
    wide = photo(width=WIDTH * 2, height=HEIGHT)
    measurement = measure_video(
        write_video(tmp_path / "video.mp4", [wide[:, number * 20 : number * 20 + WIDTH] for number in range(16)])
    )
    assert measurement.cuts == 0


def test_a_flickering_video(tmp_path: Path) -> None:
    """A video that alternates between two brightnesses flickers by their difference and does not move."""
    measurement = measure_video(
        write_video(tmp_path / "video.mp4", [grey_frame(100 + 20 * (number % 2)) for number in range(12)])
    )
    assert measurement.flicker_levels == pytest.approx(20, abs=0.5)
    assert (measurement.motion_percent, measurement.cuts) == (0.0, 0)


def test_a_fading_video_does_not_flicker(tmp_path: Path) -> None:
    """A steady fade by 4 levels per frame is no flicker, apart from the rounding of levels."""
    measurement = measure_video(
        write_video(tmp_path / "video.mp4", [grey_frame(60 + 4 * number) for number in range(24)])
    )
    assert measurement.flicker_levels == pytest.approx(0, abs=0.6)


@pytest.mark.parametrize("sigma", [5.0, 15.0])
def test_known_noise_on_the_first_picture(tmp_path: Path, sigma: float) -> None:
    """Gaussian noise of standard deviation σ between the first frame and the picture is 10·log10(255² / σ²) dB."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(128)] * 3)
    first = save_png(tmp_path / "first.png", noisy(decode_frames(path)[0], sigma))
    measurement = measure_video(path, first=first)
    assert measurement.first_psnr_db == pytest.approx(10 * math.log10(255**2 / sigma**2), abs=0.1)


def test_psnr_and_ssim_equal_scikit_images(tmp_path: Path, coffee: Path) -> None:
    """At both ends PSNR over RGB and SSIM over luma equal those that scikit-image computes from the decoded frames."""
    frames = decode_frames(coffee)
    pictures = [noisy(frames[0], 9), noisy(frames[-1], 21)]
    first, last = (save_png(tmp_path / f"{number}.png", picture) for number, picture in enumerate(pictures))
    measurement = measure_video(coffee, first=first, last=last)
    assert measurement.first_psnr_db == pytest.approx(psnr(frames[0], pictures[0]))
    assert measurement.last_psnr_db == pytest.approx(psnr(frames[-1], pictures[1]))
    assert measurement.first_ssim == pytest.approx(ssim(frames[0], pictures[0]), abs=1e-3)
    assert measurement.last_ssim == pytest.approx(ssim(frames[-1], pictures[1]), abs=1e-3)


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the PSNR by scikit-image."""
    return float(peak_signal_noise_ratio(one, other))  # type: ignore[no-untyped-call]  # not typed


def ssim(one: Pixels, other: Pixels) -> float:
    """Return the SSIM of the unrounded luma by scikit-image, with the settings of its authors."""
    luma = [each @ np.array([0.299, 0.587, 0.114]) for each in (one, other)]
    window: Any = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*luma, data_range=255, **window))  # type: ignore[no-untyped-call]  # not typed


def test_an_identical_picture_is_100_db(tmp_path: Path) -> None:
    """An identical first frame has 100 dB instead of infinity, and SSIM 1."""
    path = write_video(tmp_path / "video.mp4", [photo()] * 2)
    measurement = measure_video(path, first=save_png(tmp_path / "first.png", decode_frames(path)[0]))
    assert (measurement.first_psnr_db, measurement.first_offset) == (100.0, 0)
    assert measurement.first_ssim == pytest.approx(1.0)


def test_the_closest_frame_and_its_offset(tmp_path: Path) -> None:
    """A first picture equal to frame 5, and a last picture equal to the fourth frame from the end, are found there."""
    path = write_video(tmp_path / "video.mp4", [noisy(scene(1), number) for number in range(30)])
    frames = decode_frames(path)
    first, last = save_png(tmp_path / "first.png", frames[5]), save_png(tmp_path / "last.png", frames[-4])
    measurement = measure_video(path, first=first, last=last)
    assert (measurement.first_offset, measurement.last_offset) == (5, 3)
    assert (measurement.first_best_psnr_db, measurement.last_best_psnr_db) == (100.0, 100.0)
    assert measurement.first_psnr_db is not None
    assert measurement.first_psnr_db < 50


def test_a_still_start_has_no_offset(tmp_path: Path) -> None:
    """If later frames are closer by less than 0.1 dB, the offset is 0."""
    start = scene(1)
    path = write_video(tmp_path / "video.mp4", [noisy(start, 8 - 0.005 * number) for number in range(12)])
    measurement = measure_video(path, first=save_png(tmp_path / "first.png", start))
    assert measurement.first_best_psnr_db is not None
    assert measurement.first_psnr_db is not None
    assert measurement.first_psnr_db < measurement.first_best_psnr_db
    assert measurement.first_offset == 0


def test_only_twelve_frames_are_searched(tmp_path: Path) -> None:
    """Frame 12 of a long video is searched from neither end."""
    frames = [scene(1)] * 12 + [scene(2)] + [scene(3)] * 12
    path = write_video(tmp_path / "video.mp4", frames)
    measurement = measure_video(path, first=save_png(tmp_path / "middle.png", scene(2)), last=tmp_path / "middle.png")
    assert measurement.first_best_psnr_db is not None
    assert measurement.last_best_psnr_db is not None
    assert max(measurement.first_best_psnr_db, measurement.last_best_psnr_db) < 30


def test_a_picture_of_another_size_is_scaled(tmp_path: Path) -> None:
    """A larger picture is scaled to the video's size; one of another shape is cropped around its centre."""
    large = photo(width=3 * WIDTH, height=3 * HEIGHT)
    path = write_video(tmp_path / "video.mp4", [photo()] * 2, crf=4)
    same = measure_video(path, first=save_png(tmp_path / "large.png", large))
    taller = np.vstack([grey_frame(0, width=3 * WIDTH, height=90), large, grey_frame(255, width=3 * WIDTH, height=90)])
    cut = measure_video(path, first=save_png(tmp_path / "taller.png", taller))
    assert same.first_psnr_db is not None
    assert same.first_psnr_db > 30
    assert cut.first_psnr_db == pytest.approx(same.first_psnr_db, abs=0.5)


def test_a_video_of_the_sandbox(coffee: Path) -> None:
    """The sandbox's video begins and ends on its pictures, moves, and has no cut."""
    measurement = measure_video(coffee, first=WIDE, last=CLOSE)
    assert measurement.first_psnr_db is not None
    assert measurement.last_psnr_db is not None
    assert measurement.motion_percent is not None
    assert min(measurement.first_psnr_db, measurement.last_psnr_db) > 28
    assert min(measurement.first_ssim or 0, measurement.last_ssim or 0) > 0.95
    assert measurement.motion_percent > 0.1
    assert measurement.cuts == 0
    assert (measurement.frames, measurement.fps, measurement.width, measurement.height) == (24, 24.0, WIDTH, HEIGHT)
    assert measurement.duration_s == pytest.approx(1.0, abs=0.05)


def test_every_number_is_in_its_range(coffee: Path) -> None:
    """The minimum and maximum in the table hold for a real video."""
    measurement = measure_video(coffee, first=WIDE, last=CLOSE)
    for metric in METRICS:
        value = measurement.as_dict()[metric.name]
        assert value is not None
        assert metric.minimum <= value <= (metric.maximum if metric.maximum is not None else math.inf)


def test_without_pictures_nothing_is_compared(coffee: Path) -> None:
    """Without a picture its four numbers are None, and the others are unchanged."""
    alone, whole = measure_video(coffee).as_dict(), measure_video(coffee, first=WIDE, last=CLOSE).as_dict()
    compared = {name for name in whole if name.startswith(("first_", "last_"))}
    assert alone == {name: None if name in compared else value for name, value in whole.items()}
    assert len(compared) == 8


@pytest.mark.parametrize("count", [1, 2])
def test_a_video_too_short_for_some_numbers(tmp_path: Path, count: int) -> None:
    """One frame has no step, and two have no frame between others: the number is None, not zero."""
    measurement = measure_video(write_video(tmp_path / "video.mp4", [photo()] * count))
    assert measurement.frames == count
    assert measurement.flicker_levels is None
    assert (measurement.motion_percent is None, measurement.frozen_share is None) == (count == 1, count == 1)


def test_full_range_levels_are_recognised(tmp_path: Path) -> None:
    """The same planes flicker less by 219/255 if the video states levels of 0…255 instead of 16…235."""
    frames = [grey_frame(100 + 40 * (number % 2)) for number in range(8)]
    limited = measure_video(write_video(tmp_path / "limited.mp4", frames))
    full = measure_video(write_video(tmp_path / "full.mp4", frames, color_range=2))
    assert limited.flicker_levels == pytest.approx(40, abs=1)
    assert full.flicker_levels == pytest.approx(40 * 219 / 255, abs=1)


def test_unreadable_videos(tmp_path: Path, coffee: Path) -> None:
    """A file that is missing, incomplete, damaged or no video is a MeasureError that names it."""
    whole = coffee.read_bytes()
    files = {
        "cut.mp4": whole[: end_of_packet(coffee, 12)],
        "page.mp4": b"<html>gone</html>",
        "empty.mp4": b"",
        "damaged.mp4": whole[: whole.index(b"mdat") + 4] + bytes(len(whole) - whole.index(b"mdat") - 4),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    for name in [*files, "missing.mp4"]:
        with pytest.raises(MeasureError, match=name):
            measure_video(tmp_path / name)


def end_of_packet(path: Path, number: int) -> int:
    """Return the offset at which a coded frame ends; a decoder notices nothing wrong in a file that ends there."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
        return int(packet.pos or 0) + packet.size


def test_an_unreadable_picture(tmp_path: Path, coffee: Path) -> None:
    """A picture that is missing or no picture is a MeasureError that names it."""
    (tmp_path / "page.png").write_text("<html>")
    for name in ("page.png", "gone.png"):
        with pytest.raises(MeasureError, match=name):
            measure_video(coffee, first=tmp_path / name)


def test_a_bad_file_does_not_stop_the_others(tmp_path: Path, coffee: Path) -> None:
    """If the second of three videos is missing, its result is an error and the others are measured."""
    tasks = [MeasureTask(coffee), MeasureTask(tmp_path / "gone.mp4"), MeasureTask(coffee, first=WIDE)]
    one, gone, two = measure_all(tasks)
    assert isinstance(one.get(), Measurement)
    assert isinstance(gone.error, MeasureError)
    assert two.get().first_psnr_db is not None


def test_threads_give_the_same_numbers(coffee: Path) -> None:
    """On several threads at once a video has the same numbers as alone."""
    tasks = [MeasureTask(coffee, first=WIDE, last=CLOSE)] * 6
    alone = [result.get() for result in measure_all(tasks[:1], executor=SerialExecutor())]
    assert [result.get() for result in measure_all(tasks)] == alone * 6


def test_an_extremely_wide_video_has_no_motion_value(tmp_path: Path) -> None:
    """A video too flat for the optical flow is measured without its motion, and its numbers can be stored."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(90, width=2000, height=16)] * 3)
    measurement = measure_video(path)
    assert measurement.motion_percent is None
    assert Measurement.from_json(measurement.to_json()) == measurement


def test_values_and_errors_can_be_pickled(tmp_path: Path, coffee: Path) -> None:
    """Tasks, results and errors come back equal from a process pool."""
    task = MeasureTask(coffee, first=WIDE)
    failed = measure_all([MeasureTask(tmp_path / "gone.mp4")])[0].error
    assert isinstance(failed, MeasureError)
    for value in (task, measure_all([task])[0]):
        assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301 - pickled one line above
    for copied in (pickle.loads(pickle.dumps(failed)), copy.copy(failed)):  # noqa: S301
        assert isinstance(copied, MeasureError)
        assert (copied.args, vars(copied)) == (failed.args, vars(failed))


# -- flicker and cuts on plain numbers ---------------------------------------------------------------------------------

LEVELS = st.floats(0, 255)


@pytest.mark.parametrize(
    ("content_changes", "cuts"),
    [
        ([], ()),
        ([1, 1, 60, 1, 1], (3,)),
        ([60], (1,)),  # two frames with nothing in common
        ([1, 1, 14.9, 1, 1], ()),  # below the minimum
        ([1, 1, 15, 1, 1], (3,)),
        ([20, 20, 59, 20, 20], ()),  # less than three times its neighbours
        ([20, 20, 60, 20, 20], (3,)),
        ([40, 40, 40, 40, 40], ()),  # everything moves fast
        ([0, 90, 90, 0, 0], (2, 3)),  # one frame of another scene
        ([90, 0, 0, 90], (1, 4)),
    ],
)
def test_find_cuts(content_changes: list[float], cuts: tuple[int, ...]) -> None:
    """A step is a cut if its change is at least 15 and three times the mean of the two steps on either side."""
    assert find_cuts(content_changes) == cuts


@pytest.mark.parametrize(
    ("brightness", "cuts", "flicker"),
    [
        ([], (), None),
        ([10, 20], (), None),
        ([10, 20, 10, 20], (), 10),
        ([10, 20, 30, 40], (), 0),
        ([10, 10, 16, 10, 10], (), 4),  # one flash of 6: 3, 6 and 3
        ([10, 10, 90, 90], (2,), None),
        ([10, 10, 10, 90, 90, 90], (3,), 0),
    ],
)
def test_compute_flicker(brightness: list[float], cuts: tuple[int, ...], flicker: float | None) -> None:
    """Flicker is the mean difference of a frame's brightness from the average of its neighbours, without cuts."""
    assert compute_flicker(brightness, cuts) == flicker


@given(st.lists(LEVELS, min_size=3), LEVELS, st.floats(-3, 3))
def test_flicker_ignores_brightness_and_fades(brightness: list[float], offset: float, slope: float) -> None:
    """A video that is brighter throughout, or fades as well, has the same flicker."""
    changed = [value + offset + slope * number for number, value in enumerate(brightness)]
    assert compute_flicker(changed) == pytest.approx(compute_flicker(brightness), abs=1e-9)


# -- diversity -------------------------------------------------------------------------------------------------------

FINGERPRINT_SIZE = FINGERPRINT_MOMENTS * FINGERPRINT_SIDE_PX**2


def grey_fingerprint(level: int) -> bytes:
    """Return the fingerprint of a video of one grey level."""
    return bytes([level]) * FINGERPRINT_SIZE


def test_distances_of_known_videos() -> None:
    """Videos of one grey level each differ by their levels, and the mean leaves out the video itself."""
    found = compute_diversity([grey_fingerprint(0), grey_fingerprint(30), grey_fingerprint(90)])
    assert found.matrix.tolist() == [[0, 30, 90], [30, 0, 60], [90, 60, 0]]
    assert found.mean == (60.0, 45.0, 75.0)


def test_the_distance_is_the_root_mean_square() -> None:
    """Videos of which half of the pixels differ by 100 have a distance of √½ · 100."""
    half = bytes([100]) * (FINGERPRINT_SIZE // 2) + bytes(FINGERPRINT_SIZE // 2)
    assert compute_diversity([grey_fingerprint(0), half]).matrix[0, 1] == pytest.approx(100 * math.sqrt(0.5))


def test_videos_without_a_fingerprint() -> None:
    """A video that could not be measured has the distance None and does not change the others."""
    found = compute_diversity([grey_fingerprint(10), None, grey_fingerprint(40), b""])
    assert found.mean == (30.0, None, 30.0, None)
    assert np.isnan(found.matrix[1]).all()
    assert np.isnan(found.matrix[:, 3]).all()


@pytest.mark.parametrize("fingerprints", [[], [grey_fingerprint(9)], [None, grey_fingerprint(9)]])
def test_a_single_video_has_no_distance(fingerprints: list[bytes | None]) -> None:
    """One video, or none, has no mean distance."""
    assert compute_diversity(fingerprints).mean == (None,) * len(fingerprints)


def test_the_fingerprint_of_a_video(tmp_path: Path) -> None:
    """The fingerprint has eight evenly spaced frames from first to last, of 32 × 32 pixels each."""
    path = write_video(tmp_path / "video.mp4", [grey_frame(20 + 10 * number) for number in range(22)])
    thumbnails = np.frombuffer(measure_video(path).fingerprint, np.uint8).reshape(8, 32, 32)
    assert thumbnails.std(axis=(1, 2)).max() == 0
    assert thumbnails[:, 0, 0].astype(int).tolist() == pytest.approx([20 + 30 * moment for moment in range(8)], abs=2)


def test_similar_videos_are_close(tmp_path: Path) -> None:
    """The same scene in another size and encoding is closer than another scene."""
    paths = [
        write_video(tmp_path / "one.mp4", [scene(1)] * 4),
        write_video(tmp_path / "same.mp4", [scene(1, width=640, height=360)] * 4, crf=30),
        write_video(tmp_path / "other.mp4", [scene(2)] * 4),
    ]
    matrix = compute_diversity([measure_video(path).fingerprint for path in paths]).matrix
    assert matrix[0, 1] < 3
    assert matrix[0, 2] > 30
