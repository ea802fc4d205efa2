/* The program of the demonstration image. It prints what a process sees inside the container. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show_namespace(const char *kind)
{
    char path[64], link[64];
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
    ssize_t length = readlink(path, link, sizeof(link) - 1);
    printf("  %-10s %.*s\n", kind, (int)(length > 0 ? length : 0), link);
}

/* The line of a file that begins with `name`, without this name; "-" if there is none. */
static void show_line(const char *label, const char *path, const char *name)
{
    char line[512];
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0) {
            char *value = line + strlen(name);
            printf("%-12s %s", label, value + strspn(value, " \t"));
            fclose(file);
            return;
        }
    printf("%-12s -\n", label);
    if (file)
        fclose(file);
}

static void show_interfaces(void)
{
    DIR *folder = opendir("/sys/class/net");
    printf("%-12s", "interfaces");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            printf(" %s", entry->d_name);
    printf("\n");
    if (folder)
        closedir(folder);
}

int main(void)
{
    char host[65] = "";
    gethostname(host, sizeof(host) - 1);
    printf("Hello from inside a hutch.\n");
    printf("%-12s %d\n", "pid", (int)getpid());
    printf("%-12s %s\n", "hostname", host);
    printf("%-12s %d:%d\n", "user", (int)getuid(), (int)getgid());
    show_interfaces();
    show_line("memory", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "");
    show_line("memory.max", "/sys/fs/cgroup/memory.max", "");
    show_line("seccomp", "/proc/self/status", "Seccomp:");
    show_line("no new priv.", "/proc/self/status", "NoNewPrivs:");
    show_line("capabilities", "/proc/self/status", "CapEff:");
    show_line("root", "/proc/self/mountinfo", "");
    printf("namespaces\n");
    show_namespace("pid");
    show_namespace("mnt");
    show_namespace("uts");
    show_namespace("net");
    show_namespace("ipc");
    return 0;
}
