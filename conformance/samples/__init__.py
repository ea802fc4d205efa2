"""Data for benchmarks and tests.

seccomp_profile  a profile as large as those that engines give their containers
images           makes images layer by layer in an OCI layout, also unusual and hostile ones
trees            describes trees of files, and finds the differences between two of them
"""
