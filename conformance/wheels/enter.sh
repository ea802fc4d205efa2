#!/bin/sh
# enter.sh ROOT WHEELS PROGRAM ARGUMENT...: runs a program of the folder ROOT as if that were the root
# of a machine, in a mount namespace of its own (unshare --mount). What it writes is in memory, so that
# the folder stays fresh. The files of WHEELS are in /tmp/wheels, and inside.sh is in /tmp.
set -eu
root=$1
wheels=$2
here=$(dirname "$0")
shift 2
work=$(mktemp -d)
mount -t tmpfs -o mode=755 tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
new=$work/root
mount -t overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/work" overlay "$new"
mkdir -p "$new/tmp" "$new/dev" "$new/sys" "$new/proc"
mount -t tmpfs tmpfs "$new/tmp"
mkdir "$new/tmp/wheels" "$new/tmp/old"
cp "$wheels"/*.whl "$new/tmp/wheels/"
cp /bin/busybox "$new/tmp/busybox"
cp "$here/inside.sh" "$new/tmp/"
mount --rbind /dev "$new/dev"
mount --rbind /sys "$new/sys"
mount -t proc proc "$new/proc"
cd "$new"
pivot_root . tmp/old
# shellcheck disable=SC2016 # for the other shell
exec tmp/busybox chroot . /tmp/busybox sh -c \
    '/tmp/busybox umount -l /tmp/old; /tmp/busybox rmdir /tmp/old; exec "$@"' sh "$@"
