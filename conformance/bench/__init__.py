"""Compares hutch with runc and crun: ``./dev bench``.

peers       the runtimes and how each is called
newest      the newest crun and runc of Debian, with their libraries: ``--newest``
bare.c      the same containers without a runtime: what the kernel alone costs
bundle      the bundle that all of them run
clock       measures one command: wall time, processor time, page faults, memory, instructions
confidence  how sure a median is
measures    the measurements, each with its preparation
memory      the memory that a container uses, and the lowest limit with which it starts
crowd       one more container while many are alive
at_once     containers made by several processes at the same time
count       instructions of each verb
test_host   the same in a virtual machine with cgroup v2: ``--host vm``
report      the results as data, and the page made from them
sandbox     hutch.run beside bubblewrap: ``./dev bench sandbox``
"""
