/* Finds the folder in which a command is installed, and the package that belongs to it: for a build
 * for one interpreter and one prefix (known_place.h) or, if MARK is defined, for any (any_place.h). */
#ifndef HUTCH_PLACES_H
#define HUTCH_PLACES_H

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef PROGRAM
#error "PROGRAM names the command: hutch or warren"
#endif

#define PLACE_MAX (PATH_MAX + 128)

static int die(const char *what, const char *path)
{
    dprintf(2, PROGRAM ": %s %s: reinstall hutch\n", what, path);
    return 1;
}

/* Opens closed standard streams. Otherwise the runtime's own files would get the numbers 0 to 2, and
 * the container would inherit them. */
static void open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd < 3);
    if (fd >= 3)
        close(fd);
}

/* If the caller ignores SIGCHLD, this process would inherit that, and could not read the exit codes
 * of its children (wait(2)). */
static void keep_exit_codes(void)
{
    signal(SIGCHLD, SIG_DFL);
}

static void go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = 0;
}

/* Stores the PREFIX of the program's path PREFIX/bin/PROGRAM, or the PACKAGES of
 * PACKAGES/hutch/libexec/PROGRAM. Returns 0, 1 for the second, or -1 after an error message. */
static int go_to_top(char top[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", top, PATH_MAX - 1);
    if (length < 0) {
        die("cannot read", "/proc/self/exe");
        return -1;
    }
    top[length] = 0;
    go_up(top);
    const char *folder = strrchr(top, '/');
    int inside = folder && !strcmp(folder, "/libexec");
    go_up(top);
    if (inside)
        go_up(top);
    return inside;
}

#ifdef MARK
#include "launcher/any_place.h"
#else
#include "launcher/known_place.h"
#endif

#endif
