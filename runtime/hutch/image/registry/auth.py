"""Authorization: the challenge of a registry (RFC 9110, 11.6.1) and the client's answer.

With Basic, the client sends the credentials to the registry. With Bearer, it sends them to the
*realm* that the registry names, and sends the token that it gets to the registry (distribution's
token spec). So the realm must follow the same rules as a redirect (S-75).
"""

import json
import re
import threading
import time
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from hutch.image.errors import RegistryError
from hutch.image.limits import TOKEN_BYTES
from hutch.image.registry.credentials import Credentials
from hutch.image.registry.reply import Reply
from hutch.image.registry.target import Sender, Target
from hutch.image.registry.transport import Transport

WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
PARAMETER = re.compile(rf'({WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))(?=[\s,]|$)')
SCHEME = re.compile(rf"({WORD})(?:\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))|\s+|(?=,|$))")
COMMAS = re.compile(r"[\s,]*")
TOKEN_SECONDS = 60  # the token spec: a token without expires_in lives this long
MARGIN = 10
LONGEST = 1 << 31  # seconds; a longer lifetime is not believed
VISIBLE = re.compile(r"[!-~]+")
CLIENT = "warren"


class Denied(RegistryError):
    """The token server gives no token for these credentials, or needs credentials."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a WWW-Authenticate header, in lower case, with its parameters."""

    scheme: str
    parameters: dict[str, str]


def challenges(header: str) -> list[Challenge]:
    """The challenges in a header, or in several headers joined by commas (RFC 9110, 11.6.1).

    Commas separate challenges, and also the parameters of one challenge. A scheme may have
    parameters, one token68 (Negotiate, NTLM) or nothing. Parsing ends at the first syntax error.
    """
    found: list[Challenge] = []
    at = COMMAS.match(header, 0).end()  # type: ignore[union-attr]
    while at < len(header):
        parameter = PARAMETER.match(header, at) if found else None
        scheme = None if parameter else SCHEME.match(header, at)
        if parameter:
            value = parameter[2] if parameter[2] is not None else parameter[3]
            found[-1].parameters.setdefault(parameter[1].lower(), re.sub(r"\\(.)", r"\1", value))
        elif scheme:
            found.append(Challenge(scheme[1].lower(), {}))
        else:
            break
        at = COMMAS.match(header, (parameter or scheme).end()).end()  # type: ignore[union-attr]
    return found


class Authorizer:
    """Answers the challenges of one registry, and keeps one token for each set of scopes. Can be
    used by several threads."""

    def __init__(self, transport: Transport, credentials: Credentials | None) -> None:
        self._transport = transport
        self._credentials = credentials
        self._challenge: Challenge | None = None
        self._challenger: Sender | None = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def challenged(self, reply: Reply) -> bool:
        """Remembers the challenge of a 401 reply. Returns whether it can be answered."""
        offered = challenges(reply.header("www-authenticate"))
        bearer = (c for c in offered if c.scheme == "bearer" and c.parameters.get("realm"))
        basic = (c for c in offered if c.scheme == "basic")
        chosen = next(bearer, None) or next(basic, None)
        if chosen is None:
            return False
        self._challenger = reply.sender
        self._challenge = chosen
        return chosen.scheme == "bearer" or self._credentials is not None

    def header(self, scopes: list[str]) -> dict[str, str]:
        """The Authorization header for a request that needs ``scopes``; {} before the first
        challenge."""
        if self._challenge is None:
            return {}
        if self._challenge.scheme == "basic":
            return {"Authorization": self._credentials.basic} if self._credentials else {}
        with self._lock:
            key = " ".join(scopes)
            token, until = self._tokens.get(key, ("", 0.0))
            if time.monotonic() >= until:
                token, seconds = self._fetch(scopes)
                self._tokens[key] = (token, time.monotonic() + max(seconds - MARGIN, 1))
        return {"Authorization": f"Bearer {token}"}

    def refused(self, scopes: list[str]) -> None:
        """Drops a token that the registry refused, so that the next request gets a new one."""
        with self._lock:
            self._tokens.pop(" ".join(scopes), None)

    def _fetch(self, scopes: list[str]) -> tuple[str, float]:
        assert self._challenge is not None and self._challenger is not None
        parameters = self._challenge.parameters
        realm = self._challenger.step(parameters["realm"], "token realm")
        service = parameters.get("service", "")
        if self._credentials is not None and self._credentials.identity_token:
            return self._refresh(realm, service, scopes)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers = {}
        if self._credentials is not None:
            query.append(("account", self._credentials.user))
            headers["Authorization"] = self._credentials.basic
        asked = replace(realm, url=realm.url.with_query(urlencode(query)))
        return self._token(self._transport.request("GET", asked, headers), realm)

    def _refresh(self, realm: Target, service: str, scopes: list[str]) -> tuple[str, float]:
        assert self._credentials is not None
        form = urlencode(
            {
                "grant_type": "refresh_token",
                "refresh_token": self._credentials.identity_token,
                "service": service,
                "client_id": CLIENT,
                "scope": " ".join(scopes),
            }
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._token(self._transport.request("POST", realm, headers, form.encode()), realm)

    @staticmethod
    def _token(reply: Reply, realm: Target) -> tuple[str, float]:
        what = f"token from {realm.url.shown}"
        if reply.status in (401, 403):
            raise Denied(f"{what}: {reply.error_text()}")
        if reply.status != 200:
            raise RegistryError(f"{what}: {reply.error_text()}")
        try:
            document = json.loads(reply.whole(TOKEN_BYTES, what))
            token = document.get("token") or document.get("access_token")
            seconds = document.get("expires_in") or TOKEN_SECONDS
        except (ValueError, AttributeError, RecursionError):
            raise RegistryError(f"{what}: the reply has no token") from None
        if not isinstance(token, str) or not token:
            raise RegistryError(f"{what}: the reply has no token")
        # The token becomes part of a header; a line break in it would begin another header.
        if not VISIBLE.fullmatch(token):
            raise RegistryError(f"{what}: a token with characters that a header cannot have")
        timed = isinstance(seconds, int | float) and 0 <= seconds < LONGEST
        return token, float(seconds) if timed else TOKEN_SECONDS
