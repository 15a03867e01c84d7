"""The fixtures of the session's tests, for what needs a whole client."""

from tests.session.conftest import built, house

__all__ = ["built", "house"]
