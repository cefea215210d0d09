/* SPDX-License-Identifier: MIT
 * See mock_desktop.h. */
#define _GNU_SOURCE
#include "mock_desktop.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_SECONDS = 20 };

static const char config[] = "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
                             "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                             "<busconfig><type>session</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>"
                             "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/><allow "
                             "receive_sender=\"*\" eavesdrop=\"true\"/><allow "
                             "own=\"*\"/></policy></busconfig>\n";

bool mock_bus_start(mock_desktop *d)
{
    char path[80], option[100];
    struct stat st;
    int ends[2];
    if (!d->folder[0]) {
        strcpy(d->folder, "/tmp/ctrlspeak-bus-XXXXXX");
        if (!mkdtemp(d->folder))
            return false;
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->changed, NULL);
    }
    snprintf(path, sizeof path, "%s/config", d->folder);
    FILE *out = fopen(path, "w");
    if (!out || fprintf(out, config, d->folder) < 0 || fclose(out) != 0 || pipe(ends) != 0)
        return false;
    snprintf(option, sizeof option, "--config-file=%s", path);
    d->bus_pid = fork();
    if (d->bus_pid == 0) {
        dup2(ends[1], 1);
        dup2(open("/dev/null", O_WRONLY), 2);
        execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--print-address=1", option, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    char line[200];
    ssize_t n = read(ends[0], line, sizeof line - 1); /* comes when the bus listens */
    close(ends[0]);
    snprintf(d->address, sizeof d->address, "unix:path=%s/bus", d->folder);
    snprintf(path, sizeof path, "%s/bus", d->folder);
    if (n > 0 && stat(path, &st) == 0)
        return true;
    mock_bus_kill(d);
    return false;
}

void mock_bus_kill(mock_desktop *d)
{
    char path[80];
    if (d->bus_pid > 0) {
        kill(d->bus_pid, SIGKILL);
        waitpid(d->bus_pid, NULL, 0);
    }
    d->bus_pid = 0;
    snprintf(path, sizeof path, "%s/bus", d->folder);
    unlink(path);
}

static int on_capabilities(sd_bus_message *m, mock_desktop *d)
{
    return d->has_markup ? sd_bus_reply_method_return(m, "as", 2, "body", "body-markup")
                         : sd_bus_reply_method_return(m, "as", 1, "body");
}

static int on_notify(sd_bus_message *m, mock_desktop *d)
{
    const char *app, *icon, *title, *body, *hint;
    uint32_t replaces;
    if (sd_bus_message_read(m, "susss", &app, &replaces, &icon, &title, &body) < 0)
        return sd_bus_reply_method_errorf(m, SD_BUS_ERROR_INVALID_ARGS, "not susss");
    d->replaces = replaces;
    snprintf(d->title, sizeof d->title, "%s", title);
    snprintf(d->body, sizeof d->body, "%s", body);
    sd_bus_message_skip(m, "as");
    if (sd_bus_message_enter_container(m, 'a', "{sv}") >= 0)
        while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
            uint8_t byte = 255;
            sd_bus_message_read(m, "s", &hint);
            if (strcmp(hint, "urgency") == 0 && sd_bus_message_read(m, "v", "y", &byte) > 0)
                d->urgency = byte;
            else
                sd_bus_message_skip(m, "v");
            sd_bus_message_exit_container(m);
        }
    d->n_notify++;
    return d->silent ? 1 : sd_bus_reply_method_return(m, "u", replaces ? replaces : ++d->next_number);
}

static int on_notifications(sd_bus_message *m, void *user, sd_bus_error *error)
{
    mock_desktop *d = user;
    int r = 0;
    (void)error;
    pthread_mutex_lock(&d->lock);
    if (sd_bus_message_is_method_call(m, "org.freedesktop.Notifications", "Notify"))
        r = on_notify(m, d);
    else if (sd_bus_message_is_method_call(m, "org.freedesktop.Notifications", "GetCapabilities"))
        r = d->silent ? 1 : on_capabilities(m, d);
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    return r < 0 ? r : 1;
}

static int on_player(sd_bus_message *m, void *user, sd_bus_error *error)
{
    mock_player *p = user;
    int r = 0;
    (void)error;
    if (sd_bus_message_get_type(m, &(uint8_t){0}) < 0)
        return 0;
    pthread_mutex_lock(&p->desktop->lock);
    bool pause = sd_bus_message_is_method_call(m, "org.mpris.MediaPlayer2.Player", "Pause");
    if (p->silent) {
        r = 1;
    } else if (pause || sd_bus_message_is_method_call(m, "org.mpris.MediaPlayer2.Player", "Play")) {
        strcpy(p->state, pause ? "Paused" : "Playing");
        p->n_pause += pause;
        p->n_play += !pause;
        r = sd_bus_reply_method_return(m, NULL);
    } else if (sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Get")) {
        r = sd_bus_reply_method_return(m, "v", "s", p->state);
    }
    pthread_cond_broadcast(&p->desktop->changed);
    pthread_mutex_unlock(&p->desktop->lock);
    return r < 0 ? r : 1;
}

static bool appear(sd_bus **bus, const char *address, const char *name, const char *path,
                   sd_bus_message_handler_t handler, void *user)
{
    return sd_bus_new(bus) >= 0 && sd_bus_set_address(*bus, address) >= 0 && sd_bus_set_bus_client(*bus, 1) >= 0
           && sd_bus_start(*bus) >= 0 && sd_bus_add_object(*bus, NULL, path, handler, user) >= 0
           && sd_bus_request_name(*bus, name, 0) >= 0;
}

static bool serve(mock_desktop *d)
{
    sd_bus *all[MOCK_PLAYERS + 1] = {d->bus};
    struct pollfd fds[MOCK_PLAYERS + 1];
    int n = 0;
    for (int i = 0; i < MOCK_PLAYERS; i++)
        all[i + 1] = d->players[i].bus;
    for (int i = 0; i <= MOCK_PLAYERS; i++)
        if (all[i]) {
            while (sd_bus_process(all[i], NULL) > 0)
                ;
            fds[n++] = (struct pollfd){.fd = sd_bus_get_fd(all[i]), .events = (short)sd_bus_get_events(all[i])};
        }
    poll(fds, (nfds_t)n, 10);
    pthread_mutex_lock(&d->lock);
    bool go_on = !d->stop;
    pthread_mutex_unlock(&d->lock);
    return go_on;
}

static void *run(void *user)
{
    mock_desktop *d = user;
    bool ok = true;
    if (d->has_notifications)
        ok = appear(&d->bus, d->address, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                    on_notifications, d);
    for (int i = 0; ok && i < MOCK_PLAYERS; i++) {
        d->players[i].desktop = d;
        if (d->players[i].name[0])
            ok = appear(&d->players[i].bus, d->address, d->players[i].name, "/org/mpris/MediaPlayer2", on_player,
                        &d->players[i]);
    }
    pthread_mutex_lock(&d->lock);
    d->running = true;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    while (ok && serve(d))
        ;
    d->bus = sd_bus_close_unref(d->bus);
    for (int i = 0; i < MOCK_PLAYERS; i++)
        d->players[i].bus = sd_bus_close_unref(d->players[i].bus);
    return NULL;
}

bool mock_services_start(mock_desktop *d)
{
    d->running = d->stop = false;
    d->n_notify = 0;
    if (pthread_create(&d->thread, NULL, run, d) != 0)
        return false;
    pthread_mutex_lock(&d->lock);
    while (!d->running)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return true;
}

void mock_services_stop(mock_desktop *d)
{
    pthread_mutex_lock(&d->lock);
    d->stop = true;
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
}

bool mock_wait(mock_desktop *d, const int *value, int at_least)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_SECONDS;
    pthread_mutex_lock(&d->lock);
    while (*value < at_least && pthread_cond_timedwait(&d->changed, &d->lock, &until) == 0)
        ;
    bool came = *value >= at_least;
    pthread_mutex_unlock(&d->lock);
    return came;
}
