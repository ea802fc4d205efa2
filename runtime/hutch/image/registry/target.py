"""The destination of a request. It comes from the user, or from a reply, which must follow rules.

A reply names another destination by a redirect, a token realm, an upload's Location or a next page
(S-75, S-76). It may use only http and https, and may not lead from https to http, or from a public
address to an internal one. The rule compares the address that sent the reply with the address of
the next connection. So a registry at an internal address may lead to other internal addresses. If
it leads to a public address, the same rules apply to the replies from there.
"""

from dataclasses import dataclass

from hutch.image.errors import RegistryError
from hutch.image.registry.url import BadUrl, Url


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a request. ``sent_by`` names the reply that it comes from; "" if it comes
    from the user."""

    url: Url
    sent_by: str = ""
    public_only: bool = False  # no connection to an internal address


@dataclass(frozen=True, slots=True)
class Sender:
    """The sender of a reply: its URL, and whether its address is public."""

    url: Url
    public: bool

    def step(self, where: str, what: str) -> Target:
        """The target that a reply names. ``where`` is its URL, which may be relative; ``what`` is
        what the reply calls it ("redirect"). Raises RegistryError."""
        sent_by = f"{self.url.shown}: {what}"
        try:
            url = self.url.join(where)
        except BadUrl as error:
            raise RegistryError(f"{sent_by} to a URL {error}; refused") from None
        if self.url.scheme == "https" and url.scheme == "http":
            raise RegistryError(f"{sent_by} to {url.shown} without TLS; refused")
        return Target(url, sent_by, public_only=self.public)
