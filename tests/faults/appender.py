"""A replica's writer as a process of its own: appends as fast as it may and prints what was acknowledged, after it was.

Run as `python -m tests.faults.appender URL KEYS [--asynchronous]`. The last form is the control: it lets the database
acknowledge before the disk has it, which the product never does.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from gateway.audit import writer as writer_module
from gateway.audit.batch import LogIdentity, Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.writer import Writer
from gateway.errors import GarantError
from gateway.ids import uuid7
from gateway.operations import keys as secret_files
from gateway.operations import logs

CALLERS = 24
ORIGIN = "localhost/garant/faults"


async def careless(url: str) -> Any:
    settings = {"synchronous_commit": "off", "role": "garant_app"}
    return await asyncpg.connect(url, server_settings=settings, timeout=5)


async def main(url: str, folder: Path) -> None:
    keys = secret_files.load(folder, ORIGIN)
    writer = Writer(url, LogIdentity("faults", ORIGIN, keys.log, keys.vkeys))
    while True:
        with suppress(OSError, asyncpg.PostgresError, TimeoutError):
            await writer.start()
            break
        await asyncio.sleep(0.1)
    await asyncio.gather(*(append(writer) for _ in range(CALLERS)))


async def append(writer: Writer) -> None:
    while True:
        event = Event(uuid7(), EventType.AUTH_OK, datetime.now(UTC), "system:test", "system", detail={"act": "login"})
        try:
            receipt = await writer.append(Write((event,)))
        except GarantError:
            await asyncio.sleep(0.05)
            continue
        sys.stdout.write(f"{event.id} {receipt.indexes[0]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    logs.configure("error")  # to standard error: standard output is for acknowledgements
    if "--asynchronous" in sys.argv:
        writer_module.connect = careless  # type: ignore[attr-defined]
    with suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
