"""Two pictures in, one video out, in a notebook cell: PixVerse (useapi.net v2) for Jupyter.

    import pixverse_nb as pv

    client = pv.Client()                                    # or pv.Client.sandbox(): no token, nothing is paid
    video = client.create_frames("first.jpg", "last.jpg", prompt="a slow dolly in").result()
    pv.studio()                                             # the same as a form

Importing this does nothing: every name is fetched from its module on first use.
"""

import importlib
from typing import Any, Final

_HOMES: Final = {
    "APIError": "errors",
    "AccountPending": "errors",
    "BudgetReached": "errors",
    "Busy": "errors",
    "Client": "client",
    "ConfigError": "errors",
    "Credits": "domain.remote",
    "DownloadError": "errors",
    "Frame": "images",
    "GenerationRequest": "domain.requests",
    "InvalidImage": "errors",
    "InvalidRequest": "errors",
    "Job": "jobs.job",
    "JobCancelled": "errors",
    "JobError": "errors",
    "JobFailed": "errors",
    "JobModerated": "errors",
    "JobState": "domain.jobs",
    "JobTimeout": "errors",
    "LedgerError": "errors",
    "MeasureError": "errors",
    "Moderated": "errors",
    "NoAnswer": "errors",
    "NotFound": "errors",
    "OutOfCredits": "errors",
    "OutcomeUnknown": "errors",
    "PixVerseError": "errors",
    "Prices": "config",
    "ServerError": "errors",
    "SubscriptionRequired": "errors",
    "Timing": "config",
    "Unauthorized": "errors",
    "UploadedFile": "domain.remote",
    "Video": "video",
    "compare": "widgets.compare",
    "enable_nested_asyncio": "event_loop",
    "gallery": "widgets.gallery",
    "show": "render.player",
    "studio": "default_client",
}

__all__ = [
    "APIError",
    "AccountPending",
    "BudgetReached",
    "Busy",
    "Client",
    "ConfigError",
    "Credits",
    "DownloadError",
    "Frame",
    "GenerationRequest",
    "InvalidImage",
    "InvalidRequest",
    "Job",
    "JobCancelled",
    "JobError",
    "JobFailed",
    "JobModerated",
    "JobState",
    "JobTimeout",
    "LedgerError",
    "MeasureError",
    "Moderated",
    "NoAnswer",
    "NotFound",
    "OutOfCredits",
    "OutcomeUnknown",
    "PixVerseError",
    "Prices",
    "ServerError",
    "SubscriptionRequired",
    "Timing",
    "Unauthorized",
    "UploadedFile",
    "Video",
    "__version__",
    "compare",
    "enable_nested_asyncio",
    "gallery",
    "show",
    "studio",
]

__version__: Final = "0.1.0"


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
