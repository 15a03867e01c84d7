"""What is measured of one film: the table of metrics that documents, columns and tooltips are drawn from."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

Better = Literal["higher", "lower", ""]

VERSION: Final = 1  # of the definitions below: what was measured by others is not comparable

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
    """What one number means: `name` is its column, `label` its short heading, `unit` "" where it has none.

    `least` and `most` bound it (`most` is None where nothing does); `better` says which direction is the better one,
    "" where neither is. `meaning` is one sentence, `source` says where the definition comes from.

    >>> [metric.label for metric in METRICS if metric.unit == "dB"]
    ['First frame PSNR', 'Best PSNR near the start', 'Last frame PSNR', 'Best PSNR near the end']
    """

    name: str
    label: str
    unit: str
    least: float
    most: float | None
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
        "How near the first frame is to the first picture, as the peak signal-to-noise ratio over 8-bit RGB at the "
        "film's size; about 30 is close, above 40 hardly to be told apart, 100 stands for identical.",
        _PSNR,
    ),
    Metric(
        "first_ssim",
        "First frame SSIM",
        "",
        -1,
        1,
        "higher",
        "How alike the first frame and the first picture are in structure: SSIM over the 8-bit luma at the film's "
        "size, with the Gaussian window of 11 × 11 pixels (σ = 1.5); 1 is identical.",
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
        "How many frames after the first one the film is as near to the first picture as it comes, within 0.1 dB; 0 is "
        "the first frame itself.",
        "defined here",
    ),
    Metric(
        "last_psnr_db",
        "Last frame PSNR",
        "dB",
        0,
        100,
        "higher",
        "How near the last frame is to the last picture; the same measure as for the first.",
        _PSNR,
    ),
    Metric(
        "last_ssim",
        "Last frame SSIM",
        "",
        -1,
        1,
        "higher",
        "How alike the last frame and the last picture are in structure; the same measure as for the first.",
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
        "How many frames before the last one the film is as near to the last picture as it comes, within 0.1 dB; 0 is "
        "the last frame itself.",
        "defined here",
    ),
    Metric(
        "flicker_levels",
        "Flicker",
        "grey levels",
        0,
        255,
        "lower",
        "How far the mean brightness of a frame (0…255) lies from the average of the frames before and after it, "
        "averaged over the film: steady fades count nothing, frames that alternate between two brightnesses count "
        "their whole difference; frames beside a cut are left out.",
        "second difference of the mean luma, the quantity that ffmpeg's filter deflicker evens out",
    ),
    Metric(
        "motion_percent",
        "Motion",
        "% of the width per frame",
        0,
        None,
        "",
        "How far things move from one frame to the next: the mean length of the dense optical flow, in hundredths of "
        "the film's width, averaged over the film without its cuts.",
        _FLOW,
    ),
    Metric(
        "frozen_share",
        "Frozen",
        "",
        0,
        1,
        "lower",
        "The share of the steps from frame to frame in which nothing changes: the mean absolute difference of all "
        "samples is at most 0.001 of the range (-60 dB).",
        "the noise threshold of ffmpeg's filter freezedetect, at its default",
    ),
    Metric(
        "cuts",
        "Cuts",
        "",
        0,
        None,
        "lower",
        "How often the picture changes at once: the mean change of hue, saturation and value (0…255) is at least 15 "
        "and 3 times that of the two steps before and after.",
        "the score of PySceneDetect's ContentDetector with the adaptive threshold of its AdaptiveDetector, at their "
        "defaults",
    ),
    Metric("duration_s", "Length", "s", 0, None, "", "How long the film says it is.", "the mp4's own header"),
    Metric("frames", "Frames", "", 1, None, "", "How many frames were decoded.", "counted"),
    Metric("fps", "Frame rate", "frames/s", 0, None, "", "The average rate of the frames.", "the mp4's own header"),
    Metric("width", "Width", "px", 16, None, "", "How wide the frames are.", "the decoded frames"),
    Metric("height", "Height", "px", 16, None, "", "How high the frames are.", "the decoded frames"),
)

DIVERSITY: Final = Metric(
    "diversity_levels",
    "Diversity",
    "grey levels",
    0,
    255,
    "",
    "How far a film lies from the others on average: the root of the mean squared difference of luma over 8 moments of "
    "both films, each brought to 32 × 32 places.",
    "defined here",
)


@dataclass(frozen=True)
class Measurement:
    """What one film is like; each number is explained in `METRICS` under its name.

    None stands where there is nothing to measure: no picture was given, or the film has too few frames. `cut_frames`
    are the numbers, from 0, of the frames that begin something new. `fingerprint` is what `diversity` compares.
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
        """Return the numbers by name, in the order of `METRICS`: a row of a table."""
        return {metric.name: getattr(self, metric.name) for metric in METRICS}

    def to_json(self) -> str:
        """Return everything as one line of JSON, from which `from_json` makes the same value again."""
        whole = {
            "version": VERSION,
            **self.as_dict(),
            "cut_frames": self.cut_frames,
            "fingerprint": base64.b64encode(self.fingerprint).decode("ascii"),
        }
        return json.dumps(whole, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return what `to_json` wrote; ValueError where it is damaged, or measured by other definitions."""
        whole = json.loads(text)
        if not isinstance(whole, dict) or whole.get("version") != VERSION:
            raise ValueError("This measurement was made by other definitions: measure the film again.")
        try:
            return cls(**_fields(whole))
        except (KeyError, TypeError, binascii.Error) as error:
            raise ValueError("This measurement is damaged: measure the film again.") from error


def _fields(whole: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{metric.name: whole[metric.name] for metric in METRICS},
        "cut_frames": tuple(whole["cut_frames"]),
        "fingerprint": base64.b64decode(whole["fingerprint"], validate=True),
    }
