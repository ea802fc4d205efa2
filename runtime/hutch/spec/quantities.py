"""Sizes and durations on the command line: ``512M`` of memory, an interval of ``1m30s``."""

from hutch.errors import UsageError

SIZES = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}

# Go's units of time, in nanoseconds.
UNITS = (
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
)
INT64_MAX = (1 << 63) - 1


def parse_size(text: str, flag: str) -> int:
    """The number of bytes of a size; -1 for "-1", no limit.

    A size is a number, with or without a fraction, and k, m, g, t or p for a power of 1024 ("64m",
    "1.5GiB"). Raises UsageError with the name of the flag.
    """
    if text == "-1":
        return -1
    number = text.lower().removesuffix("b").removesuffix("i")
    unit = number[-1:] if number[-1:] in SIZES else ""
    digits = number.removesuffix(unit)
    whole, point, fraction = digits.partition(".")
    good = _digits(whole) and (_digits(fraction) or not point) and len(digits) <= 30
    if not good or (text.lower().endswith("ib") and not unit):
        raise UsageError(
            flag + ": " + repr(text) + " is no size", hint="bytes, or 64M, 1.5G; -1 is no limit"
        )
    size = ((int(whole + fraction) << SIZES[unit]) // 10 ** len(fraction)) if digits else 0
    if size > INT64_MAX:
        raise UsageError(flag + ": " + repr(text) + " is too large")
    return size


def parse_duration(text: str, flag: str) -> int:
    """The nanoseconds of a duration in Go's form: "100ms", "5s", "1m30s", "1.5h".

    Raises UsageError with the name of the flag for another form, and for 0.
    """
    total = 0
    rest = text
    while rest:
        length = 0
        while length < len(rest) and (rest[length] in "0123456789."):
            length += 1
        whole, point, fraction = rest[:length].partition(".")
        rest = rest[length:]
        scale = 0
        for name, nanoseconds in UNITS:
            if rest.startswith(name) and not rest[len(name) : len(name) + 1].isalpha():
                scale, rest = nanoseconds, rest[len(name) :]
                break
        if not scale or not _digits(whole + fraction) or len(whole + fraction) > 18:
            total = -1
            break
        total += int(whole or "0") * scale
        if point and fraction:
            total += int(fraction) * scale // 10 ** len(fraction)
    if total < 0 or not text:
        raise UsageError(
            flag + ": " + repr(text) + " is no duration", hint="such as 500ms, 5s or 1m30s"
        )
    if total == 0:
        raise UsageError(flag + ": the duration must be more than 0")
    if total > INT64_MAX:
        raise UsageError(flag + ": " + repr(text) + " is too long")
    return total


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
