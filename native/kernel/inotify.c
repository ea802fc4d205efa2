#define _GNU_SOURCE
#include "kernel/calls.h"

#include <errno.h>
#include <sys/inotify.h>

/* inotify_init1(2): a descriptor that is ready when a watched file has changed, or -errno. */
long long hutch_inotify(void)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* Watches a file, or the files of a folder, for what is written and for new names. */
long long hutch_watch(int inotify, const char *path)
{
    int watch = inotify_add_watch(inotify, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO);
    return watch < 0 ? -errno : watch;
}

long long hutch_unwatch(int inotify, int watch)
{
    return inotify_rm_watch(inotify, watch) < 0 ? -errno : 0;
}
