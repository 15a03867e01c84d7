"""Probing an mp4 without decoding it: complete files give their properties, anything else is a DownloadError."""

import contextlib
import hashlib
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixverse_nb.errors import DownloadError
from pixverse_nb.mp4 import Mp4Info, probe_mp4, read_comment, with_comment


def write_video(
    path: Path, *, flags: str = "faststart", is_rotated: bool = False, has_audio: bool = False, has_video: bool = True
) -> bytes:
    """Write a real video of 2 s, 160×96, 12 frames per second, and return its bytes."""
    with av.open(str(path), "w", format="mp4", options={"movflags": flags} if flags else {}) as container:
        audio = container.add_stream("aac", rate=44100) if has_audio else None
        stream = container.add_stream("libx264", rate=12) if has_video else None
        if stream:
            stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        if audio:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 44100 * 2), np.float32), "fltp", "mono")
            silence.sample_rate = 44100
            container.mux(audio.encode(silence) + audio.encode(None))
        if stream:
            for number in range(24):
                pixels = np.full((96, 160, 3), number * 8, np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
            container.mux(stream.encode())
    return rotate(path) if is_rotated else path.read_bytes()


def rotate(path: Path) -> bytes:
    """Set the track's matrix to a quarter turn, as a phone does."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    struct.pack_into(">5i", data, at, 0, 0x10000, 0, -0x10000, 0)
    path.write_bytes(data)
    return bytes(data)


def box(kind: bytes, contents: bytes = b"") -> bytes:
    """Return one mp4 box."""
    return struct.pack(">I4s", 8 + len(contents), kind) + contents


def rejection(path: Path, *, expected_bytes: int | None = None) -> str:
    """Return the message with which the file at `path` is rejected."""
    with pytest.raises(DownloadError) as caught:
        probe_mp4(path, expected_bytes=expected_bytes)
    return str(caught.value)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a real video with its index in front."""
    return write_video(tmp_path_factory.mktemp("video") / "whole.mp4")


def test_a_real_video_gives_its_properties(tmp_path: Path) -> None:
    """Size, duration, codec, length and sha256 of an H.264 video are read."""
    path = tmp_path / "video.mp4"
    data = write_video(path)
    info = probe_mp4(path, expected_bytes=len(data))
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
    """The video is complete, but a player has to wait for its end."""
    write_video(tmp_path / "video.mp4", flags="")
    assert probe_mp4(tmp_path / "video.mp4").is_faststart is False


def test_a_rotated_video_has_its_displayed_size(tmp_path: Path) -> None:
    """A quarter turn in the track's matrix swaps width and height."""
    write_video(tmp_path / "video.mp4", is_rotated=True)
    info = probe_mp4(tmp_path / "video.mp4")
    assert (info.width, info.height) == (96, 160)


def test_an_audio_track_is_skipped(tmp_path: Path) -> None:
    """An audio track before the video track changes nothing."""
    write_video(tmp_path / "video.mp4", has_audio=True)
    info = probe_mp4(tmp_path / "video.mp4")
    assert (info.width, info.height, info.codec) == (160, 96, "avc1")


def test_audio_alone_is_rejected(tmp_path: Path) -> None:
    """A file without a video track is rejected."""
    write_video(tmp_path / "video.mp4", has_audio=True, has_video=False)
    rejection(tmp_path / "video.mp4")


def test_a_fragmented_video_is_read(tmp_path: Path) -> None:
    """A fragmented video has a size; if it does not state its duration, that is None."""
    write_video(tmp_path / "video.mp4", flags="frag_keyframe+empty_moov")
    info = probe_mp4(tmp_path / "video.mp4")
    assert (info.width, info.height, info.duration_s) == (160, 96, None)


def test_a_fragmented_video_may_state_its_duration(tmp_path: Path) -> None:
    """The duration is read from mehd, in 32 and in 64 bits."""
    data = write_video(tmp_path / "video.mp4", flags="frag_keyframe+empty_moov")
    timescale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    for version, width in ((0, ">I"), (1, ">Q")):
        mehd = box(b"mehd", struct.pack(">I", version << 24) + struct.pack(width, 3 * timescale))
        longer = bytearray(data)
        for parent in (b"moov", b"mvex"):
            at = longer.index(parent) - 4
            struct.pack_into(">I", longer, at, struct.unpack_from(">I", longer, at)[0] + len(mehd))
        at = longer.index(b"mvex") + 4
        (tmp_path / "video.mp4").write_bytes(longer[:at] + mehd + longer[at:])
        assert probe_mp4(tmp_path / "video.mp4").duration_s == 3.0


def test_a_track_with_another_handler_is_no_video(tmp_path: Path, whole: bytes) -> None:
    """A track that has a size but is not handled as video does not count."""
    (tmp_path / "video.mp4").write_bytes(whole.replace(b"vide", b"text"))
    rejection(tmp_path / "video.mp4")


def test_a_64_bit_length_is_read(tmp_path: Path, whole: bytes) -> None:
    """An mdat box with a 64-bit length is read; one that claims too much is rejected."""
    at = whole.index(b"mdat") - 4
    (size,) = struct.unpack_from(">I", whole, at)
    path = tmp_path / "video.mp4"
    path.write_bytes(whole[:at] + struct.pack(">I4sQ", 1, b"mdat", size + 8) + whole[at + 8 :])
    assert probe_mp4(path).width == 160
    path.write_bytes(whole[:at] + struct.pack(">I4sQ", 1, b"mdat", 2**64 - 1) + whole[at + 8 :])
    rejection(path)


def test_a_last_box_without_a_length_extends_to_the_end(tmp_path: Path, whole: bytes) -> None:
    """Length 0 means "to the end of the file"."""
    at = whole.index(b"mdat") - 4
    path = tmp_path / "video.mp4"
    path.write_bytes(whole[:at] + bytes(4) + whole[at + 4 :])
    assert probe_mp4(path).width == 160


@pytest.mark.parametrize(
    "padding",
    [
        b"\x00\x00\x00",
        bytes(16),
        b"\x00\x00\x00\x02\x00\x00\x00\x00",  # read as a box, it is shorter than its header
        b"<!-- cached by proxy -->",  # read as a box, it extends past the end
    ],
)
def test_bytes_after_the_video_are_ignored(tmp_path: Path, whole: bytes, padding: bytes) -> None:
    """A complete video is not rejected because of trailing bytes that every player ignores."""
    (tmp_path / "video.mp4").write_bytes(whole + padding)
    assert probe_mp4(tmp_path / "video.mp4").width == 160


@pytest.mark.parametrize(
    ("data", "token"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>SECRET", "HTML"),
        (b"\xef\xbb\xbf\n<?xml version='1.0'?><Error>SECRET", "XML"),
        (b'{"error":"SECRET"}', "JSON"),
        (b"SECRET words", "mp4"),
        (box(b"ftyp", b"isom"), "moov"),
        (box(b"ftyp", b"isom") + box(b"mdat", b"x" * 100), "moov"),
        (box(b"ftyp", b"isom") + box(b"moov"), "mdat"),
        (box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat"), "mdat"),
        (box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"free"), "damaged"),
    ],
)
def test_a_message_names_the_cause_and_the_fix(tmp_path: Path, data: bytes, token: str) -> None:
    """Each kind of wrong file is named, with the next step, and nothing of its contents is repeated."""
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    message = rejection(path)
    assert token in message
    assert "Download" in message
    assert "SECRET" not in message


@pytest.mark.parametrize(
    ("data", "token"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"GIF89a", "GIF"),
        (b"\x1a\x45\xdf\xa3webm", "WebM"),
        (b"RIFF\x00\x00\x00\x00AVI ", "AVI"),
        (box(b"ftyp", b"avif") + box(b"meta"), "AVIF"),
        (box(b"ftyp", b"isom") + box(b"moov") + box(b"mdat", b"x"), "track"),
    ],
)
def test_a_complete_file_of_another_type_is_not_called_damaged(tmp_path: Path, data: bytes, token: str) -> None:
    """The message names the type, and does not advise to download the file again."""
    path = tmp_path / "video.mp4"
    path.write_bytes(data)
    message = rejection(path)
    assert token in message
    assert "Download" not in message
    assert "incomplete" not in message


def test_an_impossible_path_is_a_download_error(tmp_path: Path) -> None:
    """A path with a null character or a lone surrogate is a DownloadError, like any file that cannot be opened."""
    for name in ("a\0b.mp4", "a\ud800b.mp4"):
        assert "permission" in rejection(tmp_path / name)


def test_another_length_than_announced_is_rejected(tmp_path: Path, whole: bytes) -> None:
    """A file that is too short or too long is rejected, and the message has both lengths."""
    path = tmp_path / "video.mp4"
    path.write_bytes(whole)
    for expected in (len(whole) - 1, len(whole) + 1):
        message = rejection(path, expected_bytes=expected)
        assert f"{len(whole):,}" in message
        assert f"{expected:,}" in message


def test_incomplete_media_data_is_rejected(tmp_path: Path, whole: bytes) -> None:
    """The message names the incomplete box."""
    path = tmp_path / "video.mp4"
    path.write_bytes(whole[:-100])
    assert "(mdat)" in rejection(path)


def test_a_file_that_cannot_be_opened_is_not_called_incomplete(tmp_path: Path) -> None:
    """A missing file or a folder is a DownloadError with the system's reason, and no advice to download again."""
    for path in (tmp_path / "nothing.mp4", tmp_path):
        message = rejection(path)
        assert "Download" not in message
        assert "permission" in message


def test_a_large_file_is_not_loaded(tmp_path: Path, whole: bytes) -> None:
    """A sparse mdat box of 5 GB is skipped, so the missing index is found at once."""
    path = tmp_path / "video.mp4"
    with path.open("wb") as file:
        file.write(box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"mdat", 5_000_000_000))
        file.truncate(5_000_000_000 + 20)
    assert "moov" in rejection(path)


@settings(max_examples=60, deadline=None)
@given(part=st.floats(0, 1, exclude_max=True))
def test_no_prefix_of_a_video_passes(part: float, whole: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever the connection broke, the file is rejected."""
    path = tmp_path_factory.getbasetemp() / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * part)])
    rejection(path)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_videos_give_properties_or_a_download_error(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whichever bytes of the index are changed, nothing else is raised."""
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, 1200))] = data.draw(st.sampled_from([0, 1, 8, 0x7F, 0xFF]))
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    path.write_bytes(damaged)
    probe_or_none(path)


@settings(max_examples=200, deadline=None)
@given(
    start=st.sampled_from([b"", box(b"ftyp", b"isom"), b"\x00\x00\x00\x01mdat", b"\xff" * 4 + b"moov"]),
    rest=st.binary(),
)
def test_arbitrary_bytes_give_properties_or_a_download_error(
    start: bytes, rest: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever the bytes, the result is Mp4Info or DownloadError."""
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    path.write_bytes(start + rest)
    probe_or_none(path)


def probe_or_none(path: Path) -> Mp4Info | None:
    """Return the properties, or None for a DownloadError; any other error fails the test."""
    try:
        return probe_mp4(path)
    except DownloadError:
        return None


# -- the comment


COMMENT = '{"prompt": "a \\u0000 \U0001f600 \u7f8e \'quoted\' \\"cup\\""}' + "é" * 5000


def edited(path: Path, comment: str) -> Path:
    """Write the video at `path` with this comment to a new file, and return that."""
    target = path.with_name(f"edited-{path.name}")
    target.write_bytes(b"".join(with_comment(path, comment).chunks()))
    return target


def decoded(path: Path) -> tuple[str, dict[str, str]]:
    """Return a hash of every decoded frame with its time, and the metadata, as FFmpeg reads them."""
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for frame in container.decode():
            digest.update(f"{type(frame).__name__} {frame.pts} {frame.time_base}".encode())
            digest.update(frame.to_ndarray().tobytes())
        return digest.hexdigest(), dict(container.metadata)


@pytest.mark.parametrize("flags", ["faststart", ""])
@pytest.mark.parametrize("has_audio", [False, True])
def test_a_comment_changes_no_frame(tmp_path: Path, flags: str, has_audio: bool) -> None:
    """FFmpeg reads the comment, the other tags, and the same frames and sound; the place of the index stays."""
    path = tmp_path / "video.mp4"
    before = write_video(path, flags=flags, has_audio=has_audio)
    target = edited(path, COMMENT)
    frames, tags = decoded(path)
    assert decoded(target) == (frames, {**tags, "comment": COMMENT})
    assert "comment" not in tags
    assert path.read_bytes() == before
    assert probe_mp4(target).is_faststart is bool(flags)
    assert with_comment(path, COMMENT).sha256 == probe_mp4(target).sha256
    assert (read_comment(path), read_comment(target)) == (None, COMMENT)


def test_a_comment_is_replaced(tmp_path: Path) -> None:
    """A second comment takes the place of the first; a longer and a shorter one play alike."""
    path = tmp_path / "video.mp4"
    write_video(path)
    twice = edited(edited(path, "x" * 5000), "short")
    assert read_comment(twice) == decoded(twice)[1]["comment"] == "short"
    assert decoded(twice)[0] == decoded(path)[0]


@pytest.mark.parametrize("trailing", [b"", bytes(4), box(b"free", b"12345"), box(b"uuid", bytes(40)), b"junk"])
def test_what_surrounds_the_index_is_kept(tmp_path: Path, trailing: bytes) -> None:
    """Every byte outside the index is the same after it."""
    path = tmp_path / "video.mp4"
    path.write_bytes(write_video(path) + trailing)
    change = with_comment(path, "a")
    before, after = path.read_bytes(), edited(path, "a").read_bytes()
    assert (
        after[: change.start] + before[change.start : change.end] + after[change.start + len(change.data) :] == before
    )


def without_tags(data: bytes) -> bytes:
    """Return a video with its index at the end whose user data are renamed, as if it had none."""
    return data.replace(b"udta", b"free")


def test_a_video_without_tags_gets_them(tmp_path: Path) -> None:
    """User data, metadata and list are made if the index has none."""
    path = tmp_path / "video.mp4"
    path.write_bytes(without_tags(write_video(path)))
    assert decoded(edited(path, COMMENT))[1]["comment"] == COMMENT


def test_64_bit_offsets_are_moved(tmp_path: Path) -> None:
    """An index with co64 instead of stco plays as well after its comment has grown."""
    path = tmp_path / "video.mp4"
    data = write_video(path)
    at = data.index(b"stco")
    count = struct.unpack_from(">I", data, at + 8)[0]
    offsets = struct.unpack_from(f">{count}I", data, at + 12)
    grown = 4 * count
    table = box(b"co64", bytes(4) + struct.pack(f">I{count}Q", count, *(offset + grown for offset in offsets)))
    longer = bytearray(data[: at - 4] + table + data[at + 12 + 4 * count :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
        place = longer.index(name) - 4
        struct.pack_into(">I", longer, place, struct.unpack_from(">I", longer, place)[0] + grown)
    path.write_bytes(longer)
    assert decoded(edited(path, COMMENT))[0] == decoded(path)[0]


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "dash+frag_keyframe"])
def test_a_fragmented_video_gets_no_comment(tmp_path: Path, flags: str) -> None:
    """Fragments have offsets of their own: such a file is refused rather than broken."""
    path = tmp_path / "video.mp4"
    write_video(path, flags=flags)
    with pytest.raises(DownloadError):
        with_comment(path, "a")


@pytest.mark.parametrize("old", [b"mdir", b"stco", b"ilst", b"meta"])
def test_an_unknown_structure_gets_no_wrong_comment(tmp_path: Path, old: bytes) -> None:
    """A file whose index is built otherwise is refused, or keeps its frames."""
    path = tmp_path / "video.mp4"
    path.write_bytes(write_video(path).replace(old, b"abcd"))
    try:
        target = edited(path, "a")
    except DownloadError:
        return
    assert decoded(target)[0] == decoded(path)[0]


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_video_gets_a_comment_or_an_error(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Changed bytes in the index end in a DownloadError or in an edited file, never in another error."""
    path = tmp_path_factory.getbasetemp() / "damaged.mp4"
    broken = bytearray(whole)
    index = whole.index(b"moov")
    for at in data.draw(st.lists(st.integers(0, index + 900), max_size=4)):
        broken[at] = data.draw(st.integers(0, 255))
    path.write_bytes(broken[: data.draw(st.integers(1, len(broken)))])
    with contextlib.suppress(DownloadError):
        assert len(with_comment(path, "a").sha256) == 64
    with contextlib.suppress(DownloadError):
        read_comment(path)
