#!/bin/sh
# enter.sh BASE CHANGES PROGRAM...: runs a program in a root file system.
#
# BASE is the root's folder, which does not change; what the program changes is put into the folder
# CHANGES. Without a BASE ("") the root is CHANGES/root. The program has its own mounts, processes and
# host name. It sees the host's cgroups and network.
set -eu
if [ "${1:-}" != --inside ]; then
    exec unshare --mount --pid --fork --kill-child --uts --ipc --propagation private "$0" --inside "$@"
fi
base=$2 changes=$3
shift 3
root=$changes/root
if [ -n "$base" ]; then
    mkdir -p "$changes/upper" "$changes/work" "$root"
    mount -t overlay -o "lowerdir=$base,upperdir=$changes/upper,workdir=$changes/work" overlay "$root"
else
    mount --bind "$root" "$root"
fi
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for name in full null random tty urandom zero; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
for name in fuse net/tun; do
    [ -e "/dev/$name" ] || continue
    mkdir -p "$root/dev/net"
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
hostname "$ROOT_HOSTNAME"
# shellcheck disable=SC2016 # the shell in the root expands it
exec env -i HOME=/root TERM=dumb LC_ALL="$ROOT_LOCALE" DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" /bin/sh -c 'umask "$1"; shift; cd /; exec "$@"' sh "$ROOT_UMASK" "$@"
