"""What type checkers see of the front door: `__init__.py` fetches every name on first use, which they cannot follow."""

from typing import Final

from pixverse_nb.client import Client as Client
from pixverse_nb.config import Prices as Prices
from pixverse_nb.config import Timing as Timing
from pixverse_nb.default_client import studio as studio
from pixverse_nb.domain.jobs import JobState as JobState
from pixverse_nb.domain.remote import Credits as Credits
from pixverse_nb.domain.remote import UploadedFile as UploadedFile
from pixverse_nb.domain.requests import GenerationRequest as GenerationRequest
from pixverse_nb.errors import AccountPending as AccountPending
from pixverse_nb.errors import APIError as APIError
from pixverse_nb.errors import BudgetReached as BudgetReached
from pixverse_nb.errors import Busy as Busy
from pixverse_nb.errors import ConfigError as ConfigError
from pixverse_nb.errors import DownloadError as DownloadError
from pixverse_nb.errors import InvalidImage as InvalidImage
from pixverse_nb.errors import InvalidRequest as InvalidRequest
from pixverse_nb.errors import JobCancelled as JobCancelled
from pixverse_nb.errors import JobError as JobError
from pixverse_nb.errors import JobFailed as JobFailed
from pixverse_nb.errors import JobModerated as JobModerated
from pixverse_nb.errors import JobTimeout as JobTimeout
from pixverse_nb.errors import LedgerError as LedgerError
from pixverse_nb.errors import MeasureError as MeasureError
from pixverse_nb.errors import Moderated as Moderated
from pixverse_nb.errors import NoAnswer as NoAnswer
from pixverse_nb.errors import NotFound as NotFound
from pixverse_nb.errors import OutcomeUnknown as OutcomeUnknown
from pixverse_nb.errors import OutOfCredits as OutOfCredits
from pixverse_nb.errors import PixVerseError as PixVerseError
from pixverse_nb.errors import ServerError as ServerError
from pixverse_nb.errors import SubscriptionRequired as SubscriptionRequired
from pixverse_nb.errors import Unauthorized as Unauthorized
from pixverse_nb.event_loop import enable_nested_asyncio as enable_nested_asyncio
from pixverse_nb.images import Frame as Frame
from pixverse_nb.jobs.job import Job as Job
from pixverse_nb.render.player import show as show
from pixverse_nb.video import Video as Video
from pixverse_nb.widgets.compare import compare as compare
from pixverse_nb.widgets.gallery import gallery as gallery

__all__: Final[list[str]]
__version__: Final[str]
