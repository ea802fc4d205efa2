"""A seccomp profile of the size and kind that engines give their containers, for tests and
benchmarks: what ordinary programs call is allowed, the rest is refused with EPERM."""

import platform
from typing import Any

FILES = """
    access faccessat faccessat2 open openat openat2 creat close close_range read write readv writev
    pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek stat stat64 lstat lstat64 fstat
    fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs fstatfs64 getdents getdents64 readdir
    chdir fchdir getcwd mkdir mkdirat rmdir rename renameat renameat2 link linkat unlink unlinkat
    symlink symlinkat readlink readlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown
    chown32 fchown fchown32 fchownat lchown lchown32 utime utimes futimesat utimensat
    utimensat_time64 truncate truncate64 ftruncate ftruncate64 fallocate fadvise64 fadvise64_64
    arm_fadvise64_64 readahead sync syncfs fsync fdatasync sync_file_range sync_file_range2
    arm_sync_file_range copy_file_range sendfile sendfile64 splice tee vmsplice dup dup2 dup3 fcntl
    fcntl64 flock ioctl umask getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr listxattr
    llistxattr flistxattr removexattr lremovexattr fremovexattr inotify_init inotify_init1
    inotify_add_watch inotify_rm_watch fanotify_mark name_to_handle_at cachestat statmount listmount
    getxattrat setxattrat listxattrat removexattrat file_getattr file_setattr
"""
WAITING = """
    select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1
    epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2
    signalfd signalfd4 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime
    timerfd_settime64 pipe pipe2 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents
    io_pgetevents_time64 pause nanosleep
"""
MEMORY = """
    brk mmap mmap2 munmap mremap mprotect madvise process_madvise mincore msync mlock mlock2
    mlockall munlock munlockall memfd_create memfd_secret membarrier pkey_alloc pkey_free
    pkey_mprotect remap_file_pages map_shadow_stack mseal shmget shmat shmdt shmctl
"""
PROCESSES = """
    execve execveat exit exit_group fork vfork wait4 waitid waitpid getpid getppid gettid getpgid
    getpgrp setpgid getsid setsid getpriority setpriority getrlimit ugetrlimit setrlimit prlimit64
    getrusage times prctl arch_prctl set_tid_address set_robust_list get_robust_list
    set_thread_area get_thread_area rseq capget capset sched_yield sched_getaffinity
    sched_setaffinity sched_getparam sched_setparam sched_getscheduler sched_setscheduler
    sched_getattr sched_setattr sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval sched_rr_get_interval_time64 ioprio_get ioprio_set getcpu pidfd_open
    pidfd_send_signal process_mrelease seccomp landlock_create_ruleset landlock_add_rule
    landlock_restrict_self futex futex_time64 futex_waitv futex_wake futex_wait futex_requeue
    restart_syscall uname sysinfo syslog getrandom
"""
IDENTITY = """
    getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32
    getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32
    setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid
    setfsgid32 setgroups setgroups32
"""
SIGNALS = """
    kill tkill tgkill rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
    rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask
    sigreturn alarm getitimer setitimer
"""
TIME = """
    time gettimeofday clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 timer_create timer_delete timer_getoverrun timer_gettime
    timer_gettime64 timer_settime timer_settime64 adjtimex clock_adjtime clock_adjtime64
"""
TALKING = """
    socketcall socketpair bind connect listen accept accept4 getsockname getpeername getsockopt
    setsockopt shutdown send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64
    ipc msgget msgsnd msgrcv msgctl semget semop semtimedop semtimedop_time64 semctl mq_open
    mq_unlink mq_notify mq_getsetattr mq_timedsend mq_timedsend_time64 mq_timedreceive
    mq_timedreceive_time64
"""
ALLOWED = sorted(
    " ".join((FILES, WAITING, MEMORY, PROCESSES, IDENTITY, SIGNALS, TIME, TALKING)).split()
)

# What a capability allows beyond that.
WITH_CAPABILITY = {
    "CAP_SYS_ADMIN": (
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
        "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
        "sethostname setns umount umount2 unshare"
    ),
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_MODULE": "delete_module init_module finit_module",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_vm_readv process_vm_writev ptrace",
    "CAP_SYS_TIME": "settimeofday stime clock_settime clock_settime64",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
}
PERSONALITIES = (0x0, 0x0008, 0x20000, 0x20008, 0xFFFFFFFF)
NEW_NAMESPACES = 0x7E020000  # the CLONE_NEW... but for CLONE_NEWTIME
AF_VSOCK = 40

ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "s390x": ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
}


def engine_profile(*capabilities: str) -> dict[str, Any]:
    """``linux.seccomp`` as an engine writes it for a container with these capabilities."""
    allow = "SCMP_ACT_ALLOW"
    syscalls: list[dict[str, Any]] = [{"names": ALLOWED, "action": allow}]
    syscalls.append(_compared("socket", 0, AF_VSOCK, "SCMP_CMP_NE"))
    for value in PERSONALITIES:
        syscalls.append(_compared("personality", 0, value, "SCMP_CMP_EQ"))
    for capability in capabilities:
        names = WITH_CAPABILITY.get(capability)
        if names:
            syscalls.append({"names": names.split(), "action": allow})
    if "CAP_SYS_ADMIN" not in capabilities:
        syscalls.append(_compared("clone", 0, NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ", 0))
        # A C library without clone3 takes clone, whose flags can be compared.
        syscalls.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ARCHITECTURES.get(platform.machine(), []),
        "syscalls": syscalls,
    }


def _compared(
    name: str, index: int, value: int, operator: str, second: int | None = None
) -> dict[str, Any]:
    arg = {"index": index, "value": value, "op": operator}
    if second is not None:
        arg["valueTwo"] = second
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [arg]}
