"""hutch: an OCI container runtime, and the library underneath its command."""

__version__ = "0.1.0"
