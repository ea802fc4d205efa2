"""The private parts of CPython that the static executables use: one file for each version, and a
build that says what is not as expected (native/cpython, native/versions.py)."""

import hashlib
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
sys.path[:0] = [str(NATIVE)]
import embed  # noqa: E402
import versions  # noqa: E402

# What CPython keeps for itself, in C.
PRIVATE = re.compile(r"\b_Py[A-Z]\w*|Py_BUILD_CORE|\bpycore_|\b_init_main\b")
ALLOWED = {NATIVE / "versions.py"}


def test_each_version_has_one_file_and_is_chosen_by_its_number() -> None:
    headers = {path.name for path in (NATIVE / "cpython").glob("python3*.h")}
    assert {row.header for row in versions.ROWS} == headers
    assert {row.suite for row in versions.ROWS} == {"bookworm", "trixie", "sid"}
    text = (NATIVE / "cpython" / "python.h").read_text()
    chosen = re.findall(r'PY_VERSION_HEX >> 16 == (\w+)\n#include "cpython/(\w+\.h)"', text)
    numbers = [tuple(map(int, row.number.split("."))) for row in versions.ROWS]
    assert chosen == [
        (f"0x{major:02X}{minor:02X}", f"python{major}{minor}.h") for major, minor in numbers
    ]


def test_the_projects_metadata_names_the_versions() -> None:
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    for number in versions.VERSIONS:
        assert f"Programming Language :: Python :: {number}" in metadata


def test_only_the_files_of_the_versions_use_private_parts() -> None:
    for path in sorted(NATIVE.rglob("*.[chp]*")):
        if path.parent.name == "cpython" or path in ALLOWED or path.suffix == ".pyc":
            continue
        assert PRIVATE.search(path.read_text()) is None, path


def compiled(text: str) -> str:
    """What the build says of C source that is compiled with native/cpython/python.h."""
    flags = ["-std=gnu11", f"-I{NATIVE}", f"-I{sysconfig.get_paths()['include']}"]
    done = subprocess.run(
        ["gcc", *flags, "-fsyntax-only", "-x", "c", "-"],
        input=f'#include "cpython/python.h"\n{text}\n', text=True, capture_output=True,
    )  # fmt: skip
    return embed.reason(done.stderr) if done.returncode else ""


NOT_AS = f"CPython {sys.version.split()[0]} is not as native/cpython expects: "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("IS_FIELD(PyConfig, _init_main, long);", NOT_AS + "the type of _init_main of PyConfig"),
        ("IS_FUNCTION(_PySignal_Init, int(void));", NOT_AS + "the type of _PySignal_Init"),
        ("#error native/cpython has no file", "native/cpython has no file"),
        ("int answer(void) { return answr; }", "the compiler failed: <stdin>:2:27: error: "),
    ],
)
def test_the_build_says_which_part_is_not_as_expected(text: str, said: str) -> None:
    assert compiled(text).startswith(said)
    assert bool(compiled(text)) == bool(said)


def test_a_missing_part_and_a_failed_link_are_one_sentence() -> None:
    gone = "native/cpython/python313.h:9:1: error: 'PyThreadState' has no member named 'x'"
    assert embed.reason("note\n" + gone) == NOT_AS + "'PyThreadState' has no member named 'x'"
    assert embed.reason("a\nb\nc\nd").startswith("the linker failed: b; c; d")


@pytest.mark.parametrize(
    ("running", "said"),
    [
        ("3.12", "3.12: install one of Debian's packages libpython3.11-dev (bookworm), libpython"),
        ("3.13", "libpython3.13.a: install Debian's package libpython3.13-dev, and build with its"),
    ],
)
def test_without_a_library_the_build_says_what_to_install(
    running: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(versions, "RUNNING", running)
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(tmp_path))
    assert said in versions.missing_library()


def test_without_the_libraries_of_the_digests_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "libpython3.14.a").touch()
    monkeypatch.setattr(versions, "RUNNING", "3.14")
    monkeypatch.setattr(sysconfig, "get_config_var", lambda name: str(tmp_path))
    monkeypatch.setattr(versions, "DIGEST_LIBRARIES", {"libnothing.a": "libnothing-dev"})
    assert versions.missing_library() == (
        "static libraries are missing: install Debian's packages libnothing-dev"
    )


@pytest.fixture(scope="module")
def digests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The modules of digest/digest.c, as shared objects."""
    modules = {}
    folder = tmp_path_factory.mktemp("digests")
    for name in ("_md5", "_sha1", "_sha2", "_blake2", "_sha3"):
        file = folder / f"{name}.so"
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror",
             f"-Dour_{name}=PyInit_{name}", f"-I{sysconfig.get_paths()['include']}",
             NATIVE / "digest" / "digest.c", "-o", file, "-lmd", "-lb2"],
            check=True,
        )  # fmt: skip
        spec: Any = importlib.util.spec_from_file_location(name, file)
        modules[name] = importlib.util.module_from_spec(spec)
    return modules


TEXTS = [b"", b"a", b"hutch" * 100, bytes(range(256)) * 300]


def test_our_digests_are_those_of_hashlib(digests: dict[str, Any]) -> None:
    names = ("md5", "sha1", "sha256", "sha384", "sha512", "blake2b", "blake2s")
    for name in names:
        make = next(getattr(one, name) for one in digests.values() if hasattr(one, name))
        for text in TEXTS:
            known = hashlib.new(name, text)
            ours = make(text[:7], usedforsecurity=False)
            ours.update(text[7:])
            other = ours.copy()
            assert ours.digest() == known.digest() == other.digest(), name
            assert ours.hexdigest() == known.hexdigest()
            other.update(b"more")
            assert other.digest() != ours.digest()
            fields = ("name", "digest_size", "block_size")
            assert [getattr(ours, f) for f in fields] == [getattr(known, f) for f in fields]


def test_blake2_has_sizes_and_keys(digests: dict[str, Any]) -> None:
    ours = digests["_blake2"].blake2b
    for size in (1, 32, 64):
        for key in (b"", b"k", b"k" * 64):
            known = hashlib.blake2b(b"text", digest_size=size, key=key)
            assert ours(b"text", digest_size=size, key=key).digest() == known.digest()
    for wrong in ({"digest_size": 65}, {"digest_size": 0}, {"key": b"k" * 65}, {"salt": b"1"}):
        with pytest.raises((TypeError, ValueError)):
            ours(b"text", **wrong)
    with pytest.raises(ValueError, match="no digest of 31 bytes"):
        digests["_sha2"].sha256(b"", digest_size=31)
    with pytest.raises(ValueError, match="no SHA-3"):
        digests["_sha3"].sha3_256(b"")
    with pytest.raises(TypeError):
        digests["_sha2"].sha256("text")
