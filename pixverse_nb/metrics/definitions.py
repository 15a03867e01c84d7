"""The metrics of a video: the table METRICS, from which columns, tooltips and documentation are made."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Better = Literal["higher", "lower", ""]

VERSION: Final = 1  # of the definitions below; measurements of another version are not comparable
IDENTICAL_DB: Final = 100.0  # the PSNR of equal images, instead of infinity, which neither JSON nor a plot can hold

_PSNR: Final = "the value of scikit-image, metrics.peak_signal_noise_ratio, at data_range=255; computed by OpenCV"
_SSIM: Final = (
    "Wang, Bovik, Sheikh and Simoncelli: Image quality assessment, IEEE Transactions on Image Processing 13(4), 2004; "
    "computed by scikit-image, metrics.structural_similarity"
)
_FLOW: Final = (
    "Kroeger, Timofte, Dai and Van Gool: Fast optical flow using dense inverse search, ECCV 2016; "
    "computed by OpenCV, DISOpticalFlow"
)


@dataclass(frozen=True)
class Metric:
    """The definition of one metric.

    `name` is its column and `label` its short heading; `unit` is "" if it has none. Values lie between `minimum` and
    `maximum` (None if unbounded). `better` is the better direction, "" if neither is. `meaning` is one sentence, and
    `source` says where the definition comes from.

    >>> [metric.label for metric in METRICS if metric.unit == "dB"]
    ['First frame PSNR', 'Best PSNR near the start', 'Last frame PSNR', 'Best PSNR near the end']
    """

    name: str
    label: str
    unit: str
    minimum: float
    maximum: float | None
    better: Better
    meaning: str
    source: str


METRICS: Final = (
    Metric(
        "first_psnr_db",
        "First frame PSNR",
        "dB",
        0,
        100,
        "higher",
        "The peak signal-to-noise ratio of the first frame against the first picture, over 8-bit RGB at the video's "
        "size; about 30 is close, above 40 the difference is hard to see, and 100 stands for identical.",
        _PSNR,
    ),
    Metric(
        "first_ssim",
        "First frame SSIM",
        "",
        -1,
        1,
        "higher",
        "The structural similarity (SSIM) of the first frame and the first picture, over 8-bit luma at the video's "
        "size, with a Gaussian window of 11 × 11 pixels (σ = 1.5); 1 is identical.",
        _SSIM,
    ),
    Metric(
        "first_best_psnr_db",
        "Best PSNR near the start",
        "dB",
        0,
        100,
        "higher",
        "The highest PSNR to the first picture among the first 12 frames.",
        _PSNR,
    ),
    Metric(
        "first_offset",
        "Start offset",
        "frames",
        0,
        11,
        "lower",
        "The number of frames from the first frame to the one that is closest to the first picture, within 0.1 dB; 0 "
        "is the first frame itself.",
        "defined here",
    ),
    Metric(
        "last_psnr_db",
        "Last frame PSNR",
        "dB",
        0,
        100,
        "higher",
        "The PSNR of the last frame against the last picture, computed as for the first.",
        _PSNR,
    ),
    Metric(
        "last_ssim",
        "Last frame SSIM",
        "",
        -1,
        1,
        "higher",
        "The SSIM of the last frame and the last picture, computed as for the first.",
        _SSIM,
    ),
    Metric(
        "last_best_psnr_db",
        "Best PSNR near the end",
        "dB",
        0,
        100,
        "higher",
        "The highest PSNR to the last picture among the last 12 frames.",
        _PSNR,
    ),
    Metric(
        "last_offset",
        "End offset",
        "frames",
        0,
        11,
        "lower",
        "The number of frames from the frame that is closest to the last picture, within 0.1 dB, to the last frame; 0 "
        "is the last frame itself.",
        "defined here",
    ),
    Metric(
        "flicker_levels",
        "Flicker",
        "grey levels",
        0,
        255,
        "lower",
        "The difference between the mean brightness of a frame (0…255) and the average of the frames before and after "
        "it, averaged over the video: a steady fade gives 0, frames that alternate between two brightnesses give the "
        "whole difference; frames next to a cut are left out.",
        "second difference of the mean luma, the quantity that ffmpeg's filter deflicker smooths",
    ),
    Metric(
        "motion_percent",
        "Motion",
        "% of the width per frame",
        0,
        None,
        "",
        "The mean distance that pixels move from one frame to the next: the mean length of the dense optical flow, in "
        "percent of the video's width, averaged over the video without its cuts.",
        _FLOW,
    ),
    Metric(
        "frozen_share",
        "Frozen",
        "",
        0,
        1,
        "lower",
        "The share of the steps from frame to frame in which nothing changes, which means that the mean absolute "
        "difference of all samples is at most 0.001 of the range (-60 dB).",
        "the noise threshold of ffmpeg's filter freezedetect, at its default",
    ),
    Metric(
        "cuts",
        "Cuts",
        "",
        0,
        None,
        "lower",
        "The number of cuts: steps from frame to frame where the mean change of hue, saturation and value (0…255) is "
        "at least 15, and at least 3 times that of the two steps before and after.",
        "the score of PySceneDetect's ContentDetector with the adaptive threshold of its AdaptiveDetector, at their "
        "defaults",
    ),
    Metric("duration_s", "Length", "s", 0, None, "", "The duration that the file states.", "the mp4's own header"),
    Metric("frames", "Frames", "", 1, None, "", "The number of decoded frames.", "counted"),
    Metric("fps", "Frame rate", "frames/s", 0, None, "", "The average frame rate.", "the mp4's own header"),
    Metric("width", "Width", "px", 16, None, "", "The width of the frames.", "the decoded frames"),
    Metric("height", "Height", "px", 16, None, "", "The height of the frames.", "the decoded frames"),
)

DIVERSITY: Final = Metric(
    "diversity_levels",
    "Diversity",
    "grey levels",
    0,
    255,
    "",
    "The mean distance of a video to the others: the root mean square difference of luma over 8 frames of both videos, "
    "each scaled to 32 × 32 pixels.",
    "defined here",
)


@dataclass(frozen=True)
class Measurement:
    """The metrics of one video; `METRICS` explains each number under its name.

    A number is None if it cannot be measured: no picture was given, or the video has too few frames. `cut_frames` are
    the numbers, from 0, of the frames that begin a new scene. `fingerprint` is what `measure.compute_diversity`
    compares.
    """

    first_psnr_db: float | None
    first_ssim: float | None
    first_best_psnr_db: float | None
    first_offset: int | None
    last_psnr_db: float | None
    last_ssim: float | None
    last_best_psnr_db: float | None
    last_offset: int | None
    flicker_levels: float | None
    motion_percent: float | None
    frozen_share: float | None
    cuts: int
    duration_s: float
    frames: int
    fps: float
    width: int
    height: int
    cut_frames: tuple[int, ...] = ()
    fingerprint: bytes = field(default=b"", repr=False)

    def as_dict(self) -> dict[str, float | None]:
        """Return the numbers by name, in the order of `METRICS`."""
        return {metric.name: getattr(self, metric.name) for metric in METRICS}

    def to_json(self) -> str:
        """Return everything as one line of JSON; `from_json` restores an equal value."""
        data = {
            "version": VERSION,
            **self.as_dict(),
            "cut_frames": self.cut_frames,
            "fingerprint": base64.b64encode(self.fingerprint).decode("ascii"),
        }
        return json.dumps(data, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Restore a measurement from `to_json`. Raises ValueError if it is damaged or has another `VERSION`."""
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("version") != VERSION:
            raise ValueError("This measurement was made with a different metrics version. Measure the video again.")
        try:
            return cls(**_parse_fields(data))
        except (KeyError, TypeError, binascii.Error) as error:
            raise ValueError("This measurement is damaged. Measure the video again.") from error


def _parse_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{metric.name: data[metric.name] for metric in METRICS},
        "cut_frames": tuple(data["cut_frames"]),
        "fingerprint": base64.b64decode(data["fingerprint"], validate=True),
    }
