#include <stddef.h>

long long hutch_signal_pidfd(int pidfd, int signal);
