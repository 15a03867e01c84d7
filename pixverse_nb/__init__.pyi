"""The public names, and the module of each: read by lazy_loader and by type checkers."""

from . import samples as samples
from .client import Client as Client
from .config import Prices as Prices
from .config import Timing as Timing
from .default_client import studio as studio
from .domain.jobs import JobState as JobState
from .domain.recipe import Recipe as Recipe
from .domain.remote import Credits as Credits
from .domain.remote import UploadedFile as UploadedFile
from .domain.requests import GenerationRequest as GenerationRequest
from .errors import AccountPending as AccountPending
from .errors import APIError as APIError
from .errors import BudgetReached as BudgetReached
from .errors import Busy as Busy
from .errors import ConfigError as ConfigError
from .errors import DownloadError as DownloadError
from .errors import EndpointGone as EndpointGone
from .errors import FileError as FileError
from .errors import FileExists as FileExists
from .errors import FileMissing as FileMissing
from .errors import InvalidCall as InvalidCall
from .errors import InvalidImage as InvalidImage
from .errors import InvalidRequest as InvalidRequest
from .errors import JobCancelled as JobCancelled
from .errors import JobError as JobError
from .errors import JobFailed as JobFailed
from .errors import JobModerated as JobModerated
from .errors import JobTimeout as JobTimeout
from .errors import LedgerError as LedgerError
from .errors import MeasureError as MeasureError
from .errors import Moderated as Moderated
from .errors import NoAnswer as NoAnswer
from .errors import NotFound as NotFound
from .errors import OutcomeUnknown as OutcomeUnknown
from .errors import OutOfCredits as OutOfCredits
from .errors import PixVerseError as PixVerseError
from .errors import ServerError as ServerError
from .errors import SubscriptionRequired as SubscriptionRequired
from .errors import Unauthorized as Unauthorized
from .errors import UnknownItem as UnknownItem
from .event_loop import enable_nested_asyncio as enable_nested_asyncio
from .images import Frame as Frame
from .jobs.job import Job as Job
from .joined import Joined as Joined
from .joined import join as join
from .render.player import show as show
from .video import Video as Video
from .video import recipe as recipe
from .widgets.compare import compare as compare
from .widgets.gallery import gallery as gallery

__all__: list[str]
__version__: str

def load_ipython_extension(shell: object) -> None: ...
