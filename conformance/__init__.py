"""Conformance: the demonstration, benchmarks, and what shows that hutch does what the spec says."""
