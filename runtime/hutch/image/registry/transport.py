"""One HTTP request, with checked redirects, limited replies and retries.

urllib3 does not follow redirects here: this module follows at most ten, and sends credentials only
to the host that asked for them (S-75, S-76). urllib3 does not parse URLs either: it gets the host,
the port and the target that were checked. Errors show the URL without its query, because a query
may contain signed links and tokens (S-86).

With a proxy, the proxy resolves names and connects. Then this module can only check the text of the
host name: whether it is an internal address or localhost.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from hutch import __version__
from hutch.errors import UsageError, shown
from hutch.image.errors import RegistryError
from hutch.image.progress import Reporter
from hutch.image.registry.address import (
    CheckedConnection,
    InternalAddress,
    is_internal,
    is_loopback,
    pool_classes,
)
from hutch.image.registry.reply import NoReply, Reply, problem_of
from hutch.image.registry.target import Sender, Target
from hutch.image.settings import RegistrySettings

if TYPE_CHECKING:
    from urllib3 import PoolManager

REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
TRIES = 5
BACK_OFF = 0.3  # seconds before the second try; doubled for each later one
PATIENCE = 30.0  # seconds; the longest wait that Retry-After can cause
CONNECT, READ = 15.0, 60.0
RETRIED = (408, 429, 500, 502, 503, 504)
SECRET_HEADERS = ("authorization", "cookie")
CERTIFICATES = ("/etc/hutch/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")


def tls_context(host: str, settings: RegistrySettings, certificates: str = "") -> ssl.SSLContext:
    """The TLS context for ``host``: the system's authorities, and those configured for the host;
    with ``insecure``, no verification. Raises UsageError."""
    if settings.insecure:
        # The user configured this, so urllib3 need not warn at each request.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        return ssl._create_unverified_context()  # noqa: S323
    if certificates and not os.path.isdir(certificates):
        raise UsageError(f"{shown(certificates)}: no such folder of certificates")
    folders = [certificates] if certificates else [f"{base}/{host}" for base in CERTIFICATES]
    authorities = [settings.ca] if settings.ca else []
    pair = (settings.cert, settings.key) if settings.cert else None
    for folder in folders:
        found = sorted(Path(folder).glob("*.crt")) if os.path.isdir(folder) else []
        authorities += map(str, found)
        for cert in sorted(Path(folder).glob("*.cert")) if os.path.isdir(folder) else []:
            pair = pair or (str(cert), str(cert.with_suffix(".key")))
    try:
        context = ssl.create_default_context()
        for authority in authorities:
            context.load_verify_locations(authority)
        if pair:
            context.load_cert_chain(pair[0], pair[1] or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"certificates for {host}: {error}") from None
    if urllib3.__version__.startswith("1."):  # type: ignore[attr-defined]
        # urllib3 1.26 (Debian 12) does not tell OpenSSL a host that is an address. With this it
        # compares the certificate with the host itself.
        context.check_hostname = False
    return context


class Transport:
    """Sends requests to one registry, and to the targets of its redirects. Can be used by several
    threads."""

    def __init__(
        self,
        host: str,
        settings: RegistrySettings,
        certificates: str = "",
        tries: int = TRIES,
        reporter: Reporter | None = None,
    ) -> None:
        self.host = host
        self.settings = settings
        self.tries = tries
        self.reporter = reporter or Reporter()
        self._certificates = certificates
        self._managers: dict[tuple[str, str, bool], PoolManager] = {}

    def close(self) -> None:
        for manager in self._managers.values():
            manager.clear()

    def _manager(self, scheme: str, proxy: str, *, public_only: bool) -> "PoolManager":
        """The connection pools for a scheme. Requests that may use only public addresses have
        their own pools."""
        key = (scheme, proxy, public_only)
        if key not in self._managers:
            more: dict[str, object] = {}
            if scheme == "https":
                more["ssl_context"] = tls_context(self.host, self.settings, self._certificates)
                if self.settings.insecure:
                    more["assert_hostname"] = False
            common = {
                "num_pools": 8,
                "maxsize": 8,
                "retries": False,
                "timeout": urllib3.Timeout(connect=CONNECT, read=READ),
                **more,
            }
            if proxy:
                manager: PoolManager = urllib3.ProxyManager(proxy, **common)  # type: ignore[arg-type]
            else:
                manager = urllib3.PoolManager(**common)  # type: ignore[arg-type]
                manager.pool_classes_by_scheme = pool_classes(public_only=public_only)
            self._managers[key] = manager
        return self._managers[key]

    def once(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: "bytes | IO[bytes] | Iterator[bytes] | None" = None,
    ) -> Reply:
        """Sends one request without following redirects. The body of the reply is not read.

        Raises urllib3's errors, and RegistryError if the target is a forbidden internal address.
        """
        url = target.url
        proxy = proxy_for(url.scheme, url.host)
        if proxy and target.public_only and is_internal(url.host):
            raise self._internal(target, url.host)
        given = {"User-Agent": f"warren/{__version__}", **headers}
        line = url.target
        if proxy and url.scheme == "http":
            line = str(url)
            given = {"Accept": "*/*", "Host": url.netloc, **given}
        manager = self._manager(url.scheme, proxy, public_only=target.public_only)
        pool = manager.connection_from_host(url.host, url.port, url.scheme)
        try:
            response = pool.urlopen(
                method, line, body, given, redirect=False, assert_same_host=False,
                preload_content=False, decode_content=False, enforce_content_length=True,
            )  # fmt: skip
        except InternalAddress as error:
            raise self._internal(target, str(error)) from None
        connection = response.connection
        public = (
            connection.public
            if isinstance(connection, CheckedConnection)
            else not is_internal(url.host)
        )
        return Reply(response, Sender(url, public))

    @staticmethod
    def _internal(target: Target, address: str) -> RegistryError:
        where = target.url.shown
        return RegistryError(
            f"{target.sent_by} to {where}, the internal address {address}; refused"
        )

    def request(
        self,
        method: str,
        target: Target,
        headers: "Mapping[str, str] | None" = None,
        body: "bytes | None" = None,
        *,
        retry: bool = True,
    ) -> Reply:
        """Sends a request, follows redirects, and tries again after temporary failures.

        The reply may have any status; its body is not read yet. Raises RegistryError.
        """
        wait = BACK_OFF
        what = f"{method} {target.url.shown}"
        for attempt in range(1, self.tries + 1):
            last = attempt == self.tries or not retry
            try:
                reply = self._follow(method, target, dict(headers or {}), body)
            except HTTPError as error:
                problem = problem_of(error)
                if last or is_final(error):
                    raise NoReply(what, problem) from None
                passing = problem.text
            else:
                if reply.status not in RETRIED or last:
                    return reply
                wait = max(wait, retry_after(reply))
                passing = f"{reply.status} {reply.reason}".strip()
                reply.discard()
            self.wait(f"{what}: {passing}", wait)
            wait *= 2
        raise AssertionError("unreachable")

    def wait(self, problem: str, seconds: float) -> None:
        """Waits before another try, and tells the user why."""
        self.reporter.note(f"{problem}; trying again in {seconds:g} s")
        time.sleep(seconds)

    def _follow(
        self, method: str, target: Target, headers: dict[str, str], body: "bytes | None"
    ) -> Reply:
        for _ in range(MAX_REDIRECTS + 1):
            reply = self.once(method, target, headers, body)
            location = reply.header("location")
            if reply.status not in REDIRECTS or not location or method not in ("GET", "HEAD"):
                return reply
            reply.discard()
            following = reply.sender.step(location, "redirect")
            if following.url.origin != target.url.origin:
                headers = {k: v for k, v in headers.items() if k.lower() not in SECRET_HEADERS}
            target = following
        raise RegistryError(f"{target.url.shown}: more than {MAX_REDIRECTS} redirects")


def proxy_for(scheme: str, host: str) -> str:
    """The proxy for ``host`` in the environment variables; "" for none, and always for loopback."""
    environment = {key.lower(): value for key, value in os.environ.items()}
    exempt = [part.strip().lstrip(".") for part in environment.get("no_proxy", "").split(",")]
    name = "." + host.rstrip(".")
    if is_loopback(host) or any(e and (e == "*" or name.endswith("." + e)) for e in exempt):
        return ""
    return environment.get(scheme + "_proxy", "")


def is_final(error: HTTPError) -> bool:
    """Whether another try would fail too, because of an invalid certificate or an unknown name."""
    while isinstance(error, MaxRetryError) and isinstance(error.reason, HTTPError):
        error = error.reason
    cause = error.__cause__ or error.__context__
    unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return unknown or isinstance(error, SSLError)


def retry_after(reply: Reply) -> float:
    """The seconds in the reply's Retry-After, at most PATIENCE; 0 if it has none."""
    value = reply.header("retry-after")
    return min(float(value[:9]), PATIENCE) if value.isdecimal() and value.isascii() else 0.0
