"""A little OpenID provider on this machine: discovery, authorisation, tokens, keys, user info; and it can lie in every way that matters.

It asks nobody anything: whoever comes to its authorisation address is the person of `claims`. A health record (SMART) is the
same provider with `smart-configuration`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

if TYPE_CHECKING:
    from types import TracebackType

CLIENT = "garant"
SECRET = "client-secret-7"


@dataclass
class IdentityProvider:
    """The provider, on a thread of its own; a context manager.

    Args:
        claims: what it says of the person, over the defaults; None takes a claim away.
        userinfo: what its user info endpoint adds.
        context: further members of the token response (the launch context of a health record).
        faults: any of `down`, `nonce`, `hmac`, `none`, `audience`, `issuer`, `unsigned_key`, `expired`, `two_audiences`, `code`.
        proven_seconds_ago: how old the person's session there is; with `max_age=0` it asks again, unless `stale` is a fault.
    """

    claims: dict[str, object | None] = field(default_factory=dict)
    userinfo: dict[str, object] = field(default_factory=dict)
    context: dict[str, object] = field(default_factory=dict)
    faults: set[str] = field(default_factory=set)
    proven_seconds_ago: float = 3600.0
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "k1", "use": "sig", "alg": "ES256"}))
    asked: list[dict[str, str]] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    port: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def __enter__(self) -> Self:
        """Start."""
        provider: IdentityProvider = self

        class Handler(_Handler):
            outer = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/realms/test"

    def new_key(self, name: str) -> None:
        """Sign with another key from now on, and publish that one alone."""
        self.key = ECKey.generate_key("P-256", {"kid": name, "use": "sig", "alg": "ES256"})

    def metadata(self) -> dict[str, object]:
        """What it publishes about itself."""
        at = f"http://127.0.0.1:{self.port}"
        endpoints = {
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "userinfo_endpoint": f"{at}/userinfo",
        }
        return {"issuer": self.issuer, **endpoints, "authorization_response_iss_parameter_supported": True}

    def authorize(self, query: dict[str, str]) -> str:
        """The address to go back to, with a code."""
        self.asked.append(query)
        code = f"code-{len(self.asked)}"
        self._codes[code] = query | {"at": str(time.time() if self._asks_again(query) else time.time() - self.proven_seconds_ago)}
        back = {"code": code, "state": query["state"], "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, object]]:
        """Status and body for a code."""
        asked = self._codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).decode().rstrip("=")
        fits = asked is not None and verifier == asked["code_challenge"] and form.get("redirect_uri") == asked["redirect_uri"]
        if asked is None or not fits or authorization != f"Basic {basic}" or "code" in self.faults:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "access-canary-5521", "token_type": "Bearer", "id_token": self._token(asked), **self.context}

    def _asks_again(self, query: dict[str, str]) -> bool:
        return query.get("max_age") == "0" and query.get("prompt") == "login" and "stale" not in self.faults

    def _token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, object | None] = {
            "iss": "https://elsewhere.invalid" if "issuer" in self.faults else self.issuer,
            "aud": {"audience": "another", "two_audiences": [CLIENT, "another"]}.get(next(iter(self.faults), ""), CLIENT),
            "sub": "subject-1",
            "nonce": "wrong" if "nonce" in self.faults else asked["nonce"],
            "iat": now,
            "exp": now - 300 if "expired" in self.faults else now + 60,
            "auth_time": int(float(asked["at"])),
            "acr": "eidas1",
            "amr": ["pwd", "otp"],
            **self.claims,
        }
        return self._signed({name: value for name, value in claims.items() if value is not None})

    def _signed(self, claims: dict[str, object]) -> str:
        if "none" in self.faults:
            parts = [json.dumps({"alg": "none", "kid": "k1"}), json.dumps(claims)]
            return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
        if "hmac" in self.faults:
            public = json.dumps(self.key.as_dict(private=False)).encode()
            return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, OctKey.import_key(public), algorithms=["HS256"])
        key = ECKey.generate_key("P-256", {"kid": str(self.key.kid)}) if "unsigned_key" in self.faults else self.key
        return jwt.encode({"alg": "ES256", "kid": str(self.key.kid)}, claims, key, algorithms=["ES256"])


class _Handler(BaseHTTPRequestHandler):
    outer: IdentityProvider

    def do_GET(self) -> None:
        """Everything but the token endpoint."""
        parts = urlsplit(self.path)
        self.outer.fetched.append(parts.path)
        if "down" in self.outer.faults:
            self.close_connection = True
        elif parts.path == "/authorize":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._send(302, {}, location=self.outer.authorize(query))
        elif parts.path == "/userinfo":
            self._send(200, {"sub": "subject-1", **self.outer.userinfo})
        elif parts.path == "/keys":
            self._send(200, {"keys": [self.outer.key.as_dict(private=False)]})
        else:
            self._send(200 if "/.well-known/" in parts.path else 404, self.outer.metadata())

    def do_POST(self) -> None:
        """The token endpoint."""
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        self.outer.fetched.append(self.path)
        if "down" in self.outer.faults or "token_down" in self.outer.faults:
            self.close_connection = True
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._send(*self.outer.redeem(form, self.headers.get("authorization", "")))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - as the library calls it
        """Say nothing."""

    def _send(self, status: int, body: dict[str, object], location: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        if location:
            self.send_header("location", location)
        self.end_headers()
        self.wfile.write(data)
