/*
 * warren-ended LOCK EXIT_FILE PROGRAM [ARGUMENT...]: what conmon executes when a container has ended.
 *
 * PROGRAM records the end; it starts an interpreter. Most often a warren is there already that waits
 * for this end and records it: it holds LOCK shared (flock(2)), and takes EXIT_FILE away when it is
 * done. So this program waits for the lock, and executes PROGRAM only if EXIT_FILE is still there:
 * nobody waited, or who did was killed. It does not wait for long: who holds the lock may be stopped,
 * or stuck in a write to its own output.
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
        /* Without SA_RESTART the alarm ends flock. */
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
