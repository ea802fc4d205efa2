"""What needs more than builtin modules: moving network devices by pyroute2, ps(1), user names.

Imported in functions, once the ordinary interpreter runs the command (hutch.front).
"""
