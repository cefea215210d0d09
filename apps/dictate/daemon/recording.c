/* SPDX-License-Identifier: MIT
 *
 * See recording.h. The listening thread is the only one that reads the capture; everything that others look at lies
 * under one mutex that is held for copies alone. */
#define _GNU_SOURCE
#include "dictate/daemon/recording.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    CHUNK = VOICE_RATE_HZ / 50,
    PRE_ROLL = VOICE_RATE_HZ * 450 / 1000,
    CUES_MAX = 4,
    LATE_MS = 150 /* after the stop, sound that was spoken before it may still be on its way for so long */
};

struct recording {
    recording_options options;
    char *device, *spool_folder, *recovered_path;
    capture *stream;
    pthread_t thread;
    pthread_mutex_t mutex;
    atomic_bool closing, failed;
    _Atomic int64_t begin_us, finish_us; /* 0: not yet */
    spoken_as how;                       /* set before begin_us */

    /* Under the mutex. */
    float *pcm;
    size_t n, capacity;
    voice *voice;
    voice_segment *segments;
    int32_t n_segments, segment_capacity;
    recording_now now;
    double speech_seconds;
    bool no_memory, running;
    int64_t heard_us; /* when the last sample of pcm was spoken; 0: there was none yet */
    struct window {
        int64_t from_us, to_us;
    } cues[CUES_MAX]; /* not told to the voice activity yet */
    int32_t n_cues;
    struct heard_cue {
        int64_t first, end; /* samples in which it is somewhere */
    } heard_cues[CUES_MAX]; /* not taken out of pcm yet */
    int32_t n_heard_cues;

    /* The listening thread's own, and after MAIL_RECORDED the daemon's. */
    spool *spool;
    char trouble[SPOOL_ERROR];
    bool cued;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void post(recording *r, mail_kind kind, int64_t number, int64_t time_us, const char *text)
{
    mailbox_post(r->options.box, &(mail){.kind = kind, .id = r->options.id, .number = number, .time_us = time_us},
                 text);
}

/* ---- from the capture's threads */

static void on_started(void *user, int64_t time_us)
{
    recording *r = user;
    post(r, MAIL_CAPTURE_BEGAN, 0, time_us, NULL);
}

static void on_device(void *user, const char *name, const char *description)
{
    post(user, MAIL_DEVICE, 0, 0, description && description[0] ? description : name);
}

static void on_interrupted(void *user, const char *why)
{
    post(user, MAIL_INTERRUPTED, 0, 0, why);
}

static void on_failed(void *user, const char *why)
{
    recording *r = user;
    atomic_store(&r->failed, true);
    post(r, MAIL_CAPTURE_FAILED, 0, 0, why);
}

/* ---- the listening thread */

/* Under the mutex. */
static bool append(recording *r, const float *pcm, size_t n)
{
    if (r->n + n > r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 16 * VOICE_RATE_HZ;
        while (capacity < r->n + n)
            capacity *= 2;
        float *grown = realloc(r->pcm, capacity * sizeof *grown);
        if (!grown)
            return false;
        r->pcm = grown;
        r->capacity = capacity;
    }
    memcpy(r->pcm + r->n, pcm, n * sizeof *pcm);
    r->n += n;
    return true;
}

static void to_spool(recording *r, const float *pcm, size_t n)
{
    if (r->spool && !r->trouble[0])
        spool_write(r->spool, pcm, n, r->trouble);
}

/* New segments of the voice activity become known. Returns how many. Under the mutex. */
static int32_t take_segments(recording *r)
{
    voice_segment segment;
    int32_t n = 0;
    while (voice_next(r->voice, &segment)) {
        if (r->n_segments == r->segment_capacity) {
            int32_t capacity = r->segment_capacity ? 2 * r->segment_capacity : 16;
            voice_segment *grown = realloc(r->segments, (size_t)capacity * sizeof *grown);
            if (!grown) {
                r->no_memory = true;
                return n;
            }
            r->segments = grown;
            r->segment_capacity = capacity;
        }
        r->segments[r->n_segments++] = segment;
        n++;
    }
    return n;
}

static void announce(recording *r, int32_t first, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        post(r, MAIL_SEGMENT, first + i, 0, NULL);
}

/* A window of the clock as samples, which it is only once there are some. Under the mutex. */
static void mask(recording *r, int64_t from_us, int64_t to_us)
{
    if (!r->running || r->heard_us == 0) {
        if (r->n_cues < CUES_MAX)
            r->cues[r->n_cues++] = (struct window){from_us, to_us};
        return;
    }
    int64_t first = (int64_t)r->n + (from_us - r->heard_us) * VOICE_RATE_HZ / 1000000;
    int64_t end = (int64_t)r->n + (to_us - r->heard_us) * VOICE_RATE_HZ / 1000000;
    if (first < 0)
        first = 0;
    if (end <= first)
        return;
    voice_mask(r->voice, first, end - first);
    if (r->n_heard_cues < CUES_MAX)
        r->heard_cues[r->n_heard_cues++] = (struct heard_cue){first, end};
}

/* Cues whose window has been heard to its end are taken out of the sound, before any of it is decoded. Under the mutex. */
static void remove_cues(recording *r, bool all)
{
    const int64_t after = VOICE_RATE_HZ / 10;
    for (int32_t i = r->n_heard_cues - 1; i >= 0; i--) {
        if (!all && (int64_t)r->n < r->heard_cues[i].end + after)
            continue;
        cue_remove(r->pcm, r->n, r->heard_cues[i].first, r->heard_cues[i].end);
        r->heard_cues[i] = r->heard_cues[--r->n_heard_cues];
    }
}

/* Under the mutex, before the voice activity gets the samples that may hold them. */
static void mask_waiting(recording *r)
{
    int32_t n = r->n_cues;
    r->n_cues = 0;
    for (int32_t i = 0; i < n; i++)
        mask(r, r->cues[i].from_us, r->cues[i].to_us);
}

/* The first moment that counts: what was heard in the pre-roll before it is part of it. */
static void begin(recording *r, int64_t begin_us)
{
    if (r->spool_folder)
        r->spool = spool_create(r->spool_folder, &r->how, r->trouble);
    pthread_mutex_lock(&r->mutex);
    int64_t since = (r->heard_us - begin_us) * VOICE_RATE_HZ / 1000000;
    size_t keep = (size_t)PRE_ROLL + (since > 0 ? (size_t)since : 0);
    if (r->n > keep) {
        memmove(r->pcm, r->pcm + (r->n - keep), keep * sizeof *r->pcm);
        r->n = keep;
    }
    r->running = true;
    mask_waiting(r);
    if (r->n)
        voice_push(r->voice, r->pcm, r->n);
    pthread_mutex_unlock(&r->mutex);
    if (r->n)
        to_spool(r, r->pcm, r->n);
}

/* The cue waits for the first real buffer: before that it would lie about the microphone. Where it can be heard is no
 * speech. */
static void cue(recording *r)
{
    int64_t from_us = 0, to_us = 0;
    r->cued = true;
    if (r->options.cue_volume <= 0 || !cue_play(r->options.system, CUE_START, r->options.cue_volume, &from_us, &to_us)
        || to_us <= from_us)
        return;
    pthread_mutex_lock(&r->mutex);
    mask(r, from_us, to_us);
    pthread_mutex_unlock(&r->mutex);
    post(r, MAIL_CUE, from_us, to_us, NULL);
}

static void take(recording *r, const float *pcm, size_t n, int64_t heard_us)
{
    int32_t first = r->n_segments, n_new = 0;
    pthread_mutex_lock(&r->mutex);
    r->heard_us = heard_us;
    if (!append(r, pcm, n))
        r->no_memory = true;
    else if (r->running) {
        mask_waiting(r);
        voice_push(r->voice, pcm, n);
        remove_cues(r, false);
        n_new = take_segments(r);
    }
    if (r->running)
        r->now = (recording_now){(double)r->n / VOICE_RATE_HZ, voice_level(r->voice), voice_speaking(r->voice)};
    else if (r->n > 4 * (size_t)PRE_ROLL) { /* armed: the pre-roll and a little */
        memmove(r->pcm, r->pcm + r->n - 2 * PRE_ROLL, 2 * PRE_ROLL * sizeof *r->pcm);
        r->n = 2 * PRE_ROLL;
    }
    pthread_mutex_unlock(&r->mutex);
    if (r->running) {
        to_spool(r, pcm, n);
        announce(r, first, n_new);
    }
}

static void finish(recording *r)
{
    pthread_mutex_lock(&r->mutex);
    int32_t first = r->n_segments;
    remove_cues(r, true);
    voice_finish(r->voice);
    int32_t n_new = take_segments(r);
    r->speech_seconds = voice_speech_seconds(r->voice);
    r->now.speech = false;
    pthread_mutex_unlock(&r->mutex);
    announce(r, first, n_new);
    post(r, MAIL_RECORDED, 0, now_us(), r->no_memory ? "out of memory: the end of the recording is missing" : NULL);
}

static void *listen(void *user)
{
    recording *r = user;
    float chunk[CHUNK];
    bool told_end = false;
    for (;;) {
        int64_t at = 0, finish_us = atomic_load(&r->finish_us), begin_us = atomic_load(&r->begin_us);
        size_t n = capture_read(r->stream, chunk, CHUNK, &at);
        if (n)
            take(r, chunk, n, at);
        if (begin_us && !r->running)
            begin(r, begin_us);
        if (r->running && !r->cued && r->heard_us)
            cue(r);
        if (atomic_load(&r->closing))
            break;
        bool ended = capture_ended(r->stream);
        if (n == 0 && finish_us && (ended || now_us() - finish_us > LATE_MS * 1000))
            break;
        if (n == 0 && ended && !told_end && !atomic_load(&r->failed)) {
            told_end = true;
            post(r, MAIL_CAPTURE_ENDED, 0, 0, NULL);
        }
        if (n < CHUNK)
            capture_wait(r->stream, ended ? 5 : 20);
    }
    if (atomic_load(&r->finish_us) && !atomic_load(&r->closing))
        finish(r);
    return NULL;
}

/* ---- the daemon's side */

static void release(recording *r)
{
    capture_close(r->stream);
    voice_free(r->voice);
    pthread_mutex_destroy(&r->mutex);
    free(r->segments);
    free(r->pcm);
    free(r->device);
    free(r->spool_folder);
    free(r->recovered_path);
    free(r);
}

recording *recording_open(const recording_options *options)
{
    recording *r = calloc(1, sizeof *r);
    sigset_t all, old;
    if (!r)
        return NULL;
    r->options = *options;
    r->device = options->device && options->device[0] ? strdup(options->device) : NULL;
    r->spool_folder = options->spool_folder ? strdup(options->spool_folder) : NULL;
    r->voice = voice_create(&options->voice);
    pthread_mutex_init(&r->mutex, NULL);
    const capture_sink sink = {r, on_started, on_device, on_interrupted, on_failed};
    if (r->voice)
        r->stream = capture_start(options->system, r->device, &sink);
    bool started = false;
    if (r->stream) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        started = pthread_create(&r->thread, NULL, listen, r) == 0;
        pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    if (started)
        return r;
    release(r);
    return NULL;
}

void recording_begin(recording *r, int64_t time_us, const spoken_as *how)
{
    r->how = *how;
    atomic_store(&r->begin_us, time_us);
}

void recording_mask(recording *r, int64_t from_us, int64_t to_us)
{
    pthread_mutex_lock(&r->mutex);
    mask(r, from_us, to_us);
    pthread_mutex_unlock(&r->mutex);
}

void recording_finish(recording *r, int64_t time_us)
{
    atomic_store(&r->finish_us, time_us);
    capture_stop(r->stream); /* wakes the listener, too */
}

/* The thread's last deed was to post MAIL_RECORDED. */
void recording_rest(recording *r)
{
    if (!r->stream)
        return;
    pthread_join(r->thread, NULL);
    capture_close(r->stream);
    r->stream = NULL;
}

void recording_close(recording *r, recording_fate fate, const char *reason)
{
    char error[SPOOL_ERROR];
    if (!r)
        return;
    if (r->stream) {
        atomic_store(&r->closing, true);
        capture_stop(r->stream);
        pthread_join(r->thread, NULL);
    }
    if (r->spool && fate == RECORDING_FORGET)
        spool_remove(r->spool);
    else if (r->spool) {
        spool_set_reason(r->spool, reason);
        spool_close(r->spool);
    }
    if (r->recovered_path && fate == RECORDING_FORGET)
        spool_forget(r->recovered_path, error); /* if it cannot be removed now, a later start tries again */
    else if (r->recovered_path)
        spool_mark(r->recovered_path, reason, error);
    release(r);
}

recording *recording_recover(const recording_options *options, const char *path, char error[SPOOL_ERROR])
{
    recording *r = calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->mutex, NULL) != 0) {
        snprintf(error, SPOOL_ERROR, "out of memory");
        free(r);
        return NULL;
    }
    r->options = *options;
    r->recovered_path = strdup(path);
    r->voice = voice_create(&options->voice);
    r->pcm = spool_read(path, &r->n, error);
    if (!r->pcm || !r->voice || !r->recovered_path) {
        if (r->pcm)
            snprintf(error, SPOOL_ERROR, "out of memory");
        release(r);
        return NULL;
    }
    voice_push(r->voice, r->pcm, r->n);
    finish(r);
    return r;
}

recording_now recording_look(recording *r)
{
    pthread_mutex_lock(&r->mutex);
    recording_now now = r->now;
    pthread_mutex_unlock(&r->mutex);
    return now;
}

bool recording_segment(recording *r, int32_t i, voice_segment *segment)
{
    pthread_mutex_lock(&r->mutex);
    bool there = i < r->n_segments;
    if (there)
        *segment = r->segments[i];
    pthread_mutex_unlock(&r->mutex);
    return there;
}

double recording_speech_between(recording *r, int64_t first, int64_t n)
{
    pthread_mutex_lock(&r->mutex);
    double seconds = voice_speech_between(r->voice, first, n);
    pthread_mutex_unlock(&r->mutex);
    return seconds;
}

float *recording_padded(recording *r, int64_t first, int64_t n, size_t *n_padded)
{
    pthread_mutex_lock(&r->mutex);
    if (first < 0)
        first = 0;
    if (first > (int64_t)r->n)
        first = (int64_t)r->n;
    if (n > (int64_t)r->n - first)
        n = (int64_t)r->n - first;
    float *out = malloc((voice_padded((size_t)n) + 1) * sizeof *out);
    if (out)
        *n_padded = voice_pad(r->pcm + first, (size_t)n, out);
    pthread_mutex_unlock(&r->mutex);
    return out;
}

double recording_speech_seconds(recording *r)
{
    pthread_mutex_lock(&r->mutex);
    double seconds = r->speech_seconds;
    pthread_mutex_unlock(&r->mutex);
    return seconds;
}

const char *recording_spool_trouble(recording *r)
{
    return r->trouble;
}
