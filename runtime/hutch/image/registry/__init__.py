"""Speaking with registries: the OCI distribution-spec 1.1 and Docker's registry API v2.

client       the acts: manifests, blobs, tags, uploads, catalogue
auth         challenges, basic and bearer, tokens; where credentials may go
credentials  config.json, auth.json and credential helpers
transport    one request: TLS, time-outs, redirects, retries; nothing secret in an error
url          the one parse of a URL
target       where a person, or a reply, sends us; the rules for replies
address      which addresses are public; connections that go to no others
reply        a reply, of which no more is read than there is room for
"""

from hutch.image.registry.client import Registry
from hutch.image.registry.remote import RegistrySource

__all__ = ["Registry", "RegistrySource"]
