"""Containers that meet faults: every operation fails once, and what is short."""
