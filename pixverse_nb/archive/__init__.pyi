"""The names of this package that others use, and the module of each: each is imported on first use."""

from .other_homes import OtherHomes as OtherHomes
from .transfer import Exported as Exported
from .transfer import Imported as Imported
from .transfer import export_archive as export_archive
from .transfer import import_archive as import_archive
