"""Pods: groups of containers that share namespaces."""
