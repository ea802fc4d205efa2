#!/bin/sh
# stage.sh PROGRAM...: runs a program where it has the cgroup v1 hierarchies that others ask for:
# crun refuses a hybrid host without one for hugetlb, the validation programs want three more.
#
# In a mount namespace of its own: the host's /sys/fs/cgroup stays as it is, and is shown here once
# more with the controllers beside it that nobody has mounted. Without root the program has to do
# with what there is.
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
exec "$@"
