"""Tests that run containers, as root."""
