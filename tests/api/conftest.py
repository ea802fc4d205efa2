"""The engine and a server of its store, which these tests share."""

from tests.support.api import api
from tests.support.engines import engine

__all__ = ["api", "engine"]
