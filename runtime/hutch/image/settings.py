"""The configuration of warren: registries, short names, limits. TOML.

search = ["docker.io"]                 # registries for short names
[aliases]
tools = "registry.example/team/tools"  # a short name that means one image
[registry."registry.example:5000"]
insecure = false                       # true: allow http, and TLS without verification
ca = "/etc/ssl/our-ca.pem"             # the authority that signs the registry's certificate
cert = "client.pem"                    # the client certificate, and its key
key = "client.key"
mirrors = ["mirror.example:5000"]      # a pull asks these first, in this order
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
    """The configuration of one registry. ``insecure`` None: http is allowed only on loopback."""

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
        """The configuration of ``host`` (``name:port``); the default one if it has none."""
        return self.registries.get(host) or RegistrySettings()


class RegistryTable(TypedDict, total=False):
    """A checked table ``[registry.HOST]``."""

    insecure: bool
    ca: str
    cert: str
    key: str
    mirrors: list[str]


class ConfigurationFile(TypedDict, total=False):
    """The configuration file. The tables are checked only as far as these types say."""

    search: list[str]
    aliases: dict[str, str]
    registry: dict[str, object]
    limits: dict[str, object]
    parallel: int


KINDS = {"search": list, "aliases": dict, "registry": dict, "limits": dict, "parallel": int}
REGISTRY_KINDS = {"insecure": bool, "ca": str, "cert": str, "key": str, "mirrors": list}


def default_places() -> list[Path]:
    """The paths of the configuration file. The first that exists is used."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    return [Path(home) / "hutch" / "warren.toml", Path("/etc/hutch/warren.toml")]


def load(path: str = "") -> Settings:
    """The configuration in the file ``path``, or in the first default place that exists.

    Raises UsageError, which names the file and the key.
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
            raise UsageError(f"{place}: must be a table")
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
            kind = kinds[key].__name__
            raise UsageError(f"{where}: {key} = {shown(value)}: must be of type {kind}")


def _strings(values: object, where: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{where}: must be a list of strings")
    return values
