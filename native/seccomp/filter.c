/* Builds filters with libseccomp, and returns them as the program that seccomp(2) takes. */
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

/* The version of libseccomp at run time, in three bytes; it may differ from that of the build. */
long long hutch_seccomp_version(void)
{
    const struct scmp_version *version = seccomp_version();
    return (long long)(version->major << 16 | version->minor << 8 | version->micro);
}

long long hutch_seccomp_native(void)
{
    return seccomp_arch_native();
}

/* Makes a filter for the native architecture. libseccomp returns only NULL, and no reason, if it or
 * the kernel does not know the action. */
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

/* Adds a rule for all architectures of the filter and for all values of the arguments. -ENOENT:
 * libseccomp knows no system call with this name. */
long long hutch_seccomp_rule(long long filter, unsigned int action, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return -ENOENT;
    return seccomp_rule_add_array(context(filter), action, number, 0, NULL);
}

/* Returns the program's length in bytes, and copies as much of it as fits to the buffer. libseccomp
 * before 2.6 can write it only to a descriptor (2.6 has seccomp_export_bpf_mem). */
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

/* The number of a system call. -ENOENT: libseccomp does not know the name. -ENOSYS: the architecture
 * does not have the call. -ENOTUNIQ: it is made through socketcall(2) or ipc(2); it may have its own
 * number too, but libseccomp does not return it. */
long long hutch_seccomp_number(unsigned int architecture, const char *name)
{
    int number = seccomp_syscall_resolve_name_arch(architecture, name);
    if (number >= 0)
        return number;
    if (number == __NR_SCMP_ERROR)
        return -ENOENT;
    return seccomp_syscall_resolve_name_rewrite(architecture, name) < 0 ? -ENOSYS : -ENOTUNIQ;
}

/* Copies the name of a system call to the buffer, without a NUL. Returns its length. */
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
