"""Which images a Dockerfile needs. buildah reads all else in it, and tells what is wrong.

See Dockerfile's reference: FROM, ARG before FROM, COPY --from, RUN --mount=from, the parser
directive ``escape``.
"""

import re
from collections.abc import Iterator

from hutch.image.platform import Platform

DIRECTIVE = re.compile(r"#\s*(\w+)\s*=\s*(\S+)\s*")
VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")
ESCAPES = ("\\", "`")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction in capitals and what follows it, in one line."""
    escape, directives, whole = "\\", True, ""
    for line in text.splitlines():
        bare = line.strip()
        if directives:
            found = DIRECTIVE.fullmatch(bare)
            directives = found is not None
            if found is not None and found[1].lower() == "escape" and found[2] in ESCAPES:
                escape = found[2]
        if not bare or bare.startswith("#"):
            continue
        whole += bare.removesuffix(escape)
        if bare.endswith(escape):
            whole += " "
            continue
        word, _, rest = whole.strip().partition(" ")
        yield word.upper(), rest.strip()
        whole = ""
    if whole.strip():
        word, _, rest = whole.strip().partition(" ")
        yield word.upper(), rest.strip()


def needs_dockers_format(text: str) -> bool:
    """Whether it has instructions that OCI's images have no field for (image-spec, config.md)."""
    return any(word in ("HEALTHCHECK", "ONBUILD", "SHELL") for word, _ in instructions(text))


def replaced(text: str, values: dict[str, str]) -> str:
    """``$NAME``, ``${NAME}``, ``${NAME:-DEFAULT}`` and ``${NAME:+OTHER}`` by their values."""

    def value(found: "re.Match[str]") -> str:
        known = values.get(found[1] or found[2], "")
        if found[3] == "-":
            return known or found[4]
        return found[4] if found[3] == "+" and known else "" if found[3] else known

    return VARIABLE.sub(value, text)


def automatic(platform: Platform) -> dict[str, str]:
    """The arguments that are there before FROM without ARG."""
    host = Platform.host()
    found: dict[str, str] = {}
    for name, one in (("TARGET", platform), ("BUILD", host)):
        found |= {
            f"{name}PLATFORM": str(one), f"{name}OS": one.os, f"{name}ARCH": one.architecture,
            f"{name}VARIANT": one.variant,
        }  # fmt: skip
    return found


def images_of(text: str, given: dict[str, str], platform: Platform) -> list[str]:
    """The names of the images that a Dockerfile needs, with the build's arguments ``given``; not
    its own stages and not scratch."""
    values = automatic(platform)
    stages: set[str] = {"scratch", ""}
    found: list[str] = []
    for word, rest in instructions(text):
        if word == "ARG" and not found and len(stages) == 2:
            name, _, default = rest.partition("=")
            values[name] = given.get(name, replaced(default.strip("\"'"), values))
        elif word == "FROM":
            words = [replaced(one, values) for one in rest.split() if not one.startswith("--")]
            if not words:
                continue
            if words[0].lower() not in stages:
                found.append(words[0])
            if len(words) == 3 and words[1].lower() == "as":
                stages.add(words[2].lower())
        elif word in ("COPY", "ADD", "RUN"):
            for name in re.findall(r"--(?:from=|mount=\S*\bfrom=)([^\s,]+)", rest):
                if name.lower() not in stages and not name.isdecimal():
                    found.append(name)
    return list(dict.fromkeys(found))
