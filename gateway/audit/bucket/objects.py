"""The published log as objects of an S3-compatible bucket: what never changes first, `checkpoint` last.

`obstore` does the talking (extra `s3`). Signatures by passkey, which a folder appends to one file, are an object a round
(`assertions/<entries before it>.jsonl`). The key needs to read and write below the prefix; where it may not delete, partial files of
tiles that are full by now stay.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateway.audit.publication.folder import Site
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from obstore.store import S3Store

    from gateway.audit.publication.stored import State, Stored
    from gateway.settings import Bucket

_AT_ONCE: Final = 16
_SECONDS: Final = timedelta(seconds=10)
_CODE: Final = re.compile(r"<Code>(\w{1,64})</Code>")
_MISSING: Final = (
    "The configuration names a bucket, but the package that talks to S3-compatible stores is not installed. "
    "Install it with 'pip install garant[s3]', or remove [[publication.buckets]]."
)


class Objects(Site):
    """A published log below a prefix of a bucket.

    Args:
        store: where, with its credentials.
        prefix: before each name; "" or ends with a slash.
        vkey: the log's public keys, one a line.
    """

    def __init__(self, store: S3Store, prefix: str, vkey: str) -> None:
        super().__init__(vkey)
        self._store = store
        self._prefix = prefix
        self._under_way: set[asyncio.Task[None]] = set()

    async def add(self, stored: Stored, state: State) -> None:
        """Publish a state; nothing of a round that failed goes on behind it. Raises OSError, NoteError, Unknown."""
        try:
            await super().add(stored, state)
        finally:
            await self._given_up()

    async def _read(self, name: str) -> bytes | None:
        with _as_os_error():
            try:
                found = await self._store.get_async(self._prefix + name)
                return bytes(await found.bytes_async())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    async def _put(self, name: str, content: bytes) -> None:
        """Some at once; the first that fails ends the round."""
        while len(self._under_way) >= _AT_ONCE:
            await self._settle(asyncio.FIRST_COMPLETED)
        self._under_way.add(asyncio.create_task(self._sent(name, content)))

    async def _sent(self, name: str, content: bytes) -> None:
        with _as_os_error():
            await self._store.put_async(self._prefix + name, content, use_multipart=False)

    async def _settle(self, how: str = asyncio.ALL_COMPLETED) -> None:
        """Wait for what is under way. Raises OSError where something was not taken; the rest is given up then."""
        if self._under_way:
            done, self._under_way = await asyncio.wait(self._under_way, return_when=how)
            failed = [error for task in done if (error := task.exception()) is not None]
            if failed:
                await self._given_up()
                raise failed[0]

    async def _given_up(self) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way = set()

    async def _keep(self, lines: bytes, since: int) -> None:
        if lines:
            await self._put(f"assertions/{since}.jsonl", lines)

    async def _tidy(self, folders: Sequence[str]) -> None:
        from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

        try:
            for name in folders:
                found = await self._store.list(f"{self._prefix}{name}/").collect_async()
                await self._store.delete_async([one["path"] for one in found])
        except (BaseError, OSError):
            return  # the log is published; what is no longer needed does no harm


@contextmanager
def _as_os_error() -> Iterator[None]:
    """What goes wrong in the store, in words, as what the publisher notes and tries again."""
    from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

    try:
        yield
    except (BaseError, OSError) as error:
        code = _CODE.search(str(error))
        message = f"the store refused: {code[1]}" if code else f"the store could not be reached, or did not answer ({type(error).__name__})"
        raise OSError(message) from error


def objects_of(bucket: Bucket, origin: str, vkey: str, environ: Mapping[str, str] = os.environ) -> Objects:
    """The published log of a bucket in the configuration. Raises Misconfigured where `obstore` is missing."""
    try:
        from obstore.store import S3Store  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise Misconfigured(_MISSING, code="bucket_package_missing") from error
    given = {"endpoint": str(bucket.endpoint).rstrip("/")} if bucket.endpoint is not None else {}
    plain = bucket.endpoint is not None and bucket.endpoint.scheme == "http"
    store = S3Store(
        bucket.name,
        region=bucket.region,
        access_key_id=environ.get(bucket.key_id_env, ""),
        secret_access_key=environ.get(bucket.secret_env, ""),
        client_options={"timeout": _SECONDS, "connect_timeout": _SECONDS / 2, "allow_http": plain},
        retry_config={"max_retries": 2, "retry_timeout": _SECONDS},
        **given,  # type: ignore[arg-type] # a keyword by name
    )
    return Objects(store, bucket.prefix or f"{origin}/", vkey)
