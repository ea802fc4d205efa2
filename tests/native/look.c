/* look PATH: looks at PATH through the root of every process that comes, until it is killed. Says
 * "here" once for each hutch-init that it meets, and "seen" when one shows it the path. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PIDS 40000

int main(int argc, char **argv)
{
    static char met[PIDS];
    char path[4096], name[32];
    if (argc != 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("looking");
    for (int last = 2;;) {
        int newest = last;
        for (int pid = 2; pid < last + 8 && pid < PIDS; pid++) {
            snprintf(path, sizeof(path), "/proc/%d/root%s", pid, argv[1]);
            if (access(path, F_OK) == 0)
                puts("seen");
            if (met[pid])
                continue;
            snprintf(path, sizeof(path), "/proc/%d/comm", pid);
            int fd = open(path, O_RDONLY);
            if (fd < 0)
                continue;
            ssize_t length = read(fd, name, sizeof(name) - 1);
            close(fd);
            if (length > 0 && strncmp(name, "hutch-init", 10) == 0) {
                met[pid] = 1;
                puts("here");
            }
            newest = pid > newest ? pid : newest;
        }
        last = newest;
    }
}
