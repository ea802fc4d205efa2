/*
 * warren-logs CONTAINER LOCK SIZE FILES: begins a new log file when the last one has grown to SIZE
 * bytes, and keeps FILES of them (--log-opt max-size, max-file), until the container ends.
 *
 * CONTAINER and LOCK are as for warren-health. It runs in the container's folder: "log" is what
 * conmon writes, "log.1" the file before it. conmon opens "log" anew when it is told so by its
 * control fifo; until then it goes on with the file that was renamed, so nothing is lost.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define REOPEN "2 0 0\n" /* conmon's control message: the type, and two numbers for other types */
#define PAUSE 10         /* milliseconds */

static int container;

/* Waits; false if the container has ended. */
static bool wait_for(int fd, int milliseconds)
{
    struct pollfd fds[] = {{.fd = container, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    poll(fds, fd < 0 ? 1 : 2, milliseconds);
    return fds[0].revents == 0;
}

static bool tell_conmon(void)
{
    int ctl = open("ctl", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (ctl < 0)
        return false;
    bool told = write(ctl, REOPEN, sizeof REOPEN - 1) == sizeof REOPEN - 1;
    close(ctl);
    return told;
}

/* Renames the files, the oldest over what is to go. False if conmon is gone. */
static bool rotate(int files)
{
    char older[32], newer[32];
    for (int number = files - 1; number > 0; number--) {
        snprintf(older, sizeof older, "log.%d", number);
        if (number > 1)
            snprintf(newer, sizeof newer, "log.%d", number - 1);
        else
            snprintf(newer, sizeof newer, "log");
        rename(newer, older);
    }
    if (!tell_conmon())
        return false;
    while (access("log", F_OK) < 0)
        if (!wait_for(-1, PAUSE))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 125;
    container = atoi(argv[1]);
    int64_t size = strtoll(argv[3], NULL, 10);
    int files = atoi(argv[4]);
    int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (changes < 0)
        return 1;
    int watch = -1;
    for (;;) {
        if (watch < 0)
            watch = inotify_add_watch(changes, "log", IN_MODIFY);
        struct stat status;
        if (stat("log", &status) == 0 && status.st_size >= size) {
            if (!rotate(files))
                return 0;
            if (watch >= 0)
                inotify_rm_watch(changes, watch);
            watch = -1;
            continue;
        }
        if (!wait_for(changes, watch < 0 ? PAUSE : -1))
            return 0;
        char events[4096];
        while (read(changes, events, sizeof events) > 0)
            ;
    }
}
