#!/bin/sh
# stage.sh PROGRAM...: runs a program, as root, where engines can be started and leave nothing.
#
# The program has mount, network, pid, ipc and cgroup namespaces of its own. It sees all cgroup v1
# hierarchies (crun refuses a hybrid host without hugetlb's), each from a cgroup of its own down.
# /run and /dev/shm are empty; what is written below /etc, /opt, /var/lib and /var/log stays in the
# namespace.
# ENGINES_FOLDER is a folder of its own. At its end the folder is removed, the kernel kills all its processes, and its cgroups are removed.
set -eu

# The names of the v1 hierarchies: those that the host has mounted, and three that it may not have.
names=
for name in blkio cpu cpuacct cpuset devices freezer hugetlb memory net_cls net_prio pids systemd; do
    case $name in
    hugetlb | net_*) names="$names $name" ;;
    *) [ ! -d "/sys/fs/cgroup/$name" ] || names="$names $name" ;;
    esac
done
[ -d /sys/fs/cgroup/memory ] || names=
[ -z "$names" ] || [ ! -d /sys/fs/cgroup/unified ] || names="$names unified"

# Mounts the hierarchies below $1: with names one for each, without the one of cgroup v2.
hierarchies() {
    mount -t tmpfs -o mode=755 cgroups "$1"
    [ -n "$names" ] || mount -t cgroup2 none "$1"
    for name in $names; do
        mkdir "$1/$name"
        case $name in
        unified) mount -t cgroup2 none "$1/$name" ;;
        systemd) mount -t cgroup -o none,name=systemd none "$1/$name" ;;
        *) mount -t cgroup -o "$name" none "$1/$name" 2>/dev/null || rmdir "$1/$name" ;;
        esac
    done
}

# The mount points of the hierarchies, from those of the first field of /proc/self/mountinfo.
mounted() {
    awk -v view="$1" '$5 == view && / - cgroup2 / || index($5, view "/") == 1 { print $5 }' \
        /proc/self/mountinfo
}

# The path of this process in the hierarchy that is mounted on $1.
own_path() {
    name=${1##*/}
    case $name in
    unified | cgroups.*) sed -n 's/^0:://p' /proc/self/cgroup ;;
    systemd) sed -n 's/^[0-9]*:name=systemd://p' /proc/self/cgroup ;;
    *) sed -n "s/^[0-9]*:$name://p" /proc/self/cgroup ;;
    esac
}

case ${1:-} in
--moved)
    shift
    view=$(mktemp -d /tmp/cgroups.XXXXXX)
    ENGINES_FOLDER=$(mktemp -d /var/tmp/en.XXXXXX)
    export ENGINES_FOLDER
    chmod 711 "$ENGINES_FOLDER" # who is mapped to another user must walk through it
    hierarchies "$view"
    own=
    for place in $(mounted "$view"); do
        above=$place$(own_path "$place")
        above=${above%/}
        mkdir "$above/engines-$$"
        own="$own $above/engines-$$"
        for file in cpuset.cpus cpuset.mems; do
            [ ! -e "$above/engines-$$/$file" ] || [ "$place" = "$view/unified" ] ||
                cat "$above/$file" >"$above/engines-$$/$file" 2>/dev/null || :
        done
    done
    status=0
    (
        for path in $own; do
            echo 0 >"$path/cgroup.procs"
        done
        exec unshare --cgroup --net --ipc --pid --fork --kill-child --mount-proc \
            "$0" --inside "$view" "$@"
    ) || status=$?
    for path in $own; do
        for _ in 1 2 3 4 5 6 7 8 9 10; do
            find "$path" -depth -type d -exec rmdir {} + 2>/dev/null || :
            [ -d "$path" ] || break
            sleep 0.2
        done
    done
    umount -R "$view"
    rmdir "$view"
    rm -rf "$ENGINES_FOLDER"
    exit "$status"
    ;;
--inside)
    view=$2
    shift 2
    umount -R "$view"
    umount -R /sys/fs/cgroup
    hierarchies /sys/fs/cgroup
    if [ -e /sys/fs/cgroup/cgroup.subtree_control ]; then
        # A cgroup with processes cannot hand controllers on (cgroups(7), no internal processes).
        mkdir /sys/fs/cgroup/init
        echo 0 >/sys/fs/cgroup/init/cgroup.procs
        sed 's/[a-z]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
    fi
    mount -t tmpfs -o mode=755 run /run
    # podman keeps the locks of all its stores there.
    mount -t tmpfs -o mode=1777 shm /dev/shm
    mkdir -p /run/layers
    for folder in etc opt var/lib var/log; do
        mkdir -p "/run/layers/$folder/upper" "/run/layers/$folder/work"
        layers=lowerdir=/$folder,upperdir=/run/layers/$folder/upper
        mount -t overlay -o "$layers,workdir=/run/layers/$folder/work" overlay "/$folder"
    done
    ip link set lo up
    # It takes in the orphans of engines that end.
    exec tini -s -- "$@"
    ;;
*)
    exec unshare --mount --propagation private "$0" --moved "$@"
    ;;
esac
