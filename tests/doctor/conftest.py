"""Fixtures: a client on a real sandbox."""

from tests.client.conftest import built, client, house, still

__all__ = ["built", "client", "house", "still"]
