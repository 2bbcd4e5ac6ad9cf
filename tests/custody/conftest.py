"""One gateway for all tests of a file, with a second person of the quality department."""

from tests.staged import shared, stage

__all__ = ["shared", "stage"]
