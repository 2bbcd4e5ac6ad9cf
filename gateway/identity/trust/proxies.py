"""From where a request comes: whose X-Forwarded-For is believed, by address or by network (CIDR).

Promise: nobody but a trusted proxy says who is behind it, and it is read from its end: what a stranger wrote stands before
what the proxies added. Pure.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

Network: TypeAlias = IPv4Network | IPv6Network
Address: TypeAlias = IPv4Address | IPv6Address


def network(text: str) -> Network:
    """One address or network. Raises ValueError: no address, or a network whose host bits are set."""
    return ip_network(text.strip())


def client_address(peer: str, forwarded: str, trusted: Sequence[str]) -> str:
    """Who is behind the trusted proxies.

    Args:
        peer: whoever has connected, as text; "" where that is no address.
        forwarded: the X-Forwarded-For header.
        trusted: addresses and networks of proxies, each sound.
    """
    if not _within(peer, tuple(trusted)):
        return peer
    hops = (_without_port(hop.strip()) for hop in reversed(forwarded.split(",")) if hop.strip())
    return next((hop for hop in hops if not _within(hop, tuple(trusted))), peer)


def _within(text: str, trusted: tuple[str, ...]) -> bool:
    found = _address(text)
    return found is not None and any(found in one for one in _networks(trusted))


@lru_cache(maxsize=8)
def _networks(trusted: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(network(one) for one in trusted)


def _address(text: str) -> Address | None:
    """An address; an IPv4 one that came over an IPv6 socket as itself."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _without_port(hop: str) -> str:
    """`192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write them, without the port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
