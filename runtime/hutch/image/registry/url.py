"""Parses URLs. The same result is used for checks, for credentials and for the connection.

The parser is stricter than RFC 3986. It refuses text that two parsers could read in different ways
(a backslash, a user name, a line break, ``127.1``), because a registry does not need to send it.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urljoin

from hutch.errors import shown

# The characters that RFC 3986 allows, and those that signed links have unescaped in path and query.
CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%|{}^`\"<>-]*")
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?")
LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
PORTS = {"http": 80, "https": 443}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadUrl(ValueError):
    """The text is not an accepted URL. The message says why, and contains no secret."""


@dataclass(frozen=True, slots=True)
class Url:
    """An http or https URL. ``host`` is in lower case, an IPv6 address in its brackets."""

    scheme: str
    host: str
    port: int
    target: str  # path and query, as the request line has them

    @classmethod
    def parse(cls, text: str) -> "Url":
        """Parses an absolute URL; a fragment is dropped. Raises BadUrl."""
        if not CHARACTERS.fullmatch(text):
            wrong = next(c for c in text if not CHARACTERS.fullmatch(c))
            raise BadUrl(f"with the character {shown(wrong)} in it")
        match = URL.fullmatch(text)
        if match is None or match[1].lower() not in PORTS:
            raise BadUrl("that is not http or https")
        scheme, authority = match[1].lower(), match[2]
        if "@" in authority:
            raise BadUrl("with a user name in it")
        parts = AUTHORITY.fullmatch(authority)
        if parts is None or not is_host(parts[1]):
            raise BadUrl(f"whose host {shown(authority)} is none")
        port = int(parts[2]) if parts[2] else PORTS[scheme]
        if not 0 < port < 1 << 16:
            raise BadUrl(f"whose port {port} is none")
        return cls(scheme, parts[1].lower(), port, (match[3] or "/") + (match[4] or ""))

    def join(self, reference: str) -> "Url":
        """The URL of ``reference``, which is absolute or relative to this one (RFC 3986, 5.2)."""
        if not CHARACTERS.fullmatch(reference):
            return Url.parse(reference)  # raises BadUrl with the reason
        try:
            whole = urljoin(str(self), reference)
        except ValueError:
            raise BadUrl("that is not valid") from None
        return Url.parse(whole)

    def with_query(self, query: str) -> "Url":
        """The same URL with ``query`` added to its query."""
        separator = "&" if "?" in self.target else "?"
        return Url(self.scheme, self.host, self.port, self.target + separator + query)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port (RFC 6454). Credentials are sent only to one origin."""
        return self.scheme, self.host, self.port

    @property
    def netloc(self) -> str:
        """Host and port; without the port if it is the default of the scheme."""
        return self.host if self.port == PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """The URL for errors: without its query, which may have signatures and tokens (S-86)."""
        return f"{self.scheme}://{self.netloc}{self.target.partition('?')[0]}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"


def is_host(text: str) -> bool:
    """Whether ``text`` is a DNS name, or an IP address in its usual form.

    A resolver also accepts ``127.1``, ``2130706433`` and ``0x7f.1`` as addresses. So a name whose
    last label is a number is refused.
    """
    if host_address(text) is not None:
        return True
    labels = text.removesuffix(".").split(".")
    named = all(LABEL.fullmatch(label) for label in labels) and len(text) <= 254
    return named and not NUMBER.fullmatch(labels[-1])


def host_address(host: str) -> Address | None:
    """The address if ``host`` is one; None if it is a name, or has a zone (``%eth0``)."""
    try:
        if host.startswith("["):
            return ipaddress.IPv6Address(host[1:-1]) if "%" not in host else None
        return ipaddress.IPv4Address(host)
    except ValueError:
        return None
