"""Values as text, as Go's package fmt writes them (pkg.go.dev/fmt, "Printing")."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

# What a template is filled in from: None, or whatever else JSON can hold.
Value = Any

NO_VALUE = "<no value>"
NIL = "<nil>"
VERB = re.compile(r"%([-+# 0]*)(\*|\d{1,9})?(?:(\.)(\*|\d{1,9})?)?(.?)", re.DOTALL)
WIDEST = 1_000_000
PLAIN_DIGITS = 6  # before the point; with more a float has an exponent
QUOTED = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    "\\": "\\\\", '"': '\\"',
}  # fmt: skip


def kind(value: Value) -> str:
    """Go's name of a value's type."""
    if value is None:
        return NIL
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "string"
    return "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"


def typed(value: Value) -> str:
    """A value that a verb is not for."""
    return NIL if value is None else f"{kind(value)}={text(value)}"


def text(value: Value) -> str:
    """A value by ``%v``."""
    if isinstance(value, str):
        return value
    if value is None:
        return NIL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return general(value)
    return within(value, text) if isinstance(value, dict | list) else str(value)


def within(value: "dict[str, Value] | list[Value]", told: Callable[[Value], str]) -> str:
    """A list as ``[a b]``, an object as ``map[k:a l:b]``, with each item as ``told`` has it."""
    if isinstance(value, dict):
        items = (f"{told(key)}:{told(value[key])}" for key in sorted(value))
        return f"map[{' '.join(items)}]"
    return f"[{' '.join(map(told, value))}]"


def sprint(values: Sequence[Value]) -> str:
    """Go's Sprint: a space between two of which neither is a string."""
    parts: list[str] = []
    for index, value in enumerate(values):
        if index and not isinstance(value, str) and not isinstance(values[index - 1], str):
            parts.append(" ")
        parts.append(text(value))
    return "".join(parts)


def general(value: float, precision: int = -1) -> str:
    """A float by ``%g``: with the fewest digits that tell it from all others, or with so many."""
    if not math.isfinite(value):
        return {"inf": "+Inf", "-inf": "-Inf"}.get(str(value), "NaN")
    if precision >= 0:
        return f"{value:.{precision}g}"
    sign = "-" if math.copysign(1, value) < 0 else ""
    digits, leading = shortest(abs(value))
    if value and not -4 <= leading < PLAIN_DIGITS:
        rest = digits[1:]
        return f"{sign}{digits[0]}{'.' + rest if rest else ''}e{leading:+03d}"
    whole = digits[: leading + 1].ljust(leading + 1, "0") if leading >= 0 else "0"
    rest = digits[leading + 1 :] if leading >= 0 else "0" * (-leading - 1) + digits
    return f"{sign}{whole}{'.' + rest if rest.strip('0') else ''}"


def shortest(value: float) -> tuple[str, int]:
    """The fewest digits that tell a float from all others, and the power of ten of the first."""
    mantissa, _, power = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    leading = len(whole) - 1 - (len(whole + fraction) - len(digits)) + int(power or 0)
    return (digits.rstrip("0"), leading) if digits else ("0", 0)


def quoted(value: str) -> str:
    """A string as Go writes it in a program."""
    parts = []
    for sign in value:
        if sign in QUOTED:
            parts.append(QUOTED[sign])
        elif sign.isprintable():
            parts.append(sign)
        elif sign < "\x80":
            parts.append(f"\\x{ord(sign):02x}")
        else:
            parts.append(f"\\u{ord(sign):04x}" if sign < "\U00010000" else f"\\U{ord(sign):08x}")
    return '"' + "".join(parts) + '"'


def sprintf(form: str, values: Sequence[Value]) -> str:
    """Go's Sprintf; what is wrong with a verb stands in the text, as there."""
    used = 0
    parts: list[str] = []

    def star() -> int | None:
        nonlocal used
        if used >= len(values):
            return None
        value = values[used]
        used += 1
        return value if type(value) is int and abs(value) <= WIDEST else None

    at = 0
    for found in VERB.finditer(form):
        parts.append(form[at : found.start()])
        at = found.end()
        flags, width, point, precision, verb = found.groups()
        if verb == "%":
            parts.append("%")
            continue
        wide = star() if width == "*" else int(width or 0)
        if wide is None or wide > WIDEST:
            parts.append("%!(BADWIDTH)")
            wide = 0
        exact = star() if precision == "*" else int(precision or 0) if point else -1
        if exact is None or exact > WIDEST:
            parts.append("%!(BADPREC)")
            exact = -1
        if not verb:
            parts.append("%!(NOVERB)")
        elif used >= len(values):
            parts.append(f"%!{verb}(MISSING)")
        else:
            if wide < 0:
                flags, wide = flags + "-", -wide
            parts.append(formatted(values[used], verb, flags, wide, exact))
            used += 1
    parts.append(form[at:])
    if used < len(values):
        parts.append(f"%!(EXTRA {', '.join(map(typed, values[used:]))})")
    return "".join(parts)


def formatted(value: Value, verb: str, flags: str, width: int, precision: int) -> str:
    """One value by one verb."""
    if isinstance(value, dict | list) and verb != "T":
        return within(value, lambda item: formatted(item, verb, flags, width, precision))
    body = by_verb(value, verb, flags, precision)
    if body is None:
        return f"%!{verb}({typed(value)})"
    return padded(body, width, flags, number=type(value) in (int, float))


def padded(body: str, width: int, flags: str, number: bool = False) -> str:
    if "-" in flags:
        return body.ljust(width)
    if "0" in flags and number and "Inf" not in body and "NaN" not in body:
        sign = body[:1] if body[:1] in ("+", "-", " ") else ""
        return sign + body[len(sign) :].rjust(width - len(sign), "0")
    return body.rjust(width)


def by_verb(value: Value, verb: str, flags: str, precision: int) -> str | None:
    """The text before it is padded; None where the verb is not for such a value."""
    if verb == "T":
        return kind(value)
    if verb == "v":
        return quoted(value) if "#" in flags and isinstance(value, str) else text(value)
    if isinstance(value, str):
        return _string(value, verb, flags, precision)
    if isinstance(value, bool):
        return text(value) if verb == "t" else None
    if isinstance(value, int):
        return _integer(value, verb, flags, precision)
    if isinstance(value, float) and verb in "eEfFgG":
        return signed(_float(value, verb, precision), flags)
    return None


def _string(value: str, verb: str, flags: str, precision: int) -> str | None:
    if precision >= 0:
        value = value[:precision]
    if verb == "s":
        return value
    if verb == "q":
        if "#" in flags and "`" not in value and value.isprintable():
            return f"`{value}`"
        return quoted(value)
    if verb in "xX":
        data = value.encode("utf-8", "surrogatepass")
        hexed = data.hex(" ") if " " in flags else data.hex()
        return hexed.upper() if verb == "X" else hexed
    return None


def _integer(value: int, verb: str, flags: str, precision: int) -> str | None:
    if verb in ("c", "q", "U"):
        sign = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
        if verb == "U":
            return f"U+{value:04X}"
        return sign if verb == "c" else "'" + quoted(sign)[1:-1].replace('\\"', '"') + "'"
    forms = {"d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}
    if verb not in forms:
        return None
    digits = format(abs(value), forms[verb]).rjust(precision, "0")
    if verb == "O":
        digits = "0o" + digits
    elif "#" in flags:
        digits = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(verb, "") + digits
    return signed("-" + digits if value < 0 else digits, flags)


def _float(value: float, verb: str, precision: int) -> str:
    if verb in "gG":
        told = general(value, precision)
        return told.upper() if verb == "G" and "Inf" not in told else told
    if not math.isfinite(value):
        return general(value)
    return format(value, f".{6 if precision < 0 else precision}{verb.replace('F', 'f')}")


def signed(number: str, flags: str) -> str:
    """With the sign that the flags ask for."""
    if number[:1] in "+-":
        return number
    return "+" + number if "+" in flags else " " + number if " " in flags else number
