"""Containers under attack, under whatever runtime."""
