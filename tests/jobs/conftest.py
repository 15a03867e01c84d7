"""The fixtures of the session's tests, for what needs a whole client."""

from tests.client.conftest import build_harness, harness

__all__ = ["build_harness", "harness"]
