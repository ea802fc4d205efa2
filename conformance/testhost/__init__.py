"""The test host: a Debian 12 machine under QEMU, booted for what this kernel may lack.

cgroup v2 and systemd, AppArmor, SELinux, time namespaces, CRIU. Emulated in software, so that no
/dev/kvm is needed, and some ten times slower than the machine it runs on.

    image       Debian packages to a disk image, once, kept in the cache
    initramfs   what brings the kernel to the disk
    machine     the machine: booted, saved booted, resumed; a job run in it
    suite       tests/vm, a machine for each kind of host
    guest/      what runs on the other side: provision when the image is made, init in the
                initramfs, start and job in the machine

    python -m conformance.testhost prepare
    python -m conformance.testhost run [--security KIND] [--share FOLDER] -- COMMAND...
    python -m conformance.testhost test [PYTEST-ARGUMENT...]
"""


class TestHostError(Exception):
    """The test host failed, not what was run in it. Its text is one sentence."""
