"""What a page shows once after a form: it travels in a cookie that only this sign-in can open, and is gone when it was shown.

So a reload repeats nothing, a new key or password stands on one page and in no table, and it works whichever replica answers.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

from cryptography.fernet import Fernet, InvalidToken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Response

    from gateway.identity.sessions import Session
    from gateway.web.rendering import Visitor

COOKIE: Final = "garant_shown"
PATH: Final = "/administration"
SECONDS: Final = 120


def keep(answer: Response, seen: Visitor, session: Session, what: Mapping[str, str]) -> Response:
    """The answer, which takes along what the next page shows."""
    sealed = _fernet(seen, session).encrypt(json.dumps(dict(what)).encode()).decode()
    secure = seen.parts.settings.server.public_url.startswith("https:")
    answer.set_cookie(COOKIE, sealed, max_age=SECONDS, path=PATH, secure=secure, httponly=True, samesite="strict")
    return answer


def taken(seen: Visitor, session: Session) -> dict[str, str]:
    """What was kept for this sign-in less than two minutes ago, or nothing."""
    sealed = seen.request.cookies.get(COOKIE, "")
    try:
        found = json.loads(_fernet(seen, session).decrypt(sealed, ttl=SECONDS))
    except (InvalidToken, ValueError):
        return {}
    return {str(name): str(value) for name, value in found.items()}


def forget(answer: Response) -> None:
    """Take the cookie back."""
    answer.delete_cookie(COOKIE, path=PATH)


def _fernet(seen: Visitor, session: Session) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(seen.parts.keys.hidden("shown_once", session.token)))
