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
    """A place that may be asked. ``sent_by`` says who sends us there; "" is a person."""

    url: Url
    sent_by: str = ""
    public_only: bool = False  # no connection to an internal address


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose word a reply is: the URL that gave it, and whether its address was a public one."""

    url: Url
    public: bool

    def step(self, where: str, what: str) -> Target:
        """The place ``where`` that the reply names as its ``what``. Raises RegistryError."""
        sent_by = f"{self.url.shown}: {what}"
        try:
            url = self.url.join(where)
        except BadUrl as error:
            raise RegistryError(f"{sent_by} to a URL {error}; refused") from None
        if self.url.scheme == "https" and url.scheme == "http":
            raise RegistryError(f"{sent_by} to {url.shown} without TLS; refused")
        return Target(url, sent_by, public_only=self.public)
