"""Fixtures: a client on a real sandbox."""

from tests.client.conftest import build_harness, client, harness, manual_harness

__all__ = ["build_harness", "client", "harness", "manual_harness"]
