"""Compares hutch with runc and crun: ``./dev bench``.

peers     the runtimes and how each is called
bundle    the bundle that all of them run
clock     measures one command: wall time, processor time, memory
measures  the measurements, each with its preparation
memory    the memory that a container uses, and the lowest limit with which it starts
crowd     many containers at the same time
sandbox   hutch.run beside bubblewrap: ``./dev bench sandbox``
report    the table, the JSON
"""
