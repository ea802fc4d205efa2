"""The options of ``warren run``, ``create`` and ``network connect`` that are about networks."""

from argparse import Namespace

from hutch.engine.containers.options import Options, bridged
from hutch.engine.network.records import Wishes
from hutch.engine.rootless import usual_network
from hutch.errors import UsageError, shown

# Of --network name=NAME,KEY=VALUE,...: what each key means in Wishes.
KEYS = {"ip": "address4", "ip6": "address6", "mac-address": "mac"}


def network_options(arguments: Namespace, options: Options) -> None:
    """--network, --network-alias, --ip, --ip6, --mac-address, -p and -P. Raises UsageError."""
    usual = usual_network()
    asked = [network(text) for text in arguments.network] or [Wishes(name=usual)]
    names = [usual if one["name"] == "default" else one["name"] for one in asked]
    for one, name in zip(asked, names, strict=True):
        one["name"] = name
    if len(set(names)) < len(names):
        raise UsageError(f"network {shown(names[-1])} is given twice")
    options.network = names[0]
    _of_the_first(arguments, asked[0], single=len(asked) == 1)
    alone = [name for name in names if not bridged(_in(name))]
    if alone and len(asked) > 1:
        raise UsageError(f"conflicting options: --network {alone[0]} and other networks")
    options.publish_all = arguments.publish_all
    if arguments.publish:
        from hutch.engine.network.ports import publish

        options.ports = [port for text in arguments.publish for port in publish(text)]
    if arguments.expose:
        from hutch.engine.network.ports import exposed

        exposed(arguments.expose)
    if alone:
        _nothing_but_a_name(options.network, asked[0])
        if options.network.startswith("container:") and (options.ports or options.publish_all):
            raise UsageError(
                "conflicting options: port publishing and the container type network mode"
            )
    else:
        options.networks = asked


def _in(network: str) -> Options:
    options = Options()
    options.network = network
    return options


def _nothing_but_a_name(mode: str, wishes: Wishes) -> None:
    extra = sorted(wishes.keys() - {"name"})
    if extra:
        flag = {"aliases": "--network-alias", "address4": "--ip", "address6": "--ip6",
                "mac": "--mac-address"}[extra[0]]  # fmt: skip
        raise UsageError(f"conflicting options: {flag} and --network {mode}")


def _of_the_first(arguments: Namespace, first: Wishes, *, single: bool) -> None:
    """The flags that say something of a single network."""
    for flag, key in (("ip", "address4"), ("ip6", "address6"), ("mac_address", "mac")):
        value = getattr(arguments, flag)
        if value is None:
            continue
        if not single:
            raise UsageError(
                f"--{flag.replace('_', '-')} with several networks: it is not clear for which",
                hint=f"--network name=NAME,{flag.replace('_', '-')}=...",
            )
        first[key] = value  # type: ignore[literal-required]
    if arguments.network_alias:
        first["aliases"] = [*first.get("aliases", []), *arguments.network_alias]


def network(text: str) -> Wishes:
    """One --network: a name, pasta:OPTIONS, or name=NAME,alias=ALIAS,ip=ADDRESS,...

    Raises UsageError.
    """
    if "=" not in text or text.startswith("pasta:"):
        return {"name": text}
    wishes = Wishes(name="")
    for part in text.split(","):
        key, given, value = part.partition("=")
        if key == "name":
            wishes["name"] = value
        elif key == "alias":
            wishes["aliases"] = [*wishes.get("aliases", []), value]
        elif key in KEYS:
            wishes[KEYS[key]] = value  # type: ignore[literal-required]
        else:
            raise UsageError(
                f"--network {shown(text)}: there is no {shown(key)}",
                hint="name=, alias=, ip=, ip6=, mac-address=",
            )
        if not given or not value:
            raise UsageError(f"--network {shown(text)}: {shown(part)} has no value")
    if not wishes["name"]:
        raise UsageError(f"--network {shown(text)}: name= is missing")
    return wishes
