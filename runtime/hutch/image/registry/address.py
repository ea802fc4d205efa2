"""Which addresses are public, and connections that are made only to public addresses.

The address is checked when the socket is connected: after the name was resolved, for each address
that is tried. So DNS rebinding, or an unusual way to write an address, cannot avoid the check
(S-75).
"""

import ipaddress
import socket
import sys
from typing import ClassVar

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hutch.image.registry.url import Address, host_address

GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # IANA assigns global unicast addresses only in it
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


class InternalAddress(Exception):
    """No address of the name is public. The message is one of the addresses."""


def is_public(address: Address) -> bool:
    """Whether an address can be on the public Internet.

    If an IPv6 address contains an IPv4 address (mapped, 6to4, NAT64), that one decides.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast
    inner = address.ipv4_mapped or address.sixtofour
    if address in NAT64:
        inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(inner)
    return address in GLOBAL_V6 and address.is_global


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, no port) can only be this machine."""
    address = host_address(host)
    return address.is_loopback if address else host.rstrip(".").lower() == "localhost"


def is_internal(host: str) -> bool:
    """Whether the text of ``host`` is an internal address or localhost. Other names are not
    resolved here, and count as not internal."""
    address = host_address(host)
    return not is_public(address) if address else is_loopback(host)


def dial(
    host: str, port: int, timeout: float | None, *, public_only: bool
) -> tuple[socket.socket, bool]:
    """A connected socket, and whether its address is public. ``timeout`` is in seconds, for each
    address of the host.

    Raises OSError, and InternalAddress if ``public_only`` is set and no address is public.
    """
    failure: Exception | None = None
    for family, kind, protocol, _, where in socket.getaddrinfo(
        host.strip("[]"), port, 0, socket.SOCK_STREAM
    ):
        public = is_public(ipaddress.ip_address(where[0]))
        if public_only and not public:
            failure = failure or InternalAddress(str(where[0]))
            continue
        try:
            made = socket.socket(family, kind, protocol)
        except OSError as error:
            failure = error
            continue
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.settimeout(timeout)
            made.connect(where)
        except OSError as error:
            failure = error
            made.close()
            continue
        return made, public
    raise failure or OSError("the name has no address")


class CheckedConnection:
    """Added to urllib3's connections: ``public_only`` allows only public addresses, and ``public``
    is whether the connected address is public."""

    public_only: ClassVar[bool] = False
    public = False

    def _new_conn(self) -> socket.socket:
        """See urllib3. Raises the same errors as urllib3's own method."""
        assert isinstance(self, HTTPConnection)
        timeout = self.timeout if isinstance(self.timeout, int | float) else None
        try:
            made, public = dial(
                self._dns_host, self.port, timeout, public_only=type(self).public_only
            )
        except socket.gaierror as error:
            # urllib3 2 has a subclass for it; urllib3 1.26, that of Debian 12, has none.
            raise NewConnectionError(self, f"{self.host}: {error}") from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "the connection timed out") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        self.public = public
        sys.audit("http.client.connect", self, self.host, self.port)
        return made


class AnyHttp(CheckedConnection, HTTPConnection):
    """A connection to any address, for a destination that the user gave."""


class AnyHttps(CheckedConnection, HTTPSConnection):
    """The same with TLS."""


class PublicHttp(AnyHttp):
    """A connection to public addresses only."""

    public_only = True


class PublicHttps(AnyHttps):
    """The same with TLS."""

    public_only = True


def pool_classes(*, public_only: bool) -> dict[str, type[HTTPConnectionPool]]:
    """The classes from which a PoolManager makes its pools, by scheme."""
    http, https = (PublicHttp, PublicHttps) if public_only else (AnyHttp, AnyHttps)
    return {
        "http": type("HttpPool", (HTTPConnectionPool,), {"ConnectionCls": http}),
        "https": type("HttpsPool", (HTTPSConnectionPool,), {"ConnectionCls": https}),
    }
