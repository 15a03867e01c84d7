"""The sandbox's film, seen from outside: decoded again and compared with the two pictures."""

import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pixverse_nb.sandbox.film import FilmError, film_size, render_film
from pixverse_nb.sandbox.label import label_box

PICTURES = Path(__file__).parents[2] / "notebooks" / "pictures"
WIDE, CLOSE = (PICTURES / "coffee_wide.jpg").read_bytes(), (PICTURES / "coffee_close.jpg").read_bytes()
CAT, ASTRONAUT = (PICTURES / "chelsea.jpg").read_bytes(), (PICTURES / "astronaut.jpg").read_bytes()
WIDTH, HEIGHT = 320, 180

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Decoded:
    """What a decoder tells about an mp4."""

    path: Path
    frames: NDArray[np.uint8]
    """Number × height × width × blue, green, red."""
    duration_s: float
    rate: float
    pixel_format: str
    codec: str
    streams: int
    colour: tuple[int, int, int, int]
    """Range, matrix, primaries, transfer, as the numbers of ITU-T H.273; range 1 is limited."""


Film = Callable[..., Decoded]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Render and decode a film; the same film is made once."""
    folder = tmp_path_factory.mktemp("films")
    made: dict[Any, Decoded] = {}

    def make(first: bytes = WIDE, last: bytes = CLOSE, **change: Any) -> Decoded:
        fields = {"width": WIDTH, "height": HEIGHT, "duration_s": 1, "seed": 7, "motion_mode": "normal", **change}
        key = (hash(first), hash(last), *sorted(fields.items()))
        if key not in made:
            path = folder / f"{len(made)}.mp4"
            render_film(first, last, path, **fields)
            made[key] = decode(path)
        return made[key]

    return make


def decode(path: Path) -> Decoded:
    """Read an mp4 as any player would."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="bgr24") for frame in container.decode(stream)]).astype(np.uint8)
        codec = stream.codec_context
        assert container.duration is not None
        assert stream.average_rate is not None
        return Decoded(
            path=path,
            frames=frames,
            duration_s=container.duration / av.time_base,
            rate=float(stream.average_rate),
            pixel_format=str(codec.pix_fmt),
            codec=codec.name,
            streams=len(container.streams),
            colour=(codec.color_range, codec.colorspace, codec.color_primaries, codec.color_trc),
        )


def picture(encoded: bytes, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """The middle of a picture at the film's size."""
    pixels = np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR))
    scale = max(width / pixels.shape[1], height / pixels.shape[0])
    keep_x, keep_y = round(width / scale), round(height / scale)
    left, top = (pixels.shape[1] - keep_x) // 2, (pixels.shape[0] - keep_y) // 2
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    cut = cv2.resize(pixels[top : top + keep_y, left : left + keep_x], (width, height), interpolation=way)
    return np.asarray(cut, np.uint8)


def psnr(frame: Frame, true: Frame, label: str = "SANDBOX") -> float:
    """Peak signal to noise of the brightness in dB, without the label; yuv420p halves the colours anyway."""
    height, width = true.shape[:2]
    error = (cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float64) - cv2.cvtColor(true, cv2.COLOR_BGR2GRAY)) ** 2
    box = label_box(label, width=width, height=height)
    error[box.top : box.top + box.height, box.left : box.left + box.width] = np.nan
    return float(10 * np.log10(255**2 / np.nanmean(error)))


def png(pixels: NDArray[Any]) -> bytes:
    """A picture file of these pixels."""
    return cv2.imencode(".png", pixels)[1].tobytes()


def plain(blue: int, green: int, red: int) -> bytes:
    """A picture of one colour."""
    return png(np.full((HEIGHT, WIDTH, 3), (blue, green, red), np.uint8))


@pytest.mark.parametrize(
    ("quality", "aspect_ratio", "size"),
    [
        ("360p", "16:9", (640, 360)),
        ("540p", "16:9", (960, 540)),
        ("720p", "16:9", (1280, 720)),
        ("1080p", "16:9", (1920, 1080)),
        ("360p", "9:16", (360, 640)),
        ("720p", "9:16", (720, 1280)),
        ("540p", "1:1", (540, 540)),
        ("720p", "1:1", (720, 720)),
        ("720p", "4:3", (960, 720)),
        ("1080p", "3:4", (1080, 1440)),
    ],
)
def test_quality_names_the_shorter_side(quality: str, aspect_ratio: str, size: tuple[int, int]) -> None:
    """The quality is the shorter side and the ratio gives the longer one."""
    assert film_size(quality, aspect_ratio) == size


@pytest.mark.parametrize(("quality", "aspect_ratio"), [("480p", "16:9"), ("720p", "wide"), ("720p", "16:0"), ("", "")])
def test_unknown_shapes_are_refused(quality: str, aspect_ratio: str) -> None:
    """A quality or ratio that does not exist is a FilmError that repeats what was asked for."""
    with pytest.raises(FilmError, match=f"{quality}.*{aspect_ratio}"):
        film_size(quality, aspect_ratio)


@pytest.mark.parametrize("aspect_ratio", ["16:9", "9:16", "1:1", "4:3", "3:4"])
def test_the_film_has_the_shape_that_was_asked_for(film: Film, aspect_ratio: str) -> None:
    """Every frame is as wide and high as the size says, also where the pictures have another ratio."""
    width, height = (side // 2 for side in film_size("360p", aspect_ratio))
    shape = (width // 2 * 2, height // 2 * 2)
    made = film(CAT, ASTRONAUT, width=shape[0], height=shape[1], duration_s=0.25)
    assert made.frames.shape == (6, shape[1], shape[0], 3)
    assert psnr(made.frames[0], picture(CAT, *shape)) > 35
    assert psnr(made.frames[-1], picture(ASTRONAUT, *shape)) > 35


@pytest.mark.parametrize(("width", "height"), [(202, 114), (34, 18), (16, 64)])
def test_sizes_that_no_codec_likes_work(film: Film, width: int, height: int) -> None:
    """A size that is no multiple of 16 or smaller than the label still gives a film that begins with the picture."""
    made = film(plain(90, 120, 200), plain(40, 200, 90), width=width, height=height, duration_s=0.25)
    assert made.frames.shape == (6, height, width, 3)
    assert abs(made.frames[0, 2, 2].astype(int) - (90, 120, 200)).max() <= 4


@pytest.mark.parametrize(("duration_s", "frames"), [(5, 120), (8, 192)])
def test_the_length_is_exact(film: Film, duration_s: int, frames: int) -> None:
    """Five seconds are 120 frames and eight are 192, at 24 a second, and the container says the same."""
    made = film(width=96, height=54, duration_s=duration_s)
    assert (len(made.frames), made.rate, made.duration_s) == (frames, 24, duration_s)


def test_browsers_can_play_it(film: Film) -> None:
    """The file holds one stream, H.264 in yuv420p, without sound."""
    made = film()
    assert (made.codec, made.pixel_format, made.streams) == ("h264", "yuv420p", 1)


def test_it_plays_before_it_is_loaded(film: Film) -> None:
    """The index stands before the pictures, so that a player can start with the first bytes."""
    data = film().path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_colours_are_declared(film: Film) -> None:
    """The stream says limited range and BT.709, so no player has to guess."""
    assert film().colour == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "colour", [(200, 60, 30), (40, 40, 210), (60, 190, 70), (128, 128, 128), (10, 10, 10), (245,) * 3]
)
def test_colours_come_back(film: Film, colour: tuple[int, int, int]) -> None:
    """A decoder gives the picture's own colour back, dark, bright or saturated."""
    made = film(plain(*colour), plain(*colour), duration_s=0.25)
    assert abs(made.frames[0, :120].mean((0, 1)) - colour).max() < 3


@pytest.mark.parametrize("motion_mode", ["normal", "fast"])
@pytest.mark.parametrize("pair", [(WIDE, CLOSE), (CAT, ASTRONAUT)], ids=["one scene", "two scenes"])
def test_it_begins_and_ends_with_the_pictures(film: Film, pair: tuple[bytes, bytes], motion_mode: str) -> None:
    """The first decoded frame is the first picture and the last is the last, whatever lies between."""
    made = film(*pair, motion_mode=motion_mode)
    assert psnr(made.frames[0], picture(pair[0])) > 35
    assert psnr(made.frames[-1], picture(pair[1])) > 35


def test_the_camera_moves_instead_of_dissolving(film: Film) -> None:
    """Half-way between two framings of one photograph stands the framing between them, not two pictures at once."""
    wide = film(WIDE, CLOSE, duration_s=2, drift=0.0)
    # The close picture is the wide one enlarged 1.533 times around a point that stays where it is.
    half = (1 / 1.5332) ** 0.5
    still = np.array([326.56, 137.26]) / (1.5332 - 1) * WIDTH / 960
    place = np.array([[half, 0, still[0] * (1 - half)], [0, half, still[1] * (1 - half)]])
    way = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    true = np.asarray(cv2.warpAffine(picture(WIDE), place, (WIDTH, HEIGHT), flags=way), np.uint8)
    dissolve = np.asarray(cv2.addWeighted(picture(WIDE), 0.5, picture(CLOSE), 0.5, 0), np.uint8)
    best = max(psnr(frame, true) for frame in wide.frames)
    assert best > psnr(dissolve, true) + 13


def test_the_label_stands_in_its_corner_only(film: Film) -> None:
    """A labelled film differs from an unlabelled one inside the lower right corner and nowhere else."""
    grey = plain(128, 128, 128)
    shift = film(grey, grey, duration_s=0.25).frames[3].astype(int) - 128
    box = label_box("SANDBOX", width=WIDTH, height=HEIGHT)
    assert box.left > WIDTH * 0.7
    assert box.top > HEIGHT * 0.8
    inside = shift[box.top : box.top + box.height, box.left : box.left + box.width]
    assert inside.min() < -40
    assert inside.max() > 60
    shift[box.top - 2 : box.top + box.height + 2, box.left - 2 : box.left + box.width + 2] = 0
    assert abs(shift).max() <= 3


@pytest.mark.parametrize("level", [0, 255], ids=["black", "white"])
def test_the_label_is_legible_on_any_ground(film: Film, level: int) -> None:
    """Its letters stand out from what is around them, on black and on white."""
    ground = plain(level, level, level)
    frame = film(ground, ground, width=640, height=360, duration_s=0.25).frames[0]
    box = label_box("SANDBOX", width=640, height=360)
    inside = frame[box.top : box.top + box.height, box.left : box.left + box.width].mean(axis=2)
    middle = inside[box.height // 3 : -box.height // 3]
    assert np.percentile(middle, 95) - np.percentile(middle, 40) > 70


def test_one_seed_gives_one_film(tmp_path: Path) -> None:
    """The same pictures, fields and seed give the same bytes, whatever the memory held before."""
    films = set()
    for turn in range(6):
        out = tmp_path / f"{turn}.mp4"
        render_film(WIDE, CLOSE, out, width=WIDTH, height=HEIGHT, duration_s=1, seed=7, motion_mode="normal")
        films.add(out.read_bytes())
        litter = [np.full(size, 37 * turn, np.uint8) for size in range(1000, 200000, 7001)]
        del litter[turn % 2 :: 2]
    assert len(films) == 1


@pytest.mark.parametrize("pair", [(WIDE, CLOSE), (CAT, ASTRONAUT)], ids=["one scene", "two scenes"])
def test_seeds_differ(film: Film, pair: tuple[bytes, bytes]) -> None:
    """Of four seeds no two give middle frames that look alike."""
    middles = [film(*pair, seed=seed).frames[12] for seed in (1, 2, 3, 2147483647)]
    likeness = [psnr(a, b) for index, a in enumerate(middles) for b in middles[:index]]
    assert max(likeness) < 30


def test_fast_moves_more(film: Film) -> None:
    """The greatest change from one frame to the next is clearly greater in the fast mode, for every seed."""

    def briskness(seed: int, motion_mode: str) -> float:
        frames = film(seed=seed, motion_mode=motion_mode).frames.astype(np.float32)
        return float(np.abs(np.diff(frames, axis=0)).mean((1, 2, 3)).max())

    assert all(briskness(seed, "fast") > 1.2 * briskness(seed, "normal") for seed in (1, 2, 3))


def test_fast_wanders_farther(film: Film) -> None:
    """Between twice the same picture only the camera's own wandering is seen, and fast goes farther."""

    def farthest(seed: int, motion_mode: str) -> float:
        frames = film(WIDE, WIDE, duration_s=0.5, seed=seed, motion_mode=motion_mode).frames
        return min(psnr(frame, picture(WIDE)) for frame in frames)

    assert all(farthest(seed, "fast") < farthest(seed, "normal") - 1 for seed in (1, 2, 3))


@pytest.mark.parametrize("kind", [".png", ".jpg", ".webp", ".gif"])
def test_every_kind_of_picture_is_read(film: Film, kind: str) -> None:
    """PNG, JPEG, WebP and GIF all give a film that begins with their colours."""
    pixels = np.full((HEIGHT, WIDTH, 3), (90, 120, 200), np.uint8)
    made = film(cv2.imencode(kind, pixels)[1].tobytes(), CLOSE, duration_s=0.25)
    assert abs(made.frames[0, :100].mean((0, 1)) - (90, 120, 200)).max() < 5


def test_what_is_transparent_is_white(film: Film) -> None:
    """A picture with see-through places lies on white."""
    clear = png(np.zeros((HEIGHT, WIDTH, 4), np.uint8))
    assert film(clear, CLOSE, duration_s=0.25).frames[0, :100].min() > 250


@pytest.mark.parametrize("broken", [b"", b"no picture", WIDE[:200], b"\x89PNG\r\n\x1a\n"])
def test_bytes_that_are_no_picture_are_named(broken: bytes, tmp_path: Path) -> None:
    """The error says which of the two pictures cannot be decoded, and no file is left."""
    fields: dict[str, Any] = {"width": 64, "height": 36, "duration_s": 0.25, "seed": 1, "motion_mode": "normal"}
    out = tmp_path / "film.mp4"
    with pytest.raises(FilmError, match="first picture cannot be decoded"):
        render_film(broken, CLOSE, out, **fields)
    with pytest.raises(FilmError, match="last picture cannot be decoded"):
        render_film(CLOSE, broken, out, **fields)
    assert not out.exists()


@pytest.mark.parametrize(("width", "height"), [(33, 64), (64, 33), (14, 64), (64, 0)])
def test_impossible_sizes_are_refused(width: int, height: int, tmp_path: Path) -> None:
    """A size that has no yuv420p, or next to no pixels, is refused in words and leaves no file."""
    out = tmp_path / "film.mp4"
    with pytest.raises(FilmError, match=f"{width} × {height}"):
        render_film(WIDE, CLOSE, out, width=width, height=height, duration_s=0.25, seed=1, motion_mode="normal")
    assert not out.exists()


def test_a_full_disk_leaves_no_half_film(tmp_path: Path) -> None:
    """Where the file cannot grow, the system's error comes through and what was written is removed."""
    out = tmp_path / "film.mp4"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            render_film(WIDE, CLOSE, out, width=WIDTH, height=HEIGHT, duration_s=1, seed=1, motion_mode="normal")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not out.exists()
