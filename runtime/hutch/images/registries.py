"""How registries are reached."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hutch.image.progress import Reporter
from hutch.image.settings import Settings, load

if TYPE_CHECKING:
    from hutch.image.registry import Registry


@dataclass(frozen=True, slots=True)
class Access:
    """How registries are spoken with, beside what the configuration says.

    ``authfile`` has the credentials ("": auth.json and Docker's config.json), ``certificates`` is a
    directory of *.crt to trust and *.cert with *.key to show; ``verify`` False allows http and
    certificates that nobody vouches for, None leaves that to the configuration.
    """

    authfile: str = ""
    certificates: str = ""
    verify: bool | None = None


def connect(
    host: str,
    path: str = "",
    settings: Settings | None = None,
    access: Access = Access(),
    reporter: Reporter | None = None,
) -> "Registry":
    """The registry at ``host`` (``NAME[:PORT]``), with the credentials for the repository ``path``:
    its tags, its catalogue, its blobs. It is to be closed. Nothing is asked of it yet.

    Raises UsageError.
    """
    from hutch.image.registry.remote import connector

    make = connector(
        load() if settings is None else settings,
        authfile=access.authfile,
        certificates=access.certificates,
        verify=access.verify,
        reporter=reporter,
    )
    return make(host, path)
