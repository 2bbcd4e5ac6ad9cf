"""Verifies the log in the database without ever holding it whole: entries are read some thousand at a time, by whoever calls this."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.audit.publication.stored import Stored
from gateway.audit.verifier import verify
from gateway.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from gateway.audit.note import VerifierKey
    from gateway.audit.verifier import Report

AT_A_TIME: Final = 4096


def verify_stored(
    url: str, establishment: str, vkeys: Sequence[VerifierKey], told: Callable[[int, int], None] = lambda _done, _all: None
) -> Report:
    """The verifier's report on the log as it stands; blocks, so call it on a thread or a process of its own.

    Args:
        url: the database.
        establishment: whose log.
        vkeys: the keys that may have signed it.
        told: entries that are done, and how many there are.

    Raises:
        Unknown: nothing was ever written.
        OSError, asyncpg.PostgresError: the database cannot be read.
    """
    with asyncio.Runner() as runner:
        connection = runner.run(connect(url))
        try:
            stored = Stored(connection, establishment)
            state = runner.run(stored.head())
            policies, signed = runner.run(stored.policies()), runner.run(stored.assertions(0, state.size))
            kept = [one.note for one in runner.run(stored.kept_since(-1, state.size))]

            def leaves() -> Iterator[bytes]:
                for first in range(0, state.size, AT_A_TIME):
                    yield from runner.run(stored.leaves(first, min(first + AT_A_TIME, state.size)))
                    told(min(first + AT_A_TIME, state.size), state.size)

            return verify(leaves(), state.note, vkeys, policies, kept, signed)
        finally:
            runner.run(connection.close(timeout=2))
