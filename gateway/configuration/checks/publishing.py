"""What the log's publication needs: a policy file that can be read, a second volume that is a second one."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal

from gateway.audit.note import NoteError
from gateway.audit.outside.policy import read_policy
from gateway.configuration.checks.reaching import LOOPBACK
from gateway.configuration.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.settings import Bucket, Settings


def publishing(settings: Settings) -> Iterator[Finding]:
    """Every problem of `[publication]`."""
    given = settings.publication
    if given.policy is not None:
        yield from _policy(given.policy)
    for n, bucket in enumerate(given.buckets):
        yield from _bucket(("publication", "buckets", n), bucket, settings.profile)
    if given.anchor_directory is not None and given.anchor_directory == given.directory:
        cause = "the second volume and the published folder are the same"
        yield Finding(("publication", "anchor_directory"), cause, "name a folder on another volume")
    if given.anchor_directory is None and given.policy is None and settings.profile == "production":
        cause = "a database restored to an older state would go unnoticed: nothing outside it knows the newest state of the log"
        yield Finding(("publication",), cause, "set anchor_directory on another volume, or a policy with witnesses", "warning")


def _bucket(path: tuple[str | int, ...], bucket: Bucket, profile: str) -> Iterator[Finding]:
    if find_spec("obstore") is None:
        yield Finding(path, "the package for buckets is not installed", "pip install 'garant[s3]', or remove the bucket")
    if bucket.endpoint is not None and bucket.endpoint.scheme == "http" and bucket.endpoint.host not in LOOPBACK:
        severe: Literal["error", "warning"] = "error" if profile == "production" else "warning"
        yield Finding((*path, "endpoint"), f"entries of the log would travel to '{bucket.id}' unencrypted", "use https", severe)


def _policy(path: Path) -> Iterator[Finding]:
    try:
        policy = read_policy(path.read_bytes())
    except (OSError, NoteError) as error:
        yield Finding(
            ("publication", "policy"), f"the policy file cannot be used ({error})", "correct the path or the file (C2SP tlog-policy)"
        )
        return
    if not any(witness.url for witness in policy.witnesses):
        cause = "the policy names no witness with an address, so nobody cosigns"
        yield Finding(("publication", "policy"), cause, "add the witness's submission address at the end of its line", "warning")
