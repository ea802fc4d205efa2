/* Unmounts what a container without a mount namespace has mounted on the host, and makes the mount
 * that CRIU needs as the root of a restored container. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kernel/calls.h"

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

long long hutch_mount_id(const char *path)
{
    struct statx status;
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &status) < 0)
        return -errno;
    return (long long)status.stx_mnt_id;
}

long long hutch_unmount(const char *path, int flags)
{
    return umount2(path, flags | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

long long hutch_private_mounts(void)
{
    if (unshare(CLONE_NEWNS) < 0)
        return -errno;
    return mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0 ? -errno : 0;
}

long long hutch_bind(const char *source, const char *target)
{
    return mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0 ? -errno : 0;
}

long long hutch_mount(const char *source, const char *target, const char *type, long long flags,
                      const char *data)
{
    return mount(source, target, type, (unsigned long)flags, data) < 0 ? -errno : 0;
}
