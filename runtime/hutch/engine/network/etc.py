"""/etc/hosts and /etc/resolv.conf of a container that is in networks."""

from typing import TYPE_CHECKING

from hutch.engine.containers.config import hostname_of
from hutch.engine.containers.mounts import Neighbourhood, write_files
from hutch.engine.network.names import program

if TYPE_CHECKING:
    from hutch.engine.containers.records import Record
    from hutch.engine.engine import Engine


def write_etc(engine: "Engine", record: "Record") -> None:
    """Writes the files anew, in place: the container may run."""
    places = engine.places(record)
    write_files(record.options, places, hostname_of(record), neighbourhood(engine, record))


def neighbourhood(engine: "Engine", record: "Record") -> Neighbourhood:
    """What the files say of the container's networks."""
    addresses: list[str] = []
    gateways: list[str] = []
    nameservers: list[str] = []
    for endpoint in engine.networks.endpoints(container=record.id):
        network = engine.networks.find(endpoint.network)
        addresses += [a for a in (endpoint.address4, endpoint.address6) if a]
        gateways.append(network.subnets[0]["gateway"])
        if network.named and program():
            nameservers.append(network.subnets[0]["gateway"])
    return Neighbourhood(addresses, "".join(gateways[:1]), nameservers)
