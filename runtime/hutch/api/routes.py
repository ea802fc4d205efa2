"""Which handler answers which request.

A path is a pattern: ``{id}`` stands for one part, ``{name*}`` for as many as there are, since
clients write the slashes of image names as they are. The handlers' modules are imported with the
first call that needs them.
"""

import re
from importlib import import_module

from hutch.api.call import Handler
from hutch.api.errors import ApiError
from hutch.errors import shown

ROUTES = [line.split() for line in """
GET     /_ping                          system.ping
HEAD    /_ping                          system.ping
GET     /version                        system.version
GET     /info                           system.info
GET     /events                         events.events
GET     /system/df                      system.disk_usage
POST    /auth                           registries.authenticate
GET     /containers/json                containers.listed
POST    /containers/create              containers.create
POST    /containers/prune               containers.prune
GET     /containers/{id}/json           inspection.inspect
GET     /containers/{id}/top            containers.top
GET     /containers/{id}/logs           streams.logs
GET     /containers/{id}/changes        containers.changes
GET     /containers/{id}/export         archives.export
GET     /containers/{id}/stats          stats.stats
POST    /containers/{id}/resize         streams.resize
POST    /containers/{id}/start          containers.start
POST    /containers/{id}/stop           containers.stop
POST    /containers/{id}/restart        containers.restart
POST    /containers/{id}/kill           containers.kill
POST    /containers/{id}/update         containers.update
POST    /containers/{id}/rename         containers.rename
POST    /containers/{id}/pause          containers.pause
POST    /containers/{id}/unpause        containers.unpause
POST    /containers/{id}/attach         streams.attach
GET     /containers/{id}/attach/ws      streams.attach_websocket
POST    /containers/{id}/wait           waiting.wait
DELETE  /containers/{id}                containers.remove
HEAD    /containers/{id}/archive        archives.stat
GET     /containers/{id}/archive        archives.get
PUT     /containers/{id}/archive        archives.put
POST    /containers/{id}/exec           executions.create
POST    /exec/{id}/start                executions.start
POST    /exec/{id}/resize               executions.resize
GET     /exec/{id}/json                 executions.inspect
POST    /build                          builds.build
POST    /build/prune                    builds.prune
POST    /commit                         images.commit
GET     /images/json                    images.listed
POST    /images/create                  registries.create
POST    /images/load                    images.load
GET     /images/get                     images.save
GET     /images/search                  registries.search
POST    /images/prune                   images.prune
GET     /images/{name*}/json            images.inspect
GET     /images/{name*}/history         images.history
GET     /images/{name*}/attestations    images.attestations
GET     /images/{name*}/get             images.save
POST    /images/{name*}/push            registries.push
POST    /images/{name*}/tag             images.tag
DELETE  /images/{name*}                 images.remove
GET     /plugins                        system.no_plugins
GET     /plugins/{name*}/json           system.no_such_plugin
GET     /distribution/{name*}/json      registries.distribution
GET     /networks                       networks.listed
POST    /networks/create                networks.create
POST    /networks/prune                 networks.prune
GET     /networks/{name}                networks.inspect
DELETE  /networks/{name}                networks.remove
POST    /networks/{name}/connect        networks.connect
POST    /networks/{name}/disconnect     networks.disconnect
GET     /volumes                        volumes.listed
POST    /volumes/create                 volumes.create
POST    /volumes/prune                  volumes.prune
GET     /volumes/{name}                 volumes.inspect
DELETE  /volumes/{name}                 volumes.remove
""".strip().splitlines()]  # fmt: skip


# What Docker documents besides, by what this engine does not have.
SWARM, PLUGINS, BUILDKIT = "swarms of several machines", "plugins", "BuildKit"
HINTS = {
    BUILDKIT: "set DOCKER_BUILDKIT=0 for docker build and docker compose build, or use warren build"
}
MISSING = [(*line.split(), what) for what, lines in {
SWARM: """
GET     /swarm
POST    /swarm/init
POST    /swarm/join
POST    /swarm/leave
POST    /swarm/update
GET     /swarm/unlockkey
POST    /swarm/unlock
GET     /nodes
GET     /nodes/{id}
DELETE  /nodes/{id}
POST    /nodes/{id}/update
GET     /services
POST    /services/create
GET     /services/{id}
DELETE  /services/{id}
POST    /services/{id}/update
GET     /services/{id}/logs
GET     /tasks
GET     /tasks/{id}
GET     /tasks/{id}/logs
GET     /secrets
POST    /secrets/create
GET     /secrets/{id}
DELETE  /secrets/{id}
POST    /secrets/{id}/update
GET     /configs
POST    /configs/create
GET     /configs/{id}
DELETE  /configs/{id}
POST    /configs/{id}/update
PUT     /volumes/{name}
""",
PLUGINS: """
GET     /plugins/privileges
POST    /plugins/pull
POST    /plugins/create
DELETE  /plugins/{name*}
POST    /plugins/{name*}/enable
POST    /plugins/{name*}/disable
POST    /plugins/{name*}/upgrade
POST    /plugins/{name*}/push
POST    /plugins/{name*}/set
""",
BUILDKIT: """
POST    /session
POST    /grpc
""",
}.items() for line in lines.strip().splitlines()]  # fmt: skip


def _pattern(path: str) -> "re.Pattern[str]":
    pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", path)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern))


PATTERNS = [(method, _pattern(path), handler) for method, path, handler in ROUTES]
MISSING_PATTERNS = [(method, _pattern(path), what) for method, path, what in MISSING]
VERSION = re.compile(r"/v(\d{1,4})\.(\d{1,4})(/.*)")


def split_version(path: str) -> tuple[tuple[int, int] | None, str]:
    """The version of the API that a path asks for, and the rest of the path."""
    found = VERSION.fullmatch(path)
    return ((int(found[1]), int(found[2])), found[3]) if found else (None, path)


def find(method: str, path: str) -> tuple[Handler, dict[str, str]]:
    """The handler, and the named parts of the path. Raises ApiError: 501 for what Docker documents
    and this engine does not have, 405, 404."""
    elsewhere = False
    for wanted, pattern, name in PATTERNS:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if wanted != method:
            elsewhere = True
            continue
        module, _, function = name.partition(".")
        handler: Handler = getattr(import_module(f"hutch.api.{module}"), function)
        return handler, found.groupdict()
    request = f"{method} {shown(path)}"
    for wanted, pattern, what in MISSING_PATTERNS:
        if wanted == method and pattern.fullmatch(path):
            hint = f" (hint: {HINTS[what]})" if what in HINTS else ""
            raise ApiError(501, f"{request}: this engine does not have {what}{hint}")
    if elsewhere:
        raise ApiError(405, f"{request}: there is no such method here")
    raise ApiError(404, f"{request}: Docker's API has no such path")


def table() -> str:
    """All requests that Docker documents, and what this engine answers, in Markdown."""
    lines = []
    for method, path, name in ROUTES:
        module, _, function = name.partition(".")
        said = getattr(import_module(f"hutch.api.{module}"), function).__doc__ or ""
        shown_path = path.replace("*", "")
        asked = shown_path.replace("{id}", "ID").replace("{name}", "NAME")
        query = re.search(re.escape(asked) + r"(\?[^\s:,]*)", said)
        lines.append(f"| `{method} {shown_path}{query[1] if query else ''}` | `{name}` |")
    lines += [
        f"| `{method} {path.replace('*', '')}` | 501: no {what} |" for method, path, what in MISSING
    ]
    lines.sort(key=lambda line: line.split()[2].partition("?")[0])
    return "\n".join(["| request | answer |", "|---|---|", *lines, ""])
