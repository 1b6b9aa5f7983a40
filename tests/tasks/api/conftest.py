"""The people whom these tests speak for."""

from tests.api_client import ana, ben, boss, echo

__all__ = ["ana", "ben", "boss", "echo"]
