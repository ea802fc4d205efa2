#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#endif
#define CAPABILITIES 64

static void whole_file(const char *key, const char *path)
{
    static char content[1 << 17];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        json_text(key, NULL);
        return;
    }
    size_t length = 0;
    ssize_t count;
    while (length < sizeof(content) &&
           (count = read(fd, content + length, sizeof(content) - length)) > 0)
        length += (size_t)count;
    close(fd);
    json_bytes(key, content, length);
}

static void link_target(const char *key, const char *path)
{
    char target[4096];
    ssize_t length = readlink(path, target, sizeof(target));
    if (length < 0)
        json_text(key, NULL);
    else
        json_bytes(key, target, (size_t)length);
}

static void identity(void)
{
    uid_t ruid, euid, suid;
    gid_t rgid, egid, sgid, groups[64];
    getresuid(&ruid, &euid, &suid);
    getresgid(&rgid, &egid, &sgid);
    json_open("uids", '[');
    json_number(NULL, ruid), json_number(NULL, euid), json_number(NULL, suid);
    json_close(']');
    json_open("gids", '[');
    json_number(NULL, rgid), json_number(NULL, egid), json_number(NULL, sgid);
    json_close(']');
    json_open("groups", '[');
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        json_number(NULL, groups[i]);
    json_close(']');
    mode_t mask = umask(0);
    umask(mask);
    json_number("umask", mask);
    json_number("pid", getpid());
    json_number("ppid", getppid());
    json_number("sid", getsid(0));
    json_number("pgid", getpgid(0));
}

static void capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{0}};
    uint64_t bounding = 0, ambient = 0;
    syscall(SYS_capget, &header, data);
    for (unsigned long cap = 0; cap < CAPABILITIES; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
            bounding |= UINT64_C(1) << cap;
        if (prctl(PR_CAP_AMBIENT, 1 /* IS_SET */, cap, 0, 0) == 1)
            ambient |= UINT64_C(1) << cap;
    }
    json_open("capabilities", '{');
    json_unsigned("effective", data[0].effective | (uint64_t)data[1].effective << 32);
    json_unsigned("permitted", data[0].permitted | (uint64_t)data[1].permitted << 32);
    json_unsigned("inheritable", data[0].inheritable | (uint64_t)data[1].inheritable << 32);
    json_unsigned("bounding", bounding);
    json_unsigned("ambient", ambient);
    json_close('}');
    json_number("noNewPrivileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    json_number("seccomp", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
}

static void limits(void)
{
    static const char *const names[] = {
        "CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
        "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
    };
    json_open("rlimits", '{');
    for (int kind = 0; kind < 16; kind++) {
        uint64_t limit[2] = {0, 0};
        syscall(SYS_prlimit64, 0, kind, NULL, limit);
        json_open(names[kind], '[');
        json_unsigned(NULL, limit[0]), json_unsigned(NULL, limit[1]);
        json_close(']');
    }
    json_close('}');
}

static void scheduling(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {.size = 48};
    syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0);
    json_open("scheduler", '{');
    json_number("policy", attributes.policy);
    json_unsigned("flags", attributes.flags);
    json_number("nice", attributes.nice);
    json_number("priority", attributes.priority);
    json_unsigned("runtime", attributes.runtime);
    json_unsigned("deadline", attributes.deadline);
    json_unsigned("period", attributes.period);
    json_close('}');
    json_number("ioPriority", syscall(SYS_ioprio_get, 1 /* IOPRIO_WHO_PROCESS */, 0));
    int mode = -1;
    unsigned long nodes[16] = {0};
    syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, 0, 0);
    json_number("memoryPolicy", mode);
    json_unsigned("memoryNodes", nodes[0]);
    unsigned long cpus[16] = {0};
    syscall(SYS_sched_getaffinity, 0, sizeof(cpus), cpus);
    json_unsigned("affinity", cpus[0]);
}

static void names(void)
{
    struct utsname system;
    uname(&system);
    json_text("hostname", system.nodename);
    json_text("domainname", system.domainname);
    json_text("machine", system.machine);
    json_number("personality", personality(0xffffffff));
    json_open("clocks", '{');
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    json_number("monotonic", clock.tv_sec);
    clock_gettime(CLOCK_BOOTTIME, &clock);
    json_number("boottime", clock.tv_sec);
    json_close('}');
}

static void namespaces(void)
{
    static const char *const kinds[] = {"cgroup", "ipc",  "mnt",  "net",
                                        "pid",    "time", "user", "uts"};
    json_open("namespaces", '{');
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
        link_target(kinds[i], path);
    }
    json_close('}');
}

static void descriptors(void)
{
    json_open("descriptors", '[');
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            json_number(NULL, fd);
    json_close(']');
    struct winsize size = {0};
    json_open("terminals", '[');
    for (int fd = 0; fd < 3; fd++)
        json_number(NULL, isatty(fd));
    json_close(']');
    if (ioctl(0, TIOCGWINSZ, &size) == 0) {
        json_open("size", '[');
        json_number(NULL, size.ws_row), json_number(NULL, size.ws_col);
        json_close(']');
    }
}

void facts(void)
{
    char cwd[4096];
    json_text("cwd", getcwd(cwd, sizeof(cwd)));
    identity();
    capabilities();
    limits();
    scheduling();
    names();
    namespaces();
    descriptors();
    whole_file("mountinfo", "/proc/self/mountinfo");
    whole_file("cgroup", "/proc/self/cgroup");
    whole_file("oomScoreAdj", "/proc/self/oom_score_adj");
    whole_file("label", "/proc/self/attr/current");
    link_target("root", "/proc/self/root");
}
