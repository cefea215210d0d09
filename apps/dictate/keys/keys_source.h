/* SPDX-License-Identifier: MIT
 *
 * Inside this folder: what every source begins with. A source is opened by its own function, which ends with
 * keys_begin(); from then on run() has a thread of its own until stop_fd is readable or the source is lost. */
#ifndef DICTATE_KEYS_SOURCE_H
#define DICTATE_KEYS_SOURCE_H

#include "common/clock.h"
#include "dictate/keys/keys.h"

#include <pthread.h>

struct keys {
    const char *name;
    keys_sink sink;
    int stop_fd; /* readable: the thread is to end */
    pthread_t thread;
    void (*run)(keys *source);
    void (*finish)(keys *source); /* closes and frees all but stop_fd, the struct included */
};

/* False: error tells, and finish() was called. */
bool keys_begin(keys *source, char error[KEYS_ERROR]);
void keys_post(const keys *source, int64_t time_us, gesture_key key, key_action action);

#endif
