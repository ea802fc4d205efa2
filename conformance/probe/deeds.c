#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define WORDS 8

static void told(long result)
{
    json_number("errno", result < 0 ? errno : 0);
}

static void look(char **words)
{
    struct stat status;
    long result = lstat(words[0], &status);
    told(result);
    if (result < 0)
        return;
    char kind[2] = {"?pc?d?b?-?l?s???"[status.st_mode >> 12], 0};
    json_text("kind", kind);
    json_number("mode", status.st_mode & 07777);
    json_number("uid", status.st_uid);
    json_number("gid", status.st_gid);
    json_number("major", major(status.st_rdev));
    json_number("minor", minor(status.st_rdev));
    char target[4096];
    ssize_t length = readlink(words[0], target, sizeof(target));
    if (length >= 0)
        json_bytes("target", target, (size_t)length);
}

static void read_it(char **words)
{
    static char content[1 << 16];
    int fd = open(words[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    long length = fd < 0 ? -1 : read(fd, content, sizeof(content));
    told(length);
    if (length >= 0)
        json_bytes("content", content, (size_t)length);
    if (fd >= 0)
        close(fd);
}

static void write_it(char **words)
{
    const char *text = words[1] ? words[1] : "x";
    int fd = open(words[0], O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
    told(fd < 0 ? -1 : write(fd, text, strlen(text)));
    if (fd >= 0)
        close(fd);
}

static void append(char **words)
{
    int fd = open(words[0], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    told(fd < 0 ? -1 : dprintf(fd, "%s\n", words[1] ? words[1] : ""));
    if (fd >= 0)
        close(fd);
}

static void open_it(char **words)
{
    int fd = open(words[0], (words[1] && *words[1] == 'w' ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
    told(fd);
    if (fd >= 0)
        close(fd);
}

static void list(char **words)
{
    DIR *folder = opendir(words[0]);
    told(folder ? 0 : -1);
    if (!folder)
        return;
    json_open("names", '[');
    for (struct dirent *entry; (entry = readdir(folder));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            json_text(NULL, entry->d_name);
    json_close(']');
    closedir(folder);
}

/* node:PATH:c:MAJOR:MINOR */
static void node(char **words)
{
    mode_t kind = *words[1] == 'b' ? S_IFBLK : *words[1] == 'p' ? S_IFIFO : S_IFCHR;
    dev_t number = makedev((unsigned)atoi(words[2]), (unsigned)atoi(words[3]));
    told(mknod(words[0], kind | 0666, number));
}

/* mount:SOURCE:TARGET:TYPE:FLAGS */
static void mount_it(char **words)
{
    unsigned long flags = words[3] ? strtoul(words[3], NULL, 0) : 0;
    told(mount(words[0], words[1], words[2], flags, NULL));
}

static void execute(char **words)
{
    pid_t child = fork();
    if (child == 0) {
        char *args[] = {words[0], words[1], NULL};
        execv(words[0], args);
        _exit(errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    errno = WIFEXITED(status) ? WEXITSTATUS(status) : 255;
    told(errno ? -1 : 0);
}

/* fork:COUNT: the number of children that can exist at the same time */
static void children(char **words)
{
    int wanted = atoi(words[0]), made = 0, hold[2];
    if (pipe(hold) < 0)
        return told(-1);
    errno = 0;
    for (; made < wanted; made++) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0) {
            char byte;
            close(hold[1]);
            _exit((int)read(hold[0], &byte, 1));
        }
    }
    told(made < wanted ? -1 : 0);
    json_number("made", made);
    close(hold[1]);
    while (wait(NULL) > 0)
        ;
}

/* call:NUMBER:ARGUMENT...: a system call by its number */
static void call(char **words)
{
    long value[6] = {0};
    for (int i = 0; i < 6 && words[1 + i]; i++)
        value[i] = strtol(words[1 + i], NULL, 0);
    long result =
        syscall(atol(words[0]), value[0], value[1], value[2], value[3], value[4], value[5]);
    told(result);
    json_number("result", result);
}

/* The same in a child, which the filter may kill. */
static void call_in_child(char **words)
{
    pid_t child = fork();
    if (child == 0) {
        call(words);
        _exit(0);
    }
    int status = 0;
    told(waitpid(child, &status, 0));
    json_number("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static void rename_host(char **words)
{
    told(sethostname(words[0], strlen(words[0])));
}

static void become(char **words)
{
    told(setuid((uid_t)atoi(words[0])));
}

static void nap(char **words)
{
    usleep((useconds_t)atoi(words[0]) * 1000);
    told(0);
}

static const struct {
    const char *name;
    int least;
    void (*act)(char **words);
} DEEDS[] = {
    {"stat", 1, look},
    {"read", 1, read_it},
    {"write", 1, write_it},
    {"append", 2, append},
    {"open", 1, open_it},
    {"list", 1, list},
    {"node", 4, node},
    {"mount", 3, mount_it},
    {"execute", 1, execute},
    {"children", 1, children},
    {"call", 1, call},
    {"childcall", 1, call_in_child},
    {"hostname", 1, rename_host},
    {"setuid", 1, become},
    {"nap", 1, nap},
};

int deed(const char *text)
{
    char copy[8192];
    char *words[WORDS + 1] = {NULL};
    int count = 0;
    snprintf(copy, sizeof(copy), "%s", text);
    for (char *word = copy; word && count < WORDS; count++) {
        words[count] = word;
        word = strchr(word, ':');
        if (word)
            *word++ = 0;
    }
    for (size_t i = 0; i < sizeof(DEEDS) / sizeof(*DEEDS); i++) {
        if (strcmp(words[0], DEEDS[i].name) != 0 || count <= DEEDS[i].least)
            continue;
        json_open(NULL, '{');
        json_text("deed", text);
        errno = 0;
        DEEDS[i].act(words + 1);
        json_close('}');
        return 0;
    }
    return -1;
}
