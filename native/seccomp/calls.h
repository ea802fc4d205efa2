#include <stddef.h>

/* Functions of libseccomp. A handle is a filter that is not complete yet. */
long long hutch_seccomp_version(void);
long long hutch_seccomp_native(void);
long long hutch_seccomp_new(unsigned int action);
long long hutch_seccomp_free(long long filter);
long long hutch_seccomp_attribute(long long filter, int attribute, unsigned int value);
long long hutch_seccomp_architecture(long long filter, unsigned int architecture);
long long hutch_seccomp_rule(long long filter, unsigned int action, const char *name);
long long hutch_seccomp_program(long long filter, unsigned char *buffer, size_t size);
long long hutch_seccomp_number(unsigned int architecture, const char *name);
long long hutch_seccomp_name(unsigned int architecture, int number, unsigned char *buffer,
                             size_t size);

/* Questions to the kernel: 0 if it knows the action (SECCOMP_RET_...), or all of the flags. */
long long hutch_seccomp_action_known(unsigned int action);
long long hutch_seccomp_flags_known(unsigned int flags);

/* The calls that a filter's listener tells of, and the answers to them. */
long long hutch_seccomp_receive(int listener, unsigned char *buffer, size_t size);
long long hutch_seccomp_answer(int listener, unsigned long long id, int error);
long long hutch_seccomp_waits(int listener, unsigned long long id);
