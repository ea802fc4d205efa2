"""The configuration of warren: registries, short names, limits. TOML.

search = ["docker.io"]                 # where short names are looked for
[aliases]
tools = "registry.example/team/tools"  # a short name that means one image
[registry."registry.example:5000"]
insecure = false                       # http, or TLS that is not verified
ca = "/etc/ssl/our-ca.pem"             # who may sign its certificate
cert = "client.pem"                    # ours, with its key
key = "client.key"
mirrors = ["mirror.example:5000"]      # asked first, in this order, only to pull
[limits]
unpacked_bytes = 274877906944
"""

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, cast

from hutch.errors import UsageError, shown
from hutch.image.limits import Limits
from hutch.image.reference import HUB


@dataclass(slots=True)
class RegistrySettings:
    """What is configured for one registry. ``insecure`` None: only as loopback allows."""

    insecure: bool | None = None
    ca: str = ""
    cert: str = ""
    key: str = ""
    mirrors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Settings:
    """All of the configuration, with its defaults."""

    search: list[str] = field(default_factory=lambda: [HUB])
    aliases: dict[str, str] = field(default_factory=dict)
    registries: dict[str, RegistrySettings] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    parallel: int = 3

    def registry(self, host: str) -> RegistrySettings:
        """What is configured for ``host`` (``name:port``), or nothing special."""
        return self.registries.get(host) or RegistrySettings()


class RegistryTable(TypedDict, total=False):
    """A ``[registry.HOST]``, checked."""

    insecure: bool
    ca: str
    cert: str
    key: str
    mirrors: list[str]


class ConfigurationFile(TypedDict, total=False):
    """The file, each table only by its kind."""

    search: list[str]
    aliases: dict[str, str]
    registry: dict[str, object]
    limits: dict[str, object]
    parallel: int


KINDS = {"search": list, "aliases": dict, "registry": dict, "limits": dict, "parallel": int}
REGISTRY_KINDS = {"insecure": bool, "ca": str, "cert": str, "key": str, "mirrors": list}


def default_places() -> list[Path]:
    """Where the configuration is looked for; the first that exists is taken."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return [Path(home) / "hutch" / "warren.toml", Path("/etc/hutch/warren.toml")]


def load(path: str = "") -> Settings:
    """The configuration of ``path``, or of the first default place that has one.

    Raises UsageError, naming the file and the key.
    """
    places = [Path(path)] if path else default_places()
    for place in places:
        try:
            with open(place, "rb") as file:
                document = tomllib.load(file)
        except FileNotFoundError:
            if path:
                raise UsageError(f"{path}: no such file or directory") from None
            continue
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{place}: {error}") from None
        except OSError as error:
            raise UsageError(f"{place}: {(error.strerror or '').lower()}") from None
        return _settings(document, str(place))
    return Settings()


def _settings(document: dict[str, object], where: str) -> Settings:
    _check(document, KINDS, where)
    checked = cast("ConfigurationFile", document)
    settings = Settings()
    settings.search = _strings(checked.get("search", settings.search), f"{where}: search")
    aliases = checked.get("aliases", {})
    _strings(list(aliases.values()), f"{where}: aliases")
    settings.aliases = aliases
    settings.parallel = max(1, checked.get("parallel", settings.parallel))
    for host, values in checked.get("registry", {}).items():
        place = f"{where}: registry.{shown(host)}"
        if not isinstance(values, dict):
            raise UsageError(f"{place}: a table is wanted")
        _check(values, REGISTRY_KINDS, place)
        _strings(values.get("mirrors", []), f"{place}.mirrors")
        settings.registries[host] = RegistrySettings(**cast("RegistryTable", values))
    limits = checked.get("limits", {})
    _check(limits, dict.fromkeys(Limits.__dataclass_fields__, int), f"{where}: limits")
    settings.limits = Limits(**cast("dict[str, int]", limits))
    return settings


def _check(values: dict[str, object], kinds: dict[str, type], where: str) -> None:
    for key, value in values.items():
        if key not in kinds:
            raise UsageError(
                f"{where}: unknown key {shown(key)}", hint="one of " + ", ".join(kinds)
            )
        if not isinstance(value, kinds[key]) or (kinds[key] is int and isinstance(value, bool)):
            raise UsageError(f"{where}: {key} = {shown(value)}: {kinds[key].__name__} is wanted")


def _strings(values: object, where: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{where}: a list of strings is wanted")
    return values
