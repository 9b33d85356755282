"""Which tests need not ask both databases."""

import pytest

ONE_DATABASE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""Of a test with many examples of what is decided before anything is stored.

The statements up to there are those of other tests of its file, which run on both.
"""
