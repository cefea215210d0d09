/* SPDX-License-Identifier: MIT
 *
 * The microphone where no sound server is. A thread of the capture's own sleeps on the device and on a descriptor that
 * a stop writes to, reads what there is, mixes it to one channel and feeds it.
 *
 * Overruns and a suspended machine are mended in place; a device that is gone is opened anew, with the same rate, after
 * 100 ms, doubling to 1 s, until the recording is stopped. */
#define _GNU_SOURCE
#include "dictate/capture/capture_alsa.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 100, RETRY_MS = 1000, POLLS_MOST = 16, PIECE = 4096, LOOK_MS = 2000 };

typedef struct recorder {
    pthread_t thread;
    capture *stream;
    int stop_fd;
    alsa_pcm from;
    bool interrupted;
    uint8_t *frames; /* (PIECE, n_channels) */
    float mono[PIECE];
} recorder;

static const char *device_name(const capture *stream)
{
    return stream->device ? stream->device : "default";
}

/* ALSA's own way is stderr, which belongs to the screen. */
static void say_nothing(const char *file, int line, const char *function, int failure, const char *format, ...)
{
    (void)file, (void)line, (void)function, (void)failure, (void)format;
}

static void alsa_close(capture_system *system)
{
    alsa_system *a = system->state;
    alsa_cue_end(a);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

static bool alsa_open(capture_system *system, const char *what, char error[CAPTURE_ERROR])
{
    (void)what;
    snd_lib_error_set_handler(say_nothing);
    snd_pcm_t *pcm = NULL;
    int failure = snd_pcm_open(&pcm, "default", SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
    if (failure < 0 && failure != -EBUSY) {
        alsa_why(failure, "default", error);
        return false;
    }
    if (pcm)
        snd_pcm_close(pcm);
    alsa_system *a = calloc(1, sizeof *a);
    if (!a) {
        capture_say(error, "Out of memory while ALSA was opened.");
        return false;
    }
    pthread_mutex_init(&a->lock, NULL);
    system->state = a;
    return true;
}

static bool is_stopped(const recorder *r)
{
    return atomic_load(&r->stream->stop_us) != 0;
}

/* Sleep, at most so long, until a stop. */
static void sleep_ms(recorder *r, int ms)
{
    struct pollfd stop = {.fd = r->stop_fd, .events = POLLIN};
    poll(&stop, 1, ms);
}

static void close_device(recorder *r)
{
    if (r->from.pcm)
        snd_pcm_close(r->from.pcm);
    r->from.pcm = NULL;
    free(r->frames);
    r->frames = NULL;
}

/* 0, or ALSA's error. */
static int open_device(recorder *r)
{
    capture *stream = r->stream;
    int32_t rate_hz = atomic_load_explicit(&stream->rate_hz, memory_order_relaxed);
    int failure = alsa_open_pcm(&r->from, device_name(stream), rate_hz);
    if (failure < 0)
        return failure;
    size_t frame = (size_t)snd_pcm_format_width(r->from.format) / 8 * r->from.n_channels;
    r->frames = calloc(PIECE, frame); /* a device may leave them as they are */
    if (!r->frames || (rate_hz == 0 && !capture_feed_rate(stream, r->from.rate_hz)))
        failure = -ENOMEM;
    else
        failure = snd_pcm_start(r->from.pcm);
    if (failure < 0)
        close_device(r);
    return failure < 0 ? failure : 0;
}

/* Until sound, or a stop. Sets *stopping when a stop came; that descriptor is then left out, or it would never sleep.
 * False: the device is gone, or says nothing. */
static bool wait_device(recorder *r, bool *stopping, int timeout_ms)
{
    struct pollfd fds[POLLS_MOST + 1];
    int n = snd_pcm_poll_descriptors_count(r->from.pcm);
    if (n < 0 || n > POLLS_MOST || snd_pcm_poll_descriptors(r->from.pcm, fds, (unsigned)n) != n)
        return false;
    fds[n] = (struct pollfd){.fd = *stopping ? -1 : r->stop_fd, .events = POLLIN};
    int ready = poll(fds, (nfds_t)n + 1, timeout_ms);
    if (ready < 0)
        return errno == EINTR;
    if (fds[n].revents)
        *stopping = true;
    unsigned short events = 0;
    return snd_pcm_poll_descriptors_revents(r->from.pcm, fds, (unsigned)n, &events) >= 0;
}

/* Feed what is there. 1: nothing more is wanted; 0: go on; else ALSA's error. */
static int take(recorder *r)
{
    for (;;) {
        snd_pcm_sframes_t n = snd_pcm_readi(r->from.pcm, r->frames, PIECE);
        if (n == -EAGAIN || n == 0)
            return 0;
        if (n == -EPIPE || n == -ESTRPIPE) {
            int failure = snd_pcm_recover(r->from.pcm, (int)n, 1);
            if (failure < 0 || (failure = snd_pcm_start(r->from.pcm)) < 0)
                return failure;
            return 0;
        }
        if (n < 0)
            return (int)n;
        snd_pcm_sframes_t behind = 0;
        if (snd_pcm_delay(r->from.pcm, &behind) < 0 || behind < 0)
            behind = 0;
        int64_t time_us = clock_now_us() - (n + behind) * INT64_C(1000000) / r->from.rate_hz;
        alsa_mix(&r->from, r->frames, (size_t)n, r->mono);
        if (capture_feed(r->stream, r->mono, (size_t)n, time_us))
            return 1;
    }
}

/* Feeds until the end (true) or until the device fails (*failure). */
static bool record(recorder *r, int *failure)
{
    bool stopping = false;
    for (;;) {
        int64_t stop_us = atomic_load(&r->stream->stop_us);
        int64_t left_us = stop_us ? stop_us + CAPTURE_STOP_BOUND_US - clock_now_us() : LOOK_MS * INT64_C(1000);
        if (left_us <= 0)
            return true;
        if (!wait_device(r, &stopping, (int)(left_us / 1000) + 1)) {
            *failure = -ENODEV;
            return is_stopped(r);
        }
        *failure = take(r);
        if (*failure > 0)
            return true;
        if (*failure < 0)
            return is_stopped(r);
    }
}

static void *record_thread(void *argument)
{
    recorder *r = argument;
    capture *stream = r->stream;
    int wait_ms = RETRY_FIRST_MS;
    for (bool done = false; !done;) {
        char why[CAPTURE_ERROR];
        int failure = open_device(r);
        if (failure == 0) {
            wait_ms = RETRY_FIRST_MS;
            r->interrupted = false;
            capture_tell_device(stream, device_name(stream), device_name(stream));
            done = record(r, &failure);
            close_device(r);
        }
        if (done || is_stopped(r))
            break;
        alsa_why(failure, device_name(stream), why);
        if (!atomic_load(&stream->heard)) {
            capture_tell_failed(stream, why);
            return NULL;
        }
        if (!r->interrupted)
            capture_tell_interrupted(stream, failure == -ENODEV ? "The microphone is gone." : why);
        r->interrupted = true;
        sleep_ms(r, wait_ms);
        wait_ms = wait_ms * 2 < RETRY_MS ? wait_ms * 2 : RETRY_MS;
        done = is_stopped(r);
    }
    capture_feed_end(stream);
    return NULL;
}

static bool alsa_start(capture *stream)
{
    recorder *r = calloc(1, sizeof *r);
    if (!r)
        return false;
    r->stream = stream;
    r->stop_fd = eventfd(0, EFD_CLOEXEC);
    stream->state = r;
    if (r->stop_fd >= 0 && pthread_create(&r->thread, NULL, record_thread, r) == 0)
        return true;
    if (r->stop_fd >= 0)
        close(r->stop_fd);
    free(r);
    return false;
}

static void alsa_stop(capture *stream)
{
    recorder *r = stream->state;
    uint64_t one = 1;
    ssize_t n = write(r->stop_fd, &one, sizeof one);
    (void)n; /* it is written once */
}

static void alsa_end(capture *stream)
{
    recorder *r = stream->state;
    pthread_join(r->thread, NULL);
    close(r->stop_fd);
    free(r);
}

const capture_backend capture_alsa = {"alsa",    alsa_open, alsa_close, alsa_devices, alsa_start,
                                      alsa_stop, alsa_end,  alsa_play,  NULL};
