"""Device rules for tests: their meaning, a model of Linux's devices cgroup, and samples."""

from collections.abc import Iterator, Sequence

from hutch.plan.device_rules import LETTERS, DeviceRule
from hypothesis import strategies as st

NUMBERS = (0, 1, 3, 8, 10, 136, 200)
SAMPLES = [(kind, major, minor) for kind in "bc" for major in NUMBERS for minor in NUMBERS]

RULES = st.lists(
    st.fixed_dictionaries(
        {"allow": st.booleans()},
        optional={
            "type": st.sampled_from("abc"),
            "major": st.sampled_from((-1, *NUMBERS)),
            "minor": st.sampled_from((-1, *NUMBERS)),
            "access": st.text("rwm", min_size=1, max_size=3),
        },
    ),
    max_size=8,
)


def requests() -> Iterator[tuple[str, int, int, int]]:
    """Every access to every sample device."""
    for kind, major, minor in SAMPLES:
        for access in range(1, 8):
            yield kind, major, minor, access


def allowed(rules: Sequence[DeviceRule], kind: str, major: int, minor: int, access: int) -> bool:
    """Whether the rules allow an access: the last rule for each bit of the access decides."""
    for bit in (1, 2, 4):
        if access & bit:
            speaking = [
                rule
                for rule in rules
                if rule.access & bit
                and rule.type in ("a", kind)
                and rule.major in (None, major)
                and rule.minor in (None, minor)
            ]
            if not speaking[-1].allow:
                return False
    return True


class DevicesCgroup:
    """A model of a devices cgroup of Linux: a default and exceptions. A rule removes only an equal
    exception."""

    def __init__(self) -> None:
        self.allow = True
        self.exceptions: dict[tuple[str, str, str], int] = {}

    def write(self, file: str, line: str) -> None:
        allow = file == "devices.allow"
        if line == "a":
            self.allow = allow
            self.exceptions = {}
            return
        kind, numbers, letters = line.split(" ")
        major, minor = numbers.split(":")
        access = sum(LETTERS[letter] for letter in letters)
        key = (kind, major, minor)
        if allow == self.allow:
            rest = self.exceptions.get(key, 0) & ~access
            self.exceptions.pop(key, None)
            if rest:
                self.exceptions[key] = rest
        else:
            self.exceptions[key] = self.exceptions.get(key, 0) | access

    def allows(self, kind: str, major: int, minor: int, access: int) -> bool:
        for (its_kind, its_major, its_minor), bits in self.exceptions.items():
            if (
                its_kind == kind
                and its_major in ("*", str(major))
                and its_minor in ("*", str(minor))
                and bits & access
            ):
                return not self.allow
        return self.allow

    def granted(self) -> set[tuple[str, int, int, int]]:
        return {
            (*sample, access)
            for sample in SAMPLES
            for access in (1, 2, 4)
            if self.allows(*sample, access)
        }
