"""Tests that take a machine booted for them."""
