"""What needs more than builtin modules: systemd, over D-Bus by jeepney.

Imported in functions, once the ordinary interpreter runs the command (hutch.front).
"""
