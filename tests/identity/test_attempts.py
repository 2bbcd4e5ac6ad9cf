"""An attacker is slowed, the ward is not."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Slowed
from gateway.identity.attempts import Origin
from gateway.identity.passwords import Passwords
from gateway.identity.roles import Role
from gateway.ids import uuid7

if TYPE_CHECKING:
    import httpx

    from tests.identity.stage import Stage

ATTACKER, WARD = "203.0.113.5", "198.51.100.4"


def at(stage: Stage, address: str) -> httpx.AsyncClient:
    """A browser at an address, behind the trusted proxy."""
    client = stage.client()
    client.headers["x-forwarded-for"] = f"10.0.0.1, {address}"
    return client


async def tries(client: httpx.AsyncClient, login: str, password: str | None = None, count: int = 1) -> list[int]:
    body = {"login": login, "password": password or "not this one"}
    return [(await client.post("/api/session", json=body)).status_code for _ in range(count)]


async def waits(stage: Stage, login: str, origin: Origin) -> int:
    """Seconds that an attempt has to wait; 0 where it is looked at."""
    try:
        await stage.parts.attempts.admit(login, origin)
    except Slowed as slowed:
        return slowed.seconds
    return 0


async def test_an_attacker_waits_twice_as_long_after_each_failure(stage: Stage) -> None:
    stage.clock.stop()
    login, found = uuid7().hex, []
    for _ in range(16):
        while seconds := await waits(stage, login, Origin(ATTACKER)):
            found.append(seconds)
            stage.clock.shift += timedelta(seconds=seconds)
    assert found == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


async def test_many_at_once_gain_nothing(stage: Stage) -> None:
    stage.clock.stop()
    _, login, _ = await stage.account(Role.CLINICIAN)
    async with at(stage, "203.0.113.10") as attacker:
        answers = await asyncio.gather(*(tries(attacker, login) for _ in range(20)))
    codes = [code for [code] in answers]
    assert (set(codes), codes.count(401) <= 4) == ({401, 429}, True)


async def test_the_ward_signs_in_while_an_attacker_fails_on_all_its_accounts(stage: Stage) -> None:
    stage.clock.stop()
    accounts = [await stage.account(Role.CLINICIAN) for _ in range(3)]
    async with at(stage, ATTACKER) as attacker, at(stage, WARD) as ward:
        for _, login, _ in accounts:
            assert 429 in await tries(attacker, login, count=6)
        assert [await tries(ward, login, password) for _, login, password in accounts] == [[201]] * 3


async def test_a_known_device_is_never_delayed_by_strangers_at_the_same_address(stage: Stage) -> None:
    stage.clock.stop()
    _, login, password = await stage.account(Role.CLINICIAN)
    async with at(stage, WARD) as known, at(stage, WARD) as stranger:
        assert await tries(known, login, password) == [201]
        assert 429 in await tries(stranger, login, count=6)
        assert await tries(stranger, login, password) == [429]
        assert await tries(known, login, password) == [201]


async def test_a_device_known_to_one_person_is_a_stranger_to_another_s_account(stage: Stage) -> None:
    stage.clock.stop()
    (_, own, password), (_, other, _) = await stage.account(Role.CLINICIAN), await stage.account(Role.CLINICIAN)
    async with at(stage, WARD) as colleague, at(stage, WARD) as stranger:
        assert await tries(colleague, own, password) == [201]
        assert 429 in await tries(stranger, other, count=6)
        assert await tries(colleague, other) == [429]


async def test_a_stolen_device_gives_no_endless_guesses(stage: Stage) -> None:
    stage.clock.stop()
    _, login, password = await stage.account(Role.CLINICIAN)
    async with at(stage, WARD) as device:
        assert await tries(device, login, password) == [201]
        assert await tries(device, login, count=6) == [401] * 4 + [429] * 2


async def test_a_forged_device_cookie_is_no_device(stage: Stage) -> None:
    _, login, password = await stage.account(Role.CLINICIAN)
    async with at(stage, WARD) as known:
        await tries(known, login, password)
        cookie = known.cookies["__Host-garant_device"]
    forged = cookie[:-6] + ("A" * 6 if cookie[-6:] != "A" * 6 else "B" * 6)
    genuine = await stage.parts.attempts.admit(login, Origin(WARD, cookie))
    assert (genuine.known, (await stage.parts.attempts.admit(login, Origin(WARD, forged))).known) == (True, False)


async def test_trying_many_logins_from_one_address_is_slowed_as_well(stage: Stage) -> None:
    stage.clock.stop()
    found = [await waits(stage, f"nobody.{n}", Origin("203.0.113.77")) for n in range(36)]
    assert (set(found[:31]), set(found[32:])) == ({0}, {1})


async def test_a_shift_that_begins_at_one_address_is_not_slowed(stage: Stage) -> None:
    for n in range(40):
        await stage.parts.attempts.succeeded(await stage.parts.attempts.admit(f"colleague.{n}", Origin("198.51.100.80")))


async def test_two_who_arrive_in_the_same_moment_do_not_slow_each_other(stage: Stage) -> None:
    """Whoever was received a moment earlier may be counted a moment later, also by a replica whose clock is behind."""
    stage.clock.stop()
    await stage.parts.attempts.admit("colleague.a", Origin("198.51.100.81"))
    stage.clock.shift -= timedelta(milliseconds=3)
    assert await waits(stage, "colleague.b", Origin("198.51.100.81")) == 0


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [("203.0.113.9", "203.0.113.9"), ("1.2.3.4, 203.0.113.9", "203.0.113.9"), ("203.0.113.9, 127.0.0.1", "203.0.113.9"), ("", "127.0.0.1")],
)
async def test_the_address_is_the_last_one_that_the_trusted_proxy_added(stage: Stage, forwarded: str, seen: str) -> None:
    stage.clock.stop()
    _, login, _ = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        client.headers["x-forwarded-for"] = forwarded
        await tries(client, login, count=5)
    with pytest.raises(Slowed):
        await stage.parts.attempts.admit(login, Origin(seen))


def test_of_a_long_address_the_customer_s_part_counts() -> None:
    assert Origin("2001:db8:1:2:3::4").neighbourhood == Origin("2001:db8:1:2:ffff::1").neighbourhood == "2001:db8:1:2::/64"
    assert Origin("198.51.100.4").neighbourhood == "198.51.100.4"


async def test_hashing_has_a_lane_for_people_we_know(stage: Stage) -> None:
    passwords = Passwords(at_once=1, waiting=1)
    flood = [asyncio.create_task(passwords.verify(None, "guess", known=False)) for _ in range(6)]
    await asyncio.sleep(0)
    assert await passwords.verify(await passwords.hash("seven herons"), "seven herons", known=True)
    outcomes = await asyncio.gather(*flood, return_exceptions=True)
    assert sum(isinstance(one, Slowed) for one in outcomes) == 4


async def test_an_address_with_many_failures_delays_a_colleague_there_by_seconds_and_never_longer_for_trying(stage: Stage) -> None:
    """An attacker behind the ward's own address must not make its people fail by being sent away."""
    stage.clock.stop()
    ward = Origin("198.51.100.77")
    for _ in range(40):
        await waits(stage, uuid7().hex, ward)
    found = []
    for _ in range(24):
        stage.clock.shift += timedelta(seconds=61)
        await waits(stage, uuid7().hex, ward)
        found.append(await waits(stage, "dr.colleague", ward))
    assert (min(found) > 0, max(found) <= 60) == (True, True)
