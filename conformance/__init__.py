"""Conformance: the demonstration, benchmarks, and what shows that hutch does what the spec says.

suite     every MUST and SHOULD of runtime-spec 1.3, by our own probe
probe     the program that looks around inside containers and hooks
programs  runs the validation programs of runtime-tools
runtimes  the runtimes that both are asked of
samples   an engine's seccomp profile, images and trees: for measurements and tests
bench     measurements beside runc and crun
testhost  a machine with what this one lacks
"""
