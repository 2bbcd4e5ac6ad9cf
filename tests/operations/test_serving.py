"""The listening socket: small answers leave at once, on whichever loop."""

from __future__ import annotations

import asyncio
import socket

from gateway.operations import serving


async def delayed(listener: socket.socket) -> bool:
    """Whether a connection that is accepted here keeps small answers back for company."""
    accepted = asyncio.get_running_loop().create_future()

    class Accepted(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    server = await asyncio.get_running_loop().create_server(Accepted, sock=listener)
    _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
    kept = not await accepted
    writer.close()
    server.close()
    return kept


async def test_the_second_part_of_an_answer_does_not_wait_for_the_first_to_be_acknowledged() -> None:
    assert not await delayed(serving.bound("127.0.0.1", 0))


async def test_a_socket_that_names_no_protocol_would_wait() -> None:
    """The control."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    assert await delayed(listener)
