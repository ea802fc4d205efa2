#!/bin/sh
# inside.sh WHEELS MANNER: runs in a fresh Debian, as the root of its mount namespace. Installs hutch
# in one manner, uses it, and uninstalls it. What is left of it is printed, and is a failure.
#
# MANNER is system, venv, a path with a space (venv-space), user, or target.
set -eu
wheels=$1
manner=$2
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PIP_NO_INDEX=1 PIP_FIND_LINKS="$wheels" PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_BREAK_SYSTEM_PACKAGES=1
unset PYTHONDONTWRITEBYTECODE || true

# Modules that the interpreter compiles on the way are Python's own matter, and so is what pip keeps.
list() {
    find / -xdev ! -path '/proc/*' ! -path '/sys/*' ! -path '/dev/*' ! -path '/tmp/*' \
        ! -name '*.pyc' ! -name __pycache__ | sort
}

case $manner in
venv | venv-space)
    place=/opt/environment
    [ "$manner" = venv ] || place="/opt/an environment"
    python3 -m venv "$place"
    bin=$place/bin
    ;;
user)
    bin=/root/.local/bin
    ;;
target) bin=/opt/target/bin ;;
system) bin=/usr/local/bin ;;
esac
pip() {
    case $manner in
    venv*) "$bin/python" -m pip "$@" ;;
    *) python3 -m pip "$@" ;;
    esac
}
names() {
    pip list --format=freeze 2>/dev/null | cut -d= -f1 | sort
}

list >/tmp/before
names >/tmp/names
case $manner in
user) pip install -q --user --no-warn-script-location hutch ;;
target) pip install -q --target /opt/target hutch ;;
*) pip install -q hutch ;;
esac

echo "- the first front"
"$bin/hutch" --debug --version
"$bin/hutch" --debug --version | grep -q 'static executable'
echo "- the interpreter"
version=$(python3 -c 'import sys; print(sys.version.split()[0])')
libexec=$(find / -xdev -path '*/hutch/libexec' -type d | head -n 1)
"$libexec/hutch" --debug --version | grep -x "front: interpreter, CPython $version"
"$bin/hutch" completion bash >/dev/null
mkdir -p /tmp/bundle/rootfs/bin
cp /tmp/busybox /tmp/bundle/rootfs/bin/busybox
"$bin/hutch" spec --bundle /tmp/bundle
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/bin\/busybox", "echo", "seen in a container"/' \
    /tmp/bundle/config.json
echo "- a container, and its plan"
"$bin/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial | grep -x 'seen in a container'
"$bin/hutch" explain /tmp/bundle >/tmp/plan
head -n 3 /tmp/plan
echo "- a filter of system calls, compiled by the interpreter"
python3 - <<'END'
import json
path = "/tmp/bundle/config.json"
config = json.load(open(path))
config["linux"]["seccomp"] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}],
}
config["process"]["args"] = ["/bin/busybox", "mkdir", "/dev/shm/new"]
json.dump(config, open(path, "w"))
END
"$bin/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial 2>&1 |
    grep 'No space left on device'
"$libexec/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial 2>&1 |
    grep 'No space left on device'
echo "- warren: an image, and a container of it"
"$bin/warren" --root /tmp/store pull --quiet "oci:$libexec/demo-image:latest"
"$bin/warren" --root /tmp/store images
"$bin/warren" --root /tmp/store run --rm --network none localhost/demo-image | head -n 3

echo "- uninstall"
case $manner in
target) rm -r /opt/target ;;
*)
    names | comm -13 /tmp/names - >/tmp/new
    # shellcheck disable=SC2046 # a list of names
    pip uninstall -q -y $(cat /tmp/new)
    ;;
esac
list >/tmp/after
# What an installation by pip for a user makes beside it, and folders that pip leaves empty.
left=$(comm -13 /tmp/before /tmp/after | while read -r path; do
    if [ -d "$path" ]; then
        [ -z "$(find "$path" ! -type d | head -n 1)" ] || echo "$path"
    else
        echo "$path"
    fi
done)
if [ -n "$left" ]; then
    echo "left behind:"
    echo "$left"
    exit 1
fi
echo "nothing is left"
