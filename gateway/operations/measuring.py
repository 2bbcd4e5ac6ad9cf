"""The ledger, handed to `impact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import usage
from gateway.database import connect

if TYPE_CHECKING:
    from impact.ledger import UsageRecord

    from gateway.settings import Settings


async def records(settings: Settings, url: str) -> list[UsageRecord]:
    """Every ledger row, in log order."""
    connection = await connect(url)
    try:
        return [record async for record in usage.read(connection, settings.establishment.id)]
    finally:
        await connection.close()
