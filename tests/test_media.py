"""An mp4 is looked into without decoding it: what is whole passes with its figures, anything else is told in words."""

import hashlib
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.errors import DownloadError
from pixverse_nb.media import Mp4Info, check_mp4


def film(path: Path, *, flags: str = "faststart", turn: int = 0, sound: bool = False, pictures: bool = True) -> bytes:
    """Write a real film of 2 s, 160×96, 12 frames a second, and return its bytes."""
    with av.open(str(path), "w", format="mp4", options={"movflags": flags} if flags else {}) as container:
        voice = container.add_stream("aac", rate=44100) if sound else None
        stream = container.add_stream("libx264", rate=12) if pictures else None
        if stream:
            stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        if voice:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 44100 * 2), np.float32), "fltp", "mono")
            silence.sample_rate = 44100
            container.mux(voice.encode(silence) + voice.encode(None))
        if stream:
            for number in range(24):
                pixels = np.full((96, 160, 3), number * 8, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
            container.mux(stream.encode())
    return turned(path) if turn else path.read_bytes()


def turned(path: Path) -> bytes:
    """Set the track's matrix to a quarter turn, as a phone does."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">5i", data, at, 0, 0x10000, 0, -0x10000, 0)
    path.write_bytes(data)
    return bytes(data)


def box(kind: bytes, contents: bytes = b"") -> bytes:
    """Return one mp4 box."""
    return struct.pack(">I4s", 8 + len(contents), kind) + contents


def refusal(path: Path, **options: int) -> str:
    """Return why the file at `path` is refused."""
    with pytest.raises(DownloadError) as caught:
        check_mp4(path, **options)
    return str(caught.value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real film with its index in front."""
    return film(tmp_path_factory.mktemp("film") / "whole.mp4")


def test_a_real_film_gives_its_figures(tmp_path: Path) -> None:
    """Size, duration, codec, length and sha256 of an H.264 film are read."""
    path = tmp_path / "film.mp4"
    data = film(path)
    info = check_mp4(path, expected_bytes=len(data))
    assert info == Mp4Info(
        width=160,
        height=96,
        duration_s=2.0,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        codec="avc1",
        is_faststart=True,
    )


def test_an_index_at_the_end_is_not_faststart(tmp_path: Path) -> None:
    """The film is whole, but a player has to wait for its end."""
    film(tmp_path / "film.mp4", flags="")
    assert check_mp4(tmp_path / "film.mp4").is_faststart is False


def test_a_turned_film_is_as_high_as_it_is_shown(tmp_path: Path) -> None:
    """A quarter turn in the track's matrix swaps the sides."""
    film(tmp_path / "film.mp4", turn=90)
    info = check_mp4(tmp_path / "film.mp4")
    assert (info.width, info.height) == (96, 160)


def test_a_film_with_sound_gives_its_picture_track(tmp_path: Path) -> None:
    """A sound track in front of the pictures is passed over."""
    film(tmp_path / "film.mp4", sound=True)
    info = check_mp4(tmp_path / "film.mp4")
    assert (info.width, info.height, info.codec) == (160, 96, "avc1")


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    """A file without pictures is refused."""
    film(tmp_path / "film.mp4", sound=True, pictures=False)
    assert "has no video track" in refusal(tmp_path / "film.mp4")


def test_a_fragmented_film_is_read(tmp_path: Path) -> None:
    """A film in fragments has its size; where it does not tell its duration, that is None."""
    film(tmp_path / "film.mp4", flags="frag_keyframe+empty_moov")
    info = check_mp4(tmp_path / "film.mp4")
    assert (info.width, info.height, info.duration_s) == (160, 96, None)


def test_fragments_may_tell_their_whole_duration(tmp_path: Path) -> None:
    """Where the fragments' own header tells how long the film is, that is taken, in both of its widths."""
    data = film(tmp_path / "film.mp4", flags="frag_keyframe+empty_moov")
    timescale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    for version, width in ((0, ">I"), (1, ">Q")):
        mehd = box(b"mehd", struct.pack(">I", version << 24) + struct.pack(width, 3 * timescale))
        longer = bytearray(data)
        for parent in (b"moov", b"mvex"):
            at = longer.index(parent) - 4
            struct.pack_into(">I", longer, at, struct.unpack_from(">I", longer, at)[0] + len(mehd))
        at = longer.index(b"mvex") + 4
        (tmp_path / "film.mp4").write_bytes(longer[:at] + mehd + longer[at:])
        assert check_mp4(tmp_path / "film.mp4").duration_s == 3.0


def test_only_a_track_of_pictures_counts(tmp_path: Path, whole: bytes) -> None:
    """A track that has a size but is handled as something else is no video."""
    (tmp_path / "film.mp4").write_bytes(whole.replace(b"vide", b"text"))
    assert "has no video track" in refusal(tmp_path / "film.mp4")


def test_a_64_bit_length_is_read(tmp_path: Path, whole: bytes) -> None:
    """A picture part with its length in 64 bits is the same film."""
    at = whole.index(b"mdat") - 4
    (size,) = struct.unpack_from(">I", whole, at)
    path = tmp_path / "film.mp4"
    path.write_bytes(whole[:at] + struct.pack(">I4sQ", 1, b"mdat", size + 8) + whole[at + 8 :])
    assert check_mp4(path).width == 160
    path.write_bytes(whole[:at] + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + whole[at + 8 :])
    assert "cut short" in refusal(path)


def test_a_last_box_without_a_length_goes_to_the_end(tmp_path: Path, whole: bytes) -> None:
    """Length 0 means: to the end of the file."""
    at = whole.index(b"mdat") - 4
    path = tmp_path / "film.mp4"
    path.write_bytes(whole[:at] + bytes(4) + whole[at + 4 :])
    assert check_mp4(path).width == 160


def test_a_few_stray_bytes_at_the_end_do_not_cost_the_film(tmp_path: Path, whole: bytes) -> None:
    """What was paid for and plays is not refused for a padding that every player ignores."""
    (tmp_path / "film.mp4").write_bytes(whole + b"\x00\x00\x00")
    assert check_mp4(tmp_path / "film.mp4").width == 160


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty (0 bytes)"),
        (b"<!DOCTYPE html><title>SECRET", "is a web page"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><Error>SECRET", "is a web page"),
        (b'{"error":"SECRET"}', "is a JSON message"),
        (b"SECRET words", "is not an mp4"),
        (b"\x89PNG\r\n\x1a\n", "is not an mp4"),
        (box(b"ftyp", b"isom"), "has no index (moov)"),
        (box(b"ftyp", b"isom") + box(b"mdat", b"x" * 100), "has no index (moov)"),
        (box(b"ftyp", b"isom") + box(b"moov"), "has an index but no pictures"),
        (box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat"), "has an index but no pictures"),
        (box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat", b"x"), "has no video track"),
        (box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"free"), "is damaged"),
    ],
)
def test_what_is_no_film_is_told_in_words(tmp_path: Path, data: bytes, words: str) -> None:
    """Each kind has its sentence with the next step, and nothing of the file is repeated."""
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    message = refusal(path)
    assert words in message
    assert message.endswith("Fetch it again.")
    assert "SECRET" not in message


def test_another_length_than_announced_is_said(tmp_path: Path, whole: bytes) -> None:
    """Too short and too long are both named with both figures."""
    path = tmp_path / "film.mp4"
    path.write_bytes(whole)
    for expected in (len(whole) - 1, len(whole) + 1):
        assert f"has {len(whole):,} bytes where the server announced {expected:,}" in refusal(
            path, expected_bytes=expected
        )


def test_a_cut_picture_part_says_how_much_is_there(tmp_path: Path, whole: bytes) -> None:
    """The sentence tells which part is cut, and its two lengths."""
    path = tmp_path / "film.mp4"
    path.write_bytes(whole[:-100])
    assert "cut short: its picture (mdat) part has" in refusal(path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A file that cannot be opened is a DownloadError with the system's reason."""
    assert "No such file" in refusal(tmp_path / "nothing.mp4")
    assert "cannot be read" in refusal(tmp_path)


def test_a_long_film_is_not_loaded(tmp_path: Path, whole: bytes) -> None:
    """A sparse picture part of 5 GB is jumped over while the boxes are read: its missing index is found at once."""
    path = tmp_path / "film.mp4"
    with path.open("wb") as file:
        file.write(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 5_000_000_000))
        file.truncate(5_000_000_000 + 20)
    assert "has no index (moov)" in refusal(path)


@settings(max_examples=60, deadline=None)
@given(part=st.floats(0, 1, exclude_max=True))
def test_no_true_prefix_of_a_film_passes(part: float, whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever the connection broke, the file is refused."""
    path = tmp_path_factory.getbasetemp() / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * part)])
    refusal(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_films_give_figures_or_a_download_error(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes of the index are changed, nothing else is raised."""
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, 1200))] = data.draw(st.sampled_from([0, 1, 8, 0x7F, 0xFF]))
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    path.write_bytes(damaged)
    outcome_of(path)


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from([b"", box(b"ftyp", b"isom"), b"\x00\x00\x00\x01mdat", b"\xff" * 4 + b"moov"]),
    rest=st.binary(),
)
def test_arbitrary_bytes_give_figures_or_a_download_error(
    start: bytes, rest: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing but DownloadError or Mp4Info comes out, whatever the bytes."""
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(start + rest)
    outcome_of(path)


def outcome_of(path: Path) -> Mp4Info | None:
    """Return the figures, or None for a DownloadError; anything else fails the test."""
    try:
        return check_mp4(path)
    except DownloadError:
        return None
