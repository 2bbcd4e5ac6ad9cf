"""A code becomes what a provider tells of a person; the tokens live in this call's variables and nowhere else."""

from __future__ import annotations

import hmac
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urljoin

from gateway.errors import UpstreamFailed
from gateway.identity.oidc.documents import parsed
from gateway.identity.oidc.tokens import Claims, Expected, TokenRefusedError, believed, key_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.identity.oidc.documents import Documents, Metadata
    from gateway.identity.oidc.profiles import Source
    from gateway.outbound import Outbound

_OK: Final = 200
_SERVER_FAILED: Final = 500


@dataclass(frozen=True, slots=True)
class Told:
    """What a provider told: the claims, how it calls the person, and the texts of a launch's context."""

    claims: Claims
    name: str
    context: Mapping[str, str]


class Exchange:
    """Redeems codes.

    Args:
        outbound: the only HTTP client.
        documents: endpoints and keys.
    """

    def __init__(self, outbound: Outbound, documents: Documents) -> None:
        self._outbound = outbound
        self._documents = documents

    async def redeem(self, source: Source, code: str, verifier: str, redirect: str, expected: Expected) -> Told:
        """What the code stands for.

        Raises:
            TokenRefusedError: the answer proves nothing.
            UpstreamFailed: the provider is down.
        """
        metadata = await self._documents.metadata(source)
        answer = await self._token(source, metadata, {"code": code, "code_verifier": verifier, "redirect_uri": redirect})
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise TokenRefusedError("token_missing")
        claims = believed(token, await self._documents.keys(metadata, key_id(token)), expected)
        name = claims.all.get(source.claim) or await self._userinfo(metadata, answer, claims, source.claim)
        if not isinstance(name, str) or not name:
            raise TokenRefusedError("claim_missing")
        context = {key: value for key, value in {**claims.all, **answer}.items() if isinstance(value, str) and not key.endswith("_token")}
        return Told(claims, _absolute(source, name), context)

    async def _token(self, source: Source, metadata: Metadata, form: Mapping[str, str]) -> dict[str, object]:
        body = {"grant_type": "authorization_code", "client_id": source.client_id, **form}
        headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"accept", b"application/json")]
        if source.secret is not None and source.secret_in == "basic":  # noqa: S105 - the place of the secret, not the secret
            pair = f"{quote(source.client_id, safe='')}:{quote(source.secret, safe='')}"
            headers.append((b"authorization", b"Basic " + b64encode(pair.encode())))
        elif source.secret is not None:
            body["client_secret"] = source.secret
        answer = await self._outbound.ask("POST", metadata.token, tuple(headers), urlencode(body).encode())
        if answer.status >= _SERVER_FAILED:
            raise UpstreamFailed("The identity provider failed.", code="provider_failed")
        document = parsed(answer.body) if answer.status == _OK else None
        if document is None:
            raise TokenRefusedError("code_refused")
        return document

    async def _userinfo(self, metadata: Metadata, answer: Mapping[str, object], claims: Claims, name: str) -> object:
        """The claim, from where a provider keeps more of them; it has to speak of the same person."""
        access = answer.get("access_token")
        if metadata.userinfo is None or not isinstance(access, str) or not access.isascii() or not access.isprintable():
            return None
        told = await self._outbound.ask("GET", metadata.userinfo, ((b"authorization", b"Bearer " + access.encode()),))
        document = parsed(told.body) if told.status == _OK else None
        if document is None or not hmac.compare_digest(str(document.get("sub", "")).encode(), claims.subject.encode()):
            raise TokenRefusedError("userinfo_of_another")
        return document.get(name)


def _absolute(source: Source, name: str) -> str:
    """A health record may name its users relative to itself."""
    return urljoin(f"{source.issuer.rstrip('/')}/", name) if source.smart and source.claim == "fhirUser" else name
