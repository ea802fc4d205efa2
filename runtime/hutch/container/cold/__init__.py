"""Modules that need more than builtin modules: network devices (pyroute2), ps(1), user names.

They are imported in functions, after the command has changed to the ordinary interpreter
(hutch.front).
"""
