#include <stddef.h>

long long hutch_signal_pidfd(int pidfd, int signal);
long long hutch_signal_descriptor(void);
long long hutch_bounding_set(void);
/* setns(2). */
long long hutch_set_namespace(int namespace, int flags);
long long hutch_become_subreaper(void);
long long hutch_seal(const char *path);
long long hutch_spawn(long long init, long long flags, long long cgroup, long long base,
                      const unsigned char *slots, size_t length);

/* Two connected sockets: the one in the upper half of the number, the other in the lower. */
long long hutch_channel(void);

/* The next message: its length, above that in the upper half the descriptor that came with it, plus
 * one (0 for none). */
long long hutch_receive(int channel, unsigned char *message, size_t size);

/* Sends one byte, with a descriptor unless that is -1; no SIGPIPE comes of it. */
long long hutch_answer(int channel, int answer, int fd);
/* pidfd_getfd(2): a copy of another process's descriptor, or -errno. */
long long hutch_fetch(int pidfd, int fd);

/* openat2(2): a descriptor, or -errno. */
long long hutch_openat2(int dirfd, const char *path, unsigned long long flags,
                        unsigned long long mode, unsigned long long resolve);

/* A new user namespace with these maps, in which nobody lives. */
long long hutch_user_namespace(const char *uid_map, const char *gid_map);
/* open_tree(2) with OPEN_TREE_CLONE. */
long long hutch_open_tree(const char *path, int recursive);
/* Gives the detached mount the mapping of the user namespace. 0, or -errno. */
long long hutch_idmap_mount(int mount, int namespace, int recursive);

long long hutch_mount_id(const char *path);
long long hutch_unmount(const char *path, int flags);
long long hutch_mount(const char *source, const char *target, const char *type, long long flags,
                      const char *data);

/* Goes on in a mount namespace of its own, a slave of the one before; binds a tree. */
long long hutch_private_mounts(void);
long long hutch_bind(const char *source, const char *target);

/* Puts a device program (struct bpf_insn, `length` bytes; none where 0) on the cgroup v2 directory
 * `cgroup` in place of the one put there before. If the verifier refuses it, its words go to the
 * descriptor `log`, unless that is -1. 0, or -errno. */
long long hutch_attach_devices(int cgroup, const unsigned char *program, size_t length, int log);

/* Makes the file `name` in `directory`, which must not exist yet, with the mode `made_as`, and gives
 * it its content, owner (none where `uid` is -1), mode (none where -1) and time. 0, or -errno, and
 * then there is no file. */
long long hutch_create_file(int directory, const char *name, const unsigned char *data,
                            size_t length, long long made_as, long long mode, long long uid,
                            long long gid, long long seconds, long long nanoseconds);
