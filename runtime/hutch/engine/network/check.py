"""Checking the networks of a store: rows against links, namespaces, rules and the nameserver."""

import os
from typing import TYPE_CHECKING

from hutch.engine.containers import records as phases
from hutch.engine.network import nft
from hutch.engine.network.bridges import note
from hutch.engine.network.links import Links
from hutch.engine.network.names import program, running
from hutch.engine.network.namespace import remove_namespace
from hutch.engine.network.ruleset import table_name
from hutch.engine.network.wire import RUN, alone, run_folder, settle, store_tag, unwire
from hutch.engine.rootless import rootless

if TYPE_CHECKING:
    from hutch.engine.engine import Engine
    from hutch.image.check import Checker


def check_networks(engine: "Engine", checker: "Checker") -> None:
    """Tells the checker what is wrong. Containers have been looked at before, so what their runs
    have left is gone; what is found here has no row, or a row has no such thing."""
    if rootless():
        return  # there are none
    _leases(engine, checker)
    if not RUN.is_dir() and not engine.networks.endpoints():
        return
    with alone(), Links() as links:
        endpoints = engine.networks.endpoints()
        _links(engine, checker, links)
        _namespaces(engine, checker)
        there = {link.name for link in links.all()}
        for endpoint in endpoints:
            if endpoint.link not in there:
                checker.find(
                    f"container {endpoint.container[:12]}: its link to network {endpoint.network}"
                    f" is gone: warren restart {endpoint.container[:12]}"
                )

        def renew() -> str:
            settle(engine, links)
            return "made anew"

        table = table_name(store_tag(engine))
        if (table in nft.tables()) != bool(endpoints):
            missing = "is missing" if endpoints else "is there, though no container needs it"
            checker.find(f"nft table inet {table}: it {missing}", renew)
        named = {network.name for network in engine.networks.all() if network.named}
        asked = any(endpoint.network in named for endpoint in endpoints)
        if asked and program() and not running(run_folder(engine) / "dns"):
            checker.find("aardvark-dns does not run: containers do not find each other", renew)


def _leases(engine: "Engine", checker: "Checker") -> None:
    """Addresses of containers that do not run."""
    for id in {endpoint.container for endpoint in engine.networks.endpoints()}:
        record = engine.records.get(id)
        if record is not None and record.phase in (phases.CREATED, phases.EXITED, phases.DEAD):

            def release(id: str = id) -> str:
                unwire(engine, id)
                return "given back"

            checker.find(f"container {record.name}: it has addresses, but does not run", release)


def _links(engine: "Engine", checker: "Checker", links: Links) -> None:
    """Links that say they are this store's, which no row knows."""
    endpoints = engine.networks.endpoints()
    used = {endpoint.network for endpoint in endpoints}
    known = {endpoint.link for endpoint in endpoints}
    known |= {network.link for network in engine.networks.all() if network.name in used}
    for link in links.all():
        if link.note.startswith(note(store_tag(engine), "")) and link.name not in known:

            def remove(name: str = link.name) -> str:
                links.remove(name)
                return "removed"

            checker.find(f"link {link.name}: no running container has it", remove)


def _namespaces(engine: "Engine", checker: "Checker") -> None:
    """Network namespaces of containers that do not run."""
    folder = run_folder(engine) / "netns"
    if not folder.is_dir():
        return
    known = {endpoint.container for endpoint in engine.networks.endpoints()}
    for id in sorted(set(os.listdir(folder)) - known):
        record = engine.records.get(id)
        if record is not None and record.phase == phases.RUNNING:
            continue  # it has been taken out of all its networks

        def remove(id: str = id) -> str:
            remove_namespace(folder / id)
            return "removed"

        checker.find(f"network namespace {folder / id}: no running container has it", remove)
