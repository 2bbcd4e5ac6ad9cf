"""Every entry reaches the SIEM, in order, each once in effect, also after outages and connections that broke off."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from gateway.audit.outside.syslog import framed
from gateway.audit.publication.stored import Reached
from gateway.audit.siem.sending import SiemPlace, context_of
from gateway.errors import Misconfigured
from tests.audit.ground import ORIGIN
from tests.audit.published import Living, living
from tests.audit.story import held
from tests.fakes.siem import Siem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@asynccontextmanager
async def receiving(folder: Path) -> AsyncIterator[tuple[Siem, SiemPlace]]:
    siem = Siem(folder)
    await siem.start()
    try:
        yield siem, SiemPlace("soc", "127.0.0.1", siem.port, context_of(siem.authority, None, None), ORIGIN)
    finally:
        await siem.stop()


async def in_effect(log: Living, siem: Siem) -> bool:
    """Whether the receiver, counting each index once, has exactly the log."""
    leaves = await log.stored.leaves(0, 10**6)
    return dict(siem.messages) == dict(enumerate(leaves)) and sorted(dict(siem.messages)) == list(
        dict.fromkeys(n for n, _ in siem.messages)
    )


async def test_entries_arrive_in_order_and_nothing_is_sent_twice(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        for count in (3, 1, 40):
            await log.grow(count)
            await log.publish(place)
        assert (await in_effect(log, siem), len(siem.messages)) == (True, 44)


async def test_an_outage_is_caught_up(database_url: str, tmp_path: Path) -> None:
    """The control: while it is away, the lag is told and nothing arrives."""
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        await log.grow(3)
        await log.publish(place)
        await siem.stop()
        await log.grow(50)
        (lag,) = (await log.publish(place)).lags()
        assert (lag.entries, len(siem.messages), lag.reached.problem != "") == (50, 3, True)
        await siem.start()
        await log.publish(place)
        assert (await in_effect(log, siem), len(siem.messages)) == (True, 53)


async def test_a_connection_that_breaks_off_loses_nothing(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.audit.siem.sending.PIECE", 10)
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        await log.grow(45)
        for cut in (5_000, 12_000):
            siem.cut_after = cut
            await log.publish(place)
        (lag,) = (await log.publish(place)).lags()
        assert (await in_effect(log, siem), lag.entries) == (True, 0)
        assert 45 <= len(siem.messages) <= 45 + 2 * 10


async def test_without_a_kept_position_everything_would_come_again(database_url: str, tmp_path: Path) -> None:
    """The control: the position is what keeps entries from being sent twice."""
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        state = await log.grow(5)
        for _ in range(2):
            await place.bring(log.stored, state, Reached(place.name))
        assert len(siem.messages) == 10


async def test_a_receiver_with_another_certificate_gets_nothing(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        wrong = SiemPlace("soc", "127.0.0.1", place.port, context_of(Siem(tmp_path / "other").authority, None, None), ORIGIN)
        await log.grow(2)
        (lag,) = (await log.publish(wrong)).lags()
        assert (siem.messages, lag.entries) == ([], 2)


def test_a_message_has_the_form_of_rfc_5424() -> None:
    leaf = held().leaves()[0]
    wire = framed(7, leaf, "gateway.example/garant/ward")
    length, _, message = wire.partition(b" ")
    assert int(length) == len(message)
    assert message.startswith(b'<109>1 2026-01-02T03:04:06.000000Z gateway.example garant - received [garant@32473 index="7" id="')
    assert message.endswith(b"\xef\xbb\xbf" + leaf)


def test_certificates_that_cannot_be_read_are_said_at_start(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be used"):
        context_of(tmp_path / "missing.pem", None, None)
