"""Kubernetes' quantities: 250m, 1.5, 64Mi, 1e3 (apimachinery, resource.Quantity), exactly."""

import re
from fractions import Fraction
from math import ceil

from hutch.kube.node import Node

SYNTAX = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|[MGTPE]|[KMGTPE]i))?")
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
MOST = 1 << 63  # what a quantity may be is less
EXPONENT = 30  # more digits than these would only be a way to waste memory


def parse(text: str) -> Fraction | None:
    """The value of a quantity; None if the text is none."""
    found = SYNTAX.fullmatch(text)
    if found is None or len(text) > 64:
        return None
    number, exponent, suffix = found.groups()
    if exponent is not None:
        power = int(exponent[1:])
        if abs(power) > EXPONENT:
            return None
        value = Fraction(number) * Fraction(10) ** power
    elif suffix in BINARY:
        value = Fraction(number) * (1 << BINARY[suffix])
    else:
        value = Fraction(number) * Fraction(10) ** DECIMAL[suffix or ""]
    return value if abs(value) < MOST else None


def quantity(node: Node) -> Fraction:
    """The quantity that a field has, 0 if it is not there. Raises KubeError."""
    if not node:
        return Fraction(0)
    # What YAML has read as a number is written as it was: a float's shortest form is exact.
    value = parse(repr(node.value) if isinstance(node.value, float) else node.text())
    if value is None or value < 0:
        raise node.wrong("this is not a quantity", hint="as in 500m, 1.5, 64Mi, 1G")
    return value


def whole(node: Node) -> int:
    """The same in whole units (bytes), rounded up as Kubernetes does."""
    return ceil(quantity(node))


def written(value: Fraction) -> str:
    """A quantity as Kubernetes would write it: in binary units if it is a multiple of these, else
    with the decimal suffix that leaves a whole number."""
    if value.denominator == 1:
        number = value.numerator
        for suffix, power in reversed(BINARY.items()):
            if number and number % (1 << power) == 0:
                return f"{number >> power}{suffix}"
        return str(number)
    for suffix in ("m", "u", "n"):
        scaled = value / Fraction(10) ** DECIMAL[suffix]
        if scaled.denominator == 1:
            return f"{scaled.numerator}{suffix}"
    return f"{ceil(value / Fraction(10) ** DECIMAL['n'])}n"
