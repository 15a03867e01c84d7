"""The fixtures of the session's tests, for what needs a whole client."""

from tests.client.conftest import built, house

__all__ = ["built", "house"]
