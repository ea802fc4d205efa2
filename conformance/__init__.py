"""The demonstration, benchmarks, and tests that hutch follows the specification.

suite     tests every MUST and SHOULD of runtime-spec 1.3, with the probe
probe     a program that runs in containers and hooks and reports what it finds
programs  runs the validation programs of runtime-tools
runtimes  the runtimes that suite and programs test
samples   a seccomp profile, images and trees of files: for benchmarks and tests
bench     benchmarks of hutch, runc and crun
engines   podman, docker, containerd and others with hutch, runc and crun as their runtime
testhost  a virtual machine with features that this host may not have
"""
