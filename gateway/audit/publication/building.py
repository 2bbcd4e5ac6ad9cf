"""The places of a configuration, in the order in which a state is brought to them: second volume, witnesses, authorities, SIEM, folder, buckets."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gateway.audit.bucket.objects import objects_of
from gateway.audit.note import NoteError
from gateway.audit.outside.policy import read_policy
from gateway.audit.publication.anchors import Anchors
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import BUCKET, AnchorPlace, FolderPlace, Place, TimestampPlace, WitnessPlace
from gateway.audit.siem.sending import SiemPlace, context_of
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.audit.note import VerifierKey
    from gateway.audit.outside.policy import Policy
    from gateway.outbound import Outbound
    from gateway.settings import Settings


def places_of(settings: Settings, vkeys: Sequence[VerifierKey], outbound: Outbound) -> tuple[Place, ...]:
    """Every place that the configuration names. Raises Misconfigured where the policy file, or a package, cannot be used."""
    given, places = settings.publication, list[Place]()
    if given.anchor_directory is not None:
        places.append(AnchorPlace(Anchors(given.anchor_directory / settings.establishment.id), vkeys))
    for witness in policy_of(given.policy).witnesses if given.policy is not None else ():
        if witness.url:
            places.append(WitnessPlace(witness, partial(outbound.ask, whom=f"witness {witness.name}", seconds=5.0), vkeys))
    for authority in given.timestamps:
        ask = partial(outbound.ask, whom=f"timestamping authority {authority.id}", seconds=8.0)
        places.append(TimestampPlace(authority.id, str(authority.url), authority.every_seconds, ask))
    for siem in given.siem:
        context = context_of(siem.authority, siem.certificate, siem.key)
        places.append(SiemPlace(siem.id, siem.host, siem.port, context, settings.establishment.origin))
    if given.directory is not None:
        places.append(FolderPlace(Folder(given.directory, vkey_lines(vkeys)), vkeys))
    for bucket in given.buckets:
        objects = objects_of(bucket, settings.establishment.origin, vkey_lines(vkeys))
        places.append(FolderPlace(objects, vkeys, f"{BUCKET}{bucket.id}"))
    return tuple(places)


def policy_of(path: Path) -> Policy:
    """The policy in a file. Raises Misconfigured."""
    try:
        return read_policy(path.read_bytes())
    except (OSError, NoteError) as error:
        message = (
            f"The witness policy {path} cannot be used ({error}). Correct publication.policy in the configuration, or the file itself; "
            "its form is C2SP tlog-policy."
        )
        raise Misconfigured(message, code="policy_file_unusable") from error


def vkey_lines(vkeys: Sequence[VerifierKey]) -> str:
    """The public keys, one a line."""
    return "".join(f"{key.encode()}\n" for key in vkeys)
