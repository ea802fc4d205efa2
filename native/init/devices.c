/* Device nodes, links in /dev, and the console. All are made in a directory that was opened without
 * following a symbolic link: the image's /dev may be a link (CVE-2026-41579). */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init.h"

#define DEVPTS_SUPER_MAGIC 0x1cd1
#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

int run_symlink(struct context *context, const struct op_symlink *op)
{
    const char *name;
    autoclose int parent = beneath_parent(context, op->path, &name);
    if (parent < 0)
        return refused(context, "openat2", -parent, op->path);
    if (symlinkat(op->target, parent, name) == 0)
        return 0;
    if (errno != EEXIST)
        return failed(context, "symlinkat");
    if (!op->replace)
        return 0;
    if (unlinkat(parent, name, 0) < 0)
        return failed(context, "unlinkat");
    return symlinkat(op->target, parent, name) < 0 ? failed(context, "symlinkat") : 0;
}

static int is_device(struct context *context, int fd, const struct op_device *op)
{
    struct stat status;
    if (fstat(fd, &status) < 0)
        return failed(context, "fstat");
    bool same = (status.st_mode & S_IFMT) == (mode_t)op->type &&
                (S_ISFIFO(status.st_mode) ||
                 status.st_rdev == makedev((unsigned)op->major, (unsigned)op->minor));
    return same ? 0 : refused(context, "fstat", EEXIST, "another kind of file stands there");
}

/* In a user namespace device nodes cannot be made: the host's node is bound instead, after a check
 * of its type and number. */
static int bind_device(struct context *context, const struct op_device *op)
{
    autoclose int tree = clone_tree(context, AT_FDCWD, op->host, false);
    if (tree < 0)
        return tree;
    int result = is_device(context, tree, op);
    if (result < 0)
        return result;
    autoclose int target = beneath_file(context, op->path, 0);
    if (target < 0)
        return refused(context, "openat", -target, op->path);
    result = attach(context, tree, target);
    /* The node belongs to the host: a read-only mount keeps the container from changing its mode
     * and owner. Writing to the device itself still works. */
    return result < 0 ? result : mount_flags(context, tree, MOUNT_ATTR_RDONLY, 0, false);
}

int run_device(struct context *context, const struct op_device *op)
{
    if (op->bind)
        return bind_device(context, op);
    const char *name;
    autoclose int parent = beneath_parent(context, op->path, &name);
    if (parent < 0)
        return refused(context, "openat2", -parent, op->path);
    if (mknodat(parent, name, (mode_t)(op->type | op->mode),
                makedev((unsigned)op->major, (unsigned)op->minor)) < 0) {
        /* EPERM: for example in the devices cgroup of another container. */
        if (errno == EPERM && op->type != S_IFIFO)
            return bind_device(context, op);
        if (errno != EEXIST)
            return failed(context, "mknodat");
    }
    autoclose int node = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (node < 0)
        return failed(context, "openat");
    int result = is_device(context, node, op);
    if (result < 0)
        return result;
    if ((op->uid || op->gid) &&
        fchownat(node, "", (uid_t)op->uid, (gid_t)op->gid, AT_EMPTY_PATH) < 0)
        return failed(context, "fchownat");
    return 0;
}

/* Opens a pty of the container's own devpts. The slave is opened by ioctl, never by its path
 * (CVE-2025-52565). */
static int open_pty(struct context *context, int *master)
{
    *master = beneath_open(context, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, true);
    if (*master < 0)
        return refused(context, "openat2", -*master, "/dev/pts/ptmx");
    struct statfs status;
    if (fstatfs(*master, &status) < 0)
        return failed(context, "fstatfs");
    if (status.f_type != DEVPTS_SUPER_MAGIC)
        return refused(context, "fstatfs", ENODEV, "/dev/pts is not devpts");
    int unlock = 0;
    if (ioctl(*master, TIOCSPTLCK, &unlock) < 0)
        return failed(context, "ioctl(TIOCSPTLCK)");
    int slave = ioctl(*master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return slave < 0 ? failed(context, "ioctl(TIOCGPTPEER)") : slave;
}

static int bind_console(struct context *context, int slave)
{
    autoclose int target = beneath_file(context, "/dev/console", 0600);
    if (target < 0)
        return refused(context, "openat", -target, "/dev/console");
    autoclose int tree = clone_tree(context, slave, "", false);
    return tree < 0 ? tree : attach(context, tree, target);
}

int run_console(struct context *context, const struct op_console *op)
{
    autoclose int master = -1;
    autoclose int slave = open_pty(context, &master);
    if (slave < 0)
        return slave;
    struct winsize size = {.ws_row = (unsigned short)op->rows,
                           .ws_col = (unsigned short)op->columns};
    if ((op->rows || op->columns) && ioctl(slave, TIOCSWINSZ, &size) < 0)
        return failed(context, "ioctl(TIOCSWINSZ)");
    if (fchown(slave, (uid_t)op->uid, (gid_t)-1) < 0)
        return failed(context, "fchown");
    if (op->bind) {
        int result = bind_console(context, slave);
        if (result < 0)
            return result;
    }
    int result = tell_fd(context, master);
    if (result < 0)
        return result;
    if (ioctl(slave, TIOCSCTTY, 0) < 0)
        return failed(context, "ioctl(TIOCSCTTY)");
    for (int fd = 0; fd < 3; fd++)
        if (dup2(slave, fd) < 0)
            return failed(context, "dup2");
    return 0;
}

/* Gives the standard streams to the user, so that the user may open /dev/stdout. /dev/null is left
 * out: its owner would change for the whole host. */
int run_own_stdio(struct context *context, const struct op_own_stdio *op)
{
    for (int fd = 0; fd < 3; fd++) {
        struct stat status;
        if (fstat(fd, &status) < 0)
            return failed(context, "fstat");
        bool null = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
        if (null || status.st_uid == (uid_t)op->uid)
            continue;
        /* The owner cannot be changed (a file of another owner, a read-only file system); the
         * program can still use the descriptor. */
        if (fchown(fd, (uid_t)op->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EROFS &&
            errno != EINVAL)
            return failed(context, "fchown");
    }
    return 0;
}
