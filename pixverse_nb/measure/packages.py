"""The packages that measuring needs, behind one door: all of them, or one sentence that says how to get them.

Every other module here takes them from this one, so that a missing package is never a bare ModuleNotFoundError.
"""

from pixverse_nb.errors import ConfigError

try:
    import av
    import cv2
    import numpy as np
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw, ImageFont, ImageOps
    from skimage.metrics import structural_similarity
except ModuleNotFoundError as error:
    raise ConfigError(
        f"Measuring videos needs more packages ({error.name} is missing): pip install 'pixverse-nb[sweep]'."
    ) from error

__all__ = [
    "Image",
    "ImageDraw",
    "ImageFont",
    "ImageOps",
    "NDArray",
    "Pixels",
    "VideoReformatter",
    "av",
    "cv2",
    "np",
    "structural_similarity",
]

Pixels = NDArray[np.uint8]
