/* Mounts with an id mapping of their own (mount_setattr(2), MOUNT_ATTR_IDMAP). The kernel takes the
 * mapping from a user namespace, so one is made only for its mapping. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/calls.h"

/* Writes to a file of the process in one call; 0 or -errno. */
static int write_proc(pid_t pid, const char *file, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return result;
}

static int map_and_open(pid_t pid, const char *uid_map, const char *gid_map)
{
    char path[64];
    int result = write_proc(pid, "uid_map", uid_map);
    /* Without privilege, setgroups must be denied before gid_map is written
     * (user_namespaces(7)). */
    if (result == 0 && geteuid() != 0)
        result = write_proc(pid, "setgroups", "deny");
    if (result == 0)
        result = write_proc(pid, "gid_map", gid_map);
    if (result < 0)
        return result;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The child only waits, while its parent writes the maps of the namespace. It has no exit signal,
 * so that its end is not reported to other code of this process. */
long long hutch_user_namespace(const char *uid_map, const char *gid_map)
{
    long pid = syscall(SYS_clone, CLONE_NEWUSER, NULL, NULL, NULL, NULL);
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    int fd = map_and_open((pid_t)pid, uid_map, gid_map);
    kill((pid_t)pid, SIGKILL);
    while (waitpid((pid_t)pid, NULL, __WALL) < 0 && errno == EINTR)
        ;
    return fd;
}

long long hutch_open_tree(const char *path, int recursive)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0);
    long fd = syscall(SYS_open_tree, AT_FDCWD, path, flags);
    return fd < 0 ? -errno : fd;
}

long long hutch_move_mount(int mount, const char *target)
{
    long result = syscall(SYS_move_mount, mount, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
    return result < 0 ? -errno : 0;
}

long long hutch_idmap_mount(int mount, int namespace, int recursive)
{
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_IDMAP,
        .userns_fd = (unsigned)namespace,
    };
    unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    long result = syscall(SYS_mount_setattr, mount, "", flags, &attributes, sizeof(attributes));
    return result < 0 ? -errno : 0;
}
