#!/bin/sh
# inside.sh WHEELS PYTHON MANNER: runs in a fresh root, as the root of its mount namespace. Installs
# hutch for an interpreter in one manner, uses it, and uninstalls it. What is left of it is printed, and
# is a failure. WHEELS has those of other C libraries too: pip must take the right one.
#
# MANNER is system, venv, a path with a space (venv-space), user, or target.
set -eu
wheels=$1
python=$2
manner=$3
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
    "$python" -m venv "$place"
    bin=$place/bin
    python=$bin/python
    ;;
user)
    bin=/root/.local/bin
    ;;
target) bin=/opt/target/bin ;;
system) bin=$("$python" -c 'import sysconfig; print(sysconfig.get_path("scripts"))') ;;
esac
pip() {
    "$python" -m pip "$@"
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

echo "- the wheel that pip has taken"
grep '^Tag: ' "$(find / -xdev -path '*/hutch-*.dist-info/WHEEL')"
echo "- the first front"
"$bin/hutch" --version
"$bin/hutch" --version | grep -qx 'front: static executable.*'
echo "- the interpreter"
version=$("$python" -c 'import sys; print(sys.version.split()[0])')
libexec=$(find / -xdev -path '*/hutch/libexec' -type d | head -n 1)
"$libexec/hutch" --version | grep -x 'front: launcher'
"$libexec/hutch" --version | grep -x "python: CPython $version"
echo "- the extensions, of hutch and of what it requires"
PYTHONPATH=${libexec%/hutch/libexec} "$python" - <<'END'
import importlib, sys
zstd = "_zstd" if sys.version_info >= (3, 14) else "backports.zstd._zstd"
for name in ("hutch._json", "hutch._native", "hutch._seccomp", "hutch._sqlite", "_cffi_backend",
             "isal.isal_zlib", "setproctitle._setproctitle", "yaml._yaml", zstd):
    importlib.import_module(name)
# They are all of one C library.
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}
(loader,) = (path for path in mapped if path.rpartition("/")[2].startswith("ld-"))
print(loader)
END
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
echo "- a hook, and a filter of system calls, compiled by the interpreter"
"$python" - <<'END'
import json
path = "/tmp/bundle/config.json"
config = json.load(open(path))
config["linux"]["seccomp"] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}],
}
config["hooks"] = {"createRuntime": [{"path": "/tmp/busybox", "args": ["busybox", "true"]}]}
config["process"]["args"] = ["/bin/busybox", "mkdir", "/dev/shm/new"]
json.dump(config, open(path, "w"))
END
"$bin/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial 2>&1 |
    grep 'No space left on device'
"$libexec/hutch" --root /tmp/state run --bundle /tmp/bundle wheels-trial >/tmp/said 2>&1 || true
cat /tmp/said
grep -q 'No space left on device' /tmp/said
[ "$(wc -l </tmp/said)" = 1 ] # no warnings
echo "- warren: an image, and a container of it"
"$bin/warren" --root /tmp/store pull --quiet "oci:$libexec/demo-image:latest"
"$bin/warren" --root /tmp/store images
warren() { "$bin/warren" --root /tmp/store "$@"; }
warren run --rm --network none localhost/demo-image >/tmp/said
grep -x 'Hello from inside a hutch.' /tmp/said
echo "- a bundle of the image, and hutch"
warren bundle --quiet "oci:$libexec/demo-image:latest" /tmp/demo
sed -i 's/"terminal": *true/"terminal": false/' /tmp/demo/config.json
"$bin/hutch" --root /tmp/state run --bundle /tmp/demo wheels-demo >/tmp/said
grep -x 'Hello from inside a hutch.' /tmp/said
echo "- warren: a container that is restarted, and the process that waits to do so"
warren run -d --name again --restart always --network none localhost/demo-image
waits() {
    for folder in /proc/[0-9]*; do
        grep -qx warren-restart "$folder/comm" 2>/dev/null &&
            tr '\0' ' ' <"$folder/cmdline" | grep '^warren: restarts again ' && return
    done
    return 1
}
tries=0
until waits; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo "no process waits to restart it" && exit 1; }
    sleep 0.1
done
until [ "$(warren inspect --format '{{.RestartCount}}' again)" -ge 2 ]; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { echo "it is not restarted" && exit 1; }
    sleep 0.1
done
warren rm -f again
[ -z "$(warren ps -aq)" ]
rm -r /run/warren # the cache of filters: it is of containers, not of the package

echo "- uninstall"
case $manner in
target) rm -r /opt/target ;;
*)
    names | grep -vxFf /tmp/names >/tmp/new
    # shellcheck disable=SC2046 # a list of names
    pip uninstall -q -y $(cat /tmp/new)
    ;;
esac
list >/tmp/after
# What an installation by pip for a user makes beside it, and folders that pip leaves empty.
left=$(grep -vxFf /tmp/before /tmp/after | while read -r path; do
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
