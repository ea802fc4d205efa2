"""The fuzz targets in C, built with clang's libFuzzer, AddressSanitizer and UBSan."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from hutch.plan.encode import encode
from hutch.plan.plan import Plan

FOLDER = Path(__file__).parent
NATIVE = FOLDER.parents[1] / "native"
# What each is linked with beside its own file, which includes the source that it is about.
TARGETS: dict[str, list[Path]] = {
    "plan": [],
    "home": [NATIVE / "init" / "text.c"],
    "beneath": [NATIVE / "init" / "text.c"],
    "json": [NATIVE / "json" / "json.c"],
}
LENGTHS = {"plan": 4096, "home": 1024, "beneath": 256, "json": 1024}


def environment() -> dict[str, str]:
    """What the fuzzers in Python find the tests' modules by."""
    return {**os.environ, "PYTHONPATH": str(FOLDER.parents[1])}


def build(name: str, folder: Path) -> Path:
    """Compiles a target; returns the program."""
    program = folder / f"{name}-fuzz"
    embedding: list[str] = []
    if name == "json":
        libraries = Path(sysconfig.get_config_var("LIBDIR"))
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        embedding = [
            f"-I{sysconfig.get_path('include')}", f"-L{libraries}", f"-lpython{version}",
            f"-Wl,-rpath,{libraries}",
        ]  # fmt: skip
    command = [
        "clang", "-std=gnu11", "-D_GNU_SOURCE", "-g", "-O1", "-Wall", "-Wextra", "-Werror",
        "-Wno-unused-parameter", "-fsanitize=fuzzer,address,undefined",
        "-fno-sanitize-recover=all", f"-I{NATIVE}", f"-I{NATIVE / 'init'}",
        str(FOLDER / f"{name}_fuzz.c"), *map(str, TARGETS[name]), *embedding, "-o", str(program),
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return program


def seeds(name: str, corpus: Path, plans: list[Plan]) -> None:
    """Inputs to begin with: real plans, real passwd lines, real JSON."""
    corpus.mkdir(parents=True, exist_ok=True)
    texts: list[bytes] = []
    if name == "plan":
        texts = [bytes([fixed]) + encode(plan.operations) for plan in plans for fixed in (0, 1)]
    elif name == "home":
        texts = [b"root:x:0:0::/root:/bin/sh\nguest:x:1000:1000::/tmp:\n", b"a:b:1000:c:d:/e"]
    elif name == "json":
        texts = [rb'{"a": [1, -2.5e3, true, null, "x\u00e9\ud83d\ude00\n"]}', b'"\xc3\xa9\\u0000"']
    for number, text in enumerate(texts):
        (corpus / f"seed-{number}").write_bytes(text)


def fuzz(program: Path, corpus: Path, *limits: str) -> "subprocess.CompletedProcess[str]":
    """Runs a target; what it says is on its stderr, and a finding is an exit code that is not 0."""
    name = program.name.removesuffix("-fuzz")
    words = [
        str(program), f"-max_len={LENGTHS[name]}", "-timeout=20",
        f"-artifact_prefix={corpus.parent}/{name}-finding-", *limits, str(corpus),
    ]  # fmt: skip
    return subprocess.run(
        ["nice", *words],
        env={"PYTHONMALLOC": "malloc", "ASAN_OPTIONS": "detect_leaks=0", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
