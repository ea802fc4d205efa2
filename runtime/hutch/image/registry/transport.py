"""One HTTP request as safe as it can be made: redirects by our own rules, bounded replies, retries.

urllib3 follows no redirect for us: credentials are given to the host that asked for them and to no
other (S-75, S-76), https never becomes http, and there are at most ten hops. Errors name the URL
without its query, where signed links and tokens stand (S-86).
"""

import ipaddress
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError, SSLError

from ... import __version__
from ...errors import UsageError, shown
from ..errors import RegistryError
from ..limits import ERROR_BYTES
from ..progress import Reporter
from ..settings import RegistrySettings

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, PoolManager

REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 10
TRIES = 5
BACK_OFF = 0.3  # seconds before the second try; doubled for each one after it
PATIENCE = 30.0  # the longest wait that a Retry-After may ask for
CONNECT, READ = 15.0, 60.0
RETRIED = (429, 500, 502, 503, 504)
UNTRUSTED = "certificate not trusted"
UNTRUSTED_HINT = "--cert-dir DIR names who is to be trusted"
SECRET_HEADERS = ("authorization", "cookie")
CERTIFICATES = ("/etc/hutch/certs.d", "/etc/containers/certs.d", "/etc/docker/certs.d")


def shown_url(url: str) -> str:
    """A URL without user, query and fragment: fit for an error."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address, no port) can only be this machine."""
    if host in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_internal(host: str) -> bool:
    """Whether ``host`` is an address of no public network: loopback, private, link-local."""
    if is_loopback(host):
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return not address.is_global


def check_step(here: str, there: str, what: str) -> None:
    """Whether a registry at ``here`` may send us to ``there`` (a redirect, a token realm).

    Never from https to http, nor from a public place to an internal address; else RegistryError.
    """
    old, new = urlsplit(here), urlsplit(there)
    if new.scheme not in ("http", "https") or not new.hostname:
        raise RegistryError(f"{shown_url(here)}: {what} to {shown_url(there)}: not http; refused")
    if old.scheme == "https" and new.scheme == "http":
        raise RegistryError(f"{shown_url(here)}: {what} to {shown_url(there)} without TLS; refused")
    internal = is_internal(new.hostname) and not is_internal(old.hostname or "")
    if internal and new.hostname != old.hostname:
        raise RegistryError(
            f"{shown_url(here)}: {what} to the internal address {new.hostname}; refused"
        )


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port: what credentials are for."""
    parts = urlsplit(url)
    return (
        parts.scheme,
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def tls_context(host: str, settings: RegistrySettings, certificates: str = "") -> ssl.SSLContext:
    """Who is trusted for ``host``: the system's authorities, or the ones configured for it."""
    if settings.insecure:
        # Asked for by name: a warning of urllib3's with every request says nothing new.
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
    return context


class Transport:
    """Requests to one registry (and to where it redirects). Safe to use from several threads."""

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
        self._pools: dict[str, PoolManager] = {}

    def close(self) -> None:
        for pool in self._pools.values():
            pool.clear()

    def _pool(self, scheme: str) -> "PoolManager":
        if scheme not in self._pools:
            more: dict[str, object] = {}
            if scheme == "https":
                more["ssl_context"] = tls_context(self.host, self.settings, self._certificates)
                if self.settings.insecure:
                    more["assert_hostname"] = False
            proxy = proxy_for(scheme, self.host)
            common = {
                "num_pools": 8,
                "maxsize": 8,
                "retries": False,
                "timeout": urllib3.Timeout(connect=CONNECT, read=READ),
                "headers": {"User-Agent": f"warren/{__version__}"},
                **more,
            }
            self._pools[scheme] = (
                urllib3.ProxyManager(proxy, **common) if proxy else urllib3.PoolManager(**common)  # type: ignore[arg-type]
            )
        return self._pools[scheme]

    def once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: "bytes | IO[bytes] | Iterator[bytes] | None" = None,
    ) -> "BaseHTTPResponse":
        """One request, no redirect followed; the body is not read. Raises urllib3's errors."""
        return self._pool(urlsplit(url).scheme).request(
            method, url, headers={"User-Agent": f"warren/{__version__}", **headers}, body=body,
            redirect=False, preload_content=False, decode_content=False,
        )  # fmt: skip

    def request(
        self,
        method: str,
        url: str,
        headers: "Mapping[str, str] | None" = None,
        body: "bytes | None" = None,
        *,
        retry: bool = True,
    ) -> "BaseHTTPResponse":
        """A request with redirects followed and passing failures tried again.

        The reply may have any status; its body is still to be read. Raises RegistryError.
        """
        wait = BACK_OFF
        for attempt in range(1, self.tries + 1):
            last = attempt == self.tries or not retry
            try:
                response = self._follow(method, url, dict(headers or {}), body)
            except HTTPError as error:
                problem = reason(error)
                if last or is_final(error):
                    hint = UNTRUSTED_HINT if problem.startswith(UNTRUSTED) else ""
                    raise RegistryError(
                        f"{method} {shown_url(url)}: {problem}", hint=hint
                    ) from None
            else:
                if response.status not in RETRIED or last:
                    return response
                wait = max(wait, retry_after(response))
                problem = f"{response.status} {response.reason or ''}".strip()
                response.drain_conn()
            self.wait(f"{method} {shown_url(url)}: {problem}", wait)
            wait *= 2
        raise AssertionError("unreachable")

    def wait(self, problem: str, seconds: float) -> None:
        """Waits before another try, and says so: a silent pause looks like a hang."""
        self.reporter.note(f"{problem}; trying again in {seconds:g} s")
        time.sleep(seconds)

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: "bytes | None"
    ) -> "BaseHTTPResponse":
        for _ in range(MAX_REDIRECTS + 1):
            response = self.once(method, url, headers, body)
            location = response.headers.get("location")
            if response.status not in REDIRECTS or not location or method not in ("GET", "HEAD"):
                return response
            response.drain_conn()
            target = urljoin(url, location)
            check_step(url, target, "redirect")
            if origin(target) != origin(url):
                headers = {k: v for k, v in headers.items() if k.lower() not in SECRET_HEADERS}
            url = target
        raise RegistryError(f"{shown_url(url)}: more than {MAX_REDIRECTS} redirects")


def proxy_for(scheme: str, host: str) -> str:
    """The proxy that the environment names for ``host``; "" for none, and always for loopback."""
    name, _, _ = host.partition(":")
    environment = {key.lower(): value for key, value in os.environ.items()}
    exempt = [part.strip().lstrip(".") for part in environment.get("no_proxy", "").split(",")]
    if is_loopback(name) or any(e and (e == "*" or (name + ".").endswith(e + ".")) for e in exempt):
        return ""
    return environment.get(scheme + "_proxy", "")


def is_final(error: HTTPError) -> bool:
    """Whether trying again is in vain: a certificate does not become right by waiting, nor does
    a name come into being."""
    while isinstance(error, MaxRetryError) and isinstance(error.reason, HTTPError):
        error = error.reason
    cause = error.__cause__ or error.__context__
    unknown = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME
    return unknown or isinstance(error, SSLError)


def reason(error: Exception) -> str:
    """What went wrong, without urllib3's object names."""
    while isinstance(error, MaxRetryError) and error.reason is not None:
        error = error.reason
    text = str(error)
    cause = error.__cause__ or error.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"{UNTRUSTED}: {cause.verify_message}"
    elif isinstance(cause, ConnectionRefusedError):
        text = "connection refused"
    elif isinstance(cause, OSError) and cause.strerror:
        text = cause.strerror.lower()
    else:
        text = text.rpartition(">: ")[2] or type(error).__name__
    return text


def retry_after(response: "BaseHTTPResponse") -> float:
    """The seconds a registry asks us to wait, within our patience; 0 where it does not."""
    value = response.headers.get("retry-after", "")
    return min(float(value), PATIENCE) if value.isdecimal() else 0.0


def read_bounded(response: "BaseHTTPResponse", limit: int, what: str) -> bytes:
    """The whole body if it is at most ``limit`` bytes (S-69). Raises RegistryError."""
    parts, size = [], 0
    try:
        while chunk := response.read(64 << 10):
            size += len(chunk)
            if size > limit:
                response.close()
                raise RegistryError(f"{what}: longer than {limit} bytes")
            parts.append(chunk)
    except HTTPError as error:
        raise RegistryError(f"{what}: {reason(error)}") from None
    finally:
        response.release_conn()
    return b"".join(parts)


def error_text(response: "BaseHTTPResponse") -> str:
    """What a registry says of its refusal (distribution-spec, "Error Codes"), short."""
    import json

    try:
        body = response.read(ERROR_BYTES)
        response.close()
        errors = json.loads(body)["errors"]
        texts = [
            ": ".join(str(e[k]) for k in ("code", "message") if isinstance(e.get(k), str) and e[k])
            for e in errors[:3]
        ]
        return f"{response.status} " + ("; ".join(texts)[:300])
    except (HTTPError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return f"{response.status} {response.reason or ''}".strip()
