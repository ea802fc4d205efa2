/* inject PID NUMBER [TEXT]: has another process make a system call, as a debugger can: with no
 * argument, or with a text and its length. Prints what it returned. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

static int fail(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    return 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    pid_t pid = atoi(argv[1]);
    struct user_regs_struct before, now;
    int status;
    if (ptrace(PTRACE_ATTACH, pid, NULL, NULL) < 0)
        return fail("attach");
    if (waitpid(pid, &status, __WALL) < 0)
        return fail("waitpid");
    if (ptrace(PTRACE_GETREGS, pid, NULL, &before) < 0)
        return fail("getregs");
    now = before;
    /* It waits in a system call: the instruction before the next one is the one that makes them. */
    now.rip -= 2;
    now.orig_rax = (unsigned long)-1;
    now.rax = (unsigned long)atol(argv[2]);
    if (argc > 3) {
        size_t length = strlen(argv[3]);
        now.rdi = (before.rsp - 4096) & ~7ul;
        now.rsi = length;
        for (size_t at = 0; at <= length; at += sizeof(long)) {
            long word = 0;
            size_t rest = length - at;
            memcpy(&word, argv[3] + at, rest < sizeof(word) ? rest : sizeof(word));
            if (ptrace(PTRACE_POKEDATA, pid, now.rdi + at, word) < 0)
                return fail("pokedata");
        }
    }
    if (ptrace(PTRACE_SETREGS, pid, NULL, &now) < 0)
        return fail("setregs");
    if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, __WALL) < 0)
        return fail("singlestep");
    if (ptrace(PTRACE_GETREGS, pid, NULL, &now) < 0)
        return fail("getregs");
    printf("%ld\n", (long)now.rax);
    before.orig_rax = (unsigned long)-1;
    before.rip -= 2;
    before.rax = 0; /* read(2), which it was in */
    ptrace(PTRACE_SETREGS, pid, NULL, &before);
    ptrace(PTRACE_DETACH, pid, NULL, NULL);
    return 0;
}
