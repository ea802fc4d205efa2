#include <stddef.h>

long long hutch_signal_pidfd(int pidfd, int signal);
long long hutch_signal_descriptor(void);
long long hutch_unblock_signals(void);
long long hutch_bounding_set(void);
/* setns(2). */
long long hutch_set_namespace(int namespace, int flags);
long long hutch_unshare(long long flags);
long long hutch_become_subreaper(void);
long long hutch_seal(const char *path);
/* `descriptors` are the new standard input, output and error (-1: the caller's own), then the slots;
 * four bytes each. */
long long hutch_spawn(long long init, long long flags, long long cgroup, long long base,
                      const unsigned char *descriptors, size_t length);

/* Makes two connected sockets: one descriptor is in the upper 32 bits of the result, the other in
 * the lower ones. */
long long hutch_channel(void);

/* Receives a message. The lower 32 bits of the result are its length; the upper ones are the
 * descriptor that came with it plus one, or 0 for none. */
long long hutch_receive(int channel, unsigned char *message, size_t size);

/* Sends one byte, with a descriptor unless `fd` is -1; raises no SIGPIPE. */
long long hutch_answer(int channel, int answer, int fd);
/* pidfd_getfd(2): a copy of another process's descriptor, or -errno. */
long long hutch_fetch(int pidfd, int fd);

/* openat2(2): a descriptor, or -errno. */
long long hutch_openat2(int dirfd, const char *path, unsigned long long flags,
                        unsigned long long mode, unsigned long long resolve);

/* Makes a user namespace with these maps, without any process in it. Its descriptor, or -errno. */
long long hutch_user_namespace(const char *uid_map, const char *gid_map);
/* open_tree(2) with OPEN_TREE_CLONE. */
long long hutch_open_tree(const char *path, int recursive);
/* Gives the detached mount the id mapping of the user namespace. 0, or -errno. */
long long hutch_idmap_mount(int mount, int namespace, int recursive);
/* Attaches a detached mount (move_mount(2)). 0, or -errno. */
long long hutch_move_mount(int mount, const char *target);

long long hutch_mount_id(const char *path);
long long hutch_unmount(const char *path, int flags);
long long hutch_mount(const char *source, const char *target, const char *type, long long flags,
                      const char *data);

/* Moves this process to a new mount namespace, whose mounts are slaves of the old ones. */
long long hutch_private_mounts(void);
/* Binds a tree of mounts (MS_BIND | MS_REC). */
long long hutch_bind(const char *source, const char *target);

/* Attaches a device program (struct bpf_insn, `length` bytes; 0 for no program) to the cgroup v2
 * directory `cgroup`, in place of the one attached before. If the verifier refuses it, its messages
 * are written to the descriptor `log`, unless that is -1. 0, or -errno. */
long long hutch_attach_devices(int cgroup, const unsigned char *program, size_t length, int log);

/* Makes the file `name` in `directory` with the mode `made_as`; it must not exist yet. Then writes
 * its content and sets its owner (not if `uid` is -1), mode (not if -1) and time. 0, or -errno;
 * after an error there is no file. */
long long hutch_create_file(int directory, const char *name, const unsigned char *data,
                            size_t length, long long made_as, long long mode, long long uid,
                            long long gid, long long seconds, long long nanoseconds);

/* Makes the plain files (plain_files.c) at the start of `stream`, a piece of a tar archive, in
 * `directory`, the folder that the archive calls `folder`, until an entry is not plain or is in
 * another folder. A file with `hole` zeros in a block of as many bytes is not plain. Returns how many bytes of `stream` are done.
 * `changed_bits`: the bits of a mode that open(2) does not set. Files of `uid` and `gid` need no
 * chown(2). `report` receives three numbers of eight bytes: how many entries were made, the bytes of
 * their content, and the length of the text that follows, the folder of the next plain entry; -1 if
 * the next entry is not plain, or could not be made. */
long long hutch_plain_files(int directory, const unsigned char *folder, size_t folder_length,
                            const unsigned char *stream, size_t length, size_t hole,
                            long long changed_bits, long long uid, long long gid,
                            unsigned char *report, size_t report_size);

/* inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2): a number, or -errno. */
long long hutch_inotify(void);
long long hutch_watch(int inotify, const char *path);
long long hutch_unwatch(int inotify, int watch);
