"""The engine that these tests share."""

from tests.support.containers import fault, filtered
from tests.support.engines import engine
from tests.support.networks import network
from tests.support.registries import folder, registry, warren
from tests.support.sandboxes import sandbox

__all__ = ["engine", "fault", "filtered", "folder", "network", "registry", "sandbox", "warren"]
