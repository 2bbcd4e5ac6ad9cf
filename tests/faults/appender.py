"""One replica's writer as a process: appends as fast as it can, and prints what was acknowledged, after it was.

Lines: `A <entry id> <index>` for each acknowledged entry, `C <checkpoint as JSON>` for each checkpoint it could read.
With `GARANT_TEST_UNSAFE` its connections do not wait for the disk: the control of the fault tests, not a setting of the product.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from gateway.audit import writer as product
from gateway.audit.batch import LogIdentity, Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.writer import Writer
from gateway.database import connect
from gateway.errors import AuditUnavailable
from gateway.ids import uuid7
from gateway.operations import keys as secret_files

if TYPE_CHECKING:
    from gateway.database import Connection

ESTABLISHMENT = "one"
ORIGIN = "test.invalid/garant/one"
CALLERS = 48
AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


async def careless(url: str, **more: float) -> Connection:
    """A connection whose COMMIT does not wait for the disk."""
    connection = await connect(url, **more)  # type: ignore[arg-type] # seconds
    await connection.execute("SET synchronous_commit = off")
    return connection


def say(kind: str, text: str) -> None:
    """One line, whole, past every buffer of this process."""
    os.write(1, f"{kind} {text}\n".encode())


async def call(writer: Writer) -> None:
    """A caller who appends one entry after the other."""
    while True:
        event = Event(uuid7(), EventType.AUTH_OK, datetime.now(UTC), "p1", "clinician")
        try:
            receipt = await writer.append(Write((event,)))
        except AuditUnavailable as error:
            if error.code == "log_damaged":
                say("D", str(error))
                return
        else:
            say("A", f"{event.id} {receipt.indexes[0]}")


async def publish(url: str) -> None:
    """Print the checkpoint that everybody can read now."""
    while True:
        with suppress(*AWAY):
            connection = await connect(url)
            while True:
                say("C", json.dumps(await connection.fetchval("SELECT checkpoint FROM log_head")))
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)


async def main(url: str, folder: Path) -> None:
    """Append until killed."""
    keys = secret_files.load(folder, ORIGIN)
    writer = Writer(url, LogIdentity(ESTABLISHMENT, ORIGIN, keys.log, keys.vkeys))
    while True:
        with suppress(*AWAY):
            await writer.start()
            break
        await asyncio.sleep(0.1)
    await asyncio.gather(publish(url), *(call(writer) for _ in range(CALLERS)))


if __name__ == "__main__":
    if os.environ.get("GARANT_TEST_UNSAFE"):
        vars(product)["connect"] = careless
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
