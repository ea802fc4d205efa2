"""Tries wheels in fresh root file systems: installs them, runs containers, removes them.

roots    root file systems of Debian (debootstrap), and one with musl and busybox alone
inside   the program that runs in one of them
"""
