"""nft(8): loading rules, and finding the rules of others that stand in the way."""

import json
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from hutch.errors import HostError

# The first word of what nft(8) marks in a rule, and the module of the kernel that it needs.
MODULES = {
    "ct": "nft_ct", "dnat": "nft_nat", "fib": "nft_fib_inet", "masquerade": "nft_masq",
    "nat": "nft_chain_nat",
}  # fmt: skip
NO_NFT = "networks need nft, which is not installed"


def program() -> str:
    """nft's path. Raises HostError."""
    found = shutil.which("nft") or shutil.which("nft", path="/usr/sbin:/sbin")
    if found is None:
        raise HostError(NO_NFT, hint="apt-get install nftables; or use --network none or host")
    return found


Program = subprocess.Popen[str]


def begin_load(rules: str, *, listing: bool) -> Program:
    """Begins to load rules, all or none, and with ``listing`` to list all chains. Raises HostError
    if there is no nft."""
    pipe = subprocess.PIPE
    loading = subprocess.Popen(
        [program(), "-f", "-"], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    if loading.stdin is not None:
        with suppress(BrokenPipeError), loading.stdin:
            loading.stdin.write(rules + ("list chains\n" if listing else ""))
        loading.stdin = None
    return loading


def end_load(loading: Program, *, needed: bool = True) -> str:
    """Waits until the rules are loaded; the list of chains. ``needed``: they have more to do
    than to remove others, which a kernel without nf_tables does not have. Raises HostError with
    what nft says."""
    listed, said = loading.communicate()
    status = loading.returncode
    if "Operation not permitted" in said:
        raise HostError(
            "nft may not load rules: it takes CAP_NET_ADMIN",
            hint="run it as root, or use --network none or host",
        )
    module = missing_module(said) if status else ""
    if module == "nf_tables" and not needed:
        return ""
    if module:
        raise HostError(
            f"the kernel has no {module}, which networks need",
            hint=f"modprobe {module}; or use --network none or host",
        )
    if status:
        raise HostError(
            "nft refuses the rules of warren's networks: " + first_line(said),
            hint="the kernel needs nf_tables with nat, masquerade and fib (nft_masq, nft_fib_inet)",
        )
    return listed


def missing_module(said: str) -> str:
    """The module of the kernel that is missing, by what nft says of it; "" if none is."""
    if "cache initialization failed" in said or "Protocol not supported" in said:
        return "nf_tables"
    lines = said.splitlines()
    for error, rule, marks in zip(lines, lines[1:], lines[2:], strict=False):
        if "No such file or directory" in error and set(marks.strip()) == {"^"}:
            begin = marks.index("^")
            words = rule[begin : begin + marks.count("^")].split()
            return MODULES.get(words[0], "") if words else ""
    return ""


def first_line(text: str) -> str:
    """The sentence of nft's complaint."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "it does not say why"


def obstacles(own: str, listed: str) -> list[str]:
    """Base chains of others that drop what is forwarded unless a rule of theirs accepts it, each as
    "ip filter FORWARD": an accept in one table does not keep another from dropping (nft(8)).
    ``listed`` is nft's list of all chains."""
    found, table, chain = [], "", ""
    for line in listed.splitlines():
        words = line.split()
        if words[:1] == ["table"]:
            table = " ".join(words[1:3])
        elif words[:1] == ["chain"]:
            chain = words[1]
        elif " hook forward " in line and " policy drop;" in line and table.split()[1] != own:
            found.append(f"{table} {chain}")
    return legacy() + found


def legacy() -> list[str]:
    """The same of the old iptables, which nft does not see."""
    for names, command, chain in (
        ("/proc/net/ip_tables_names", "iptables-legacy", "ip filter FORWARD (iptables-legacy)"),
        ("/proc/net/ip6_tables_names", "ip6tables-legacy", "ip6 filter FORWARD (ip6tables-legacy)"),
    ):
        try:
            used = "filter" in Path(names).read_text().split()
        except OSError:
            used = False
        path = shutil.which(command, path="/usr/sbin:/sbin")
        if used and path:
            done = subprocess.run([path, "-S", "FORWARD"], capture_output=True, check=False)
            if b"-P FORWARD DROP" in done.stdout:
                return [chain]
    return []


def tables() -> set[str]:
    """The names of all tables of the family inet; none if there is no nft."""
    try:
        done = subprocess.run(
            [program(), "-j", "list", "tables"], capture_output=True, text=True, check=False
        )
        found = json.loads(done.stdout)["nftables"]
    except (HostError, ValueError, KeyError):
        return set()
    return {str(one["table"]["name"]) for one in found if "table" in one}
