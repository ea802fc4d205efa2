"""Authorization: a registry's challenge (RFC 9110, 11.6.1) and our answer to it.

Basic sends the credentials to the registry itself. Bearer sends them to the *realm* that the
registry names, and the token that comes back to the registry (distribution's token spec); the realm
is therefore held to the same rules as a redirect (S-75).
"""

import json
import re
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..errors import RegistryError
from ..limits import TOKEN_BYTES
from .credentials import Credentials
from .transport import Transport, check_step, error_text, read_bounded, shown_url

PARAMETER = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
SCHEME = re.compile(r"\s*,?\s*([A-Za-z0-9_-]+)(?:\s+|$)")
TOKEN_SECONDS = 60  # the token spec: a token without expires_in lives this long
MARGIN = 10
CLIENT = "warren"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One scheme of a WWW-Authenticate header, in lower case, with its parameters."""

    scheme: str
    parameters: dict[str, str]


def challenges(header: str) -> list[Challenge]:
    """The challenges in a header; what cannot be understood ends the list."""
    found = []
    at = 0
    while match := SCHEME.match(header, at):
        at = match.end()
        parameters: dict[str, str] = {}
        while parameter := PARAMETER.match(header, at):
            value = parameter[2] if parameter[2] is not None else parameter[3]
            parameters[parameter[1].lower()] = re.sub(r"\\(.)", r"\1", value)
            comma = re.compile(r"\s*,\s*").match(header, parameter.end())
            at = comma.end() if comma else parameter.end()
        found.append(Challenge(match[1].lower(), parameters))
    return found


class Authorizer:
    """Answers the challenges of one registry; keeps tokens by scope. Safe for several threads."""

    def __init__(self, transport: Transport, credentials: Credentials | None) -> None:
        self._transport = transport
        self._credentials = credentials
        self._challenge: Challenge | None = None
        self._base = ""
        self._tokens: dict[str, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def challenged(self, base: str, header: str) -> bool:
        """Takes note of a 401's challenge; whether it is one we can answer."""
        offered = {challenge.scheme: challenge for challenge in challenges(header)}
        chosen = offered.get("bearer") or offered.get("basic")
        if chosen is None:
            return False
        self._base = base
        self._challenge = chosen
        return chosen.scheme == "bearer" or self._credentials is not None

    def header(self, scopes: list[str]) -> dict[str, str]:
        """The Authorization header for a request that needs ``scopes``; none while unchallenged."""
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
        """The registry did not take the token: the next request fetches another."""
        with self._lock:
            self._tokens.pop(" ".join(scopes), None)

    def _fetch(self, scopes: list[str]) -> tuple[str, float]:
        assert self._challenge is not None
        realm = self._challenge.parameters.get("realm", "")
        check_step(self._base, realm, "token realm")
        service = self._challenge.parameters.get("service", "")
        if self._credentials is not None and self._credentials.identity_token:
            return self._refresh(realm, service, scopes)
        query = [("service", service)] if service else []
        query += [("scope", scope) for scope in scopes]
        headers = {}
        if self._credentials is not None:
            query.append(("account", self._credentials.user))
            headers["Authorization"] = self._credentials.basic
        separator = "&" if urlsplit(realm).query else "?"
        response = self._transport.request("GET", realm + separator + urlencode(query), headers)
        return self._token(response, realm)

    def _refresh(self, realm: str, service: str, scopes: list[str]) -> tuple[str, float]:
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
    def _token(response: Any, realm: str) -> tuple[str, float]:
        what = f"token from {shown_url(realm)}"
        if response.status != 200:
            hint = "warren login" if response.status in (401, 403) else ""
            raise RegistryError(f"{what}: {error_text(response)}", hint=hint)
        try:
            document = json.loads(read_bounded(response, TOKEN_BYTES, what))
            token = document.get("token") or document.get("access_token")
            seconds = document.get("expires_in") or TOKEN_SECONDS
        except (ValueError, AttributeError, RecursionError):
            raise RegistryError(f"{what}: not a token reply") from None
        # A token becomes a header: a line break in it would begin another.
        if not isinstance(token, str) or not token or not token.isprintable():
            raise RegistryError(f"{what}: not a token reply")
        return token, float(seconds) if isinstance(seconds, int | float) else TOKEN_SECONDS
