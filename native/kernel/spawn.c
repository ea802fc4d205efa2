/* Starts hutch-init without a copy of the interpreter's memory.
 *
 * The child is made by clone3(2) with CLONE_VM and CLONE_VFORK, on a stack of its own: no page
 * table is copied, and the interpreter waits until the child has executed hutch-init. Before that
 * exec the child runs no Python and calls only async-signal-safe functions (S-80). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/calls.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif

#define SIGNALS 64 /* the number of signals in the kernel (_NSIG) */
#define SLOTS_MAX 256
#define STREAMS 3
#define STACK_SIZE (64 * 1024)

struct child {
    int init;
    bool keep_capabilities;
    const int32_t *stdio; /* the new descriptors 0, 1 and 2; -1: the caller's own */
    int base;
    size_t count;
    const int32_t *slots;
    char *argv[3];
    int error; /* errno of a failure before the exec; parent and child share this memory */
};

/* Moves the slots to the descriptors base, base + 1, … and closes all others from base on; then the
 * standard streams to 0, 1 and 2. Each is first copied to a free number above, since its old number
 * may be the new place of another. */
static int place_slots(struct child *child)
{
    int moved[SLOTS_MAX];
    int streams[STREAMS];
    int clear = child->base + (int)child->count + 1;
    for (int i = 0; i < STREAMS; i++) {
        streams[i] = child->stdio[i] < 0 ? -1 : fcntl(child->stdio[i], F_DUPFD_CLOEXEC, clear);
        if (streams[i] < 0 && child->stdio[i] >= 0)
            return -1;
    }
    for (size_t i = 0; i < child->count; i++) {
        moved[i] = fcntl(child->slots[i], F_DUPFD_CLOEXEC, clear);
        if (moved[i] < 0)
            return -1;
    }
    int init = fcntl(child->init, F_DUPFD_CLOEXEC, clear);
    if (init < 0)
        return -1;
    for (size_t i = 0; i < child->count; i++)
        if (dup2(moved[i], child->base + (int)i) < 0)
            return -1;
    for (int i = 0; i < STREAMS; i++)
        if (streams[i] >= 0 && dup2(streams[i], i) < 0)
            return -1;
    /* Close-on-exec, because hutch-init needs no descriptor of its own executable. */
    child->init = child->base + (int)child->count;
    if (dup3(init, child->init, O_CLOEXEC) < 0)
        return -1;
    if (syscall(SYS_close_range, (unsigned)clear, ~0u, 0) < 0)
        for (int fd = clear; fd < clear + SLOTS_MAX * 4; fd++)
            close(fd);
    return 0;
}

/* In a new user namespace the child has every capability, but no uid is mapped yet, so it is not
 * root there. An exec would remove the capabilities; only ambient ones stay (capabilities(7)). */
static void keep_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) < 0)
        return;
    for (int i = 0; i < 2; i++)
        sets[i].inheritable = sets[i].permitted;
    if (syscall(SYS_capset, &header, sets) < 0)
        return;
    for (int capability = 0; capability < 64; capability++)
        if (sets[capability / 32].permitted >> (capability % 32) & 1)
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

/* Sets every signal to its default action. The interpreter ignores two signals and has handlers,
 * which would run on the memory that parent and child share. The caller may ignore more (nohup(1),
 * a daemon): an ignored signal stays ignored after an exec, and so would be in the container. This
 * uses the system call itself, because sigaction(3) refuses the two signals that the C library
 * uses. */
static void reset_signals(void)
{
    /* The kernel's struct sigaction; all zero means SIG_DFL. */
    static const unsigned long plain[8];
    for (int signal = 1; signal <= SIGNALS; signal++)
        syscall(SYS_rt_sigaction, signal, plain, NULL, SIGNALS / 8);
}

static void become_init(struct child *child)
{
    static char *const no_environment[] = {NULL};
    sigset_t none;
    reset_signals();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (child->keep_capabilities)
        keep_capabilities();
    if (place_slots(child) == 0)
        syscall(SYS_execveat, child->init, "", child->argv, no_environment, AT_EMPTY_PATH);
    child->error = errno;
    _exit(127);
}

#if defined(__x86_64__)
/* The new stack has no return address, so the child must not return from this function: it calls
 * become_init from here. */
static long clone_and_run(struct clone_args *arguments, struct child *child)
{
    register long result __asm__("rax") = SYS_clone3;
    register struct clone_args *rdi __asm__("rdi") = arguments;
    register long rsi __asm__("rsi") = sizeof(*arguments);
    register struct child *r12 __asm__("r12") = child;
    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r12, %%rdi\n\t"
                     "call *%[run]\n\t"
                     "hlt\n\t"
                     "1:"
                     : "+r"(result)
                     : "r"(rdi), "r"(rsi), "r"(r12), [run] "r"(become_init)
                     : "rcx", "r11", "memory");
    return result;
}
#else
/* On other architectures the child is an ordinary fork: correct too, but it copies page tables. */
static long clone_and_run(struct clone_args *arguments, struct child *child)
{
    arguments->flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
    arguments->stack = arguments->stack_size = 0;
    long result = syscall(SYS_clone3, arguments, sizeof(*arguments));
    if (result == 0)
        become_init(child);
    return result;
}
#endif

long long hutch_spawn(long long init, long long flags, long long cgroup, long long base,
                      const unsigned char *descriptors, size_t length)
{
    int32_t fds[STREAMS + SLOTS_MAX];
    char number[16];
    int pidfd = -1;
    if (length % sizeof(int32_t) || length < STREAMS * sizeof(int32_t) || length > sizeof(fds))
        return -EINVAL;
    memcpy(fds, descriptors, length);
    /* Not a static variable: a library's caller may start containers in several threads at once. */
    unsigned char *stack = aligned_alloc(64, STACK_SIZE);
    if (!stack)
        return -ENOMEM;
    snprintf(number, sizeof(number), "%d", (int)base);
    struct child child = {
        .init = (int)init,
        .keep_capabilities = flags & CLONE_NEWUSER,
        .stdio = fds,
        .base = (int)base,
        .count = length / sizeof(int32_t) - STREAMS,
        .slots = fds + STREAMS,
        .argv = {(char *)"hutch-init", number, NULL},
    };
    struct clone_args arguments = {
        .flags = (uint64_t)flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD,
        .pidfd = (uint64_t)(uintptr_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)(uintptr_t)stack,
        .stack_size = STACK_SIZE,
    };
    if (cgroup >= 0) {
        arguments.flags |= CLONE_INTO_CGROUP;
        arguments.cgroup = (uint64_t)cgroup;
    }
    /* No signal handler may run in the child: it would use the parent's memory. */
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    long pid = clone_and_run(&arguments, &child);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(stack);
#if defined(__x86_64__)
    error = pid < 0 ? (int)-pid : 0;
#endif
    if (pid < 0)
        return -error;
    if (child.error) {
        close(pidfd);
        return -child.error;
    }
    return (long long)pid << 32 | (unsigned)pidfd;
}

/* Whether this process is in a user namespace and `id` is the overflow id, which stands for all ids
 * that are not mapped there, the host's root too (user_namespaces(7)). Inside of a user namespace
 * the files that the host's root has installed appear with this id. */
static bool is_from_outside(uid_t id)
{
    unsigned first, outer, count;
    unsigned long overflow = 0;
    FILE *file = fopen("/proc/sys/kernel/overflowuid", "re");
    bool known = file && fscanf(file, "%lu", &overflow) == 1;
    if (file)
        fclose(file);
    if (!known || id != overflow || !(file = fopen("/proc/self/uid_map", "re")))
        return false;
    bool complete = fscanf(file, "%u %u %u", &first, &outer, &count) == 3 && first == 0 &&
                    outer == 0 && count == UINT32_MAX;
    fclose(file);
    return !complete;
}

/* hutch-init is executed from a sealed copy in memory, so that no process of a container can reach
 * a file of the host through /proc/PID/exe (CVE-2019-5736). Nobody but root or the caller may own
 * the file, and no other user may write to it. */
long long hutch_seal(const char *path)
{
    int source = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (source < 0)
        return -errno;
    struct stat status;
    int copy = -1;
    int error = EPERM;
    if (fstat(source, &status) < 0 || !S_ISREG(status.st_mode) || status.st_mode & 022 ||
        (status.st_uid != 0 && status.st_uid != geteuid() && !is_from_outside(status.st_uid)))
        goto out;
    copy = memfd_create("hutch-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (copy < 0 && errno == EINVAL) /* before Linux 6.3 every memfd may be executed */
        copy = memfd_create("hutch-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (copy < 0 || sendfile(copy, source, NULL, (size_t)status.st_size) != status.st_size) {
        error = errno ? errno : EIO;
        goto out;
    }
    /* Kernels before 6.3 have no F_SEAL_EXEC: then only the other seals are set (S-03). */
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (fcntl(copy, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0 && fcntl(copy, F_ADD_SEALS, seals) < 0) {
        error = errno;
        goto out;
    }
    close(source);
    return copy;
out:
    close(source);
    if (copy >= 0)
        close(copy);
    return -error;
}
