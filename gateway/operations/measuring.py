"""The ledger, handed to `impact`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import usage
from gateway.database import connect
from impact.cli import rates as print_rates

if TYPE_CHECKING:
    from gateway.settings import Settings
    from impact.ledger import UsageRecord


async def records(settings: Settings, url: str) -> list[UsageRecord]:
    """Every ledger row, in log order."""
    connection = await connect(url)
    try:
        return [record async for record in usage.read(connection, settings.establishment.id)]
    finally:
        await connection.close()


async def rates(settings: Settings, url: str, *, pilot: bool, form: str) -> str:
    """What `garant impact rates` prints."""
    return print_rates(await records(settings, url), pilot=pilot, form=form)
