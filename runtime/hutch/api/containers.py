"""/containers: made, listed, shown, started and ended."""

import re

from hutch.api.call import Call
from hutch.api.create import options_from, resources
from hutch.api.errors import ApiError
from hutch.api.fields import Document, part, parts, text, whole, yes
from hutch.api.links import link
from hutch.api.selection import filters, meant_to_go, truth
from hutch.engine.containers import records as phases
from hutch.engine.containers.describe import mount_point
from hutch.engine.containers.health import read as read_health
from hutch.engine.containers.listing import command_of, exposes_of, sentence, status
from hutch.engine.containers.listing import listed as list_containers
from hutch.engine.containers.records import Record
from hutch.engine.engine import Engine
from hutch.engine.errors import NoSuchNetwork
from hutch.engine.filters import Wanted, holds
from hutch.engine.network.describe import network_settings
from hutch.errors import UsageError, shown

CHANGES = {"C": 0, "A": 1, "D": 2}
# The filters of a list: those of the engine, and those that only Docker's API has.
FILTERS = (
    "ancestor", "before", "exited", "health", "id", "label", "name", "network", "since", "status",
    "volume",
)  # fmt: skip
MORE = ("expose", "is-task", "isolation", "publish")
PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?")


def create(call: Call) -> None:
    """POST /containers/create?name=&platform="""
    from hutch.api.images import found_image
    from hutch.engine.containers.create import create as make

    body = call.exchange.document()
    options = options_from(body)
    link(call.engine, options, body)
    image = found_image(call, options.image)
    try:
        record = make(call.engine, image, options, call.query.get("name", "").removeprefix("/"))
    except NoSuchNetwork as error:
        # Clients take 404 for a missing image here, and pull it.
        raise ApiError(400, error.sentence) from None
    call.exchange.json({"Id": record.id, "Warnings": []}, 201)


def listed(call: Call) -> None:
    """GET /containers/json?all=&limit=&size=&filters="""
    limit = whole(call.query, "limit", 0)
    wanted = filters(call.query, FILTERS + MORE)
    records = list_containers(
        call.engine,
        every=yes(call.query, "all") or limit > 0,
        filters=[f"{name}={value}" for name in wanted if name in FILTERS for value in wanted[name]],
    )
    rest: Wanted = {name: values for name, values in wanted.items() if name in MORE}
    records = [r for r in records if holds(rest, lambda name, value: _holds(call, r, name, value))]  # noqa: B023
    if limit > 0:
        records = records[:limit]
    sized = yes(call.query, "size")
    call.exchange.json([entry(call.engine, record, sized=sized) for record in records])


def _holds(call: Call, record: Record, name: str, value: str) -> bool:
    """Whether one of the filters that only the API has lets a container pass. Raises UsageError."""
    if name == "is-task":
        return not truth(value, name)  # of a swarm, which is not there
    if name == "isolation":
        return value == "default"
    asked = PORTS.fullmatch(value)
    if asked is None:
        raise UsageError(f"filters: {name}: {shown(value)} is no port, as in 80, 80-90 or 53/udp")
    first, last = int(asked[1]), int(asked[2] or asked[1])
    if name == "publish":
        ports = [(p.port, p.protocol) for p in call.engine.networks.published(record.id)]
    else:
        words = [word.partition("/") for word in exposes_of(call.engine, record)]
        ports = [(int(port), protocol) for port, _, protocol in words]
    return any(first <= port <= last and kind == (asked[3] or "tcp") for port, kind in ports)


def entry(engine: Engine, record: Record, *, sized: bool) -> dict[str, object]:
    """A container in a list."""
    from hutch.image.digest import Digest

    image = engine.store.database.image(Digest.parse(record.manifest))
    settings = network_settings(engine, record, exposes_of(engine, record))
    found: dict[str, object] = {
        "Id": record.id,
        "Names": ["/" + record.name],
        "Image": record.options.image,
        "ImageID": image.id if image else "",
        "Command": command_of(engine, record),
        "Created": int(record.created),
        "Ports": port_list(part(settings, "Ports")),
        "Labels": record.options.labels,
        "State": status(record),
        "Status": sentence(engine, record),
        "HostConfig": {
            "NetworkMode": record.options.network,
            "Annotations": record.options.annotations,
        },
        "NetworkSettings": {"Networks": settings["Networks"]},
        "Mounts": [mount_point(engine, mount) for mount in record.options.mounts],
    }
    health = read_health(engine, record) if record.options.health else None
    found["Health"] = {
        "Status": health.status if health else "none",
        "FailingStreak": health.streak if health else 0,
    }
    if sized:
        from hutch.engine.containers.sizes import sizes

        found["SizeRw"], found["SizeRootFs"] = sizes(engine, record)
    return found


def port_list(ports: Document) -> list[dict[str, object]]:
    """NetworkSettings.Ports in the form of a list's Ports."""
    found: list[dict[str, object]] = []
    for port in ports:
        number, _, protocol = port.partition("/")
        one: dict[str, object] = {"PrivatePort": int(number), "Type": protocol or "tcp"}
        bindings = parts(ports, port)
        for binding in bindings:
            public = int(text(binding, "HostPort"))
            found.append({**one, "IP": text(binding, "HostIp"), "PublicPort": public})
        if not bindings:
            found.append(dict(one))
    return found


def start(call: Call) -> None:
    """POST /containers/ID/start: 304 if it runs."""
    from hutch.engine.containers.start import start as begin

    record = call.container()
    if record.phase == phases.RUNNING:
        return call.exchange.send(304)
    try:
        begin(call.engine, record.id, call.memory.connect)
    except BaseException:
        # With AutoRemove a container that did not start is removed: clients wait for that.
        current = call.engine.records.get(record.id)
        if current is not None and current.options.auto_remove:
            from hutch.engine.containers.remove import remove as take_away

            take_away(call.engine, current, force=True, volumes=True)
        raise
    return call.exchange.send(204)


def stop(call: Call) -> None:
    """POST /containers/ID/stop?t=&signal=: 304 if it does not run."""
    from hutch.engine.containers.stop import stop as end

    seconds = whole(call.query, "t", -1) if call.query.get("t") else None
    stopped = end(call.engine, call.container(), seconds, call.query.get("signal", ""))
    call.exchange.send(204 if stopped else 304)


def restart(call: Call) -> None:
    """POST /containers/ID/restart?t=&signal="""
    from hutch.engine.containers.start import start as begin
    from hutch.engine.containers.stop import stop as end

    record = call.container()
    seconds = whole(call.query, "t", -1) if call.query.get("t") else None
    end(call.engine, record, seconds, call.query.get("signal", ""))
    begin(call.engine, record.id, call.memory.connect)
    call.engine.events.of(record, "restart")
    call.exchange.send(204)


def kill(call: Call) -> None:
    """POST /containers/ID/kill?signal="""
    from hutch.engine.containers.stop import kill as send

    send(call.engine, call.container(), call.query.get("signal") or "KILL")
    call.exchange.send(204)


def pause(call: Call) -> None:
    """POST /containers/ID/pause"""
    from hutch.engine.containers.stop import pause as freeze

    freeze(call.engine, call.container())
    call.exchange.send(204)


def unpause(call: Call) -> None:
    """POST /containers/ID/unpause"""
    from hutch.engine.containers.stop import unpause as thaw

    thaw(call.engine, call.container())
    call.exchange.send(204)


def rename(call: Call) -> None:
    """POST /containers/ID/rename?name="""
    from hutch.engine.containers.names import check_name

    record = call.container()
    old, name = record.name, check_name(call.query.get("name", "").removeprefix("/"))
    call.engine.records.rename(record, name)
    call.engine.events.of(record, "rename", oldName=old)
    call.exchange.send(204)


def update(call: Call) -> None:
    """POST /containers/ID/update"""
    from hutch.engine.containers import words
    from hutch.engine.containers.options import Options
    from hutch.engine.containers.update import update as change

    record = call.container()
    body = call.exchange.document()
    wanted = Options()
    resources(body, wanted)
    policy = part(body, "RestartPolicy")
    restart_policy = None
    if text(policy, "Name"):
        count = policy.get("MaximumRetryCount") or 0
        restart_policy = words.restart(text(policy, "Name") + (f":{count}" if count else ""))
    change(call.engine, record, wanted, restart_policy)
    call.exchange.json({"Warnings": []})


def remove(call: Call) -> None:
    """DELETE /containers/ID?force=&v=&link="""
    from hutch.engine.containers.remove import remove as take_away

    if yes(call.query, "link"):
        raise ApiError(501, "links between containers: this engine does not have them")
    take_away(
        call.engine, call.container(), force=yes(call.query, "force"), volumes=yes(call.query, "v")
    )
    call.exchange.send(204)


def prune(call: Call) -> None:
    """POST /containers/prune?filters="""
    from hutch.engine.containers.remove import prune as take_away

    _, meant = meant_to_go(call)
    gone, freed = take_away(
        call.engine, meant=lambda record: meant(record.created, record.options.labels)
    )
    call.engine.events.add("container", "prune", "", {"reclaimed": str(freed)})
    call.exchange.json({"ContainersDeleted": gone, "SpaceReclaimed": freed})


def top(call: Call) -> None:
    """GET /containers/ID/top?ps_args="""
    from hutch.engine.containers.stop import top as processes

    words = call.query.get("ps_args", "").split()
    record = call.container()
    lines = processes(call.engine, record, words).splitlines()
    call.engine.events.of(record, "top")
    titles = lines[0].split() if lines else []
    rows = [line.split(None, len(titles) - 1) for line in lines[1:]]
    call.exchange.json({"Titles": titles, "Processes": rows})


def changes(call: Call) -> None:
    """GET /containers/ID/changes"""
    from hutch.engine.containers.copy import changes as found

    call.exchange.json(
        [
            {"Path": one.path, "Kind": CHANGES[one.kind]}
            for one in found(call.engine, call.container())
        ]
    )
