/* The root file system: opens it, hides parts of it, and makes it the root. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#ifndef STATX_TYPE
#include <linux/stat.h> /* struct statx, which not every C library has */
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

#include "init.h"

#define MNT_DETACH_ 2

int run_propagation(struct context *context, const struct op_propagation *op)
{
    if (syscall(SYS_mount, NULL, "/", NULL, (unsigned long)op->flags, NULL) < 0)
        return failed(context, "mount");
    return 0;
}

/* Makes the mount that holds a directory private or a slave. New mounts there then do not appear on
 * the host, and pivot_root(2) accepts the root, which it does not if the parent mount is shared.
 * The root of the mount is this directory or one above it. */
static int separate_from_host(struct context *context, int directory, uint64_t propagation)
{
    autoclose int at = fcntl(directory, F_DUPFD_CLOEXEC, 0);
    for (int depth = 0; at >= 0 && depth < PATH_MAX / 2; depth++) {
        int result = mount_propagation(context, at, propagation);
        if (result != -EINVAL) /* EINVAL: this directory is not the root of the mount */
            return result;
        int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = above;
    }
    return failed(context, "openat");
}

int run_open_root(struct context *context, const struct op_open_root *op)
{
    autoclose int target = open(op->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (target < 0)
        return failed(context, "open");
    int result =
        op->propagation ? separate_from_host(context, target, (uint64_t)op->propagation) : 0;
    if (result < 0)
        return result;
    int tree = clone_tree(context, target, "", true);
    if (tree < 0)
        return tree;
    context->root = tree;
    return attach(context, tree, target);
}

int run_current_root(struct context *context, const struct op_current_root *op)
{
    (void)op;
    context->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return context->root < 0 ? failed(context, "open") : 0;
}

int run_make_directory(struct context *context, const struct op_make_directory *op)
{
    autoclose int fd = beneath_make(context, op->path, BENEATH_DIRECTORY, (mode_t)op->mode, false);
    return fd < 0 ? refused(context, "mkdirat", -fd, op->path) : 0;
}

/* Opens the host's /dev/null, which is mounted over masked files, and checks its type and device
 * number. The container's own /dev/null could be any file (CVE-2025-31133). */
static int open_null(struct context *context)
{
    if (context->null >= 0)
        return 0;
    context->null = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (context->null < 0)
        return failed(context, "open(/dev/null)");
    struct stat status;
    if (fstat(context->null, &status) < 0)
        return failed(context, "fstat");
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3))
        return refused(context, "fstat", ENODEV, "/dev/null is not the null device");
    return 0;
}

/* Makes the empty read-only tmpfs that is mounted over masked directories. It is mounted over the
 * first of them, and a clone of it over each of the others. */
static int empty_directory(struct context *context)
{
    autoclose int fs = (int)syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0)
        return failed(context, "fsopen");
    if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "nr_inodes", "1", 0) < 0 ||
        syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return failed(context, "fsconfig");
    int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
    return mount < 0 ? failed(context, "fsmount") : mount;
}

static int cover(struct context *context, int target)
{
    struct stat status;
    if (fstat(target, &status) < 0)
        return failed(context, "fstat");
    if (S_ISDIR(status.st_mode) && context->masked < 0) {
        context->masked = empty_directory(context);
        return context->masked < 0 ? context->masked : attach(context, context->masked, target);
    }
    int result = S_ISDIR(status.st_mode) ? 0 : open_null(context);
    if (result < 0)
        return result;
    int from = S_ISDIR(status.st_mode) ? context->masked : context->null;
    autoclose int mount = clone_tree(context, from, "", false);
    result = mount < 0 ? mount : attach(context, mount, target);
    /* Read-only: else the container's root user could change the mode of the host's /dev/null. */
    return result < 0 ? result : mount_flags(context, mount, MOUNT_ATTR_RDONLY, 0, false);
}

/* stx_mnt_id of linux/stat.h, for which struct statx of musl 1.2.5 has no name. */
static uint64_t mount_id(const struct statx *status)
{
    uint64_t id;
    memcpy(&id, (const char *)status + 144, sizeof(id));
    return id;
}

/* Whether `fd` is the container's root directory. A mount over it has no effect: a process whose
 * root is that directory does not see the mount. Kernels before 5.8 have no STATX_MNT_ID, so only
 * the inode is compared there. */
static int is_root(struct context *context, int fd)
{
    struct statx one, other;
    unsigned wanted = STATX_INO | STATX_MNT_ID;
    if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, wanted, &one) < 0 ||
        syscall(SYS_statx, context->root, "", AT_EMPTY_PATH, wanted, &other) < 0)
        return failed(context, "statx");
    return one.stx_ino == other.stx_ino && one.stx_dev_major == other.stx_dev_major &&
           one.stx_dev_minor == other.stx_dev_minor &&
           (!(one.stx_mask & STATX_MNT_ID) || mount_id(&one) == mount_id(&other));
}

/* Opens a path of linux.maskedPaths or linux.readonlyPaths. The callers ignore only -ENOENT (a path
 * that does not exist): after any other error a file could stay readable or writable against the
 * config (S-25). */
static int open_covered(struct context *context, const char *path)
{
    int target = beneath_open(context, path, O_PATH, false);
    return target < 0 && target != -ENOENT ? refused(context, "openat2", -target, NULL) : target;
}

int run_mask(struct context *context, const struct op_mask *op)
{
    autoclose int target = open_covered(context, op->path);
    if (target < 0)
        return target == -ENOENT ? 0 : target;
    int root = is_root(context, target);
    if (root)
        return root < 0 ? root : refused(context, "move_mount", EBUSY, NULL);
    return cover(context, target);
}

int run_readonly(struct context *context, const struct op_readonly *op)
{
    autoclose int target = open_covered(context, op->path);
    if (target < 0)
        return target == -ENOENT ? 0 : target;
    int root = is_root(context, target);
    if (root)
        return root < 0 ? root : mount_flags(context, context->root, MOUNT_ATTR_RDONLY, 0, false);
    autoclose int tree = clone_tree(context, target, "", true);
    if (tree < 0)
        return tree;
    int result = attach(context, tree, target);
    return result < 0 ? result : mount_flags(context, tree, MOUNT_ATTR_RDONLY, 0, false);
}

int run_root_attributes(struct context *context, const struct op_root_attributes *op)
{
    int result = mount_flags(context, context->root, (uint64_t)op->set, 0, false);
    return result < 0 ? result
                      : mount_propagation(context, context->root, (uint64_t)op->propagation);
}

/* pivot_root(".", ".") mounts the old root over the new one, and umount2 then removes it
 * (pivot_root(2), NOTES). The old root is made a slave first, so that nothing is unmounted on the
 * host. */
static int pivot(struct context *context)
{
    autoclose int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (old < 0)
        return failed(context, "open");
    if (fchdir(context->root) < 0)
        return failed(context, "fchdir");
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return failed(context, "pivot_root");
    if (fchdir(old) < 0)
        return failed(context, "fchdir");
    if (syscall(SYS_mount, NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        return failed(context, "mount(MS_SLAVE)");
    if (syscall(SYS_umount2, ".", MNT_DETACH_) < 0)
        return failed(context, "umount2");
    return 0;
}

int run_pivot(struct context *context, const struct op_pivot *op)
{
    if (op->mode == PIVOT_ROOT) {
        int result = pivot(context);
        if (result < 0)
            return result;
    } else {
        if (fchdir(context->root) < 0)
            return failed(context, "fchdir");
        /* If "/" is shared, a mount over it would also appear over the host's root. */
        if (op->mode == PIVOT_MOVE && syscall(SYS_mount, NULL, "/", NULL, MS_PRIVATE, NULL) < 0)
            return failed(context, "mount(MS_PRIVATE)");
        if (op->mode == PIVOT_MOVE && syscall(SYS_mount, ".", "/", NULL, MS_MOVE, NULL) < 0)
            return failed(context, "mount(MS_MOVE)");
        int hidden = op->mode == PIVOT_MOVE ? hide_host_mounts(context) : 0;
        if (hidden < 0)
            return hidden;
        if (chroot(".") < 0)
            return failed(context, "chroot");
    }
    return chdir("/") < 0 ? failed(context, "chdir") : 0;
}
