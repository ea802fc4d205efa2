"""Platforms: the platform of an image, the platform of this machine, and how well they fit."""

import os
from typing import NamedTuple

from hutch.errors import UsageError, shown
from hutch.image.documents import PlatformDocument
from hutch.image.errors import ImageError

# uname's machine -> GOARCH and variant, which images use (image-index.md, "platform").
MACHINES = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", "v8"),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "i686": ("386", ""),
    "i386": ("386", ""),
    "ppc64le": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
    "loongarch64": ("loong64", ""),
    "mips64": ("mips64", ""),
}
ALIASES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "armhf": "arm"}
ARM_VARIANTS = ("v8", "v7", "v6", "v5")


class Platform(NamedTuple):
    """An operating system, an architecture and perhaps its variant, with Go's names for them."""

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def host(cls) -> "Platform":
        machine = os.uname().machine
        return cls("linux", *MACHINES.get(machine, (machine, "")))

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """``linux/arm64``, ``linux/arm/v7`` or just ``arm64``; raises UsageError."""
        parts = text.lower().split("/")
        if len(parts) == 1:
            parts = ["linux", *parts]
        if not 2 <= len(parts) <= 3 or not all(parts):
            raise UsageError(f"{shown(text)} is not a platform", hint="as in linux/arm64")
        os_, architecture, *variant = parts
        return cls(os_, ALIASES.get(architecture, architecture), *variant)

    @classmethod
    def from_json(cls, value: object, where: str) -> "Platform":
        if not isinstance(value, dict):
            raise ImageError(f"{where}: must be an object, not {shown(value)}")
        words = [value.get(key) or "" for key in ("os", "architecture", "variant")]
        if not all(isinstance(word, str) for word in words):
            raise ImageError(f"{where}: os, architecture and variant must be strings")
        return cls(*words)

    def json(self) -> PlatformDocument:
        """The platform as JSON."""
        document: PlatformDocument = {"architecture": self.architecture, "os": self.os}
        if self.variant:
            document["variant"] = self.variant
        return document

    def rank(self, wanted: "Platform") -> int | None:
        """How well an image for this platform runs on ``wanted``: 0 is best, None is not at all."""
        if (self.os, self.architecture) != (wanted.os, wanted.architecture):
            return None
        own, want = self.variant, wanted.variant
        if own == want or (self.architecture == "arm64" and {own, want} <= {"", "v8"}):
            return 0
        if self.architecture == "arm":
            # A newer processor runs programs for an older one, but not the other way round.
            want_at = ARM_VARIANTS.index(want) if want in ARM_VARIANTS else 0
            own_at = ARM_VARIANTS.index(own) if own in ARM_VARIANTS else 1
            return own_at - want_at if own_at >= want_at else None
        return 1 if not own or not want else None

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)
