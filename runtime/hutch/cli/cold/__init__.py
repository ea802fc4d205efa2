"""The manual pages, which are written when hutch is built. They need more than builtin modules."""
