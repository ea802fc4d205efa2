"""Signals as people write them: ``KILL``, ``SIGKILL``, ``9``, ``RTMIN+3`` (signal(7)).

The numbers are those of x86, Arm, RISC-V, PowerPC and s390; some differ on alpha, mips and sparc.
"""

from hutch.errors import UsageError

SIGNALS = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "ILL": 4,
    "TRAP": 5,
    "ABRT": 6,
    "IOT": 6,
    "BUS": 7,
    "FPE": 8,
    "KILL": 9,
    "USR1": 10,
    "SEGV": 11,
    "USR2": 12,
    "PIPE": 13,
    "ALRM": 14,
    "TERM": 15,
    "STKFLT": 16,
    "CHLD": 17,
    "CLD": 17,
    "CONT": 18,
    "STOP": 19,
    "TSTP": 20,
    "TTIN": 21,
    "TTOU": 22,
    "URG": 23,
    "XCPU": 24,
    "XFSZ": 25,
    "VTALRM": 26,
    "PROF": 27,
    "WINCH": 28,
    "IO": 29,
    "POLL": 29,
    "PWR": 30,
    "SYS": 31,
}
# The C libraries use the signals 32 and 33, so SIGRTMIN is 34 (signal(7)).
RTMIN = 34
RTMAX = 64


def signal_number(text: str) -> int:
    """The number of a signal, from 0 (only test whether the process exists, kill(2)) to 64.

    Raises UsageError for an unknown signal.
    """
    name = text.upper().removeprefix("SIG")
    if text.isascii() and text.isdigit():
        number: int | None = int(text) if len(text) < 4 else None
    elif name.startswith("RTMIN"):
        number = _real_time(RTMIN, name[5:], "+")
    elif name.startswith("RTMAX"):
        number = _real_time(RTMAX, name[5:], "-")
    else:
        number = SIGNALS.get(name)
    if number is None or number > RTMAX:
        raise UsageError(
            f'unknown signal "{text}"', hint="a name such as TERM or SIGTERM, or a number up to 64"
        )
    return number


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; for a number without a name the number itself."""
    for name, value in SIGNALS.items():
        if value == number:
            return "SIG" + name
    if RTMIN <= number <= RTMAX:
        return "SIGRTMIN" + (f"+{number - RTMIN}" if number > RTMIN else "")
    return str(number)


def _real_time(base: int, offset: str, sign: str) -> "int | None":
    """The number for ``RTMIN+3`` or ``RTMAX-3``; None for another form or out of range."""
    if not offset:
        return base
    digits = offset[1:]
    if offset[0] != sign or not (digits.isascii() and digits.isdigit() and len(digits) < 3):
        return None
    number = base + int(digits) if sign == "+" else base - int(digits)
    return number if RTMIN <= number <= RTMAX else None
