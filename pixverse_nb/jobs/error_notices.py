"""Errors as notices for the ledger; `messages` makes the text when one is shown."""

from typing import Final

from pixverse_nb.domain.catalogue import Catalogue
from pixverse_nb.domain.notices import Notice, Value
from pixverse_nb.domain.requests import GenerationRequest
from pixverse_nb.errors import APIError, EndpointGone, PixVerseError

_ALTERNATIVES: Final = 3  # models that the text names


def error_notice(error: PixVerseError) -> Notice:
    """Return an error as a notice for the ledger: the name of its class, and what its text is made of."""
    kind = type(error).__name__
    if isinstance(error, APIError) and error.vendor_text is not None:
        return Notice(kind, {"status": error.status, "vendor_text": error.vendor_text})
    return Notice(kind, {"detail": str(error)})


def endpoint_gone_notice(error: EndpointGone, request: GenerationRequest, catalogue: Catalogue) -> Notice:
    """Return the notice of a paid call that the vendor does not offer: what could not be made, and models to try."""
    alternatives = catalogue.alternatives(request.model, request.operation)
    data: dict[str, Value] = {
        "status": error.status,
        "vendor_text": error.vendor_text or "",
        "model": request.model,
        "operation": request.operation.value,
        "alternatives": ", ".join(alternatives[:_ALTERNATIVES]),
    }
    return Notice("EndpointGone", data)
