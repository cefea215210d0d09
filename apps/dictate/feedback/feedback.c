/* SPDX-License-Identifier: MIT
 *
 * Notifications and media players: see feedback.h. Callers leave what they want in a box and wake the thread; the newest wish
 * of each kind wins, which is right for both: a notification replaces the one before it, and players that are to be paused
 * again before they were resumed just stay paused. So nothing queues up behind a bus that hangs.
 *
 * The connection is kept while we live: some desktops take a notification away with its sender. A bus that died is noticed at
 * the next wish at the latest, and that wish is tried once more on a new connection. */
#define _GNU_SOURCE
#include "dictate/feedback/feedback.h"

#include "common/visible.h"
#include "dictate/feedback/bus_link.h"
#include "dictate/feedback/media.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TITLE_BYTES = 200, BODY_BYTES = 1000, ESCAPED_BYTES = 6 * BODY_BYTES, FREE_MS = 1000 };

typedef enum media_wish { MEDIA_NOTHING, MEDIA_PAUSE, MEDIA_RESUME } media_wish;

typedef struct wishes {
    bool notify, urgent;
    char title[TITLE_BYTES], body[BODY_BYTES];
    media_wish media;
} wishes;

struct feedback {
    pthread_t thread;
    pthread_mutex_t lock; /* guards box, stopping and finished */
    pthread_cond_t changed;
    wishes box;
    bool stopping, finished;
    int wake_fd, give_up_fd;
    char *address;
    /* the thread's alone */
    bus_link link;
    media players;
    bus_call notify_call; /* its answer may come late */
    uint32_t notification;
};

static void wake(int fd)
{
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static bool has_body_markup(bus_link *link)
{
    bus_call call;
    const char *name;
    bool answered, found = false;
    bus_send(link, &call,
             bus_method(link, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                        "org.freedesktop.Notifications", "GetCapabilities"));
    bus_wait(link, &call, 1);
    answered = call.reply != NULL;
    if (call.reply && sd_bus_message_enter_container(call.reply, 'a', "s") > 0)
        while (sd_bus_message_read(call.reply, "s", &name) > 0)
            found = found || strcmp(name, "body-markup") == 0;
    bus_call_finish(&call);
    return found || !answered;
}

static void escape(char out[ESCAPED_BYTES], const char *text)
{
    size_t n = 0;
    for (; *text && n + 6 < ESCAPED_BYTES; text++) {
        const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (!entity)
            out[n++] = *text;
        while (entity && *entity)
            out[n++] = *entity++;
    }
    out[n] = 0;
}

static void take_notification_number(feedback *f)
{
    uint32_t number;
    if (f->notify_call.reply && sd_bus_message_read(f->notify_call.reply, "u", &number) > 0)
        f->notification = number;
    bus_call_finish(&f->notify_call);
}

/* False: the bus is gone. */
static bool notify(feedback *f, const wishes *wish)
{
    char body[ESCAPED_BYTES];
    if (has_body_markup(&f->link))
        escape(body, wish->body);
    else
        snprintf(body, sizeof body, "%s", wish->body);
    if (!f->notify_call.done)
        bus_wait(&f->link, &f->notify_call, 1);
    take_notification_number(f);
    sd_bus_message *request = bus_method(&f->link, "org.freedesktop.Notifications", "/org/freedesktop/Notifications",
                                         "org.freedesktop.Notifications", "Notify");
    if (request
        && sd_bus_message_append(request, "susssasa{sv}i", "ctrlspeak", f->notification, "audio-input-microphone",
                                 wish->title, body, 0, 2, "urgency", "y", wish->urgent ? 2 : 1, "desktop-entry", "s",
                                 "ctrlspeak", -1)
               < 0)
        request = sd_bus_message_unref(request);
    bus_send(&f->link, &f->notify_call, request);
    return bus_wait(&f->link, &f->notify_call, 1);
}

static void grant(feedback *f, wishes *wish)
{
    for (int tries = 0; tries < 2 && (wish->notify || wish->media); tries++) {
        if (!bus_open(&f->link, NULL))
            return;
        if (wish->media == MEDIA_NOTHING
            || (wish->media == MEDIA_PAUSE ? media_pause : media_resume)(&f->players, &f->link))
            wish->media = MEDIA_NOTHING;
        else
            continue;
        if (wish->notify && notify(f, wish))
            wish->notify = false;
    }
}

/* Until there is something in the box, or an end. What the bus sends meanwhile is taken. */
static void sleep_until_woken(feedback *f)
{
    uint64_t n;
    int events = f->link.bus ? sd_bus_get_events(f->link.bus) : 0;
    struct pollfd fds[2] = {
        {.fd = f->wake_fd, .events = POLLIN},
        {.fd = f->link.bus ? sd_bus_get_fd(f->link.bus) : -1, .events = (short)(events < 0 ? 0 : events)}};
    poll(fds, 2, -1);
    if (fds[0].revents && read(f->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN)
        return;
    if (f->link.bus)
        bus_process(&f->link);
}

static void *run(void *user)
{
    feedback *f = user;
    for (bool stopping = false; !stopping;) {
        pthread_mutex_lock(&f->lock);
        wishes wish = f->box;
        f->box = (wishes){0};
        stopping = f->stopping;
        pthread_mutex_unlock(&f->lock);
        if (stopping && f->players.n_paused > 0)
            wish.media = MEDIA_RESUME; /* nobody's music stays silent because we went */
        grant(f, &wish);
        if (!stopping)
            sleep_until_woken(f);
    }
    bus_call_finish(&f->notify_call);
    bus_close(&f->link);
    pthread_mutex_lock(&f->lock);
    f->finished = true;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static int start_thread(feedback *f)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&f->thread, NULL, run, f);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

static void dispose(feedback *f)
{
    if (f->wake_fd >= 0)
        close(f->wake_fd);
    if (f->give_up_fd >= 0)
        close(f->give_up_fd);
    pthread_cond_destroy(&f->changed);
    pthread_mutex_destroy(&f->lock);
    free(f->address);
    free(f);
}

feedback *feedback_create(const char *address)
{
    feedback *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&f->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&f->lock, NULL);
    f->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->give_up_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f->address = address ? strdup(address) : NULL;
    f->link = (bus_link){.address = f->address, .stop_fd = f->give_up_fd};
    f->notify_call.done = true;
    if (f->wake_fd < 0 || f->give_up_fd < 0 || (address && !f->address) || start_thread(f) != 0) {
        dispose(f);
        return NULL;
    }
    return f;
}

void feedback_notify(feedback *f, const char *title, const char *body, bool urgent)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->box.notify = true;
    f->box.urgent = urgent;
    visible_clean(f->box.title, sizeof f->box.title, title, false);
    visible_clean(f->box.body, sizeof f->box.body, body, true);
    pthread_mutex_unlock(&f->lock);
    wake(f->wake_fd);
}

static void wish_media(feedback *f, media_wish wish)
{
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->box.media = wish;
    pthread_mutex_unlock(&f->lock);
    wake(f->wake_fd);
}

void feedback_pause_media(feedback *f)
{
    wish_media(f, MEDIA_PAUSE);
}

void feedback_resume_media(feedback *f)
{
    wish_media(f, MEDIA_RESUME);
}

bool feedback_probe(const char *address, char why[200])
{
    bus_link link = {.address = address, .stop_fd = -1};
    bool ok = bus_open(&link, why);
    bus_close(&link);
    return ok;
}

void feedback_free(feedback *f)
{
    if (!f)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FREE_MS / 1000;
    pthread_mutex_lock(&f->lock);
    f->stopping = true;
    wake(f->wake_fd);
    while (!f->finished && pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
        ;
    pthread_mutex_unlock(&f->lock);
    wake(f->give_up_fd);
    pthread_join(f->thread, NULL);
    dispose(f);
}
