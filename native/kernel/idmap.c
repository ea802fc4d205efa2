/* Mounts with an id mapping of their own (mount_setattr(2), MOUNT_ATTR_IDMAP). The kernel takes the
 * mapping from a user namespace, so one is made that nobody ever lives in. */
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
static int tell(pid_t pid, const char *file, const char *text)
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
    int result = tell(pid, "uid_map", uid_map);
    /* user_namespaces(7): without privilege a gid map takes giving up setgroups first. */
    if (result == 0 && geteuid() != 0)
        result = tell(pid, "setgroups", "deny");
    if (result == 0)
        result = tell(pid, "gid_map", gid_map);
    if (result < 0)
        return result;
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* The child does nothing but be: a namespace's maps are written from outside. No exit signal, so
 * nobody else is told of its end. */
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
