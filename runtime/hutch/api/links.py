"""HostConfig.Links, which older clients send (docker compose 1.29): other names of containers that
are in the same network. In a network with names these have their own names anyway; another one is
written to /etc/hosts, with the address that the container has now.
"""

from hutch.api.errors import ApiError
from hutch.engine.containers.options import Options, bridged
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchContainer
from hutch.engine.network.records import BRIDGE
from hutch.errors import UsageError, shown


def link(engine: Engine, options: Options, links: list[str]) -> None:
    """Gives a new container these links. Raises ApiError for one that is in no network with names,
    UsageError."""
    if links and (not bridged(options) or options.network == BRIDGE):
        raise ApiError(501, "HostConfig.Links: this engine has them in networks with names only")
    for text in links:
        name, _, alias = text.removeprefix("/").partition(":")
        if not name or "/" in alias:
            raise UsageError(f"HostConfig.Links: {shown(text)} is no link, as in NAME:ALIAS")
        try:
            record = engine.records.find(name)
        except NoSuchContainer as error:
            # Clients take 404 for a missing image here, and pull it.
            raise UsageError(f"HostConfig.Links: {error.sentence}") from None
        own = {record.name, record.id[:12], record.options.hostname}
        for wishes in engine.networks.attachments(record.id):
            own.update(wishes.get("aliases", []))
        if not alias or alias in own:
            continue
        addresses = [
            endpoint.address4 or endpoint.address6
            for endpoint in engine.networks.endpoints(container=record.id)
            if endpoint.network in {wishes["name"] for wishes in options.networks}
        ]
        # As with Docker, one that does not run there now is just not found by this name.
        options.add_host += [f"{alias}:{address}" for address in addresses[:1]]
