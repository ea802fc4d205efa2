"""Ports as ``ps`` and ``port`` show them."""

from collections.abc import Iterable

from hutch.engine.network.records import Published


def whole(port: str) -> str:
    """``80`` as ``80/tcp``."""
    return port if "/" in port else port + "/tcp"


def place(port: Published) -> str:
    """``0.0.0.0:8080``, ``[::]:8080``."""
    return f"[{port.address}]:{port.host_port}" if ":" in port.address else (
        f"{port.address}:{port.host_port}"
    )  # fmt: skip


def port_words(published: Iterable[Published], exposes: Iterable[str]) -> str:
    """The column PORTS of ps: neighbours become a range."""
    all_ports = list(published)
    mapped = {f"{port.port}/{port.protocol}" for port in all_ports}
    runs: list[list[Published]] = []
    for port in sorted(all_ports, key=lambda p: (p.address, p.protocol, p.port, p.host_port)):
        last = runs[-1][-1] if runs else None
        if last and last._replace(host_port=last.host_port + 1, port=last.port + 1) == port:
            runs[-1].append(port)
        else:
            runs.append([port])
    words = []
    for run in sorted(runs, key=lambda run: (run[0].port, run[0].protocol, run[0].address)):
        first, last = run[0], run[-1]
        dash = f"-{last.host_port}" if len(run) > 1 else ""
        inner = f"{first.port}-{last.port}" if len(run) > 1 else f"{first.port}"
        words.append(f"{place(first)}{dash}->{inner}/{first.protocol}")
    words += sorted(
        {word for word in map(whole, exposes) if word not in mapped},
        key=lambda word: (int(word.partition("/")[0].partition("-")[0]), word),
    )
    return ", ".join(words)
