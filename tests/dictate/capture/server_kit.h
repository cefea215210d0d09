/* SPDX-License-Identifier: MIT
 *
 * For tests that have a sound server of their own: sound_server.sh from C. SOUND_SERVER is that script's path. */
#ifndef SERVER_KIT_H
#define SERVER_KIT_H

#include "capture_kit.h"

#include <signal.h>
#include <sys/wait.h>

static char server_folder[] = "/tmp/capture-server-XXXXXX";

/* sound_server.sh WISH FOLDER ARGS; its exit status. The child is spawned, not forked: see never_forks. */
static inline int server(const char *wish, const char *args)
{
    char command[1024];
    snprintf(command, sizeof command, "sh '%s' %s %s %s", SOUND_SERVER, wish, server_folder, args);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What pactl prints, the last n - 1 bytes of it; empty when it fails. */
static inline void server_says(const char *args, char *out, size_t n)
{
    char command[1024];
    snprintf(command, sizeof command, "sh '%s' pactl %s %s 2>/dev/null", SOUND_SERVER, server_folder, args);
    FILE *pipe = popen(command, "r");
    size_t got = pipe ? fread(out, 1, n - 1, pipe) : 0;
    out[got] = 0;
    if (pipe)
        pclose(pipe);
}

static inline int server_n_lines(const char *args)
{
    char text[4096];
    int n = 0;
    server_says(args, text, sizeof text);
    for (const char *c = text; *c; c++)
        n += *c == '\n';
    return n;
}

static inline int server_load(const char *module)
{
    char text[64], args[512];
    snprintf(args, sizeof args, "load-module %s", module);
    server_says(args, text, sizeof text);
    return atoi(text);
}

static inline void server_signal(int signal)
{
    char path[256];
    int pid = 0;
    snprintf(path, sizeof path, "%s/pid", server_folder);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%d", &pid) == 1 && pid > 1)
        kill(pid, signal);
    if (file)
        fclose(file);
}

/* Makes the folder, starts the server and points libpulse to it. 77: there is no server here. */
static inline int server_begin(void)
{
    static char where[300];
    if (!mkdtemp(server_folder))
        return 1;
    snprintf(where, sizeof where, "unix:%s/native", server_folder);
    setenv("PULSE_SERVER", where, 1);
    unsetenv("DISPLAY");
    return server("start", "");
}

static inline void server_done(void)
{
    char command[300];
    server_signal(SIGCONT);
    server("stop", "");
    snprintf(command, sizeof command, "rm -rf %s", server_folder);
    if (system(command) != 0)
        printf("# %s could not be removed\n", server_folder);
}

#endif
