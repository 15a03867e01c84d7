"""Join mp4s with PyAV, without the doubled frame at each seam.

The last frame of each video but the last one is dropped, because the next video starts with the same picture. All other
frames are copied as they are compressed, if the videos were encoded alike. Frames that refer to the dropped one (the
B-frames just before it) cannot be copied: these few are encoded again, under parameter sets of their own, so that the
copied frames keep theirs. Videos of different encodings are encoded again as a whole.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from pixverse_nb.errors import DownloadError, InvalidRequest
from pixverse_nb.metrics.definitions import IDENTICAL_DB
from pixverse_nb.metrics.frames import Sound, VideoReader, VideoReformatter, av, cv2, np

_CRF: Final = 14  # of x264: visually lossless
_TAIL_CRF: Final = 8
_OWN_PARAMETER_SETS: Final = 31  # the highest id of H.264, which no encoder uses by default
_PROFILES: Final = {66: "baseline", 77: "main", 100: "high"}  # those of 8 bits and 4:2:0
_SLICES, _SPS, _PPS = (1, 5), 7, 8  # types of NAL units
_TICKS_PER_S: Final = 90_000
_SOUND_BITS_PER_S: Final = 192_000


@dataclass(frozen=True)
class JoinFacts:
    """How videos were joined: the PSNR (dB) at each seam, and how many of the `frames` were encoded again."""

    seams: tuple[float, ...]
    frames: int
    re_encoded_frames: int


def join_videos(paths: Sequence[Path], target: Path) -> JoinFacts:
    """Write the videos at `paths` one after another into an mp4 at `target`.

    Raises MeasureError if one cannot be read, and InvalidRequest if they have different sizes or are stored rotated.
    """
    with ExitStack() as stack:
        sources = [_Source(stack.enter_context(VideoReader(path))) for path in paths]
        _check_shapes(sources)
        for source, following in pairwise(sources):
            following.offset_s = source.offset_s + source.span_s
        seams = tuple(_psnr(one.tail[-1], other.first_frame) for one, other in pairwise(sources))
        copied = _copied(sources)
        frames = sum(source.count for source in sources) - len(seams)
        with av.open(str(target.absolute()), "w", format="mp4", options={"movflags": "+faststart"}) as out:
            video = _encoded(sources, out) if copied is None else _muxable(copied, sources[0], out)
            packets: list[Any] = [*video, *_sound(sources, out)]
            for packet in sorted(packets, key=lambda one: float(one.dts * one.time_base)):
                out.mux(packet)
        return JoinFacts(seams, frames, frames if copied is None else copied.re_encoded)


class _Source:
    """One of the videos, with its compressed frames in decoding order. It starts at `offset_s` of the result."""

    def __init__(self, reader: VideoReader) -> None:
        self.reader = reader
        self.stream = reader.stream
        self.packets = reader.read_packets()
        self.offset_s = Fraction(0)
        self.is_regular = all(
            packet.pts is not None and packet.dts is not None and not packet.is_discard for packet in self.packets
        )
        times = [packet.pts for packet in self.packets if packet.pts is not None and not packet.is_discard]
        if not times:
            raise reader.unreadable(DownloadError("It has no frames."))
        self.count, self.first_pts, self.last_pts = len(times), min(times), max(times)

    @property
    def span_s(self) -> Fraction:
        """Seconds from the first frame to the last one, which is dropped at a seam."""
        return Fraction(self.last_pts - self.first_pts) * self.time_base

    @property
    def time_base(self) -> Fraction:
        """Seconds in one unit of the timestamps."""
        return self.stream.time_base or Fraction(1, _TICKS_PER_S)

    @property
    def encoding(self) -> tuple[object, ...]:
        """What must be equal so that frames can be copied into one track."""
        context = self.stream.codec_context
        return context.name, context.extradata, context.pix_fmt, context.sample_aspect_ratio

    @cached_property
    def kept(self) -> int:
        """How many packets can be copied if the last frame is dropped.

        That frame and all that follow it in decoding order are left, and so many before that no left one is displayed
        between copied ones.
        """
        pts = [packet.pts or 0 for packet in self.packets]
        at = pts.index(self.last_pts)
        while at and max(pts[:at]) > min(pts[at:]):
            at -= 1
        return at

    @cached_property
    def tail(self) -> list[av.VideoFrame]:
        """The decoded frames from the first one that cannot be copied to the last of the video."""
        keys = [at for at, packet in enumerate(self.packets[: self.kept + 1]) if packet.is_keyframe]
        frames = list(self.reader.decode_packets(self.packets[keys[-1] if keys else 0 :]))
        starts = min(packet.pts or 0 for packet in self.packets[self.kept :])
        return [frame for frame in frames if frame.pts is not None and frame.pts >= starts] or frames[-1:]

    @cached_property
    def first_frame(self) -> av.VideoFrame:
        """The first frame on display."""
        return next(self.reader.decode_packets(self.packets))

    def to_ticks(self, time: int | None, tick_s: Fraction) -> int:
        """Return a timestamp of this video as one of the result."""
        return round((self.offset_s + ((time or 0) - self.first_pts) * self.time_base) / tick_s)


def _check_shapes(sources: Sequence[_Source]) -> None:
    sizes = [(source.stream.width, source.stream.height) for source in sources]
    wrong = {
        f"videos[{number}]": f"has {size[0]} × {size[1]} pixels, but the first has {sizes[0][0]} × {sizes[0][1]}; "
        "join videos of one size"
        for number, size in enumerate(sizes)
        if size != sizes[0]
    }
    for number, source in enumerate(sources):
        if source.first_frame.rotation:
            wrong.setdefault(f"videos[{number}]", "is stored rotated, which cannot be joined; convert it first")
    if wrong:
        raise InvalidRequest(wrong, sends=False)


def _psnr(one: av.VideoFrame, other: av.VideoFrame) -> float:
    reformatter = VideoReformatter()
    image, next_image = (
        np.asarray(reformatter.reformat(frame, format="rgb24").to_ndarray(), np.uint8) for frame in (one, other)
    )
    return min(IDENTICAL_DB, float(cv2.PSNR(image, next_image)))


# -- copying ---------------------------------------------------------------------------------------------------------


class _Packed(NamedTuple):
    """One compressed frame of the result; times are in ticks."""

    data: bytes
    pts: int
    dts: int
    duration: int
    is_keyframe: bool


@dataclass(frozen=True)
class _Copied:
    """The compressed frames of the result, of which `re_encoded` are not copies, and its parameter sets."""

    frames: list[_Packed]
    extradata: bytes
    re_encoded: int


def _copied(sources: Sequence[_Source]) -> _Copied | None:
    """Return the frames as they are compressed, or None if they cannot be copied."""
    first = sources[0]
    if any(source.encoding != first.encoding or not source.is_regular for source in sources):
        return None
    extradata = first.stream.codec_context.extradata or b""
    frames: list[_Packed] = []
    re_encoded = 0
    for source, is_last in zip(sources, [*[False] * (len(sources) - 1), True], strict=True):
        kept = len(source.packets) if is_last else source.kept
        new = [(bytes(packet), packet.pts, packet.is_keyframe) for packet in source.packets[:kept]]
        if kept < len(source.packets) - 1:
            tail = _encode_tail(source, extradata)
            if tail is None:
                return None
            extradata, re_encoded = tail.extradata, re_encoded + len(tail.frames)
            new += tail.frames
        for (data, pts, is_keyframe), packet in zip(new, source.packets, strict=False):  # whose decoding times are free
            shown, decoded = (source.to_ticks(time, first.time_base) for time in (pts, packet.dts))
            duration = round((packet.duration or 0) * source.time_base / first.time_base)
            frames.append(_Packed(data, shown, decoded, duration, is_keyframe))
    is_ordered = all(one.dts < other.dts for one, other in pairwise(frames))
    is_playable = is_ordered and all(frame.dts <= frame.pts for frame in frames) and frames[0].is_keyframe
    return _Copied(frames, extradata, re_encoded) if is_playable else None


@dataclass(frozen=True)
class _Tail:
    """Frames that were encoded again (data, pts, is_keyframe), and the parameter sets of the result."""

    frames: list[tuple[bytes, int | None, bool]]
    extradata: bytes


def _encode_tail(source: _Source, extradata: bytes) -> _Tail | None:
    """Encode the tail but its last frame, so that it can follow copied frames; None if the codec does not allow it."""
    frames, context = source.tail[:-1], source.stream.codec_context
    head = extradata[:6]
    if context.name != "h264" or len(head) < 6 or head[0] != 1 or head[4] & 3 != 3 or head[1] not in _PROFILES:
        return None
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = context.width, context.height, context.pix_fmt
    encoder.time_base, encoder.framerate = source.time_base, source.stream.average_rate
    encoder.sample_aspect_ratio = context.sample_aspect_ratio or Fraction(1)
    for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(encoder, name, getattr(context, name))
    encoder.options = {
        "crf": str(_TAIL_CRF),
        "preset": "veryfast",
        "profile": _PROFILES[head[1]],
        "x264-params": f"sps-id={_OWN_PARAMETER_SETS}:bframes=0:ref=1:scenecut=0:level={head[3]}",
    }
    encoder.thread_count = 1
    parameters: dict[int, bytes] = {}
    encoded = []
    for frame in (*frames, None):
        if frame is not None:
            frame.pict_type = 0  # the encoder chooses
        for packet in encoder.encode(frame):
            units = list(_nal_units(bytes(packet)))
            parameters |= {unit[0] & 31: unit for unit in units if unit[0] & 31 in (_SPS, _PPS)}
            slices = [unit for unit in units if unit[0] & 31 in _SLICES]
            data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in slices)
            encoded.append((data, packet.pts, packet.is_keyframe))
    if len(encoded) != len(frames):
        return None
    return _Tail(encoded, _with_parameter_sets(extradata, parameters[_SPS], parameters[_PPS]))


def _nal_units(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a packet in H.264's byte stream format."""
    for unit in data.split(b"\0\0\1"):
        if stripped := unit.rstrip(b"\0"):
            yield stripped


def _with_parameter_sets(extradata: bytes, sps: bytes, pps: bytes) -> bytes:
    """Return an `AVCDecoderConfigurationRecord` (ISO/IEC 14496-15) with one more set of each kind, unless it has it."""
    lists, at = [], 5
    for mask in (31, 255):
        count, at = extradata[at] & mask, at + 1
        units = []
        for _ in range(count):
            size = int.from_bytes(extradata[at : at + 2], "big")
            units.append(extradata[at + 2 : at + 2 + size])
            at += 2 + size
        lists.append(units)
    for units, unit in zip(lists, (sps, pps), strict=True):
        if unit not in units:
            units.append(unit)
    written = [
        bytes([len(units) | mark]) + b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
        for units, mark in zip(lists, (0xE0, 0), strict=True)
    ]
    return extradata[:5] + b"".join(written) + extradata[at:]


def _muxable(copied: _Copied, first: _Source, out: Any) -> "Iterator[av.Packet[Any]]":
    """Yield the copied frames as packets of a new track."""
    stream = out.add_stream_from_template(first.stream)
    stream.codec_context.extradata = copied.extradata
    for frame in copied.frames:
        packet: Any = av.Packet(frame.data)
        packet.stream, packet.time_base = stream, first.time_base
        packet.pts, packet.dts, packet.duration = frame.pts, frame.dts, frame.duration
        packet.is_keyframe = frame.is_keyframe
        yield packet


# -- encoding again --------------------------------------------------------------------------------------------------


def _encoded(sources: Sequence[_Source], out: Any) -> "Iterator[av.Packet[Any]]":
    """Yield all frames, encoded again in the colours of the first video."""
    first = sources[0].first_frame
    time_base = Fraction(1, _TICKS_PER_S)
    stream = out.add_stream("libx264", rate=sources[0].stream.average_rate or 24)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, "yuv420p"
    stream.options = {"crf": str(_CRF), "preset": "medium"}
    context = stream.codec_context
    context.time_base = time_base
    context.colorspace, context.color_range = first.colorspace, first.color_range
    reformatter = VideoReformatter()
    for number, source in enumerate(sources):
        for frame in source.reader.decode_packets(source.packets):
            if frame.pts is None or (frame.pts == source.last_pts and number < len(sources) - 1):
                continue
            ticks = source.to_ticks(frame.pts, time_base)
            frame = reformatter.reformat(
                frame, format="yuv420p", dst_colorspace=first.colorspace, dst_color_range=first.color_range
            )
            frame.pts, frame.time_base, frame.pict_type = ticks, time_base, 0
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound(sources: Sequence[_Source], out: Any) -> "Iterator[av.Packet[Any]]":
    """Yield the sound of all videos, encoded again so that it stays in step; silence where a video has none."""
    rate = next((rate for source in sources if (rate := source.reader.sound_rate)), None)
    if rate is None:
        return
    stream = out.add_stream("aac", rate=rate, layout="stereo")
    stream.bit_rate = _SOUND_BITS_PER_S
    for source, following in zip(sources, [*sources[1:], None], strict=True):
        starts = round(source.offset_s * rate)
        length = None if following is None else round(following.offset_s * rate) - starts
        samples = _fitted(list(source.reader.read_sound(rate)), length)
        if samples.shape[1]:
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, starts, Fraction(1, rate)
            yield from stream.encode(frame)
    yield from stream.encode(None)


def _fitted(parts: Sequence[Sound], length: int | None) -> Sound:
    """Return the sound as one array, cut or filled up with silence to a number of samples (None: as it is)."""
    samples = np.concatenate([np.zeros((2, 0), np.float32), *parts], axis=1)
    if length is None:
        return samples
    return np.pad(samples[:, :length], ((0, 0), (0, max(0, length - samples.shape[1]))))
