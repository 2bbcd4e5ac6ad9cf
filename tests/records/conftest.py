"""One gateway for all tests of a file."""

from tests.staged import shared, stage

__all__ = ["shared", "stage"]
