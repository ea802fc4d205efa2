"""Compiles the rules of a profile to a program for seccomp(2), and says which actions and flags the
kernel knows.

libseccomp is linked to a separate extension (native/seccomp). Only functions that need libseccomp
load it.
"""

from errno import EDOM, EINVAL, ENOENT, ENOTUNIQ

from hutch.errors import ConfigError, HostError, KernelError
from hutch.kernel.seccomp import Filter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from hutch.errors import HutchError
    from hutch.kernel.filter_head import Architecture
    from hutch.spec.seccomp import Condition, Rules

MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS
INSTRUCTION = 8  # bytes of a struct sock_filter

_TREE_FROM = 32  # with more rules, a tree of comparisons takes fewer steps than a list
_OPTIMIZE = 8  # SCMP_FLTATR_CTL_OPTIMIZE
_BINARY_TREE = 2
_TSYNC = 1  # SECCOMP_FILTER_FLAG_...
_NEW_LISTENER = 8
_RETURN_ENOSYS = 0x0005_0000 | 38
_LAST_MULTIPLEXED = 402  # msgctl; the highest number of a call of socketcall(2) or ipc(2)
_LAST_NUMBER = 1023  # larger than the number of any call, counted from its architecture's first
_UNKNOWN_NAMES_TOLD = 16


def compile_filter(rules: "Rules") -> Filter:
    """The filter of a profile's rules, for the native and the listed architectures.

    Raises HostError where there is no libseccomp, ConfigError where the program gets too long,
    KernelError where libseccomp or the kernel refuses a rule.
    """
    from hutch.kernel.filter_head import head

    extension = _extension()
    warnings = list(rules.warnings)
    handle = extension.lib.hutch_seccomp_new(rules.default)
    if handle < 0:
        raise _refused("make a filter", "seccomp_init", handle, "linux.seccomp.defaultAction")
    try:
        architectures = _add_architectures(extension.lib, handle, rules, warnings)
        _add_rules(extension, handle, rules, architectures, warnings)
        program = _program(extension, handle)
    finally:
        extension.lib.hutch_seccomp_free(handle)
    enosys = rules.denies() and rules.default != _RETURN_ENOSYS
    program = head(architectures, rules.default, enosys) + program
    if len(program) > MAX_INSTRUCTIONS * INSTRUCTION:
        raise ConfigError(
            "linux.seccomp.syscalls",
            f"the filter would take {len(program) // INSTRUCTION} instructions, and the kernel "
            f"takes {MAX_INSTRUCTIONS}",
            hint="list fewer architectures, or fewer rules with args",
        )
    return Filter(program, rules.flags, rules.notify, warnings)


def library_version() -> str:
    """The version of the libseccomp that is loaded: "2.5.4"."""
    version: int = _extension().lib.hutch_seccomp_version()
    return f"{version >> 16}.{version >> 8 & 0xFF}.{version & 0xFF}"


def library_file() -> str:
    """The path of the loaded libseccomp; "" if it is not known.

    Distributions add system calls to libseccomp without changing its version (Debian's
    2.5.4-1+deb12u1), so the version alone does not identify a library.
    """
    import posix

    _extension()
    maps = b""
    try:
        fd = posix.open("/proc/self/maps", posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return ""
    try:
        while part := posix.read(fd, 65536):
            maps += part
    finally:
        posix.close(fd)
    for line in maps.split(b"\n"):
        fields = line.split(None, 5)
        if len(fields) == 6 and b"/libseccomp.so" in fields[5]:
            return fields[5].decode("utf-8", "surrogateescape")
    import sys

    if "hutch._seccomp" in sys.builtin_module_names:
        return posix.readlink("/proc/self/exe")  # linked into it (native/launcher/embedded.c)
    file: str = getattr(sys.modules["hutch._seccomp"], "__file__", "")
    return file  # linked into the extension of a wheel


def action_known(action: int) -> bool:
    """Whether the kernel knows an action (SECCOMP_GET_ACTION_AVAIL)."""
    known: bool = _extension().lib.hutch_seccomp_action_known(action) == 0
    return known


def flag_known(flag: int) -> bool:
    """Whether the kernel knows a flag of seccomp(2)."""
    # WAIT_KILLABLE_RECV is only taken together with a listener, and TSYNC only without.
    tried = flag if flag == _TSYNC else flag | _NEW_LISTENER
    known: bool = _extension().lib.hutch_seccomp_flags_known(tried) == 0
    return known


def call_name(token: int, number: int) -> str:
    """The name of a system call of an architecture (AUDIT_ARCH_..., linux/audit.h); "" if it is not
    known. Raises HostError if there is no libseccomp."""
    extension = _extension()
    buffer = extension.ffi.new("unsigned char[]", 64)
    length = extension.lib.hutch_seccomp_name(token, number, buffer, 64)
    return extension.ffi.buffer(buffer, length)[:].decode() if length > 0 else ""


def native() -> int:
    """The token of this machine's architecture (hutch.spec.seccomp.ARCHITECTURES)."""
    token: int = _extension().lib.hutch_seccomp_native()
    return token


def call_number(token: int, name: str) -> int:
    """A call's own number on an architecture; -1 if it has none, or if the name is not known."""
    from hutch.kernel.filter_head import NEWER_CALLS, Architecture

    architecture = Architecture(token)
    number = _own_number(_extension(), architecture, name)
    if number < 0 and name in NEWER_CALLS:
        return architecture.numbered(NEWER_CALLS[name])
    return max(number, -1)


def call_names(token: int) -> "dict[int, str]":
    """The system calls of an architecture, by their numbers."""
    from hutch.kernel.filter_head import NEWER_CALLS, Architecture

    architecture = Architecture(token)
    found = {architecture.numbered(number): name for name, number in NEWER_CALLS.items()}
    found.update({number: name for name, number in _named(_extension(), architecture)})
    return found


def _extension() -> "Any":
    try:
        import hutch._seccomp as extension
    except ImportError as error:
        raise HostError(
            "system calls cannot be filtered: " + str(error),
            pointer="linux.seccomp",
            hint="install libseccomp (Debian: libseccomp2), or build hutch with it",
        ) from None
    return extension


def _add_architectures(
    lib: "Any", handle: int, rules: "Rules", warnings: "list[HutchError]"
) -> "list[Architecture]":
    """The architectures of the filter, the native one first.

    An architecture that libseccomp cannot add is left out with a warning. That makes the filter
    stricter: a call of an architecture that is not in the filter kills the process.
    """
    from hutch.kernel.filter_head import Architecture

    tokens = [lib.hutch_seccomp_native()]
    for pointer, name, token in rules.architectures:
        if token in tokens:
            continue
        result = lib.hutch_seccomp_architecture(handle, token)
        if result >= 0:
            tokens.append(token)
        elif result in (-EINVAL, -EDOM):
            reason = (
                "libseccomp " + library_version() + " does not know it"
                if result == -EINVAL
                else "its byte order is not this machine's"
            )
            warnings.append(ConfigError(pointer, "is left out: " + reason, value=name))
        else:
            raise _refused("add " + name + " to the filter", "seccomp_arch_add", result, pointer)
    return [Architecture(token) for token in tokens]


class _Call:
    """The rules of one system call: the pointer of its first name in the profile, and the
    (condition, action) of each rule."""

    __slots__ = ("pointer", "rules")

    def __init__(self, pointer: str) -> None:
        self.pointer = pointer
        self.rules: list[tuple[Condition, int]] = []

    def settled(self) -> "list[tuple[Condition, int]]":
        """The rules that have an effect: one without a condition makes all others void."""
        first: dict[Condition, int] = {}
        for condition, action in self.rules:
            first.setdefault(condition, action)
        return [((), first[()])] if () in first else list(first.items())


def _calls(rules: "Rules") -> "dict[str, _Call]":
    calls: dict[str, _Call] = {}
    for index, (names, action, conditions) in enumerate(rules.syscalls):
        for number, name in enumerate(names):
            call = calls.get(name)
            if call is None:
                call = calls[name] = _Call(f"linux.seccomp.syscalls[{index}].names[{number}]")
            # libseccomp refuses a rule whose action is the default action; it is not needed.
            if action != rules.default:
                call.rules += [(condition, action) for condition in conditions]
    return calls


def _add_rules(
    extension: "Any",
    handle: int,
    rules: "Rules",
    architectures: "list[Architecture]",
    warnings: "list[HutchError]",
) -> None:
    """Gives libseccomp the calls whose rules have no conditions, and the filter's head the others.

    Appends a warning to ``warnings`` for each unknown name.
    """
    lib = extension.lib
    added = 0
    unknown: list[tuple[str, str]] = []
    for name, call in _calls(rules).items():
        settled = call.settled()
        if not _note(lib, name, architectures):
            if not _note_newer(name, settled, architectures):
                unknown.append((call.pointer, name))
        elif settled and not settled[0][0]:
            _add_rule(lib, handle, name, settled[0][1], call.pointer)
            added += 1
        elif settled:
            for architecture in architectures:
                number = _own_number(extension, architecture, name)
                if number >= 0:
                    architecture.calls[number] = settled
    if added > _TREE_FROM:
        # libseccomp before 2.5 refuses this attribute and keeps a list, which works too.
        lib.hutch_seccomp_attribute(handle, _OPTIMIZE, _BINARY_TREE)
    if unknown:
        warnings.extend(_unknown_names(extension, unknown, architectures))


def _note(lib: "Any", name: str, architectures: "list[Architecture]") -> bool:
    """Adds a system call's number to ``known`` of each architecture; False if libseccomp does not
    know the name."""
    for architecture in architectures:
        number = lib.hutch_seccomp_number(architecture.token, _encoded(name))
        if number == -ENOENT:
            return False
        if number == -ENOTUNIQ:
            architecture.known.add(architecture.numbered(_LAST_MULTIPLEXED))
        elif number >= 0:
            architecture.known.add(number)
    return True


def _note_newer(
    name: str, rules: "list[tuple[Condition, int]]", architectures: "list[Architecture]"
) -> bool:
    """Adds the number and the rules of a call that is newer than libseccomp; False if hutch does
    not know the name either."""
    from hutch.kernel.filter_head import NEWER_CALLS

    number = NEWER_CALLS.get(name)
    if number is None:
        return False
    for architecture in architectures:
        architecture.known.add(architecture.numbered(number))
        if rules:
            architecture.calls[architecture.numbered(number)] = rules
    return True


def _own_number(extension: "Any", architecture: "Architecture", name: str) -> int:
    """A call's own number on an architecture; -1 if it has none there.

    socketcall(2) and ipc(2) do not count: they take the arguments of a call in memory, which a
    filter cannot read.
    """
    number: int = extension.lib.hutch_seccomp_number(architecture.token, _encoded(name))
    if number != -ENOTUNIQ:
        return number
    for other, found in _named(extension, architecture):
        if other == name:
            return found
    return -1


def _add_rule(lib: "Any", handle: int, name: str, action: int, pointer: str) -> None:
    result = lib.hutch_seccomp_rule(handle, action, _encoded(name))
    if result < 0:
        operation = "add the rule for " + name + " to the filter"
        raise _refused(operation, "seccomp_rule_add_array", result, pointer)


def _program(extension: "Any", handle: int) -> bytes:
    size = MAX_INSTRUCTIONS * INSTRUCTION
    while True:
        buffer = extension.ffi.new("unsigned char[]", size)
        length = extension.lib.hutch_seccomp_program(handle, buffer, size)
        if length < 0:
            raise _refused("export the filter", "seccomp_export_bpf", length, "linux.seccomp")
        if length <= size:
            program: bytes = extension.ffi.buffer(buffer, length)[:]
            return program
        size = length  # larger than the kernel allows; the error message needs the size


def _unknown_names(
    extension: "Any", unknown: "list[tuple[str, str]]", architectures: "list[Architecture]"
) -> "list[ConfigError]":
    """A warning for each unknown name, with the most similar name of a system call."""
    from hutch.did_you_mean import nearest
    from hutch.kernel.filter_head import NEWER_CALLS

    known = {name for one in architectures for name, _ in _named(extension, one)}
    known.update(NEWER_CALLS)
    result = []
    for pointer, name in unknown[:_UNKNOWN_NAMES_TOLD]:
        near = nearest(name, known)
        reason = f"is left out: libseccomp {library_version()} knows no system call of this name"
        hint = f'did you mean "{near}"?' if near else ""
        result.append(ConfigError(pointer, reason, value=name, hint=hint))
    if len(unknown) > _UNKNOWN_NAMES_TOLD:
        more = len(unknown) - _UNKNOWN_NAMES_TOLD
        result.append(ConfigError("linux.seccomp.syscalls", f"{more} more unknown names"))
    return result


def _named(extension: "Any", architecture: "Architecture") -> "Iterator[tuple[str, int]]":
    """The system calls of an architecture and their numbers."""
    buffer = extension.ffi.new("unsigned char[]", 64)
    first = architecture.numbered(0)
    for number in range(first, first + _LAST_NUMBER + 1):
        length = extension.lib.hutch_seccomp_name(architecture.token, number, buffer, 64)
        if length > 0:
            yield extension.ffi.buffer(buffer, length)[:].decode(), number


def _encoded(name: str) -> bytes:
    """The name as bytes for C. If it is not valid Unicode, the result is an unknown name."""
    return name.encode("utf-8", "replace")


def _refused(operation: str, call: str, result: int, pointer: str) -> KernelError:
    hint = ""
    if result == -EINVAL:
        hint = "the kernel or libseccomp " + library_version() + " does not know what it asks for"
    return KernelError(operation, call, -result, pointer=pointer, hint=hint)
