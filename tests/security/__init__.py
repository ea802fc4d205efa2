"""Attacks on containers, with hutch or another runtime."""
