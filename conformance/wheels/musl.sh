#!/tmp/busybox sh
# musl.sh PACKAGES: runs in a root with busybox, musl and the unpacked wheel, and no interpreter. The
# static programs must run there; the verbs that need an interpreter say that it is missing.
set -eu
bin=$1
say() { /tmp/busybox echo "$@"; }
/tmp/busybox mkdir -p /tmp/bundle/rootfs/bin
/tmp/busybox cp /tmp/busybox /tmp/bundle/rootfs/bin/busybox
say "- the first front"
"$bin/hutch" --version
"$bin/hutch" spec --bundle /tmp/bundle
/tmp/busybox sed -i 's/"terminal": true/"terminal": false/
    s/"sh"/"\/bin\/busybox", "echo", "seen in a container"/' /tmp/bundle/config.json
say "- a container"
"$bin/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial |
    /tmp/busybox grep -x 'seen in a container'
say "- warren: everyday verbs"
"$bin/warren" --root /tmp/store images
"$bin/warren" --root /tmp/store ps
say "- the interpreter, which is not there"
if /usr/lib/python3.12/site-packages/hutch/libexec/hutch --version 2>/tmp/error; then exit 1; fi
/tmp/busybox cat /tmp/error
