"""When an ID token is believed: everything as it has to be, or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from gateway.identity.oidc.profiles import sources
from gateway.identity.oidc.tokens import MAX_BYTES, Expected, TokenRefusedError, believed, key_id
from gateway.settings import Identity

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
RSA = RSAKey.generate_key(2048, {"kid": "r1"})
EXPECTED = Expected("https://idp.example", "garant", "nonce-1", NOW, ("ES256", "RS256"))
GOOD: dict[str, object] = {
    "iss": "https://idp.example",
    "aud": "garant",
    "sub": "s",
    "nonce": "nonce-1",
    "iat": SECONDS,
    "exp": SECONDS + 60,
    "auth_time": SECONDS - 5,
    "acr": "2",
    "amr": ["pwd", "otp"],
}


def token(claims: dict[str, object], key: ECKey | RSAKey | OctKey = KEY, algorithm: str = "ES256") -> str:
    return jwt.encode({"alg": algorithm, "kid": "k1"}, dict(claims), key, algorithms=[algorithm])


def code(claims: dict[str, object], expected: Expected = EXPECTED) -> str:
    with pytest.raises(TokenRefusedError) as refused:
        believed(token(claims), [KEY], expected)
    return str(refused.value)


@pytest.mark.parametrize(("key", "algorithm"), [(KEY, "ES256"), (RSA, "RS256")])
def test_a_token_that_says_everything_as_it_has_to_be_is_believed(key: ECKey | RSAKey, algorithm: str) -> None:
    claims = believed(token(GOOD, key, algorithm), [KEY, RSA], EXPECTED)
    assert (claims.subject, claims.acr, claims.authenticated_at) == ("s", "2", NOW - timedelta(seconds=5))


REFUSED: list[tuple[dict[str, object], str]] = [
    ({"iss": "https://idp.example/"}, "token_issuer"),
    ({"aud": ["other"]}, "token_audience"),
    ({"aud": None}, "token_audience"),
    ({"azp": "other"}, "token_authorised_party"),
    ({"aud": ["garant", "other"]}, "token_authorised_party"),
    ({"nonce": "nonce-2"}, "token_nonce"),
    ({"nonce": ""}, "token_lacks_nonce"),
    ({"sub": ""}, "token_lacks_sub"),
    ({"sub": 7}, "token_lacks_sub"),
    ({"exp": SECONDS - 61}, "token_expired"),
    ({"exp": "soon"}, "token_lacks_exp"),
    ({"exp": True}, "token_lacks_exp"),
    ({"exp": 1e300}, "token_lacks_exp"),
    ({"iat": SECONDS + 61}, "token_not_of_now"),
    ({"iat": SECONDS - 601}, "token_not_of_now"),
    ({"nbf": SECONDS + 61}, "token_not_of_now"),
    ({"auth_time": SECONDS + 61}, "token_stale_proof"),
    ({"acr": 7}, "token_lacks_acr"),
]


@pytest.mark.parametrize(("change", "expected"), REFUSED)
def test_one_wrong_claim_is_enough(change: dict[str, object], expected: str) -> None:
    assert code({**GOOD, **change}) == expected


def test_two_audiences_are_fine_where_the_token_was_made_for_us() -> None:
    assert believed(token({**GOOD, "aud": ["garant", "other"], "azp": "garant"}), [KEY], EXPECTED).subject == "s"


@pytest.mark.parametrize(
    ("more", "change", "expected"),
    [
        ({"since": NOW}, {}, "token_stale_proof"),
        ({"since": NOW - timedelta(seconds=9)}, {"auth_time": None}, "token_lacks_auth_time"),
        ({"acr": ("3",)}, {}, "token_level"),
        ({"amr": ("hwk",)}, {}, "token_methods"),
        ({"amr": ("otp",)}, {"amr": "otp"}, "token_methods"),
    ],
)
def test_a_signature_asks_for_more(more: dict[str, object], change: dict[str, object], expected: str) -> None:
    assert code({**GOOD, **change}, replace(EXPECTED, **more)) == expected  # type: ignore[arg-type]


def test_a_token_that_does_not_say_when_its_owner_proved_anything_is_never_fresh() -> None:
    claims = believed(token({**GOOD, "auth_time": None}), [KEY], EXPECTED)
    assert NOW - claims.authenticated_at >= timedelta(minutes=15)


def test_an_algorithm_that_is_not_on_the_list_is_not_believed() -> None:
    with pytest.raises(TokenRefusedError, match="token_signature"):
        believed(token(GOOD), [KEY], replace(EXPECTED, algorithms=("RS256",)))
    secret = OctKey.import_key(b"x" * 32)
    with pytest.raises(TokenRefusedError, match="token_signature"):
        believed(token(GOOD, secret, "HS256"), [KEY, RSA], EXPECTED)


@pytest.mark.parametrize("text", ["", "a", "a.b.c", "....", "é.é.é", "e30.e30.", "x" * (MAX_BYTES + 1)])
def test_what_is_no_token_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(TokenRefusedError):
        believed(text, [KEY] if key_id(text) is None else [], EXPECTED)


def test_a_profile_fills_in_what_the_configuration_leaves_open() -> None:
    def provider(**more: object) -> tuple[object, ...]:
        oidc = {"issuer": "https://idp.example", "client_id": "garant", **more}
        found = sources(Identity.model_validate({"methods": ["oidc"], "oidc": oidc}), {})["oidc"]
        return found.scopes, found.claim, found.account, found.acr_values

    assert provider(profile="pro_sante_connect") == (("openid", "scope_all"), "SubjectNameID", "national_id", ("eidas1",))
    assert provider(profile="keycloak") == (("openid", "profile"), "preferred_username", "login", ())
    assert provider(claim="rpps", account="national_id")[1:3] == ("rpps", "national_id")
