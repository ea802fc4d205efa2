"""What needs more than builtin modules: the manual pages, which are written when hutch is built."""
