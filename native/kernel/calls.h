#include <stddef.h>

long long hutch_signal_pidfd(int pidfd, int signal);

/* openat2(2): a descriptor, or -errno. */
long long hutch_openat2(int dirfd, const char *path, unsigned long long flags,
                        unsigned long long mode, unsigned long long resolve);
