"""Clients for registries, with the user's settings and credentials."""

from typing import TYPE_CHECKING, NamedTuple

from hutch.image.progress import Reporter
from hutch.image.settings import Settings, load

if TYPE_CHECKING:
    from hutch.image.registry import Registry


class Access(NamedTuple):
    """Settings for the access to registries, in addition to the configuration.

    ``authfile`` is a file with credentials ("": auth.json and Docker's config.json).
    ``certificates`` is a directory with trusted authorities (*.crt) and client certificates (*.cert
    with *.key). ``verify`` False allows http, and TLS without verification; None means that the
    configuration decides.
    """

    authfile: str = ""
    certificates: str = ""
    verify: bool | None = None


def connect(
    host: str,
    path: str = "",
    settings: Settings | None = None,
    access: Access | None = None,
    reporter: Reporter | None = None,
) -> "Registry":
    """A client for the registry at ``host`` (``NAME[:PORT]``), with the credentials for the
    repository ``path``. It gives tags, the catalogue and blobs.

    It sends no request yet. The caller must close it. Raises UsageError.
    """
    from hutch.image.registry.remote import connector

    access = access or Access()
    make = connector(
        load() if settings is None else settings,
        authfile=access.authfile,
        certificates=access.certificates,
        verify=access.verify,
        reporter=reporter,
    )
    return make(host, path)
