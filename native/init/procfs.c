/* Opens and writes files of procfs. An attacker may put other files at /proc (CVE-2019-16884,
 * CVE-2025-52881). So this file uses a procfs that hutch-init has mounted itself and that is not
 * attached to any path. If the kernel does not allow that, it uses the host's /proc, after a check
 * that this is the root of a procfs. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define PROC_ROOT_INO 1

static int verified(struct context *context, int fd)
{
    struct statfs filesystem;
    struct stat status;
    if (fstatfs(fd, &filesystem) < 0)
        return failed(context, "fstatfs");
    if (fstat(fd, &status) < 0)
        return failed(context, "fstat");
    if (filesystem.f_type != PROC_SUPER_MAGIC || status.st_ino != PROC_ROOT_INO)
        return refused(context, "fstatfs", EXDEV, "/proc is not procfs");
    return 0;
}

static int detached_proc(void)
{
    autoclose int fs = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
    if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return -1;
    return (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
                        MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

int run_open_proc(struct context *context, const struct op_open_proc *op)
{
    (void)op;
    context->proc = detached_proc();
    if (context->proc < 0)
        context->proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (context->proc < 0)
        return failed(context, "open(/proc)");
    return verified(context, context->proc);
}

int proc_open(struct context *context, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    int fd = (int)syscall(SYS_openat2, context->proc, path, &how, sizeof(how));
    /* Safe without openat2: nobody can mount anything in our own detached procfs. */
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(context->proc, path, flags | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? failed(context, "openat2") : fd;
}

int proc_write(struct context *context, const char *path, const char *value, size_t length)
{
    autoclose int fd = proc_open(context, path, O_WRONLY);
    if (fd < 0)
        return fd;
    return write(fd, value, length) < 0 ? failed(context, "write") : 0;
}

int run_sysctl(struct context *context, const struct op_sysctl *op)
{
    return proc_write(context, op->path, op->value, strlen(op->value));
}

/* A profile is written to AppArmor's own attribute if the kernel has it (Linux 5.8): attr/exec may
 * belong to another security module. */
int run_apparmor(struct context *context, const struct op_apparmor *op)
{
    int result = proc_write(context, "self/attr/apparmor/exec", op->profile, strlen(op->profile));
    if (result == -ENOENT)
        result = proc_write(context, "self/attr/exec", op->profile, strlen(op->profile));
    return result;
}

int run_selinux(struct context *context, const struct op_selinux *op)
{
    return proc_write(context, "self/attr/exec", op->label, strlen(op->label));
}

int run_keyring_label(struct context *context, const struct op_keyring_label *op)
{
    return proc_write(context, "self/attr/keycreate", op->label, strlen(op->label));
}
