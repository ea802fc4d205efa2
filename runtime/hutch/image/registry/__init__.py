"""The client for registries: OCI distribution-spec 1.1 and Docker's registry API v2.

README.md has the rules, and the files in reading order.
"""

from hutch.image.registry.client import Registry
from hutch.image.registry.remote import RegistrySource

__all__ = ["Registry", "RegistrySource"]
