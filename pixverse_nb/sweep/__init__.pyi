"""The names of this package that others use, and the module of each: each is imported on first use."""

from .axes import has_several_values as has_several_values
from .chain import Chain as Chain
from .chain import make_chain as make_chain
from .context import SweepContext as SweepContext
from .context import SweepOptions as SweepOptions
from .sources import find_operation as find_operation
from .sources import find_sources as find_sources
from .sources import sources_to_estimate as sources_to_estimate
from .sweep import Sweep as Sweep
from .sweep import make_sweep as make_sweep
