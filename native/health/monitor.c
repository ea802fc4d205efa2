/* warren-health: runs a container's health check on time, until the container ends.
 *
 *     warren-health CONTAINER LOCK INTERVAL TIMEOUT PERIOD START-INTERVAL AGE DELAY RETRIES \
 *         SUCCESSES ONCE RUN PROBE... -- CHANGED...
 *
 * CONTAINER is a pidfd of the container's first process. LOCK is the descriptor of a file that is
 * locked while this program runs, so that other programs can see that it runs. The next six
 * arguments are times in milliseconds (AGE: for how long the container has run; DELAY: when the first
 * check is). RETRIES and SUCCESSES say how many checks in a row make the container unhealthy or
 * healthy. If ONCE is 1, this program ends when the container is healthy. RUN is the number of the
 * container's run. PROBE is the command that runs the check; it writes the pid of the check itself to
 * the file "health.pid". When the status changes, the command CHANGED is executed with the new status
 * as its last argument.
 *
 * The working directory is the container's folder, or one of its own below that. The file "health"
 * has a struct health (below) and is replaced by a rename after each check;
 * runtime/hutch/engine/containers/health.py reads it. Of another run it says nothing: the monitor of
 * that one may have written it last.
 * While the file "paused" exists, no check is started, and a running check does not time out. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KEPT 5
#define OUTPUT_MAX 4096 /* bytes of a check's output that are kept, as with Docker */
#define FORMAT 2

enum status { STARTING, HEALTHY, UNHEALTHY };
static const char *const words[] = {"starting", "healthy", "unhealthy"};

struct check {
    int64_t begin, end; /* nanoseconds since 1970 */
    int32_t code;
    uint32_t length;
    char output[OUTPUT_MAX];
};

static struct health {
    uint32_t format, run, status;
    uint32_t streak; /* failures in a row */
    uint32_t count;
    struct check last[KEPT]; /* oldest first */
} health = {.format = FORMAT};

static int container, lock;
static int64_t interval, timeout, period, start_interval, age, delay;
static uint32_t retries, successes, passed; /* passed: how many checks in a row */
static char **probe, **changed;

static int64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int64_t now_ms(void)
{
    return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static bool paused(void)
{
    return access("paused", F_OK) == 0;
}

/* Reads the file "health", which an earlier monitor of this run may have written. */
static void load(uint32_t run)
{
    health.run = run;
    int fd = open("health", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    static struct health found;
    ssize_t size = read(fd, &found, sizeof found);
    close(fd);
    if (size == (ssize_t)sizeof found && found.format == FORMAT && found.run == run &&
        found.count <= KEPT && found.status <= UNHEALTHY)
        health = found;
}

static void save(void)
{
    int fd = open("health.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    bool whole = write(fd, &health, sizeof health) == (ssize_t)sizeof health;
    close(fd);
    if (whole)
        rename("health.new", "health");
}

/* Starts a command; its output goes to a descriptor. */
static pid_t start(char **command, int output)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(output < 0 ? null : output, 1);
    dup2(output < 0 ? null : output, 2);
    execv(command[0], command);
    dprintf(2, "%s: %s\n", command[0], strerror(errno));
    _exit(127);
}

static void tell(enum status status)
{
    if (health.status == status)
        return;
    health.status = status;
    save();
    size_t count = 0;
    while (changed[count])
        count++;
    changed[count] = (char *)words[status]; /* main has reserved this place */
    start(changed, -1);
    changed[count] = NULL;
}

/* Reads the output that is available, and keeps its first OUTPUT_MAX bytes. False at the end of the
 * output. */
static bool keep_output(struct check *check, int fd)
{
    char buffer[OUTPUT_MAX];
    ssize_t size;
    while ((size = read(fd, buffer, sizeof buffer)) > 0) {
        size_t room = OUTPUT_MAX - check->length;
        size_t taken = (size_t)size < room ? (size_t)size : room;
        memcpy(check->output + check->length, buffer, taken);
        check->length += (uint32_t)taken;
    }
    return size < 0;
}

/* Kills the runtime that runs the check, and then the check itself. The check has become a child of
 * this process, so no other process can have its pid. */
static void kill_check(pid_t runtime)
{
    kill(runtime, SIGKILL);
    waitpid(runtime, NULL, 0);
    char text[32] = "";
    int fd = open("health.pid", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    pid_t inner = (pid_t)strtol(text, NULL, 10);
    if (inner > 0 && waitpid(inner, NULL, WNOHANG | __WALL) == 0)
        kill(inner, SIGKILL);
}

/* Runs the check once. False if the container has ended meanwhile. */
static bool run_check(struct check *check)
{
    int output[2];
    memset(check, 0, sizeof *check);
    check->begin = clock_ns(CLOCK_REALTIME);
    unlink("health.pid");
    if (pipe2(output, O_CLOEXEC) < 0)
        return true;
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    pid_t pid = start(probe, output[1]);
    close(output[1]);
    int child = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    int64_t deadline = now_ms() + timeout;
    bool runs = true, more = true;
    check->code = -1;
    while (child >= 0) {
        struct pollfd fds[] = {
            {.fd = container, .events = POLLIN},
            {.fd = child, .events = POLLIN},
            {.fd = more ? output[0] : -1, .events = POLLIN},
        };
        int64_t left = deadline - now_ms();
        poll(fds, 3, left > 0 ? (int)left : 0);
        more = more && keep_output(check, output[0]);
        if (fds[0].revents) {
            kill_check(pid);
            runs = false;
            break;
        }
        if (fds[1].revents & POLLIN) {
            int status;
            waitpid(pid, &status, 0);
            check->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            if (more)
                keep_output(check, output[0]);
            break;
        }
        if (now_ms() >= deadline) {
            if (paused()) {
                deadline = now_ms() + timeout;
                continue;
            }
            kill_check(pid);
            check->length =
                (uint32_t)snprintf(check->output, OUTPUT_MAX, "Health check exceeded timeout (%gs)",
                                   (double)timeout / 1000);
            break;
        }
    }
    close(output[0]);
    if (child >= 0)
        close(child);
    check->end = clock_ns(CLOCK_REALTIME);
    return runs;
}

static void judge(const struct check *check, bool young)
{
    if (health.count == KEPT)
        memmove(health.last, health.last + 1, sizeof *check * --health.count);
    health.last[health.count++] = *check;
    if (check->code == 0) {
        health.streak = 0;
        save();
        if (++passed >= successes)
            tell(HEALTHY);
        return;
    }
    passed = 0;
    if (young && health.status == STARTING) { /* a failure in the start period does not count */
        save();
        return;
    }
    health.streak++;
    save();
    if (health.streak >= retries)
        tell(UNHEALTHY);
}

static int64_t number(const char *text)
{
    return strtoll(text, NULL, 10);
}

int main(int argc, char **argv)
{
    if (argc < 16)
        return 2;
    container = (int)number(argv[1]);
    lock = (int)number(argv[2]);
    interval = number(argv[3]);
    timeout = number(argv[4]);
    period = number(argv[5]);
    start_interval = number(argv[6]);
    age = number(argv[7]);
    delay = number(argv[8]);
    retries = (uint32_t)number(argv[9]);
    successes = (uint32_t)number(argv[10]);
    bool once = number(argv[11]) == 1;
    uint32_t run = (uint32_t)number(argv[12]);
    probe = argv + 13;
    changed = probe;
    while (*changed && strcmp(*changed, "--"))
        changed++;
    if (!*changed)
        return 2;
    *changed++ = NULL;
    /* Large enough for CHANGED, the status and NULL. */
    char *words_of_changed[argc + 2];
    size_t count = 0;
    while (changed[count]) {
        words_of_changed[count] = changed[count];
        count++;
    }
    words_of_changed[count] = words_of_changed[count + 1] = NULL;
    changed = words_of_changed;
    fcntl(container, F_SETFD, FD_CLOEXEC);
    fcntl(lock, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    load(run);
    int64_t born = now_ms() - age;
    for (;;) {
        bool young = now_ms() - born < period;
        int64_t pause = young && health.status == STARTING ? start_interval : interval;
        if (health.count == 0)
            pause = delay > age ? delay - age : 0;
        struct pollfd end = {.fd = container, .events = POLLIN};
        if (poll(&end, 1, (int)pause) > 0)
            return 0;
        while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
            ;
        if (paused())
            continue;
        young = now_ms() - born < period;
        static struct check check;
        if (!run_check(&check))
            return 0;
        judge(&check, young);
        if (once && health.status == HEALTHY)
            return 0;
    }
}
