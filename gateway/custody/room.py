"""The room's parts, built once for a replica or a command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.custody.clocks.retention import Retaining
from gateway.custody.erasing import Erasing
from gateway.custody.holding import Holding
from gateway.custody.reading import Stock

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.operations.keys import Keys
    from gateway.settings import Settings
    from gateway.suggestions.repository import Suggestions


@dataclass(frozen=True, slots=True)
class Custody:
    """Erasure by two people, legal holds, and the clocks of retention."""

    stock: Stock
    erasing: Erasing
    holding: Holding
    retaining: Retaining


def custody(
    settings: Settings,
    keys: Keys,
    url: str,
    sessions: async_sessionmaker[AsyncSession],
    writer: Writer,
    suggestions: Suggestions,
    clock: Clock,
) -> Custody:
    """Build it."""
    stock = Stock(sessions, settings.establishment.id)
    return Custody(
        stock,
        Erasing(stock, settings, writer, keys, clock),
        Holding(stock, settings, writer, clock),
        Retaining(url, settings, writer, keys, stock, suggestions, clock),
    )
