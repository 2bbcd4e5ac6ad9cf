"""Who may tell us who somebody is: the configured OpenID provider and the health records that may open Garant, as one kind of value.

A profile only fills in what the configuration leaves open. Which people exist, and what they may do, stays ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.settings import Identity, Launch, Provider

Account: TypeAlias = Literal["login", "national_id", "ehr_user"]
OIDC: Final = "oidc"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of provider means where the configuration says nothing."""

    scopes: tuple[str, ...]
    claim: str
    account: Account
    acr_values: tuple[str, ...] = ()


PROFILES: Final[Mapping[str, Profile]] = {
    "plain": Profile(("openid", "profile"), "preferred_username", "login"),
    "keycloak": Profile(("openid", "profile"), "preferred_username", "login"),
    # The French directory of health professionals; only eidas1 is certain to be answered.
    "pro_sante_connect": Profile(("openid", "scope_all"), "SubjectNameID", "national_id", ("eidas1",)),
}


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who vouches for people.

    Args:
        id: `oidc`, or `launch:` and the health record's address.
        issuer: the provider's address, or the FHIR server's.
        secret: of our client there, None for a public client.
        claim, account: which claim names a person, and what of an account it has to be.
        acr_values, amr_values: what is accepted; empty: any.
        case: the launch parameter or claim that names the case to open.
    """

    id: str
    issuer: str
    client_id: str
    secret: str | None
    secret_in: Literal["basic", "post"]
    scopes: tuple[str, ...]
    claim: str
    account: Account
    acr_values: tuple[str, ...] = ()
    amr_values: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("RS256", "PS256", "ES256")
    case: str = ""

    @property
    def smart(self) -> bool:
        """Whether it is a health record."""
        return self.id != OIDC


def sources(identity: Identity, environ: Mapping[str, str]) -> dict[str, Source]:
    """Everybody who is configured, by id."""
    found = [] if identity.oidc is None else [_provider(identity.oidc, environ)]
    found += [_launch(launch, environ) for launch in identity.launches]
    return {source.id: source for source in found}


def launch_id(iss: str) -> str:
    """The id of a health record, by the address it names itself with."""
    return f"launch:{iss.rstrip('/')}"


def _provider(given: Provider, environ: Mapping[str, str]) -> Source:
    profile = PROFILES[given.profile]
    return Source(
        id=OIDC,
        issuer=str(given.issuer),
        client_id=given.client_id,
        secret=environ.get(given.secret_env, "") if given.secret_env else None,
        secret_in=given.secret_in,
        scopes=given.scopes or profile.scopes,
        claim=given.claim or profile.claim,
        account=given.account or profile.account,
        acr_values=given.acr_values or profile.acr_values,
        amr_values=given.amr_values,
        algorithms=given.algorithms,
    )


def _launch(given: Launch, environ: Mapping[str, str]) -> Source:
    return Source(
        id=launch_id(str(given.iss)),
        issuer=str(given.iss),
        client_id=given.client_id,
        secret=environ.get(given.secret_env, "") if given.secret_env else None,
        secret_in="basic",  # noqa: S106 - the place of the secret, not the secret
        scopes=given.scopes,
        claim=given.claim,
        account=given.account,
        case=given.case,
    )
