/*
 * Loads a seccomp filter and makes system calls under it.
 *
 *   filtered FILTER FLAGS [i386:]NUMBER[,ARGUMENT...]...
 *
 * FILTER is a file of struct sock_filter; "-" is none. Prints what seccomp(2) returned, then the
 * errno of each call, 0 for one that succeeded; each on its own line, with nothing but write(2).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter code[65536];

static void tell(long number)
{
    char text[24];
    char *at = text + sizeof(text);
    *--at = '\n';
    unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        *--at = '-';
    syscall(SYS_write, 1, at, text + sizeof(text) - at);
}

#ifdef __x86_64__
/* As a program of 32 bits makes it. */
static long old_call(const unsigned long *call)
{
    long result = (int)call[0];
    __asm__ volatile("int $0x80"
                     : "+a"(result)
                     : "b"(call[1]), "c"(call[2]), "d"(call[3]), "S"(call[4]), "D"(call[5])
                     : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}
#endif

static long make(const char *text)
{
    unsigned long call[7] = {0};
    int old = strncmp(text, "i386:", 5) == 0;
    char *end = (char *)text + (old ? 5 : 0);
    for (int i = 0; i < 7; i++) {
        call[i] = strtoul(end, &end, 0);
        if (*end++ != ',')
            break;
    }
#ifdef __x86_64__
    if (old)
        return old_call(call);
#endif
    long result = syscall((long)call[0], call[1], call[2], call[3], call[4], call[5], call[6]);
    return result < 0 ? -errno : result;
}

int main(int count, char **words)
{
    if (count < 3)
        return 2;
    long loaded = 0;
    if (strcmp(words[1], "-") != 0) {
        int fd = open(words[1], O_RDONLY | O_CLOEXEC);
        long length = read(fd, code, sizeof(code));
        if (length < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
            return 2;
        close(fd);
        struct sock_fprog program = {(unsigned short)(length / (long)sizeof(code[0])), code};
        loaded = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, atoi(words[2]), &program);
        loaded = loaded < 0 ? -errno : loaded;
    }
    tell(loaded);
    for (int i = 3; loaded >= 0 && i < count; i++) {
        long result = make(words[i]);
        tell(result < 0 ? -result : 0);
    }
    syscall(SYS_exit_group, 0);
}
