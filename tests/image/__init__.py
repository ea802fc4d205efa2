"""Tests of warren's image side: unpacking, the store, registries, the command."""
