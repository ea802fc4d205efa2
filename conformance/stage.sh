#!/bin/sh
# stage.sh PROGRAM...: runs a program with more cgroup v1 hierarchies than the host has mounted. crun
# refuses a hybrid host without one for hugetlb, and the validation programs need three more.
#
# The program runs in its own mount namespace. The host's /sys/fs/cgroup does not change; in the
# namespace it also has the controllers that the host has not mounted. Without root the program runs
# with the hierarchies of the host.
set -eu
if [ "${1:-}" != --inside ]; then
    [ "$(id -u)" = 0 ] || exec "$@"
    exec unshare --mount --propagation private "$0" --inside "$@"
fi
shift
if [ -d /sys/fs/cgroup/memory ] && [ -d /sys/fs/cgroup/devices ]; then
    view=$(mktemp -d)
    mount -t tmpfs -o mode=755 cgroups "$view"
    for path in /sys/fs/cgroup/*; do
        name=${path##*/}
        if [ -L "$path" ]; then
            cp -P "$path" "$view/$name"
        elif [ -d "$path" ]; then
            mkdir "$view/$name"
            mount --bind "$path" "$view/$name"
        fi
    done
    for name in hugetlb net_cls net_prio; do
        [ ! -e "$view/$name" ] || continue
        mkdir "$view/$name"
        mount -t cgroup -o "$name" none "$view/$name" 2>/dev/null || rmdir "$view/$name"
    done
    mount --move "$view" /sys/fs/cgroup
    rmdir "$view"
fi
# podman counts the containers of all its stores there, and knows no more than 2048.
mount -t tmpfs -o mode=1777 shm /dev/shm
exec "$@"
