/* SPDX-License-Identifier: MIT
 *
 * For the tests of capture: a thread that reads a capture to its end, a sink that remembers what it was told, a noise
 * that can be recognised, and what a process holds (threads, descriptors). */
#ifndef CAPTURE_KIT_H
#define CAPTURE_KIT_H

#include "check.h"
#include "dictate/capture/capture.h"
#include "dictate/capture/capture_inside.h"
#include "dictate/capture/cue.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <sndfile.h>
#include <time.h>
#include <unistd.h>

typedef struct kit_events {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n_started, n_device, n_interrupted, n_failed;
    int64_t started_us;
    char device[CAPTURE_NAME], why[CAPTURE_ERROR];
} kit_events;

typedef struct kit_recording {
    kit_events events;
    capture *stream;
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t grown;
    float *pcm;
    size_t n, room;
    int64_t last_us;  /* of the last sample, as told */
    int64_t ended_us; /* when the reader saw the end */
} kit_recording;

static inline void kit_started(void *user, int64_t time_us)
{
    kit_events *e = user;
    pthread_mutex_lock(&e->lock);
    e->n_started++;
    e->started_us = time_us;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static inline void kit_device(void *user, const char *name, const char *description)
{
    kit_events *e = user;
    (void)description;
    pthread_mutex_lock(&e->lock);
    e->n_device++;
    snprintf(e->device, sizeof e->device, "%s", name);
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static inline void kit_interrupted(void *user, const char *why)
{
    kit_events *e = user;
    pthread_mutex_lock(&e->lock);
    e->n_interrupted++;
    snprintf(e->why, sizeof e->why, "%s", why);
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

static inline void kit_failed(void *user, const char *why)
{
    kit_events *e = user;
    pthread_mutex_lock(&e->lock);
    e->n_failed++;
    snprintf(e->why, sizeof e->why, "%s", why);
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

/* Waits for a condition to become true, for as long as a test may hang. 0: it did not. */
#define KIT_WAIT(mutex, cond, condition)                                             \
    do {                                                                             \
        struct timespec kit_until;                                                   \
        clock_gettime(CLOCK_REALTIME, &kit_until);                                   \
        kit_until.tv_sec += 20;                                                      \
        pthread_mutex_lock(mutex);                                                   \
        while (!(condition) && pthread_cond_timedwait(cond, mutex, &kit_until) == 0) \
            ;                                                                        \
        CHECK(condition);                                                            \
        pthread_mutex_unlock(mutex);                                                 \
    } while (0)
#define KIT_WAIT_EVENT(recording, condition) \
    KIT_WAIT(&(recording)->events.lock, &(recording)->events.changed, condition)
#define KIT_WAIT_SAMPLES(recording, count) KIT_WAIT(&(recording)->lock, &(recording)->grown, (recording)->n >= (count))

static inline void *kit_read_thread(void *user)
{
    kit_recording *r = user;
    float pcm[777];
    while (!capture_ended(r->stream)) {
        int64_t time_us = 0;
        capture_wait(r->stream, 1000);
        size_t n = capture_read(r->stream, pcm, 777, &time_us);
        if (n == 0)
            continue;
        pthread_mutex_lock(&r->lock);
        if (r->n + n > r->room) {
            r->room = 2 * (r->n + n);
            r->pcm = realloc(r->pcm, r->room * sizeof *r->pcm);
            if (!r->pcm)
                abort();
        }
        memcpy(r->pcm + r->n, pcm, n * sizeof *pcm);
        r->n += n;
        r->last_us = time_us;
        pthread_cond_broadcast(&r->grown);
        pthread_mutex_unlock(&r->lock);
    }
    r->ended_us = clock_now_us();
    return NULL;
}

/* Starts a capture and its reader. */
static inline void kit_start(kit_recording *r, capture_system *system, const char *device)
{
    memset(r, 0, sizeof *r);
    pthread_mutex_init(&r->events.lock, NULL);
    pthread_cond_init(&r->events.changed, NULL);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->grown, NULL);
    capture_sink sink = {&r->events, kit_started, kit_device, kit_interrupted, kit_failed};
    r->stream = capture_start(system, device, &sink);
    if (!CHECK(r->stream != NULL))
        abort();
    pthread_create(&r->reader, NULL, kit_read_thread, r);
}

/* After a stop, or where the capture ends by itself: reads to the end. The stream stays open. */
static inline void kit_join(kit_recording *r)
{
    pthread_join(r->reader, NULL);
    CHECK(capture_ended(r->stream));
}

static inline void kit_free(kit_recording *r)
{
    capture_close(r->stream);
    free(r->pcm);
    pthread_mutex_destroy(&r->events.lock);
    pthread_cond_destroy(&r->events.changed);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->grown);
}

/* Lets what is on its way arrive: a fifth of a second more. */
static inline void kit_settle(kit_recording *r)
{
    pthread_mutex_lock(&r->lock);
    size_t n = r->n + CAPTURE_RATE_HZ / 5;
    pthread_mutex_unlock(&r->lock);
    KIT_WAIT_SAMPLES(r, n);
}

/* Noise that lies below 1 kHz (at 48 kHz), where a shift by part of a sample changes little. */
static inline void kit_noise(float *pcm, size_t n, uint32_t seed)
{
    float slow = 0, slower = 0;
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        slow = 0.93f * slow + 0.07f * ((float)(seed >> 8) / 8388608.0f - 1.0f);
        slower = 0.93f * slower + 0.07f * slow;
        pcm[i] = 2.0f * slower;
    }
}

static inline int kit_write_wav(const char *path, const float *pcm, size_t n, int rate_hz, int n_channels)
{
    SF_INFO info = {.samplerate = rate_hz, .channels = n_channels, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file)
        return -1;
    sf_count_t written = sf_writef_float(file, pcm, (sf_count_t)n);
    sf_close(file);
    return written == (sf_count_t)n ? 0 : -1;
}

/* The whole at once to 16 kHz; *made samples, the caller frees. */
static inline float *kit_resample(const float *pcm, size_t n, int32_t rate_hz, size_t *made)
{
    capture_rate *rate = capture_rate_create(rate_hz);
    size_t room = capture_rate_room(rate, n) + 16384, now;
    float *out = malloc(room * sizeof *out);
    if (!rate || !out)
        abort();
    *made = capture_rate_run(rate, pcm, n, out, room);
    while ((now = capture_rate_run(rate, NULL, 0, out + *made, room - *made)) > 0)
        *made += now;
    capture_rate_free(rate);
    return out;
}

static inline double kit_correlation(const float *a, const float *b, size_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < n; i++) {
        ab += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}

/* Where in heard the first of said's samples lies (the best match of 1024 of them); -1: nowhere. */
static inline long kit_find(const float *heard, size_t n_heard, const float *said, size_t from)
{
    double best = 0;
    long at = -1;
    for (size_t i = 0; i + 1024 <= n_heard; i++) {
        double now = kit_correlation(heard + i, said + from, 1024);
        if (now > best) {
            best = now;
            at = (long)i;
        }
    }
    if (best <= 0.9)
        printf("# best match %.3f at %ld of %zu\n", best, at, n_heard);
    return best > 0.9 ? at : -1;
}

/* The length of the stretch from which on heard equals said, window by window, at one and the same shift. */
static inline size_t kit_same(const float *heard, size_t n_heard, const float *said, size_t n_said, long at)
{
    size_t i = 0;
    while (i + 256 <= n_said && (size_t)at + i + 256 <= n_heard
           && kit_correlation(heard + at + i, said + i, 256) > 0.98)
        i += 256;
    return i;
}

static inline int kit_entries(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

static inline int kit_n_threads(void)
{
    return kit_entries("/proc/self/task");
}

static inline int kit_n_descriptors(void)
{
    return kit_entries("/proc/self/fd");
}

#endif
