"""The system calls that Python lacks, bound by cffi from native/kernel.

Every call returns a number of zero or more, or raises KernelError with the call's name and errno.
"""
