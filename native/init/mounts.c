/* Mounts, made with the descriptor-based mount API: source and target are descriptors, so that no
 * path is resolved twice (CVE-2021-30465, CVE-2025-31133). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init.h"

#define PROC_SUPER_MAGIC 0x9fa0
#define FSCONFIG_VALUE_MAX 255 /* the longest string that fsconfig(2) takes */
#define ATIME 0x70u            /* MOUNT_ATTR__ATIME */

/* The attributes of mount_setattr(2) and the flags of mount(2) with the same meaning. */
static const struct {
    uint64_t attribute;
    unsigned long flag;
} legacy_flags[] = {
    {MOUNT_ATTR_RDONLY, MS_RDONLY},         {MOUNT_ATTR_NOSUID, MS_NOSUID},
    {MOUNT_ATTR_NODEV, MS_NODEV},           {MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {MOUNT_ATTR_NODIRATIME, MS_NODIRATIME}, {MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW},
};

static unsigned long to_legacy(uint64_t attributes)
{
    unsigned long flags = 0;
    for (size_t i = 0; i < sizeof(legacy_flags) / sizeof(legacy_flags[0]); i++)
        if (attributes & legacy_flags[i].attribute)
            flags |= legacy_flags[i].flag;
    switch (attributes & ATIME) {
    case MOUNT_ATTR_NOATIME: return flags | MS_NOATIME;
    case MOUNT_ATTR_STRICTATIME: return flags | MS_STRICTATIME;
    }
    return flags;
}

int clone_tree(struct context *context, int fd, const char *path, bool recursive)
{
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0) |
                     (*path ? 0 : AT_EMPTY_PATH);
    int tree = (int)syscall(SYS_open_tree, fd, path, flags);
    return tree < 0 ? failed(context, "open_tree") : tree;
}

int attach(struct context *context, int mount, int target)
{
    if (syscall(SYS_move_mount, mount, "", target, "",
                MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
        return failed(context, "move_mount");
    return 0;
}

/* Kernels before 5.12 have no mount_setattr: the flags of this mount are read, changed and set
 * again by a remount through /proc/self/fd. This cannot change the mounts below it (`deep`). */
static int legacy_remount(struct context *context, int mount, uint64_t set, uint64_t clear)
{
    struct statfs status;
    char digits[DECIMAL_MAX];
    char path[64] = "self/fd/";
    if (fstatfs(mount, &status) < 0)
        return failed(context, "fstatfs");
    unsigned long now = (unsigned long)status.f_flags &
                        (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME);
    now = (now & ~to_legacy(clear)) | to_legacy(set);
    strcat(path, decimal(digits, (uint64_t)mount));
    if (fchdir(context->proc) < 0)
        return failed(context, "fchdir");
    if (syscall(SYS_mount, NULL, path, NULL, MS_REMOUNT | MS_BIND | now, NULL) < 0)
        return failed(context, "mount(MS_REMOUNT|MS_BIND)");
    return 0;
}

static int change_flags(struct context *context, int mount, uint64_t set, uint64_t clear, bool deep)
{
    struct mount_attr attributes = {.attr_set = set, .attr_clr = clear};
    if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0),
                &attributes, sizeof(attributes)) == 0)
        return 0;
    if (errno == ENOSYS && !deep)
        return legacy_remount(context, mount, set, clear);
    return failed(context, "mount_setattr");
}

/* In a user namespace the flags of the host's mounts are locked (mount_namespaces(7)). If a flag
 * cannot be cleared, or the access-time flags cannot be changed, they stay, with a warning. If a
 * flag that makes a mount stricter cannot be set, that is an error. */
static int change_unlocked(struct context *context, int mount, uint64_t set, uint64_t clear,
                           bool deep)
{
    static const struct {
        uint64_t bits;
        const char *name;
    } flags[] = {
        {MOUNT_ATTR_RDONLY, " ro"},
        {MOUNT_ATTR_NOSUID, " nosuid"},
        {MOUNT_ATTR_NODEV, " nodev"},
        {MOUNT_ATTR_NOEXEC, " noexec"},
        {MOUNT_ATTR_NOSYMFOLLOW, " nosymfollow"},
        {ATIME | MOUNT_ATTR_NODIRATIME, " atime"},
    };
    const uint64_t times = ATIME | MOUNT_ATTR_NODIRATIME;
    int result = set & ~times ? change_flags(context, mount, set & ~times, 0, deep) : 0;
    char kept[64] = "";
    for (size_t i = 0; result == 0 && i < sizeof(flags) / sizeof(flags[0]); i++) {
        uint64_t add = set & times & flags[i].bits,
                 remove = clear & ~(set & ~times) & flags[i].bits;
        result = add | remove ? change_flags(context, mount, add, remove, deep) : 0;
        if (result == -EPERM) {
            strcat(kept, flags[i].name);
            result = 0;
        }
    }
    if (result == 0 && *kept)
        tell_warning(context, kept + 1);
    return result;
}

int mount_flags(struct context *context, int mount, uint64_t set, uint64_t clear, bool deep)
{
    if (!set && !clear)
        return 0;
    int result = change_flags(context, mount, set, clear, deep);
    return result == -EPERM ? change_unlocked(context, mount, set, clear, deep) : result;
}

int mount_propagation(struct context *context, int mount, uint64_t propagation)
{
    if (!propagation)
        return 0;
    bool deep = propagation & MS_REC;
    struct mount_attr attributes = {.propagation = propagation & ~(uint64_t)MS_REC};
    if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | (deep ? AT_RECURSIVE : 0),
                &attributes, sizeof(attributes)) == 0)
        return 0;
    if (errno != ENOSYS)
        return failed(context, "mount_setattr");
    char digits[DECIMAL_MAX];
    char path[64] = "self/fd/";
    strcat(path, decimal(digits, (uint64_t)mount));
    if (fchdir(context->proc) < 0)
        return failed(context, "fchdir");
    if (syscall(SYS_mount, NULL, path, NULL, (unsigned long)propagation, NULL) < 0)
        return failed(context, "mount");
    return 0;
}

/* An image can have a symbolic link into /proc at any path, and a mount there would replace files
 * of the kernel. So a target in procfs is an error unless its path in the config begins with
 * /proc/; the plan's compiler has checked which of these paths are allowed. */
static int check_target(struct context *context, int target, const char *path, const char *fstype)
{
    struct statfs status;
    if (strncmp(path, "/proc/", 6) == 0 || strcmp(fstype, "proc") == 0)
        return 0;
    if (fstatfs(target, &status) < 0)
        return failed(context, "fstatfs");
    return status.f_type == PROC_SUPER_MAGIC
               ? refused(context, "openat2", EXDEV, "a symbolic link leads into /proc")
               : 0;
}

/* move_mount(2) only says ENOTDIR: this finds out which side is the directory. */
static int check_kind(struct context *context, int target, const char *path, bool directory)
{
    struct stat status;
    if (fstat(target, &status) < 0)
        return failed(context, "fstat");
    if (S_ISDIR(status.st_mode) == directory)
        return 0;
    const char *parts[] = {directory ? "a directory cannot be mounted on the file "
                                     : "a file cannot be mounted on the directory ",
                           path, NULL};
    return refused(context, "move_mount", ENOTDIR, concatenated(parts));
}

static int open_target(struct context *context, const char *path, const char *fstype,
                       bool directory, bool nofollow)
{
    int target = beneath_make(context, path, directory ? BENEATH_DIRECTORY : BENEATH_FILE,
                              directory ? 0755 : 0644, nofollow);
    if (target < 0)
        return refused(context, "openat2", -target, path);
    int result = check_target(context, target, path, fstype);
    if (result == 0)
        result = check_kind(context, target, path, directory);
    if (result < 0) {
        close(target);
        return result;
    }
    return target;
}

static bool is_root_path(const char *path)
{
    return path[strspn(path, "/.")] == 0;
}

/* A mount over "/" becomes the root below which all later paths are resolved. */
static int become_root_mount(struct context *context, int mount)
{
    int root = fcntl(mount, F_DUPFD_CLOEXEC, 0);
    if (root < 0)
        return failed(context, "fcntl");
    close(context->root);
    context->root = root;
    return 0;
}

static int attach_at(struct context *context, int mount, int target, const char *path)
{
    int result = attach(context, mount, target);
    return result == 0 && is_root_path(path) ? become_root_mount(context, mount) : result;
}

/* Opens what is mounted over the container's root. Our descriptor of the root is below it, but its
 * path on the host leads to the topmost mount. */
static int open_over_root(struct context *context)
{
    char link[sizeof("/proc/self/fd/") + DECIMAL_MAX] = "/proc/self/fd/";
    char digits[DECIMAL_MAX];
    char path[PATH_MAX] = "";
    strcat(link, decimal(digits, (uint64_t)context->root));
    if (readlink(link, path, sizeof(path) - 1) < 0)
        return -errno;
    int mount = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return mount < 0 ? -errno : mount;
}

/* The failure with the message of the file system's code, if there is one (fsopen(2)): it names the
 * wrong option. */
static int filesystem_failed(struct context *context, int fs, const char *call)
{
    int error = errno;
    char message[sizeof(context->failure.detail)] = "";
    ssize_t length = read(fs, message, sizeof(message) - 1);
    if (length > 2 && message[1] == ' ') /* "e ", "w " or "i ": the level of the message */
        memmove(message, message + 2, (size_t)length - 1);
    message[strcspn(message, "\n")] = 0;
    return refused(context, call, error, *message ? message : NULL);
}

static int configure(struct context *context, int fs, const char *option)
{
    const char *equals = strchr(option, '=');
    if (!equals)
        return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0
                   ? filesystem_failed(context, fs, "fsconfig")
                   : 0;
    char key[256];
    size_t length = (size_t)(equals - option);
    if (length >= sizeof(key))
        return refused(context, "fsconfig", ENAMETOOLONG, NULL);
    memcpy(key, option, length);
    key[length] = 0;
    return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, equals + 1, 0) < 0
               ? filesystem_failed(context, fs, "fsconfig")
               : 0;
}

static int configure_all(struct context *context, int fs, char *const *options)
{
    for (int i = 0; options[i]; i++) {
        context->failure.part = i;
        int result = configure(context, fs, options[i]);
        if (result < 0)
            return result;
    }
    context->failure.part = -1;
    return 0;
}

/* Makes a new file system; the mount is not attached to any path yet. */
static int new_mount(struct context *context, const struct op_mount *op, char *const *options)
{
    autoclose int fs = (int)syscall(SYS_fsopen, op->fstype, FSOPEN_CLOEXEC);
    if (fs < 0)
        return failed(context, "fsopen");
    if (*op->source && syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", op->source, 0) < 0)
        return filesystem_failed(context, fs, "fsconfig");
    int result = configure_all(context, fs, options);
    if (result < 0)
        return result;
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return filesystem_failed(context, fs, "fsconfig(FSCONFIG_CMD_CREATE)");
    int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, (unsigned)op->attributes);
    return mount < 0 ? filesystem_failed(context, fs, "fsmount") : mount;
}

/* Appends an option to the data of mount(2). SELinux labels may have commas, so they are put in
 * quotes (mount(8), "context"). */
static void append_option(char *data, const char *option)
{
    static const char *const contexts[] = {"context=", "defcontext=", "fscontext=", "rootcontext="};
    const char *quote = "";
    size_t name = 0;
    for (size_t i = 0; i < sizeof(contexts) / sizeof(*contexts); i++) {
        size_t length = strlen(contexts[i]);
        if (strncmp(option, contexts[i], length) == 0) {
            quote = "\"";
            name = length;
        }
    }
    if (*data)
        strcat(data, ",");
    strncat(data, option, name);
    strcat(data, quote);
    strcat(data, option + name);
    strcat(data, quote);
}

/* Uses mount(2) for what fsconfig(2) cannot take: strings over 255 bytes, such as the lowerdir of
 * overlay, and flags that have no name there. */
static int classic_mount(struct context *context, const struct op_mount *op, char *const *options,
                         int target)
{
    size_t length = 1;
    for (int i = 0; options[i]; i++)
        length += strlen(options[i]) + sizeof(",\"\"") - 1;
    char *data = keep(length);
    if (!data)
        return failed(context, "mmap");
    for (int i = 0; options[i]; i++)
        append_option(data, options[i]);
    long result = -1;
    if (fchdir(target) == 0)
        result = syscall(SYS_mount, op->source, ".", op->fstype,
                         to_legacy((uint64_t)op->attributes) | (unsigned long)op->flags, data);
    if (result < 0)
        return failed(context, "mount");
    bool root = is_root_path(op->target);
    int mount = root ? open_over_root(context)
                     : beneath_open(context, op->target, O_PATH | O_DIRECTORY, op->nofollow);
    if (mount < 0)
        return refused(context, root ? "open" : "openat2", -mount, op->target);
    int became = root ? become_root_mount(context, mount) : 0;
    return became < 0 ? became : mount;
}

static int take_over(struct context *context, const struct op_mount *op, int covered, int mount)
{
    int result = 0;
    if (op->cover & COVER_CONTENTS)
        result = copy_up(context, covered, mount);
    return result < 0 ? result
                      : take_attributes(context, covered, mount, op->cover & COVER_MODE,
                                        op->cover & COVER_OWNER);
}

static int map_ids(struct context *context, const struct op_mount *op, int mount)
{
    int user_namespace = context->base + (int)op->idmap;
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_IDMAP,
        .userns_fd = (uint64_t)user_namespace,
    };
    if (syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) < 0)
        return failed(context, "mount_setattr(MOUNT_ATTR_IDMAP)");
    close(user_namespace);
    return 0;
}

int run_mount(struct context *context, const struct op_mount *op)
{
    /* Opened before open_target, which may make the directory: a new one has no files to copy. */
    autoclose int covered =
        op->cover ? beneath_open(context, op->target, O_PATH | O_DIRECTORY, op->nofollow) : -1;
    autoclose int target = open_target(context, op->target, op->fstype, true, op->nofollow);
    if (target < 0)
        return target;
    char **options = list_vector(&op->options);
    if (!options)
        return failed(context, "mmap");
    bool classic = op->flags != 0;
    for (int i = 0; options[i]; i++)
        classic |= strlen(options[i]) > FSCONFIG_VALUE_MAX;
    autoclose int mount =
        classic ? classic_mount(context, op, options, target) : new_mount(context, op, options);
    if (mount < 0)
        return mount;
    int result = covered < 0 ? 0 : take_over(context, op, covered, mount);
    if (result == 0 && op->idmap)
        result = map_ids(context, op, mount);
    if (result == 0 && !classic)
        result = attach_at(context, mount, target, op->target);
    return result < 0 ? result : mount_propagation(context, mount, (uint64_t)op->propagation);
}

/* Clones the source of a bind. In a user namespace it may be below a directory that this process
 * may not enter, but the runtime may: then the runtime is asked for it. */
static int clone_source(struct context *context, const struct op_bind *op)
{
    int tree = clone_tree(context, AT_FDCWD, op->source, op->recursive);
    if (tree != -EACCES)
        return tree;
    autoclose int source = ask_source(context);
    return source < 0 ? tree : clone_tree(context, source, "", op->recursive);
}

int run_bind(struct context *context, const struct op_bind *op)
{
    /* The runtime has already cloned the source if it has an id mapping of its own. */
    autoclose int tree = op->tree ? context->base + (int)op->tree : clone_source(context, op);
    if (tree < 0)
        return tree;
    struct stat status;
    if (fstat(tree, &status) < 0)
        return failed(context, "fstat");
    autoclose int target = open_target(context, op->target, "", S_ISDIR(status.st_mode), false);
    if (target < 0)
        return target;
    int result = attach_at(context, tree, target, op->target);
    if (result == 0)
        result = mount_flags(context, tree, (uint64_t)op->deep_set, (uint64_t)op->deep_clear, true);
    if (result == 0)
        result = mount_flags(context, tree, (uint64_t)op->set, (uint64_t)op->clear, false);
    if (result == 0)
        result = mount_propagation(context, tree, (uint64_t)op->propagation);
    return result;
}

static int reconfigure(struct context *context, int target, const struct list *list)
{
    autoclose int fs = (int)syscall(SYS_fspick, target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (fs < 0)
        return failed(context, "fspick");
    char **options = list_vector(list);
    if (!options)
        return failed(context, "mmap");
    int result = configure_all(context, fs, options);
    if (result == 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
        result = filesystem_failed(context, fs, "fsconfig(FSCONFIG_CMD_RECONFIGURE)");
    return result;
}

int run_remount(struct context *context, const struct op_remount *op)
{
    autoclose int target = beneath_open(context, op->target, O_PATH, false);
    if (target < 0)
        return refused(context, "openat2", -target, op->target);
    int result = op->bind ? 0 : reconfigure(context, target, &op->options);
    if (result == 0)
        result =
            mount_flags(context, target, (uint64_t)op->deep_set, (uint64_t)op->deep_clear, true);
    if (result == 0)
        result = mount_flags(context, target, (uint64_t)op->set, (uint64_t)op->clear, false);
    if (result == 0)
        result = mount_propagation(context, target, (uint64_t)op->propagation);
    return result;
}
