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
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict, cast

from hutch.errors import UsageError, shown
from hutch.image.limits import Limits
from hutch.image.reference import HUB


class RegistrySettings(NamedTuple):
    """What is configured for one registry. ``insecure`` None: only as loopback allows."""

    insecure: bool | None = None
    ca: str = ""
    cert: str = ""
    key: str = ""
    mirrors: Sequence[str] = ()


class Settings:
    """All of the configuration, with its defaults."""

    def __init__(self) -> None:
        self.search = [HUB]
        self.aliases: dict[str, str] = {}
        self.registries: dict[str, RegistrySettings] = {}
        self.limits = Limits()
        self.parallel = 3

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
            text = Path(place).read_text(encoding="utf-8")
        except FileNotFoundError:
            if path:
                raise UsageError(f"{path}: no such file or directory") from None
            continue
        except UnicodeDecodeError as error:
            raise UsageError(f"{place}: {error}") from None
        except OSError as error:
            raise UsageError(f"{place}: {(error.strerror or '').lower()}") from None
        return parse(text, str(place))
    return Settings()


def parse(text: str, where: str) -> Settings:
    """The settings from a file's text; ``where`` names it in errors. Raises UsageError."""
    import tomllib

    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: {error}") from None
    return _settings(document, where)


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
    _check(limits, dict.fromkeys(Limits._fields, int), f"{where}: limits")
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
