"""Modules that need more than builtin modules.

diagnostics    finds all problems of a config, and warnings, with jsonschema; it is slow
config_types   the types of config.json, for type checkers and users' programs
seccomp_rules  linux.seccomp by system call: which rule decides, in words

Other modules import these in functions only, after the ordinary interpreter has taken over the
command (hutch.front).
"""
