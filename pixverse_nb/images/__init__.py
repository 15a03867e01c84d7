"""Read images of every usual kind and prepare them for upload. The only package that imports Pillow for pictures.

An image is given as a path, bytes, an open file, a PIL image or a numpy array (`sources`). It is decoded to upright,
opaque 8-bit sRGB pixels (`decode`), cropped or padded to the aspect ratio and scaled to at most 2048 px (`framing`),
and encoded (`prepare`). A file that needs no change and carries no private metadata is sent byte for byte.
The client downloads http(s) addresses first; `is_url` recognises them.
"""

from PIL.Image import Image as PILImage

from pixverse_nb.images.decode import ImageInfo, read_image
from pixverse_nb.images.framing import Fit, nearest_ratio, validate_framing
from pixverse_nb.images.prepare import Frame, ImagePreparer, thumbnail
from pixverse_nb.images.sources import is_url

__all__ = [
    "Fit",
    "Frame",
    "ImageInfo",
    "ImagePreparer",
    "PILImage",
    "is_url",
    "nearest_ratio",
    "read_image",
    "thumbnail",
    "validate_framing",
]
