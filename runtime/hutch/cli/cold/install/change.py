"""A configuration file before and after a change, and the copy of the first that is kept."""

import os
from contextlib import suppress
from difflib import unified_diff
from errno import EACCES, EPERM
from pathlib import Path
from typing import NamedTuple

from hutch.cli.cold.install.engines import Engine, Wanted
from hutch.cli.cold.install.toml_text import Data, Setting, looked_up
from hutch.errors import ConfigError, HutchError, KernelError

LARGEST = 1 << 20  # bytes of a configuration file


class Change(NamedTuple):
    """A file's content before and after; None where there is no file. ``first`` says that the
    content before has nothing of ours, so that it is to be kept."""

    path: str
    before: bytes | None
    after: bytes | None
    first: bool = False


def copy_of(path: str, name: str) -> str:
    """Where the content of the file before the first change is kept: beside it, or beside its
    folder if this is one like crio.conf.d, of which CRI-O reads every file."""
    folder, file = os.path.split(path)
    if folder.endswith(".d"):
        folder = os.path.dirname(folder)
    return os.path.join(folder, f"{file}.before-{name}")


def install(engine: Engine, path: str, wanted: Wanted) -> Change:
    """The change that makes the engine know the runtime. Raises ConfigError, with line and column
    if the file cannot be parsed; KernelError."""
    now = read(path)
    base = now
    found = _found(engine, path, parsed(engine, path, now), wanted.name)
    if found is not None:
        wanted = wanted._replace(default=wanted.default or found.default)
        first = read(copy_of(path, wanted.name))
        if _installed(engine, path, first, found) == now:
            base = first  # so that the result is what one installation makes
    after = _installed(engine, path, base, wanted)
    return Change(path, now, now if found == wanted else after, found is None)


def remove(engine: Engine, path: str, name: str) -> Change:
    """The change that takes the runtime out. It brings the first content back if nothing else has
    changed since. Raises the errors of ``install``."""
    now = read(path)
    data = parsed(engine, path, now)
    found = _found(engine, path, data, name)
    if now is None or found is None:
        return Change(path, now, now)
    first = read(copy_of(path, name))
    if _installed(engine, path, first, found) == now:
        return Change(path, now, first)
    original = parsed(engine, path, first)
    text = now.decode()
    try:
        text = engine.language.remove(text, (*engine.table(data), name))
        table = engine.table(data)
        for place, value in _besides(engine, original, found):
            if place[: len(table)] == table:
                # Another runtime that we had to name. It stays if it is not the only one.
                name, key = place[len(table) :]
                if looked_up(engine.language.parse(text), table) == {name: {key: value}}:
                    text = engine.language.remove(text, (*table, name))
                continue
            if looked_up(engine.language.parse(text), place) != value:
                continue
            old = looked_up(original, place)
            if old is None:
                text = engine.language.remove(text, place)
            else:
                text = engine.language.set(text, [(place, old)])
    except HutchError as error:
        raise _of_file(error, path) from None
    return Change(path, now, text.encode())


def _besides(engine: Engine, original: Data, found: Wanted) -> list[Setting]:
    """The settings for the runtime that are not in its own table. Not the version of the file: what
    others have added since may need it."""
    own = (*engine.table(original), found.name)
    return [
        (place, value)
        for place, value in engine.settings(original, found)
        if place[: len(own)] != own and place != ("version",)
    ]


def _installed(engine: Engine, path: str, before: bytes | None, wanted: Wanted) -> bytes:
    data = parsed(engine, path, before)
    try:
        text = engine.language.set((before or b"").decode(), engine.settings(data, wanted))
    except HutchError as error:
        raise _of_file(error, path) from None
    return text.encode()


def _found(engine: Engine, path: str, data: Data, name: str) -> Wanted | None:
    try:
        return engine.found(data, name)
    except ConfigError as error:
        raise _of_file(error, path) from None


def parsed(engine: Engine, path: str, content: bytes | None) -> Data:
    """The configuration in a file's content. Raises ConfigError."""
    try:
        return engine.language.parse((content or b"").decode())
    except UnicodeDecodeError as error:
        line = (content or b"")[: error.start].count(b"\n") + 1
        raise ConfigError(f"line {line}", "is not UTF-8", document=path) from None
    except HutchError as error:
        raise _of_file(error, path) from None


def _of_file(error: HutchError, path: str) -> HutchError:
    error.document = path
    return error


def read(path: str) -> bytes | None:
    """A file's content; None if there is no file. Raises KernelError, HutchError."""
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KernelError(f"read {path}", "open", error.errno) from None
    if len(content) > LARGEST:
        raise HutchError(f"{path} is larger than 1 MiB: that is not a configuration file")
    return content


def diff(change: Change) -> str:
    """The change as a unified diff, which patch(1) reads; "" if there is none."""
    if change.before == change.after:
        return ""
    before, after = (
        (content or b"").decode().splitlines(keepends=True)
        for content in (change.before, change.after)
    )
    old = "/dev/null" if change.before is None else change.path
    new = "/dev/null" if change.after is None else change.path
    lines = unified_diff(before, after, old, new)
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


def write(change: Change, name: str) -> None:
    """Makes the change of the runtime ``name``. Raises KernelError."""
    path = os.path.realpath(change.path)  # a symlink stays one
    copy = copy_of(change.path, name)
    try:
        if change.first:
            # A copy of an earlier time is of a file that others have changed since.
            Path(copy).unlink(missing_ok=True)
            if change.before is not None:
                replace(copy, change.before, like=path)
        if change.after is None:
            os.unlink(path)
        else:
            replace(path, change.after, like=path)
    except OSError as error:
        if change.first:
            with suppress(OSError):
                os.unlink(copy)
        hint = "this needs root in most cases" if error.errno in (EACCES, EPERM) else ""
        raise KernelError(f"change {change.path}", "write", error.errno, hint=hint) from None


def forget(path: str, name: str) -> None:
    """Removes the copy that ``write`` has kept."""
    Path(copy_of(path, name)).unlink(missing_ok=True)


def replace(path: str, content: bytes, *, like: str) -> None:
    """Writes a file that becomes visible when it is complete and on the disk, with the owner and
    mode of the file ``like``, if there is one. Raises OSError."""
    folder = os.path.dirname(path)
    Path(folder).mkdir(parents=True, exist_ok=True)
    temporary = os.path.join(folder, f".{os.path.basename(path)}.{os.urandom(4).hex()}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            owner = os.stat(like) if os.path.exists(like) else None
            if owner:
                os.fchown(file, owner.st_uid, owner.st_gid)
            os.fchmod(file, owner.st_mode & 0o7777 if owner else 0o644)
            with os.fdopen(os.dup(file), "wb") as stream:
                stream.write(content)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
