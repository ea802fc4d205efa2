"""A bundle's config.json and the process file of `exec`: read, decoded, checked."""

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
S_IFMT = 0o170000
S_IFREG = 0o100000


def load_bundle(
    bundle: str, warn: "Callable[[HutchError], object] | None" = None, *, strict: bool = False
) -> "tuple[CheckedConfig, bytes]":
    """The checked config of a bundle's directory, and its bytes; ``warn`` is told what is ignored
    or taken otherwise than it stands there.

    Raises HutchError where there is no such file or it cannot be read, JsonError where it is not
    JSON, ConfigError where a field is wrong.
    """
    path = (bundle or ".") + "/config.json"
    # A FIFO would make open wait for a writer.
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
        data = _read(fd, path)
    finally:
        posix.close(fd)
    config = decode(data, "config.json")
    try:
        checked, warnings = check(config, strict=strict)
    except ConfigError as error:
        raise _with_all(error, config) from None
    if warn is not None:
        for warning in warnings:
            warn(warning)
    return checked, data if checked is config else encode(checked).encode()


def load_process(
    path: str, container: "Config", warn: "Callable[[HutchError], object] | None" = None
) -> "CheckedProcess":
    """The checked process of a file that `exec --process` names; a pipe (/dev/fd/3) will do.
    ``container`` is the config of the container that it is for.

    Warns and raises as load_bundle does; pointers begin inside the process: ``rlimits[0].type``.
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
    """The checked resources of a file that `update --resources` names; "-" is standard input.

    Warns and raises as load_process does.
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
    """The same, told of a ``document`` in which what a config has at ``base`` stands alone."""
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
    """All that can be read, up to MAX_SIZE."""
    data = b""
    try:
        while len(data) <= MAX_SIZE:
            piece = posix.read(fd, MAX_SIZE + 1 - len(data) if data else 1 << 16)
            if not piece:
                return data
            data += piece
    except OSError as error:
        raise _unreadable(path, "read", error.errno) from None
    raise HutchError(f"{path} is larger than {MAX_SIZE >> 20} MiB")


def _with_all(
    error: ConfigError, value: object, base: str = "", *, again: bool = True
) -> ConfigError:
    """The first problem, with the complete explanation's hint, and where the others are.

    ``base`` is where ``value`` stands in a config. The ordinary interpreter has the explanation; it
    reads everything once more, so of what cannot be read ``again`` the first problem is told alone.
    So it is where jsonschema is not installed.
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
