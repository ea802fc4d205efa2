"""The engine and a server of its store, which these tests share."""

from tests.support.api import api
from tests.support.engines import engine
from tests.support.networks import network

__all__ = ["api", "engine", "network"]
