"""Speaking with registries: the OCI distribution-spec 1.1 and Docker's registry API v2.

client       the acts: manifests, blobs, tags, uploads, catalogue
auth         challenges, basic and bearer, tokens; where credentials may go
credentials  config.json, auth.json and credential helpers
transport    one request: TLS, time-outs, redirects, retries; nothing secret in an error
"""

from .client import Registry
from .remote import RegistrySource

__all__ = ["Registry", "RegistrySource"]
