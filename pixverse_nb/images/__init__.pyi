"""The names of this package that others use, and the module of each: each is imported on first use."""

from .decode import ImageInfo as ImageInfo
from .decode import read_image as read_image
from .framing import Fit as Fit
from .framing import nearest_ratio as nearest_ratio
from .framing import validate_framing as validate_framing
from .prepare import Frame as Frame
from .prepare import ImagePreparer as ImagePreparer
from .prepare import thumbnail as thumbnail
from .sources import PILImage as PILImage
from .sources import UnusableImageError as UnusableImageError
from .sources import is_url as is_url
from .sources import load_source as load_source
