"""All tests. What several of them use is in ``tests.support``."""

import pytest

# Before anything imports it: an assert there says what it compared, as one in a test does.
pytest.register_assert_rewrite("tests.support")
