"""Pictures of every kind in, upload-ready frames out; the one door to Pillow.

A picture comes as a path, bytes, an open file, a PIL image or a numpy array (see `sources`). It is opened and decoded
to upright, opaque 8-bit pixels (`decoding`), brought to sRGB (`colour`), cut or padded to the ratio and to 2048 px
(`framing`), and encoded (`frames`), each picture once (`ImagePreparer`); a file that fits as it is goes up as it is, less
its private `metadata`. Addresses (http, https) are fetched by the client first: `is_url` tells them.
"""

from pixverse_nb.images.darkroom import ImagePreparer
from pixverse_nb.images.decoding import Picture, Which, read_picture
from pixverse_nb.images.frames import Frame, thumbnail, validate_framing
from pixverse_nb.images.framing import Fit, nearest_ratio
from pixverse_nb.images.sources import is_url

__all__ = [
    "ImagePreparer",
    "Fit",
    "Frame",
    "Picture",
    "Which",
    "is_url",
    "nearest_ratio",
    "read_picture",
    "thumbnail",
    "validate_framing",
]
