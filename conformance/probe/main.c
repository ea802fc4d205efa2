/*
 * probe [WORD...]: reports in JSON on standard output.
 *
 * The words are carried out in order. "what:argument" is a deed (deeds.c). The other words:
 *   to=FILE   append the report to this file instead
 *   input     report what standard input contains
 *   facts     report the attributes of the process here, and not before the deeds
 *   sleep     wait for ever; report SIGTERM and SIGUSR1, and end at SIGTERM
 *   exit=N    end with this exit code
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

extern char **environ;

static void list_of(const char *key, char **texts)
{
    json_open(key, '[');
    for (; *texts; texts++)
        json_text(NULL, *texts);
    json_close(']');
}

static void input(void)
{
    static char content[1 << 16];
    size_t length = 0;
    ssize_t count;
    while (length < sizeof(content) &&
           (count = read(0, content + length, sizeof(content) - length)) > 0)
        length += (size_t)count;
    json_bytes("input", content, length);
}

static void wait_for_signals(int output)
{
    sigset_t signals;
    sigfillset(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    json_write(output);
    for (int signal;;) {
        if (sigwait(&signals, &signal) != 0)
            _exit(125);
        json_open(NULL, '{');
        json_number("signal", signal);
        json_close('}');
        json_write(output);
        if (signal == SIGTERM)
            _exit(0);
    }
}

int main(int argc, char **argv)
{
    int output = 1, code = 0;
    bool sleeps = false, late = false, done = false;
    for (int i = 1; i < argc; i++)
        late = late || strcmp(argv[i], "facts") == 0;
    json_open(NULL, '{');
    list_of("args", argv);
    list_of("env", environ);
    if (!late)
        facts();
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strncmp(word, "to=", 3) == 0) {
            output = open(word + 3, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
            if (output < 0)
                return 120;
        } else if (strncmp(word, "exit=", 5) == 0) {
            code = atoi(word + 5);
        } else if (strcmp(word, "input") == 0) {
            input();
        } else if (strcmp(word, "sleep") == 0) {
            sleeps = true;
        } else if (strchr(word, ':')) {
            if (!done)
                json_open("deeds", '[');
            done = true;
            if (deed(word) < 0)
                return 121;
        }
    }
    if (done)
        json_close(']');
    if (late)
        facts();
    json_close('}');
    if (sleeps)
        wait_for_signals(output);
    json_write(output);
    return code;
}
