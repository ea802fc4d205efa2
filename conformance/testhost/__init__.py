"""The test host: a Debian 12 machine under QEMU, with features that this kernel may not have.

These are cgroup v2 and systemd, AppArmor, SELinux, time namespaces and CRIU. QEMU emulates the
processor in software, so /dev/kvm is not needed; this is about ten times slower than the host.

    image       makes a disk image from Debian packages, once, and keeps it in the cache
    initramfs   the initramfs, which mounts the disk
    machine     boots the machine, saves its booted state, resumes it, runs a job in it
    suite       runs tests/vm, in one machine for each kind of host
    guest/      what runs in the machine: provision when the image is made, init in the
                initramfs, start and job in the machine

    python -m conformance.testhost prepare
    python -m conformance.testhost run [--security KIND] [--share FOLDER] -- COMMAND...
    python -m conformance.testhost test [PYTEST-ARGUMENT...]
"""


class TestHostError(Exception):
    """The test host failed, not the job in it. The text is one sentence."""
