"""The cache of compiled filters: its entries, its costs, and the entries that it does not use."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import Any

import hutch
import pytest
from hutch.container.filter_cache import ENTRIES, filter_for
from hutch.errors import ConfigError
from hutch.kernel.libseccomp import compile_filter, library_file
from hutch.kernel.seccomp import Filter
from hutch.spec.seccomp import translate

from conformance.samples.seccomp_profile import engine_profile

pytestmark = pytest.mark.no_runtime

PACKAGES = str(Path(hutch.__file__).parents[1])
DIGEST, HEAD = 32, 52
ALLOW_ALL = bytes.fromhex("0600 00 00") + (0x7FFF_0000).to_bytes(4, sys.byteorder)


def profile(**fields: Any) -> dict[str, Any]:
    """With the name of an unknown system call, so that the entry has a warning."""
    syscalls = [{"names": ["read", "opne"], "action": "SCMP_ACT_ALLOW"}]
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": syscalls, **fields}


def contents(filter: Filter) -> tuple[bytes, int, bool, list[str]]:
    return filter.program, filter.flags, filter.notify, list(map(str, filter.warnings))


RIGHT = contents(compile_filter(translate(profile())))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "state" / ".filters"


@pytest.fixture
def entry(cache: Path) -> Path:
    """The only entry of the cache, which is for the profile."""
    filter_for(profile(), str(cache))
    (file,) = cache.iterdir()
    return file


def forged(entry: Path, program: bytes = ALLOW_ALL, library: bytes | None = None) -> bytes:
    """A valid entry with another program or another version of libseccomp."""
    data = entry.read_bytes()
    sizes = [int.from_bytes(data[at : at + 4], "little") for at in range(40, HEAD, 4)]
    old = data[HEAD + sizes[0] :][: sizes[1]]
    rest = data[HEAD + sizes[0] + sizes[1] :]
    library = old if library is None else library
    numbers = (len(program), len(library), len(rest))
    body = data[DIGEST:40] + b"".join(number.to_bytes(4, "little") for number in numbers)
    body += program + library + rest
    key = bytes.fromhex(entry.name)
    return blake2b(body, digest_size=DIGEST, key=key).digest() + body


def test_a_filter_comes_back_as_it_was_compiled(cache: Path) -> None:
    notify = {"names": ["mkdir"], "action": "SCMP_ACT_NOTIFY"}
    for given in (profile(), engine_profile(), profile(syscalls=[notify], listenerPath="/x")):
        compiled = filter_for(given, str(cache))
        assert contents(compiled) == contents(compile_filter(translate(given)))
        assert contents(filter_for(copy.deepcopy(given), str(cache))) == contents(compiled)


def test_s12_only_the_caller_can_access_the_directory_and_its_entries(entry: Path) -> None:
    for path in (entry.parent.parent, entry.parent):
        assert path.stat().st_mode & 0o777 == 0o700
    assert entry.stat().st_mode & 0o777 == 0o600


def test_a_valid_entry_is_used(entry: Path) -> None:
    entry.write_bytes(forged(entry))
    assert filter_for(profile(), str(entry.parent)).program == ALLOW_ALL


def test_a_hit_loads_neither_libseccomp_nor_a_checker(entry: Path) -> None:
    script = f"""
import sys
sys.path.append({PACKAGES!r})
from hutch.container.filter_cache import filter_for
filter_for({profile()!r}, {str(entry.parent)!r})
loaded = [name for name in sys.modules if name.startswith("hutch")]
print(sorted(loaded), "libseccomp" in open("/proc/self/maps").read())
"""
    done = subprocess.run([sys.executable, "-IS", "-c", script], capture_output=True, check=True)
    modules = ["hutch", "hutch._json", "hutch.container", "hutch.container.filter_cache"]
    modules += ["hutch.errors", "hutch.kernel", "hutch.kernel.seccomp", "hutch.spec"]
    assert done.stdout.decode() == f"{[*modules, 'hutch.spec.json']} False\n"


@pytest.mark.parametrize(
    "other",
    [
        profile(defaultErrnoRet=2),
        profile(flags=[]),
        profile(architectures=["SCMP_ARCH_X86"]),
        profile(syscalls=[{"names": ["read", "opne"], "action": "SCMP_ACT_LOG"}]),
    ],
)
def test_another_profile_has_another_entry(entry: Path, other: dict[str, Any]) -> None:
    assert contents(filter_for(other, str(entry.parent))) != RIGHT
    assert len(list(entry.parent.iterdir())) == 2


def test_a_profile_too_long_is_refused_each_time_and_not_kept(cache: Path) -> None:
    entry: dict[str, Any] = {"names": ["read"], "action": "SCMP_ACT_LOG"}
    each = [{"index": 1, "op": "SCMP_CMP_EQ", "value": value << 32} for value in range(3000)]
    long = profile(syscalls=[{**entry, "args": [arg]} for arg in each])
    for _ in range(2):
        with pytest.raises(ConfigError, match="instructions"):
            filter_for(long, str(cache))
    assert list(cache.iterdir()) == []


# Other files in the place of an entry


def symlink(entry: Path) -> None:
    target = entry.parent.parent / "elsewhere"
    target.write_bytes(forged(entry))
    target.chmod(0o600)
    entry.unlink()
    entry.symlink_to(target)


def fifo(entry: Path) -> None:
    entry.unlink()
    os.mkfifo(entry, 0o600)


def readable_by_others(entry: Path) -> None:
    entry.write_bytes(forged(entry))
    entry.chmod(0o604)


def writable_by_a_group(entry: Path) -> None:
    entry.write_bytes(forged(entry))
    entry.chmod(0o620)


def empty(entry: Path) -> None:
    entry.write_bytes(b"")


def truncated_by_one(entry: Path) -> None:
    entry.write_bytes(forged(entry)[:-1])


def truncated_to_the_head(entry: Path) -> None:
    entry.write_bytes(forged(entry)[:HEAD])


def longer(entry: Path) -> None:
    entry.write_bytes(forged(entry) + b"\0")


def too_large(entry: Path) -> None:
    entry.write_bytes(forged(entry, program=ALLOW_ALL * 10000))


def of_another_profile(entry: Path) -> None:
    other = profile(defaultAction="SCMP_ACT_ALLOW")
    filter_for(other, str(entry.parent))
    (found,) = set(entry.parent.iterdir()) - {entry}
    found.rename(entry)


def of_another_libseccomp(entry: Path) -> None:
    path = library_file()
    status = Path(path).stat()
    changed = f"{path}\n{status.st_ino} {status.st_size} {status.st_mtime_ns + 1}"
    entry.write_bytes(forged(entry, library=changed.encode()))


def of_a_libseccomp_that_is_gone(entry: Path) -> None:
    entry.write_bytes(forged(entry, library=b"/nowhere/libseccomp.so.2\n1 1 1"))


def of_no_libseccomp(entry: Path) -> None:
    entry.write_bytes(forged(entry, library=b""))


def of_wrong_lengths(entry: Path) -> None:
    data = bytearray(forged(entry)[DIGEST:])
    data[8:12] = (1 << 31).to_bytes(4, "little")
    key = bytes.fromhex(entry.name)
    entry.write_bytes(blake2b(data, digest_size=DIGEST, key=key).digest() + data)


@pytest.mark.parametrize(
    "damage",
    [
        symlink,
        fifo,
        readable_by_others,
        writable_by_a_group,
        empty,
        truncated_by_one,
        truncated_to_the_head,
        longer,
        too_large,
        of_another_profile,
        of_another_libseccomp,
        of_a_libseccomp_that_is_gone,
        of_no_libseccomp,
        of_wrong_lengths,
    ],
    ids=lambda damage: damage.__name__,
)
def test_s12_a_bad_entry_is_not_used_and_is_replaced(
    entry: Path, damage: Callable[[Path], None]
) -> None:
    good = entry.read_bytes()
    damage(entry)
    assert contents(filter_for(profile(), str(entry.parent))) == RIGHT
    assert not entry.is_symlink()
    assert entry.read_bytes() == good
    assert entry.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


def test_any_byte_that_changed_is_noticed(entry: Path) -> None:
    good = entry.read_bytes()
    for at in range(len(good)):
        entry.write_bytes(good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :])
        assert contents(filter_for(profile(), str(entry.parent))) == RIGHT
        assert entry.read_bytes() == good


def test_a_directory_in_the_place_of_an_entry_is_left_alone(entry: Path) -> None:
    entry.unlink()
    entry.mkdir()
    assert contents(filter_for(profile(), str(entry.parent))) == RIGHT
    assert [path.name for path in entry.parent.iterdir()] == [entry.name]


@pytest.mark.root
def test_s12_an_entry_of_another_user_is_not_used(entry: Path) -> None:
    entry.write_bytes(forged(entry))
    os.chown(entry, 1000, 0)
    assert contents(filter_for(profile(), str(entry.parent))) == RIGHT
    assert entry.stat().st_uid == 0


# Other files in the place of the directory


def told_of(found: Filter, directory: Path) -> bool:
    program, flags, notify, warnings = RIGHT
    assert (found.program, found.flags, found.notify) == (program, flags, notify)
    told = list(map(str, found.warnings))
    assert told[: len(warnings)] == warnings
    return [str(directory) in warning for warning in told[len(warnings) :]] == [True]


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_s12_a_directory_open_to_others_is_not_used(entry: Path, mode: int) -> None:
    entry.write_bytes(forged(entry))
    entry.parent.chmod(mode)
    assert told_of(filter_for(profile(), str(entry.parent)), entry.parent)


def test_s12_a_symlink_to_a_directory_is_not_used(entry: Path, tmp_path: Path) -> None:
    entry.write_bytes(forged(entry))
    link = tmp_path / "link"
    link.symlink_to(entry.parent)
    assert told_of(filter_for(profile(), str(link)), link)


def test_a_file_in_the_place_of_the_directory_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch(0o600)
    assert told_of(filter_for(profile(), str(file)), file)
    assert file.read_bytes() == b""


@pytest.mark.root
def test_s12_a_directory_of_another_user_is_not_used(entry: Path) -> None:
    entry.write_bytes(forged(entry))
    os.chown(entry.parent, 1000, 0)
    assert told_of(filter_for(profile(), str(entry.parent)), entry.parent)


@pytest.mark.root
def test_a_user_who_may_not_write_there_gets_a_compiled_filter(tmp_path: Path) -> None:
    directory = tmp_path / "filters"
    os.seteuid(1000)
    try:
        assert contents(filter_for(profile(), str(directory))) == RIGHT
    finally:
        os.seteuid(0)
    assert not directory.exists()


# Full disks, and several processes at the same time


def many(count: int) -> dict[str, Any]:
    return profile(defaultErrnoRet=count)


def test_the_number_of_entries_is_bounded_and_the_newest_stay(cache: Path) -> None:
    for count in range(ENTRIES + 20):
        filter_for(many(count), str(cache))
        assert len(list(cache.iterdir())) <= ENTRIES
    kept = {path.name for path in cache.iterdir()}
    assert len(kept) == ENTRIES
    for count in range(ENTRIES + 10, ENTRIES + 20):
        filter_for(many(count), str(cache))
    assert {path.name for path in cache.iterdir()} == kept


def test_the_file_of_a_killed_writer_is_removed_with_old_entries(cache: Path) -> None:
    cache.mkdir(0o700, parents=True)
    left = cache / "new-0123456789abcdef"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    for count in range(ENTRIES):
        filter_for(many(count), str(cache))
    assert not left.exists()
    assert len(list(cache.iterdir())) == ENTRIES


def test_on_a_full_disk_nothing_half_written_stays(cache: Path) -> None:
    script = f"""
import resource, sys
from hutch.container.filter_cache import filter_for
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
print(len(filter_for({profile()!r}, {str(cache)!r}).program))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert int(done.stdout) == len(RIGHT[0])
    assert list(cache.iterdir()) == []


def test_many_runtimes_at_once_do_not_disturb_each_other(cache: Path) -> None:
    script = f"""
import sys
from hutch.container.filter_cache import filter_for
for round in range(40):
    for errno in range(8):
        given = {profile()!r} | {{"defaultErrnoRet": errno}}
        assert filter_for(given, {str(cache)!r}).program.count(bytes([errno, 0, 5, 0]))
"""

    def work(_: int) -> int:
        return subprocess.run([sys.executable, "-c", script], check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [0] * 4
    assert len(list(cache.iterdir())) == 8
