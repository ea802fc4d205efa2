"""Links, which older clients send (docker compose 1.29): other names of containers that are in the
same network. In a network with names these have their own names anyway; another one is written to
/etc/hosts, with the address that the container has now.
"""

from hutch.api.errors import ApiError
from hutch.api.fields import Document, part, strings
from hutch.engine.containers.options import Options, bridged
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchContainer
from hutch.engine.network.records import BRIDGE
from hutch.errors import UsageError, shown


def link(engine: Engine, options: Options, body: Document) -> None:
    """Gives a new container the links of HostConfig and of EndpointsConfig. Raises ApiError for
    one that is in no network with names, UsageError."""
    links = strings(part(body, "HostConfig"), "Links")
    if links and (not bridged(options) or options.network == BRIDGE):
        raise ApiError(501, "HostConfig.Links: this engine has them in networks with names only")
    names = {wishes["name"] for wishes in options.networks}
    options.add_host += hosts(engine, links, names, "HostConfig.Links")
    endpoints = part(part(body, "NetworkingConfig"), "EndpointsConfig")
    for name in endpoints:
        links = strings(part(endpoints, name), "Links")
        options.add_host += hosts(engine, links, {name}, f"EndpointsConfig.{name}.Links")


def hosts(engine: Engine, links: list[str], networks: set[str], field: str) -> list[str]:
    """What --add-host would say for these links: NAME:ADDRESS in one of the networks, which are
    named by name or id. Raises UsageError."""
    found: list[str] = []
    meant = {one.name for one in engine.networks.all() if networks & {one.name, one.id}}
    for text in links:
        name, _, alias = text.removeprefix("/").partition(":")
        if not name or "/" in alias:
            raise UsageError(f"{field}: {shown(text)} is no link, as in NAME:ALIAS")
        try:
            record = engine.records.find(name)
        except NoSuchContainer as error:
            # Clients take 404 for a missing image here, and pull it.
            raise UsageError(f"{field}: {error.sentence}") from None
        own = {record.name, record.id[:12], record.options.hostname}
        for wishes in engine.networks.attachments(record.id):
            own.update(wishes.get("aliases", []))
        if not alias or alias in own:
            continue
        addresses = [
            endpoint.address4 or endpoint.address6
            for endpoint in engine.networks.endpoints(container=record.id)
            if endpoint.network in meant
        ]
        # As with Docker, one that does not run there now is just not found by this name.
        found += [f"{alias}:{address}" for address in addresses[:1]]
    return found
