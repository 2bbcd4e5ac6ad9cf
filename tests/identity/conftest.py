"""Fixtures of this room."""

from tests.identity.fixtures import identity_database, identity_keys, stage

__all__ = ["identity_database", "identity_keys", "stage"]
