"""Which handler answers which request.

A path is a pattern: ``{id}`` stands for one part, ``{name*}`` for as many as there are, since
clients write the slashes of image names as they are. The handlers' modules are imported with the
first call that needs them.
"""

import re
from importlib import import_module

from hutch.api.call import Handler

ROUTES = [line.split() for line in """
GET     /_ping                          system.ping
HEAD    /_ping                          system.ping
GET     /version                        system.version
GET     /info                           system.info
GET     /events                         events.events
GET     /system/df                      system.disk_usage
POST    /auth                           system.authenticate
GET     /containers/json                containers.listed
POST    /containers/create              containers.create
POST    /containers/prune               containers.prune
GET     /containers/{id}/json           containers.inspect
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
POST    /containers/{id}/wait           waiting.wait
DELETE  /containers/{id}                containers.remove
HEAD    /containers/{id}/archive        archives.stat
GET     /containers/{id}/archive        archives.get
PUT     /containers/{id}/archive        archives.put
POST    /containers/{id}/exec           executions.create
POST    /exec/{id}/start                executions.start
POST    /exec/{id}/resize               executions.resize
GET     /exec/{id}/json                 executions.inspect
POST    /commit                         images.commit
GET     /images/json                    images.listed
POST    /images/create                  images.create
POST    /images/load                    images.load
GET     /images/get                     images.save
GET     /images/search                  images.search
POST    /images/prune                   images.prune
GET     /images/{name*}/json            images.inspect
GET     /images/{name*}/history         images.history
GET     /images/{name*}/get             images.save
POST    /images/{name*}/push            images.push
POST    /images/{name*}/tag             images.tag
DELETE  /images/{name*}                 images.remove
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


def _pattern(path: str) -> "re.Pattern[str]":
    pattern = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", path)
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern))


PATTERNS = [(method, _pattern(path), handler) for method, path, handler in ROUTES]
VERSION = re.compile(r"/v(\d{1,4})\.(\d{1,4})(/.*)")


def split_version(path: str) -> tuple[tuple[int, int] | None, str]:
    """The version of the API that a path asks for, and the rest of the path."""
    found = VERSION.fullmatch(path)
    return ((int(found[1]), int(found[2])), found[3]) if found else (None, path)


def find(method: str, path: str) -> tuple[Handler | None, dict[str, str], bool]:
    """The handler and the named parts of the path; whether another method would have one."""
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
        return handler, found.groupdict(), False
    return None, {}, elsewhere
