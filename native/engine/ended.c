/*
 * warren-ended LOCK EXIT_FILE PROGRAM [ARGUMENT...]: what conmon executes when a container has ended.
 *
 * PROGRAM records the end of the container. It has to start an interpreter, which is slow. Usually a
 * running warren already waits for the end: it holds a shared lock of LOCK (flock(2)), records the
 * end, removes EXIT_FILE, and releases the lock. So this program waits for an exclusive lock, and
 * executes PROGRAM only if EXIT_FILE still exists: then no warren waited, or it was killed. The wait
 * is limited, because the holder of the lock may be stopped, or blocked in a write to its output.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define PATIENCE 5 /* seconds */

static void wake(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        dprintf(2, "usage: warren-ended LOCK EXIT_FILE PROGRAM [ARGUMENT...]\n");
        return 125;
    }
    int lock = open(argv[1], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (lock >= 0) {
        /* Without SA_RESTART, the alarm interrupts flock(2). */
        struct sigaction action = {.sa_handler = wake};
        sigaction(SIGALRM, &action, NULL);
        alarm(PATIENCE);
        flock(lock, LOCK_EX);
        alarm(0);
    }
    if (access(argv[2], F_OK) < 0)
        return 0;
    execv(argv[3], argv + 3);
    dprintf(2, "warren-ended: cannot execute %s\n", argv[3]);
    return 127;
}
