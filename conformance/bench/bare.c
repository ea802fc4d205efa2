/* bare: containers without a runtime. It asks the kernel for the namespaces, mounts, devices and cgroups
 * of the default config (hutch spec) with one call after another, and reads, checks and decides nothing
 * besides. What it costs is what the kernel costs, so ./dev bench measures it beside the runtimes. It has
 * their verbs, without seccomp, capabilities and rules of devices on cgroup v2. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LONG = 1024, MOST = 32 };

static char folder[LONG];            /* of the container's state */
static char cgroups[MOST][2 * LONG]; /* its cgroup in each hierarchy */
static char hierarchies[MOST][64];   /* their names below /sys/fs/cgroup; "" is cgroup v2 alone */
static int cgroup_count, cgroup_v2 = -1; /* the last: which of them is cgroup v2's */

static void fail(const char *what)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int write_text(const char *path, const char *text)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
        return -1;
    ssize_t done = write(file, text, strlen(text));
    close(file);
    return done < 0 ? -1 : 0;
}

static void read_text(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? -1 : read(file, text, size - 1);
    if (got < 0)
        fail(path);
    text[got] = 0;
    close(file);
}

static const char *in_state(const char *name)
{
    static char path[LONG + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Fills the names of the hierarchies that are mounted, and the container's cgroup in each. */
static void find_cgroups(const char *id)
{
    char text[4 * LONG], place[64 + 32];
    read_text("/proc/self/cgroup", text, sizeof text);
    for (char *line = strtok(text, "\n"); line && cgroup_count < MOST; line = strtok(NULL, "\n")) {
        char *name = strchr(line, ':') + 1, *path = strchr(name, ':');
        struct stat found;
        *path++ = 0;
        if (strncmp(name, "name=", 5) == 0)
            name += 5;
        if (!*name)
            name = access("/sys/fs/cgroup/cgroup.procs", F_OK) ? "unified" : "";
        snprintf(place, sizeof place, "/sys/fs/cgroup/%s", name);
        if (stat(place, &found) || (*name && found.st_ino != 1))
            continue; /* not a mount's root */
        if (line[0] == '0')
            cgroup_v2 = cgroup_count;
        snprintf(hierarchies[cgroup_count], sizeof hierarchies[0], "%s", name);
        snprintf(cgroups[cgroup_count++], sizeof cgroups[0], "%s%s/bare-%s", place,
                 strcmp(path, "/") ? path : "", id);
    }
}

static void copy_cpuset(const char *from, const char *to)
{
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char path[3 * LONG], text[LONG];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", from, files[i]);
        read_text(path, text, sizeof text);
        snprintf(path, sizeof path, "%s/%s", to, files[i]);
        write_text(path, text);
    }
}

static void make_cgroups(void)
{
    static const char *const rules[] = {"a",         "c *:* m",   "b *:* m",    "c 1:3 rwm",
                                        "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",  "c 1:9 rwm",
                                        "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
    char above[2 * LONG], path[3 * LONG];
    for (int i = 0; i < cgroup_count; i++) {
        snprintf(above, sizeof above, "%s", cgroups[i]);
        *strrchr(above, '/') = 0;
        if (mkdir(cgroups[i], 0755))
            fail(cgroups[i]);
        if (strcmp(hierarchies[i], "cpuset") == 0)
            copy_cpuset(above, cgroups[i]);
        if (strcmp(hierarchies[i], "devices") == 0)
            for (size_t rule = 0; rule < sizeof rules / sizeof *rules; rule++) {
                snprintf(path, sizeof path, "%s/devices.%s", cgroups[i], rule ? "allow" : "deny");
                if (write_text(path, rules[rule]))
                    fail(path);
            }
    }
}

static void put(const char *source, const char *target, const char *type, unsigned long flags,
                const char *data)
{
    if (mount(source, target, type, flags, data))
        fail(target);
}

/* A bind mount with flags. */
static void bind_as(const char *source, const char *target, unsigned long flags)
{
    put(source, target, NULL, MS_BIND, NULL);
    put(NULL, target, NULL, MS_BIND | MS_REMOUNT | flags, NULL);
}

static void mount_cgroups(void)
{
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    char target[LONG];
    if (cgroup_v2 >= 0 && !*hierarchies[cgroup_v2]) {
        put("cgroup", "sys/fs/cgroup", "cgroup2", flags | MS_RDONLY, NULL);
        return;
    }
    put("tmpfs", "sys/fs/cgroup", "tmpfs", flags, "mode=755");
    for (int i = 0; i < cgroup_count; i++) {
        snprintf(target, sizeof target, "sys/fs/cgroup/%s", hierarchies[i]);
        if (mkdir(target, 0755))
            fail(target);
        bind_as(cgroups[i], target, flags | MS_RDONLY);
    }
    put(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | flags | MS_RDONLY, NULL);
}

static void make_devices(void)
{
    static const struct {
        const char *path;
        int major, minor;
    } devices[] = {
        {"dev/null", 1, 3}, {"dev/random", 1, 8}, {"dev/full", 1, 7},
        {"dev/tty", 5, 0},  {"dev/zero", 1, 5},   {"dev/urandom", 1, 9},
    };
    static const char *const links[][2] = {
        {"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
        {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
        {"pts/ptmx", "dev/ptmx"},
    };
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
        if (mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)))
            fail(devices[i].path);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        if (symlink(links[i][0], links[i][1]))
            fail(links[i][1]);
}

static void hide(void)
{
    static const char *const fixed[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                        "proc/sysrq-trigger"};
    static const char *const hidden[] = {
        "proc/acpi",        "proc/asound",        "proc/interrupts", "proc/kcore",
        "proc/keys",        "proc/latency_stats", "proc/timer_list", "proc/timer_stats",
        "proc/sched_debug", "proc/scsi",          "sys/firmware",    "sys/devices/virtual/powercap",
    };
    struct stat found;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (access(fixed[i], F_OK) == 0)
            bind_as(fixed[i], fixed[i], MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        if (stat(hidden[i], &found))
            continue;
        if (S_ISDIR(found.st_mode))
            put("tmpfs", hidden[i], "tmpfs", MS_RDONLY, NULL);
        else
            put("/dev/null", hidden[i], NULL, MS_BIND, NULL);
    }
}

static void bring_lo_up(void)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int door = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (door < 0 || ioctl(door, SIOCSIFFLAGS, &request))
        fail("lo");
    close(door);
}

/* The first process: everything of the container, then it waits for start. */
static void be_first(const char *rootfs, char **words, int ready)
{
    const unsigned long safe = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    struct rlimit files = {1024, 1024};
    char path[3 * LONG], byte;
    int start = open(in_state("start"), O_RDWR | O_CLOEXEC);
    if (start < 0)
        fail("start");
    setsid();
    syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "bare");
    bring_lo_up();
    if (sethostname("hutch", 5))
        fail("sethostname");
    put(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);
    put(rootfs, rootfs, NULL, MS_BIND, NULL);
    if (chdir(rootfs))
        fail(rootfs);
    put("proc", "proc", "proc", 0, NULL);
    put("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k");
    if (mkdir("dev/pts", 0755) || mkdir("dev/shm", 0755) || mkdir("dev/mqueue", 0755))
        fail("dev");
    put("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
        "newinstance,ptmxmode=0666,mode=0620,gid=5");
    put("shm", "dev/shm", "tmpfs", safe, "mode=1777,size=65536k");
    put("mqueue", "dev/mqueue", "mqueue", safe, NULL);
    put("sysfs", "sys", "sysfs", safe | MS_RDONLY, NULL);
    mount_cgroups();
    make_devices();
    hide();
    for (int i = 0; i < cgroup_count; i++) {
        if (i == cgroup_v2)
            continue; /* the process began there */
        snprintf(path, sizeof path, "%s/cgroup.procs", cgroups[i]);
        if (write_text(path, "0"))
            fail(path);
    }
    if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH))
        fail("pivot_root");
    put(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL);
    if (chdir("/") || setrlimit(RLIMIT_NOFILE, &files))
        fail("setrlimit");
    umask(022);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (write(ready, "c", 1) != 1 || close(ready) || read(start, &byte, 1) != 1)
        fail("start");
    execve(words[0], words, (char *[]){"PATH=/bin", NULL});
    fail(words[0]);
}

/* process.args of a config that the bench has written; the first one as a path in /bin. */
static char **arguments(const char *bundle)
{
    static char text[16 * LONG], path[LONG], *words[16];
    int count = 0;
    snprintf(path, sizeof path, "%s/config.json", bundle);
    read_text(path, text, sizeof text);
    char *at = strstr(text, "\"args\": [");
    if (!at)
        fail("args");
    char *end = strchr(at += 9, ']');
    *end = 0;
    for (char *word = strtok(at, "\", "); word && count < 15; word = strtok(NULL, "\", "))
        words[count++] = word;
    snprintf(path, sizeof path, "/bin/%s", words[0]);
    words[0] = path;
    return words;
}

static pid_t create(const char *bundle, const char *id, const char *pid_file)
{
    char rootfs[LONG + 8], text[32], byte;
    int ready[2];
    char **words = arguments(bundle);
    snprintf(rootfs, sizeof rootfs, "%s/rootfs", bundle);
    find_cgroups(id);
    if (mkdir(folder, 0700) || mkfifo(in_state("start"), 0600))
        fail(folder);
    make_cgroups();
    if (pipe2(ready, O_CLOEXEC))
        fail("pipe2");
    struct clone_args clone = {
        .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS,
        .exit_signal = SIGCHLD,
    };
    if (cgroup_v2 >= 0) {
        clone.flags |= CLONE_INTO_CGROUP;
        clone.cgroup = (__u64)open(cgroups[cgroup_v2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &clone, sizeof clone);
    if (pid < 0)
        fail("clone3");
    if (pid == 0)
        be_first(rootfs, words, ready[1]);
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        exit(1);
    snprintf(text, sizeof text, "%d", pid);
    if (write_text(in_state("pid"), text) || (pid_file && write_text(pid_file, text)))
        fail("pid");
    return pid;
}

static pid_t pid_of(void)
{
    char text[32];
    read_text(in_state("pid"), text, sizeof text);
    return atoi(text);
}

static void start(void)
{
    int door = open(in_state("start"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (door < 0 || write(door, "s", 1) != 1)
        fail("start");
    close(door);
}

/* Waits for the end of a process so long (milliseconds; -1: for ever); 1 if it has ended. */
static int ended(pid_t pid, int patience)
{
    struct pollfd watched = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    if (watched.fd < 0)
        return 1;
    int found = poll(&watched, 1, patience);
    close(watched.fd);
    return found == 1;
}

static void take_away(const char *id)
{
    if (!cgroup_count)
        find_cgroups(id);
    if (access(in_state("pid"), F_OK) == 0) {
        pid_t pid = pid_of();
        kill(pid, SIGKILL);
        ended(pid, -1);
    }
    for (int i = 0; i < cgroup_count; i++)
        while (rmdir(cgroups[i]) && errno == EBUSY)
            usleep(200); /* the kernel has not yet let go of the process */
    unlink(in_state("pid"));
    unlink(in_state("start"));
    if (rmdir(folder))
        fail(folder);
}

static int enter(const char *id, char **words)
{
    char path[3 * LONG];
    int status;
    int target = (int)syscall(SYS_pidfd_open, pid_of(), 0);
    find_cgroups(id);
    for (int i = 0; i < cgroup_count; i++) {
        snprintf(path, sizeof path, "%s/cgroup.procs", cgroups[i]);
        if (write_text(path, "0"))
            fail(path);
    }
    if (setns(target, CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS))
        fail("setns");
    pid_t child = vfork();
    if (child == 0) {
        execve(words[0], words, (char *[]){"PATH=/bin", NULL});
        _exit(127);
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static void list(const char *root)
{
    DIR *all = opendir(root);
    for (struct dirent *each; all && (each = readdir(all));)
        if (each->d_name[0] != '.')
            puts(each->d_name);
}

int main(int count, char **words)
{
    const char *bundle = ".", *pid_file = NULL, *root = "/run/bare", *verb, *id = "";
    int at = 1, status = 0;
    if (count > 1 && strcmp(words[1], "--version") == 0)
        return puts("bare, without a runtime") < 0;
    if (count > at + 1 && strcmp(words[at], "--root") == 0) {
        root = words[at + 1];
        at += 2;
    }
    verb = at < count ? words[at++] : "";
    for (; at < count && words[at][0] == '-'; at++)
        if (strcmp(words[at], "--bundle") == 0)
            bundle = words[++at];
        else if (strcmp(words[at], "--pid-file") == 0)
            pid_file = words[++at];
    if (at < count)
        id = words[at++];
    mkdir(root, 0700);
    snprintf(folder, sizeof folder, "%s/%s", root, id);
    if (strcmp(verb, "list") == 0)
        list(root);
    else if (strcmp(verb, "create") == 0)
        create(bundle, id, pid_file);
    else if (strcmp(verb, "start") == 0)
        start();
    else if (strcmp(verb, "kill") == 0)
        kill(pid_of(), SIGKILL);
    else if (strcmp(verb, "delete") == 0)
        take_away(id);
    else if (strcmp(verb, "exec") == 0)
        status = enter(id, words + at);
    else if (strcmp(verb, "state") == 0)
        printf("{\"id\": \"%s\", \"status\": \"%s\"}\n", id,
               ended(pid_of(), 0) ? "stopped" : "running");
    else if (strcmp(verb, "run") == 0) {
        pid_t pid = create(bundle, id, NULL);
        start();
        waitpid(pid, &status, 0);
        status = WEXITSTATUS(status);
        take_away(id);
    } else
        status = 2;
    return status;
}
