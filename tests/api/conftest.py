"""The engine and a server of its store, which these tests share."""

from tests.support.api import api
from tests.support.engines import engine
from tests.support.networks import network
from tests.support.registries import folder, private_registry

__all__ = ["api", "engine", "folder", "network", "private_registry"]
