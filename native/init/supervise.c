/* The first process of a sandbox. It stays beside the program, reaps orphans, and ends when the
 * program or the caller ends. The kernel then kills all other processes of the pid namespace
 * (pid_namespaces(7)), so none outlives the caller. PR_SET_PDEATHSIG would not do: it means the
 * thread that made the process, and the program could clear it (prctl(2)). */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

static void interrupt(int signal)
{
    (void)signal; /* it only makes ppoll(2) return */
}

static int64_t microseconds(const struct timeval *time)
{
    return (int64_t)time->tv_sec * 1000000 + time->tv_usec;
}

/* Reaps all children that have ended. When the program is among them, writes to `report` its wait
 * status, the microseconds of CPU time that it used (user, system) and its largest resident set in
 * bytes; then ends with the exit code that a shell would show. */
static void reap(pid_t program, int report)
{
    int status;
    pid_t pid;
    struct rusage used;
    while ((pid = wait4(-1, &status, WNOHANG, &used)) > 0) {
        if (pid != program)
            continue;
        int64_t end_of_program[] = {status, microseconds(&used.ru_utime),
                                    microseconds(&used.ru_stime), (int64_t)used.ru_maxrss * 1024};
        (void)!write(report, end_of_program, sizeof(end_of_program));
        end(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

/* Never returns. `program` is 0 if there is none, because `exec` runs the programs. */
static void watch(pid_t program, int report, int caller)
{
    struct pollfd waiting = {.fd = caller, .events = POLLIN};
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
        reap(program, report);
        if (ppoll(&waiting, 1, NULL, &none) > 0 || (errno != EINTR && errno != EAGAIN))
            end(128 + SIGKILL);
    }
}

/* A signal with its default action does not end the first process of a pid namespace, so nothing
 * in the container can end it (pid_namespaces(7)). */
static void ignore_others(void)
{
    static const int handled[] = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM};
    for (size_t i = 0; i < sizeof(handled) / sizeof(*handled); i++)
        signal(handled[i], SIG_DFL);
}

int run_supervise(struct context *context, const struct op_supervise *op)
{
    int caller = context->base + (int)op->slot;
    int report = caller + 1;
    sigset_t child_signal, before;
    sigemptyset(&child_signal);
    sigaddset(&child_signal, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &child_signal, &before) < 0)
        return failed(context, "sigprocmask");
    pid_t program = op->stay ? 0 : fork();
    if (program < 0)
        return failed(context, "fork");
    if (program == 0 && !op->stay) {
        close(caller);
        close(report);
        if (sigprocmask(SIG_SETMASK, &before, NULL) < 0)
            return failed(context, "sigprocmask");
        return setsid() < 0 ? failed(context, "setsid") : 0;
    }
    struct sigaction action = {.sa_handler = interrupt};
    if (sigaction(SIGCHLD, &action, NULL) < 0)
        end(1);
    ignore_others();
    /* The streams are the program's. The runtime reads the end of this socket as success; the
     * program's copy is closed by its exec. */
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    close(context->sync);
    watch(program, report, caller);
    return 0;
}
