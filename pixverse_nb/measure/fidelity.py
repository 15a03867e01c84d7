"""How near a film comes to the picture that it should start or end on: PSNR over 8-bit RGB, SSIM over 8-bit luma."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pixverse_nb.errors import MeasureError
from pixverse_nb.measure.packages import Image, ImageOps, Pixels, VideoReformatter, av, cv2, np, structural_similarity

NEAR: Final = 12  # frames at either end among which the nearest is looked for: half a second
IDENTICAL_DB: Final = 100.0  # in the place of infinity, which neither JSON nor a plot can hold
_AS_NEAR_DB: Final = 0.1  # less is a matter of how a still scene was encoded


@dataclass(frozen=True)
class Fidelity:
    """The frame at the end of the film against its picture, and the nearest of the frames beside it.

    `best_psnr_db` is the highest there. `offset` counts frames from that end, 0 for the very frame at it: the first
    frame that is as near as the best one within 0.1 dB.
    """

    psnr_db: float | None = None
    ssim: float | None = None
    best_psnr_db: float | None = None
    offset: int | None = None


def fidelity(frames: Sequence[av.VideoFrame], picture: Path | None) -> Fidelity:
    """Compare frames, from one end of the film inwards, with the picture that stands at that end.

    The picture is brought to the film's size with a Lanczos filter, its middle filling the frame where the shapes
    differ. Raises MeasureError where the picture cannot be read.
    """
    if picture is None:
        return Fidelity()
    wanted = read_picture(picture, width=frames[0].width, height=frames[0].height)
    reformatter = VideoReformatter()
    shown = [_pixels(reformatter.reformat(frame, format="rgb24")) for frame in frames]
    near = [psnr_db(frame, wanted) for frame in shown]
    best = max(near)
    offset = next(number for number, psnr in enumerate(near) if psnr >= best - _AS_NEAR_DB)
    return Fidelity(psnr_db=near[0], ssim=ssim(shown[0], wanted), best_psnr_db=best, offset=offset)


def read_picture(path: Path, *, width: int, height: int) -> Pixels:
    """Return the picture as height × width × RGB."""
    try:
        with Image.open(path) as picture:
            fitted = ImageOps.fit(picture.convert("RGB"), (width, height), Image.Resampling.LANCZOS)
    except (OSError, Image.DecompressionBombError) as error:
        raise MeasureError(
            f"The picture {path.name} cannot be read ({error}), so nothing can be compared with it."
        ) from error
    return np.asarray(fitted, np.uint8)


def psnr_db(one: Pixels, other: Pixels) -> float:
    """Return the peak signal-to-noise ratio of two 8-bit pictures of one size in dB, at most `IDENTICAL_DB`."""
    return min(IDENTICAL_DB, float(cv2.PSNR(one, other)))


def ssim(one: Pixels, other: Pixels) -> float:
    """Return the SSIM of two RGB pictures, as its authors compute it: on the luma, in a Gaussian window."""
    luma = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (one, other))
    window: Any = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(*luma, data_range=255, **window))  # type: ignore[no-untyped-call]  # not typed


def _pixels(frame: av.VideoFrame) -> Pixels:
    return np.asarray(frame.to_ndarray(), np.uint8)
