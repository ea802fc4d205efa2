/* Filters, built by libseccomp and handed over as the program that seccomp(2) takes. */
#define _GNU_SOURCE
#include <errno.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seccomp/calls.h"

static scmp_filter_ctx context(long long filter)
{
    return (scmp_filter_ctx)(intptr_t)filter;
}

/* The version that runs, which need not be the one we were built with: three bytes. */
long long hutch_seccomp_version(void)
{
    const struct scmp_version *version = seccomp_version();
    return (long long)(version->major << 16 | version->minor << 8 | version->micro);
}

long long hutch_seccomp_native(void)
{
    return seccomp_arch_native();
}

/* A filter for the native architecture; libseccomp says no more than NULL where the action is one
 * that it or the kernel does not know. */
long long hutch_seccomp_new(unsigned int action)
{
    scmp_filter_ctx made = seccomp_init(action);
    return made ? (long long)(intptr_t)made : -EINVAL;
}

long long hutch_seccomp_free(long long filter)
{
    seccomp_release(context(filter));
    return 0;
}

long long hutch_seccomp_attribute(long long filter, int attribute, unsigned int value)
{
    return seccomp_attr_set(context(filter), (enum scmp_filter_attr)attribute, value);
}

long long hutch_seccomp_architecture(long long filter, unsigned int architecture)
{
    return seccomp_arch_add(context(filter), architecture);
}

/* A rule for all architectures of the filter, whatever the arguments. -ENOENT: libseccomp knows no
 * system call of this name. */
long long hutch_seccomp_rule(long long filter, unsigned int action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return -ENOENT;
    return seccomp_rule_add_array(context(filter), action, number, 0, NULL);
}

/* The program's length in bytes; as much of it as fits is in the buffer. libseccomp writes to
 * descriptors only (seccomp_export_bpf_mem came with 2.6). */
long long hutch_seccomp_program(long long filter, unsigned char *buffer, size_t size)
{
    int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    long long result = seccomp_export_bpf(context(filter), fd);
    if (result == 0) {
        result = lseek(fd, 0, SEEK_END);
        ssize_t got = result < 0 ? -1 : pread(fd, buffer, size, 0);
        if (got < 0)
            result = -errno;
    }
    close(fd);
    return result;
}

/* The number of a system call. -ENOENT: libseccomp knows no such name; -ENOSYS: the architecture
 * has no such call; -ENOTUNIQ: it is made through socketcall(2) or ipc(2), and perhaps by a number
 * of its own as well, which libseccomp does not tell. */
long long hutch_seccomp_number(unsigned int architecture, const char *name)
{
    int number = seccomp_syscall_resolve_name_arch(architecture, name);
    if (number >= 0)
        return number;
    if (number == __NR_SCMP_ERROR)
        return -ENOENT;
    return seccomp_syscall_resolve_name_rewrite(architecture, name) < 0 ? -ENOSYS : -ENOTUNIQ;
}

/* The length of the name of a system call, which is in the buffer without its NUL. */
long long hutch_seccomp_name(unsigned int architecture, int number, unsigned char *buffer,
                             size_t size)
{
    char *name = seccomp_syscall_resolve_num_arch(architecture, number);
    if (!name)
        return -ENOENT;
    size_t length = strlen(name);
    if (length <= size)
        memcpy(buffer, name, length);
    free(name);
    return length <= size ? (long long)length : -ERANGE;
}
