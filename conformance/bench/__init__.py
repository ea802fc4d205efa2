"""Measures hutch beside runc and crun: ``./dev bench``.

peers     the runtimes and how each is called
bundle    the bundle that all of them run
clock     one command: wall time, processor time, memory
measures  what is measured, each with what must stand before it
memory    what a container holds, and the least limit it starts in
crowd     many containers alive at once
report    the table, the plot, the JSON
"""
