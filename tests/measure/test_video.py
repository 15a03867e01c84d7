"""Measuring a whole film: hand-made ones of known answer, the sandbox's own, and files that are none."""

import math
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.metrics import METRICS, Measurement
from pixverse_nb.measure.video import Clip, measure_all, measure_video
from tests.measure.films import (
    CLOSE,
    HEIGHT,
    WIDE,
    WIDTH,
    InOrder,
    Pixels,
    decoded,
    photograph,
    plain,
    sandbox_film,
    save_png,
    scene,
    write_film,
)


@pytest.fixture(scope="module")
def coffee(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of film from the sandbox."""
    return sandbox_film(tmp_path_factory.mktemp("sandbox") / "coffee.mp4")


def noisy(pixels: Pixels, sigma: float) -> Pixels:
    """The picture with Gaussian noise of this strength on each of its numbers."""
    noise = np.random.default_rng(5).normal(0, sigma, pixels.shape)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def test_a_frozen_film(tmp_path: Path) -> None:
    """Where nothing changes, every step is frozen, nothing moves, nothing flickers and nothing is cut."""
    film = measure_video(write_film(tmp_path / "film.mp4", [photograph()] * 12))
    assert (film.frozen_share, film.motion_percent, film.flicker_levels, film.cuts) == (1.0, 0.0, 0.0, 0)


def test_the_share_of_frozen_steps(tmp_path: Path) -> None:
    """A film that stands still for four of its eight steps is frozen by one half."""
    frames = [photograph()] * 5 + [plain(level) for level in (40, 60, 80, 100)]
    assert measure_video(write_film(tmp_path / "film.mp4", frames)).frozen_share == 0.5


@pytest.mark.parametrize("step_px", [2, 4, 8])
def test_a_film_that_shifts(tmp_path: Path, step_px: int) -> None:
    """A picture that shifts by a known distance a frame has that motion within a twentieth, at any size."""
    wide = photograph(width=2 * WIDTH + 12 * step_px, height=2 * HEIGHT)
    frames = [wide[:, at * step_px : at * step_px + 2 * WIDTH] for at in range(12)]
    film = measure_video(write_film(tmp_path / "film.mp4", frames))
    assert film.motion_percent == pytest.approx(step_px / (2 * WIDTH) * 100, rel=0.05)
    assert film.frozen_share == 0
    assert film.cuts == 0


def test_a_film_with_cuts(tmp_path: Path) -> None:
    """Each cut is found at the frame that begins the new scene; what lies across it is neither motion nor flicker."""
    film = measure_video(write_film(tmp_path / "film.mp4", [scene(at // 8) for at in range(32)]))
    assert (film.cuts, film.cut_frames) == (3, (8, 16, 24))
    assert (film.motion_percent, film.flicker_levels) == (0.0, 0.0)


def test_fast_motion_is_no_cut(tmp_path: Path) -> None:
    """A picture that races by, a sixteenth of its width a frame, is one scene all the same."""
    wide = photograph(width=WIDTH * 2, height=HEIGHT)
    film = measure_video(write_film(tmp_path / "film.mp4", [wide[:, at * 20 : at * 20 + WIDTH] for at in range(16)]))
    assert film.cuts == 0


def test_a_flickering_film(tmp_path: Path) -> None:
    """A film that alternates between two brightnesses flickers by their whole difference, and moves not at all."""
    film = measure_video(write_film(tmp_path / "film.mp4", [plain(100 + 20 * (at % 2)) for at in range(12)]))
    assert film.flicker_levels == pytest.approx(20, abs=0.5)
    assert (film.motion_percent, film.cuts) == (0.0, 0)


def test_a_fading_film_does_not_flicker(tmp_path: Path) -> None:
    """A steady fade by 4 levels a frame is no flicker, but for the rounding of levels."""
    film = measure_video(write_film(tmp_path / "film.mp4", [plain(60 + 4 * at) for at in range(24)]))
    assert film.flicker_levels == pytest.approx(0, abs=0.6)


@pytest.mark.parametrize("sigma", [5.0, 15.0])
def test_known_noise_on_the_first_picture(tmp_path: Path, sigma: float) -> None:
    """Gaussian noise of strength σ between the first frame and the picture is 10·log10(255² / σ²) dB."""
    path = write_film(tmp_path / "film.mp4", [plain(128)] * 3)
    first = save_png(tmp_path / "first.png", noisy(decoded(path)[0], sigma))
    film = measure_video(path, first=first)
    assert film.first_psnr_db == pytest.approx(10 * math.log10(255**2 / sigma**2), abs=0.1)


def test_psnr_and_ssim_are_scikit_images_own(tmp_path: Path, coffee: Path) -> None:
    """Both ends are what scikit-image says of the decoded frames: PSNR over RGB, SSIM over luma with Gaussians."""
    frames = decoded(coffee)
    pictures = [noisy(frames[0], 9), noisy(frames[-1], 21)]
    first, last = (save_png(tmp_path / f"{number}.png", picture) for number, picture in enumerate(pictures))
    film = measure_video(coffee, first=first, last=last)
    assert film.first_psnr_db == pytest.approx(psnr(frames[0], pictures[0]))
    assert film.last_psnr_db == pytest.approx(psnr(frames[-1], pictures[1]))
    assert film.first_ssim == pytest.approx(ssim(frames[0], pictures[0]), abs=1e-3)
    assert film.last_ssim == pytest.approx(ssim(frames[-1], pictures[1]), abs=1e-3)


def psnr(one: Pixels, other: Pixels) -> float:
    """PSNR by scikit-image."""
    return float(peak_signal_noise_ratio(one, other))  # type: ignore[no-untyped-call]  # not typed


def ssim(one: Pixels, other: Pixels) -> float:
    """SSIM of the unrounded luma by scikit-image, as its authors set it up."""
    luma = [each @ np.array([0.299, 0.587, 0.114]) for each in (one, other)]
    window: Any = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*luma, data_range=255, **window))  # type: ignore[no-untyped-call]  # not typed


def test_the_very_picture_is_100_db(tmp_path: Path) -> None:
    """An identical first frame has 100 dB in the place of infinity, and SSIM 1."""
    path = write_film(tmp_path / "film.mp4", [photograph()] * 2)
    film = measure_video(path, first=save_png(tmp_path / "first.png", decoded(path)[0]))
    assert (film.first_psnr_db, film.first_offset) == (100.0, 0)
    assert film.first_ssim == pytest.approx(1.0)


def test_the_nearest_frame_and_its_offset(tmp_path: Path) -> None:
    """A first picture that is the film's frame 5, and a last one three frames before the end, are found there."""
    path = write_film(tmp_path / "film.mp4", [noisy(scene(1), at) for at in range(30)])
    frames = decoded(path)
    first, last = save_png(tmp_path / "first.png", frames[5]), save_png(tmp_path / "last.png", frames[-4])
    film = measure_video(path, first=first, last=last)
    assert (film.first_offset, film.last_offset) == (5, 3)
    assert (film.first_best_psnr_db, film.last_best_psnr_db) == (100.0, 100.0)
    assert film.first_psnr_db is not None
    assert film.first_psnr_db < 50


def test_a_still_start_has_no_offset(tmp_path: Path) -> None:
    """Where later frames are nearer by less than 0.1 dB only, the film counts as beginning on its picture."""
    start = scene(1)
    path = write_film(tmp_path / "film.mp4", [noisy(start, 8 - 0.005 * at) for at in range(12)])
    film = measure_video(path, first=save_png(tmp_path / "first.png", start))
    assert film.first_best_psnr_db is not None
    assert film.first_psnr_db is not None
    assert film.first_psnr_db < film.first_best_psnr_db
    assert film.first_offset == 0


def test_nearness_ends_after_twelve_frames(tmp_path: Path) -> None:
    """Frame 12 counts as near to neither end of a long film."""
    frames = [scene(1)] * 12 + [scene(2)] + [scene(3)] * 12
    path = write_film(tmp_path / "film.mp4", frames)
    film = measure_video(path, first=save_png(tmp_path / "middle.png", scene(2)), last=tmp_path / "middle.png")
    assert film.first_best_psnr_db is not None
    assert film.last_best_psnr_db is not None
    assert max(film.first_best_psnr_db, film.last_best_psnr_db) < 30


def test_a_picture_of_another_size_is_scaled(tmp_path: Path) -> None:
    """A picture three times as large is brought to the film's size; one of another shape fills it with its middle."""
    large = photograph(width=3 * WIDTH, height=3 * HEIGHT)
    path = write_film(tmp_path / "film.mp4", [photograph()] * 2, crf=4)
    same = measure_video(path, first=save_png(tmp_path / "large.png", large))
    taller = np.vstack([plain(0, width=3 * WIDTH, height=90), large, plain(255, width=3 * WIDTH, height=90)])
    cut = measure_video(path, first=save_png(tmp_path / "taller.png", taller))
    assert same.first_psnr_db is not None
    assert same.first_psnr_db > 30
    assert cut.first_psnr_db == pytest.approx(same.first_psnr_db, abs=0.5)


def test_a_film_of_the_sandbox(coffee: Path) -> None:
    """The sandbox's film begins and ends on its pictures, moves, and has no cut."""
    film = measure_video(coffee, first=WIDE, last=CLOSE)
    assert film.first_psnr_db is not None
    assert film.last_psnr_db is not None
    assert film.motion_percent is not None
    assert min(film.first_psnr_db, film.last_psnr_db) > 28
    assert min(film.first_ssim or 0, film.last_ssim or 0) > 0.95
    assert film.motion_percent > 0.1
    assert film.cuts == 0
    assert (film.frames, film.fps, film.width, film.height) == (24, 24.0, WIDTH, HEIGHT)
    assert film.duration_s == pytest.approx(1.0, abs=0.05)


def test_every_number_lies_in_its_range(coffee: Path) -> None:
    """What the table says of least and most is true of a real film."""
    film = measure_video(coffee, first=WIDE, last=CLOSE)
    for metric in METRICS:
        value = film.as_dict()[metric.name]
        assert value is not None
        assert metric.least <= value <= (metric.most if metric.most is not None else math.inf)


def test_without_pictures_nothing_is_compared(coffee: Path) -> None:
    """Where a picture is not at hand, its four numbers are None and all others are there."""
    alone, whole = measure_video(coffee).as_dict(), measure_video(coffee, first=WIDE, last=CLOSE).as_dict()
    compared = {name for name in whole if name.startswith(("first_", "last_"))}
    assert alone == {name: None if name in compared else value for name, value in whole.items()}
    assert len(compared) == 8


@pytest.mark.parametrize("count", [1, 2])
def test_a_film_too_short_for_some_numbers(tmp_path: Path, count: int) -> None:
    """One frame has no step and two have no frame between others: None, not zero."""
    film = measure_video(write_film(tmp_path / "film.mp4", [photograph()] * count))
    assert film.frames == count
    assert film.flicker_levels is None
    assert (film.motion_percent is None, film.frozen_share is None) == (count == 1, count == 1)


def test_full_range_levels_are_understood(tmp_path: Path) -> None:
    """The same planes flicker less by 219 to 255 where the film says that its levels are 0…255, not 16…235."""
    frames = [plain(100 + 40 * (at % 2)) for at in range(8)]
    usual = measure_video(write_film(tmp_path / "usual.mp4", frames))
    full = measure_video(write_film(tmp_path / "full.mp4", frames, color_range=2))
    assert usual.flicker_levels == pytest.approx(40, abs=1)
    assert full.flicker_levels == pytest.approx(40 * 219 / 255, abs=1)


def test_what_is_no_film(tmp_path: Path, coffee: Path) -> None:
    """A file that is missing, cut short, damaged or no video is a MeasureError that names it and says why."""
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
        with pytest.raises(MeasureError, match=f"^{name} cannot be read"):
            measure_video(tmp_path / name)


def end_of_packet(path: Path, number: int) -> int:
    """Where a coded frame ends in the file: a decoder that stops there finds nothing wrong."""
    with av.open(str(path)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][number]
        return int(packet.pos or 0) + packet.size


def test_a_picture_that_cannot_be_read(tmp_path: Path, coffee: Path) -> None:
    """A picture that is gone or none is a MeasureError that names it."""
    (tmp_path / "page.png").write_text("<html>")
    for name in ("page.png", "gone.png"):
        with pytest.raises(MeasureError, match=name):
            measure_video(coffee, first=tmp_path / name)


def test_one_bad_file_stops_no_other(tmp_path: Path, coffee: Path) -> None:
    """Of three clips the middle one is missing: its outcome is an error, the others are measured."""
    clips = [Clip(coffee), Clip(tmp_path / "gone.mp4"), Clip(coffee, first=WIDE)]
    one, gone, two = measure_all(clips)
    assert isinstance(one.get(), Measurement)
    assert isinstance(gone.error, MeasureError)
    assert two.get().first_psnr_db is not None


def test_threads_change_no_number(coffee: Path) -> None:
    """On several threads at once a film has the very numbers that it has alone."""
    clips = [Clip(coffee, first=WIDE, last=CLOSE)] * 6
    alone = [outcome.get() for outcome in measure_all(clips[:1], executor=InOrder())]
    assert [outcome.get() for outcome in measure_all(clips)] == alone * 6
