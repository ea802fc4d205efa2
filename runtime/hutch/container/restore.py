"""restore: makes a container again from the files of a checkpoint, with CRIU.

The bundle describes the container, as at `create`: its cgroup is made and limited again, and the
sources of its binds are those that the config has now. CRIU makes namespaces, mounts and processes.
"""

import posix

from hutch import cgroups
from hutch.container import status
from hutch.container.checkpoint import Images, work_with_criu
from hutch.container.create import Created, begin, plan_for, take_note, undo
from hutch.container.criu import externals, messages
from hutch.container.init_process import Init
from hutch.container.kept_plan import kept_operations
from hutch.container.store import read_file
from hutch.errors import ConfigError, HostError, HutchError
from hutch.plan.encode import encode, kept
from hutch.plan.namespaces import has_namespace
from hutch.plan.plan import Bindings
from hutch.spec.json import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hutch.container.request import Request
    from hutch.container.state import State
    from hutch.container.store import Entry, Store
    from hutch.plan.host import Host
    from hutch.plan.plan import Plan
    from hutch.spec.config import Config

LOG = "restore.log"
ROOT = "criu-root"
MNT_DETACH = 2


def restore(
    store: "Store",
    request: "Request",
    images: Images,
    *,
    detach: bool = False,
    subreaper: bool = True,
) -> int:
    """Restores a container. Unless ``detach`` is true, waits for its end and deletes it, as `run`
    does. Raises HutchError; after an error nothing is left of the container."""
    from hutch.container.run import carry_on

    request.detached = detach
    made = _make(store, request, images)
    # CRIU has already let the processes of the container go on.
    return carry_on(
        store, request, made, lambda: None, detach=detach, keep=False, subreaper=subreaper
    )


def _make(store: "Store", request: "Request", images: Images) -> Created:
    from hutch.container.preflight import check_host, open_namespaces

    config, raw, host, plan = plan_for(request, store.root + "/.filters")
    _check_mount_namespace(config)
    streams = _streams(images.images)
    externals.check_terminals(streams, images.options.get("shell_job"))
    bindings = Bindings(plan.cgroup.copy() if plan.cgroup is not None else None)
    check_host(plan, config, bindings)
    # Opened only to check their type; CRIU gets other descriptors below.
    for fd in open_namespaces(plan):
        posix.close(fd)
    entry = store.make(request.id)
    try:
        state = begin(entry, plan, bindings, config, raw, host, request)
        init = _with_criu(entry, state, config, plan, bindings, host, request, images, streams)
        return Created(entry, init, state, config)
    except BaseException:
        undo(entry, bindings, request)
        raise


def _with_criu(
    entry: "Entry",
    state: "State",
    config: "Config",
    plan: "Plan",
    bindings: "Bindings",
    host: "Host",
    request: "Request",
    images: Images,
    streams: "list[str]",
) -> Init:
    """Lets CRIU make the processes, as children of this process; saves the state before they
    run."""
    from hutch.kernel.mounts import unmount

    root = _root_mount(entry, plan.root)
    inherited = externals.streams_to_restore(streams)
    for kind, path in externals.joined(config):
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
        inherited.append(("joined-" + kind, fd))
    ignored = images.options.get("manage_cgroups_mode") == messages.CGROUP_MODES["ignore"]
    # If CRIU ignores cgroups, the processes that it makes stay in CRIU's own cgroup.
    cgroup = bindings.cgroup
    moves = cgroup is not None and ignored
    entry.write("plan", kept(encode(plan.operations, bindings), plan.operations))
    options = {
        **images.options,
        "root": root,
        "rst_sibling": True,
        "orphan_pts_master": True,
        "ext_mnt": externals.mounts_to_restore(kept_operations(entry)),
        "inherit_fd": [{"key": name, "fd": fd} for name, fd in inherited],
    }
    if cgroup is not None and not ignored:
        options["cg_root"] = externals.cgroup_roots(cgroup.directories, host.cgroups)
    made: list[Init] = []

    def begun(criu: int) -> None:
        if moves:
            assert cgroup is not None
            cgroups.join(cgroup, criu)

    def notice(name: str, pid: int, descriptor: int) -> None:
        if name == "setup-namespaces":
            # The first process is not in the cgroup yet, where undo() and `delete` would find it.
            made.append(_made(entry, state, plan, bindings, request, pid))
            if plan.hooks:
                from hutch.container.hooks import run_hooks

                run_hooks(plan.hooks, state.public(status.CREATING, pid))
        elif name == "orphan-pts-master" and descriptor >= 0:
            if request.console is None:
                posix.close(descriptor)
            else:
                request.console(descriptor)
        elif name == "pre-resume":
            # CRIU restores labels last; no code of the container has run yet.
            _check_label(config, str(images.options.get("lsm_profile", "")), state.pid)

    try:
        work_with_criu(
            messages.RESTORE,
            images,
            options,
            LOG,
            notice,
            descriptors=tuple([fd for _, fd in inherited]),
            begun=begun,
        )
        if not made:
            raise HutchError("CRIU restored the container without a word about its first process")
        if cgroup is not None:
            # Not before: CRIU puts the processes into the cgroup late, and systemd removes a scope
            # that is empty.
            cgroups.release(cgroup)
    except BaseException:
        for init in made:
            init.kill()
            init.close()
        raise
    finally:
        for _, fd in inherited:
            posix.close(fd)
        unmount(root, MNT_DETACH)
        posix.rmdir(root)
    return made[0]


def _made(
    entry: "Entry",
    state: "State",
    plan: "Plan",
    bindings: "Bindings",
    request: "Request",
    pid: int,
) -> Init:
    """Called when the first process exists, which is not restored yet."""
    # There is no hutch-init to talk to, so /dev/null stands in for its channel.
    channel = posix.open("/dev/null", posix.O_CLOEXEC)
    init = Init(plan, bindings, b"", pid, posix.pidfd_open(pid), channel)
    try:
        take_note(entry, state, init, request)
    except BaseException:
        init.close()
        raise
    return init


def _check_label(config: "Config", given: str, pid: int) -> None:
    """Raises HostError if the restored process has the runtime's own label in place of the
    container's, so that it is not confined. This happens if CRIU was built without SELinux, as in
    Debian. ``given`` is the value of --lsm-profile."""
    process = config.get("process", {})
    wanted = process.get("selinuxLabel") or process.get("apparmorProfile")
    wanted = given.partition(":")[2] or wanted
    if not wanted:
        return
    label = _label(str(pid))
    if label and label != wanted and label == _label("self"):
        raise HostError(
            f"CRIU gave the container the label {label} instead of {wanted}",
            hint="this CRIU may be built without SELinux or AppArmor, and the checkpoint too",
        )


def _label(process: str) -> str:
    """The label of a process (proc_pid_attr(5)), without AppArmor's mode; "" if there is none."""
    try:
        text = read_file("/proc/" + process + "/attr/current").decode()
    except OSError:
        return ""
    return text.rstrip("\0\n").partition(" (")[0]


def _root_mount(entry: "Entry", rootfs: str) -> str:
    """Binds the rootfs, because CRIU needs the root to be a mount. This is done in a new mount
    namespace of this process, so that no mount stays on the host, also if this process is
    killed."""
    from hutch.kernel.mounts import bind, private_mounts

    root = entry.directory + "/" + ROOT
    posix.mkdir(root, 0o700)
    private_mounts()
    bind(rootfs, root)
    return root


def _check_mount_namespace(config: "Config") -> None:
    if not has_namespace(config, "mount"):
        raise ConfigError(
            "linux.namespaces", "without a mount namespace a container cannot be restored"
        )


def _streams(images: str) -> "list[str]":
    """The standard streams as `checkpoint` has saved them. Raises HutchError if the file is
    missing: then the directory has no checkpoint."""
    path = images + "/" + externals.STREAMS
    try:
        data = read_file(path)
    except OSError as error:
        from hutch.errors import KernelError

        raise KernelError(
            "read " + path, "open", error.errno, hint="is that a checkpoint? see --image-path"
        ) from None
    streams = decode(data, path)
    names = streams if isinstance(streams, list) else [None]
    result = [name for name in names if isinstance(name, str)]
    if len(result) < len(names):
        raise HutchError(path + " must be an array of strings")
    return result
