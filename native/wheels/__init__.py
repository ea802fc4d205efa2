"""Builds wheels that need no compiler and no particular Python (./dev wheels).

A wheel has the static executables, which contain their own interpreter, static programs, the
package, and the extensions by the limited API, so that CPython 3.11 and newer can load them.

    targets      the processors and C libraries, and the tags of their wheels
    sysroot      headers and static libraries of Debian for a processor
    extensions   compiles the extensions with zig, for old versions of glibc and for musl
    contents     what is in a wheel
    archive      writes a wheel: the same files give the same bytes

"""
