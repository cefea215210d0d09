/* SPDX-License-Identifier: MIT
 *
 * What all key sources share: the thread and its end, the clock. */
#define _GNU_SOURCE
#include "dictate/keys/keys_source.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

void keys_post(const keys *source, int64_t time_us, gesture_key key, key_action action)
{
    source->sink.key(source->sink.user, &(key_event){.time_us = time_us, .key = key, .action = action});
}

static void *run(void *user)
{
    keys *source = user;
    source->run(source);
    return NULL;
}

/* Signals are the owner's: the thread is born with all of them blocked. */
static int begin_thread(keys *source)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&source->thread, NULL, run, source);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

bool keys_begin(keys *source, char error[KEYS_ERROR])
{
    int failed = 0;
    source->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (source->stop_fd >= 0)
        failed = begin_thread(source);
    if (source->stop_fd >= 0 && !failed)
        return true;
    snprintf(error, KEYS_ERROR, "The thread that reads keys from %s cannot be started: %s", source->name,
             failed ? strerror(failed) : "no event descriptor is left");
    if (source->stop_fd >= 0)
        close(source->stop_fd);
    source->finish(source);
    return false;
}

const char *keys_name(const keys *source)
{
    return source->name;
}

void keys_close(keys *source)
{
    if (!source)
        return;
    eventfd_write(source->stop_fd, 1);
    pthread_join(source->thread, NULL);
    close(source->stop_fd);
    source->finish(source);
}
