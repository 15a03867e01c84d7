"""Read images of every usual kind and prepare them for upload. The only package that imports Pillow for pictures.

An image is given as a path, bytes, an open file, a PIL image or a numpy array (`sources`). It is decoded to upright,
opaque 8-bit sRGB pixels (`decode`), cropped or padded to the aspect ratio and scaled to at most 2048 px (`framing`),
and encoded (`prepare`). A file that needs no change and carries no private metadata is sent byte for byte.
The client downloads http(s) addresses first; `is_url` recognises them.
"""

from pixverse_nb.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__, __file__)
