/*
 * warren-pause: the first process of a pod's infra container. It keeps the namespaces that the pod's
 * containers share, reaps the processes that lose their parents (if the pod shares its pid
 * namespace), and ends at SIGTERM or SIGINT.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    sigset_t awaited;
    int number;

    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &awaited, NULL) < 0)
        return 1;
    for (;;) {
        if (sigwait(&awaited, &number) != 0)
            return 1;
        if (number != SIGCHLD)
            return 0;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
}
