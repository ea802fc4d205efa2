"""Tries wheels in fresh root file systems: installs them, runs containers, removes them.

roots         root file systems of Debian (debootstrap), and with musl and busybox alone
interpreter   interpreters that are given, and put into a root
dependencies  the wheels that a wheel requires
inside        the program that runs in a root (inside.sh; musl.sh without an interpreter)
"""
