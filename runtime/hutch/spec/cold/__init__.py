"""What needs more than builtin modules.

diagnostics    the slow, complete answer: all problems of a config, and warnings, by jsonschema
config_types   the types of config.json, for type checkers and people's programs

Imported in functions, once the ordinary interpreter runs the command (hutch.front).
"""
