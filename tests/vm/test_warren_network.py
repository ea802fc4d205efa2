"""Published ports of SCTP, which not every kernel has."""

import pytest

from tests.engine.test_network_bridge import test_sctp_ports
from tests.support.networks import network

pytestmark = [pytest.mark.root, pytest.mark.vm]

__all__ = ["network", "test_sctp_ports"]
