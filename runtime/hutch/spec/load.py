"""Reads, decodes and checks a bundle's config.json and the files of `exec` and `update`."""

import posix
from errno import ENOENT

from hutch.errors import ConfigError, HutchError, errno_text
from hutch.spec.check import check, check_process, check_resources
from hutch.spec.json import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from hutch.spec.config import CheckedConfig, CheckedProcess, CheckedResources, Config

MAX_SIZE = 4 << 20  # bytes; security.md S-46
CHUNK = 1 << 14  # most configs are read at once
S_IFMT = 0o170000
S_IFREG = 0o100000


def load_bundle(
    bundle: str, warn: "Callable[[HutchError], object] | None" = None, *, strict: bool = False
) -> "tuple[CheckedConfig, bytes]":
    """(the checked config of a bundle's directory, its bytes as JSON).

    ``warn`` is called with a warning for each field that is ignored or changed. Raises HutchError
    if there is no config.json or it cannot be read, JsonError if it is not JSON, ConfigError if a
    field is wrong.
    """
    data = read_bundle(bundle)
    config = decode(data, "config.json")
    try:
        checked, warnings = check(config, strict=strict)
    except ConfigError as error:
        raise _with_all(error, config) from None
    if warn is not None:
        for warning in warnings:
            warn(warning)
    return checked, data if checked is config else encode(checked).encode()


def read_bundle(bundle: str) -> bytes:
    """The content of a bundle's config.json. Raises HutchError if it is missing or unreadable."""
    path = (bundle or ".") + "/config.json"
    # With O_NONBLOCK, open does not wait for a writer if the file is a FIFO (fifo(7)).
    fd = _open(path, posix.O_NONBLOCK)
    if fd is None:
        where = bundle if bundle[:1] == "/" else posix.getcwd() + ("/" + bundle if bundle else "")
        raise HutchError(
            "JSON specification file config.json not found in " + where,
            hint="name the bundle's directory with --bundle",
        )
    try:
        if posix.fstat(fd).st_mode & S_IFMT != S_IFREG:
            raise HutchError(path + " is not a regular file")
        return _read(fd, path)
    finally:
        posix.close(fd)


def load_process(
    path: str, container: "Config", warn: "Callable[[HutchError], object] | None" = None
) -> "CheckedProcess":
    """The checked process in the file of `exec --process`, which may be a pipe (/dev/fd/3).
    ``container`` is the config of the container that the process will run in.

    It calls ``warn`` and raises errors like load_bundle. Pointers start in the process:
    ``rlimits[0].type``.
    """
    fd = _open(path, 0)
    if fd is None:
        raise _unreadable(path, "open", ENOENT)
    try:
        data = _read(fd, path)
    finally:
        posix.close(fd)
    process = decode(data, path)
    try:
        checked, warnings = check_process(process, container)
    except ConfigError as error:
        again = posix.stat(path).st_mode & S_IFMT == S_IFREG
        error = _with_all(error, process, "process", again=again)
        raise in_document(error, path, "process") from None
    _tell(warnings, path, "process", warn)
    return checked


def load_resources(
    path: str, warn: "Callable[[HutchError], object] | None" = None
) -> "CheckedResources":
    """The checked resources in the file of `update --resources`; "-" is standard input.

    It calls ``warn`` and raises errors like load_process.
    """
    document = "standard input" if path == "-" else path
    fd = posix.dup(0) if path == "-" else _open(path, 0)
    if fd is None:
        raise _unreadable(path, "open", ENOENT)
    try:
        data = _read(fd, document)
    finally:
        posix.close(fd)
    resources = decode(data, document)
    try:
        checked, warnings = check_resources(resources)
    except ConfigError as error:
        raise in_document(error, document, "linux.resources") from None
    _tell(warnings, document, "linux.resources", warn)
    return checked


def _tell(
    warnings: "list[ConfigError]",
    document: str,
    base: str,
    warn: "Callable[[HutchError], object] | None",
) -> None:
    if warn is not None:
        for warning in warnings:
            warn(in_document(warning, document, base))


def in_document(error: HutchError, document: str, base: str) -> HutchError:
    """Changes an error about a config to one about ``document``, a file that has only the part of a
    config at ``base``; returns the error."""
    from hutch.spec.pointer import is_under

    if is_under(error.pointer, base):
        error.document = document
        error.pointer = error.pointer[len(base) :].removeprefix(".")
    return error


def _open(path: str, flags: int) -> "int | None":
    """A descriptor for reading, None where there is no such file."""
    try:
        return posix.open(path, posix.O_RDONLY | flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, "open", error.errno) from None
    except ValueError:
        raise HutchError(ascii(path) + " cannot be a path") from None


def _unreadable(path: str, call: str, errno: "int | None") -> HutchError:
    error = HutchError(errno_text(errno))
    error.document, error.call, error.errno = path, call, errno or 0
    return error


def _read(fd: int, path: str) -> bytes:
    """The whole content; raises HutchError if it is larger than MAX_SIZE or cannot be read."""
    data = b""
    try:
        while len(data) <= MAX_SIZE:
            piece = posix.read(fd, max(CHUNK, len(data)))
            if not piece:
                return data
            data += piece
    except OSError as error:
        raise _unreadable(path, "read", error.errno) from None
    raise HutchError(f"{path} is larger than {MAX_SIZE >> 20} MiB")


def _with_all(
    error: ConfigError, value: object, base: str = "", *, again: bool = True
) -> ConfigError:
    """``error``, the first problem, with a better hint and the pointers of the other problems.

    ``base`` is the place of ``value`` in a config. Only the ordinary interpreter has the module
    that finds all problems, and it runs the whole command again. So if a file cannot be read
    ``again`` (a pipe), or jsonschema is not installed, ``error`` is returned unchanged.
    """
    from hutch.front import STATIC, use_interpreter

    if STATIC and not again:
        return error
    use_interpreter()
    try:
        from hutch.spec.cold.diagnostics import findings, process_findings
    except ModuleNotFoundError:
        return error
    others = []
    for problem in process_findings(value) if base else findings(value):
        if problem.pointer != error.pointer:
            others.append(problem.pointer.removeprefix(base + "."))
        elif problem.hint:
            error.hint = problem.hint
    if others:
        more = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
        error.reason += f" (and {len(others)} more: {more})"
    return error
