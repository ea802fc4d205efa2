"""Names of images: ``[REGISTRY/]PATH[:TAG][@DIGEST]`` (the grammar of distribution's reference).

A name whose first component can be a host is complete. Other names are *short*; the configuration
(``search``) decides which registry they mean, and if it names several, the user must choose. In the
registry docker.io, ``library/`` is put before a path of one component.
"""

from typing import NamedTuple

from hutch.errors import UsageError, shown
from hutch.image.digest import Digest
from hutch.image.errors import ImageError

HUB = "docker.io"
LOCAL = "localhost"  # images that were made on this machine, without a registry
DIGITS = frozenset("0123456789")
LOWER = frozenset("abcdefghijklmnopqrstuvwxyz") | DIGITS
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ") | LOWER


class Reference(NamedTuple):
    """A checked name. ``registry`` is "" for a short name that is not resolved."""

    registry: str
    path: str
    tag: str = ""
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Parses a name, with or without skopeo's prefix ``docker://``. Raises UsageError."""
        rest, at, digest_text = text.removeprefix("docker://").partition("@")
        try:
            digest = Digest.parse(digest_text) if at else None
        except ImageError as error:
            raise UsageError(f"invalid reference {shown(text)}: {error.sentence}") from None
        tag = ""
        if ":" in rest.rpartition("/")[2]:
            rest, _, tag = rest.rpartition(":")
            if not is_tag(tag):
                raise UsageError(f"invalid reference {shown(text)}: {shown(tag)} is not a tag")
        first, slash, others = rest.partition("/")
        is_host = slash and (
            "." in first or ":" in first or first == LOCAL or first.lower() != first
        )
        registry, path = (first, others) if is_host else ("", rest)
        if registry and not is_host_name(registry):
            raise UsageError(f"invalid reference {shown(text)}: {shown(registry)} is not a host")
        if not is_path(path) or len(path) > 255:
            lower = "; repository names are lower case" if path.lower() != path else ""
            raise UsageError(f"invalid reference {shown(text)}{lower}")
        if registry:
            return cls(registry, path, tag, digest).completed(registry)
        return cls("", path, tag, digest)

    def completed(self, registry: str) -> "Reference":
        """The same name in ``registry``, which may be followed by a path (``host/prefix``)."""
        host, _, prefix = registry.partition("/")
        if host == "index.docker.io":
            host = HUB
        path = f"{prefix}/{self.path}" if prefix else self.path
        if host == HUB and "/" not in path:
            path = "library/" + path
        return Reference(host, path, self.tag, self.digest)

    def tagged(self) -> "Reference":
        """The same name; with the tag "latest" if it has neither tag nor digest."""
        return self if self.tag or self.digest else self._replace(tag="latest")

    @property
    def repository(self) -> str:
        """Registry and path."""
        return f"{self.registry}/{self.path}" if self.registry else self.path

    @property
    def familiar(self) -> str:
        """The repository as people write it: without docker.io/library/."""
        if self.registry == HUB:
            return self.path.removeprefix("library/")
        return self.repository

    @property
    def selector(self) -> str:
        """The part of the name that a request to a registry has: the digest, or without one the
        tag."""
        return str(self.digest) if self.digest else self.tag

    def __str__(self) -> str:
        tag = ":" + self.tag if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return self.repository + tag + digest


# The grammar without regular expressions: importing re takes longer than all of this.


def is_tag(text: str) -> bool:
    """Up to 128 letters, digits and "_.-"; "." and "-" are not first."""
    return 0 < len(text) <= 128 and text[0] not in ".-" and (LETTERS | {*"_.-"}).issuperset(text)


def is_path(text: str) -> bool:
    """Components of [a-z0-9]+, with ".", "_", "__" or any number of "-" between two of these."""
    return all(_is_component(part) for part in text.split("/"))


def _is_component(text: str) -> bool:
    between = text.translate(dict.fromkeys(map(ord, LOWER), "/")).split("/")
    return (
        text[:1] in LOWER
        and text[-1:] in LOWER
        and all(one in (".", "_", "__") or not one.strip("-") for one in between)
    )


def is_host_name(text: str) -> bool:
    """A name with dots, or an IPv6 address in brackets; it may have a port of up to five digits."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host = text
    elif not 0 < len(port) <= 5 or not DIGITS.issuperset(port):
        return False
    if host.startswith("[") and host.endswith("]"):
        return len(host) > 2 and frozenset("0123456789abcdefABCDEF:").issuperset(host[1:-1])
    return all(
        label[:1] in LETTERS and label[-1:] in LETTERS
        and LETTERS.issuperset(label.replace("-", "")) for label in host.split(".")
    )  # fmt: skip


def candidates(reference: Reference, search: list[str], aliases: dict[str, str]) -> list[Reference]:
    """The complete names that a reference may mean, the first choice first. A complete reference
    means only itself."""
    if reference.registry:
        return [reference]
    if reference.path in aliases:
        alias = Reference.parse(aliases[reference.path])
        return [alias._replace(tag=reference.tag, digest=reference.digest)]
    return [reference.completed(registry) for registry in search]


def resolve_remote(text: str, search: list[str], aliases: dict[str, str]) -> Reference:
    """The complete name that ``text`` means in a registry. Raises UsageError if it can mean several
    or none."""
    reference = Reference.parse(text)
    found = candidates(reference, search, aliases)
    if len(found) == 1:
        return found[0].tagged()
    if not found:
        raise UsageError(
            f"{shown(text)} is a short name, and no registry is configured for short names",
            hint=f"write it in full, as in {HUB}/{reference.completed(HUB).path}",
        )
    raise UsageError(
        f"{shown(text)} is a short name that may mean several images",
        hint="write one of: " + ", ".join(str(one.tagged()) for one in found),
    )
