"""Tests that need neither root nor a container."""
