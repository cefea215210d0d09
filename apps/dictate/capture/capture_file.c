/* SPDX-License-Identifier: MIT
 *
 * A file in place of a microphone, for tests and scripts. A regular file is a sound file and is read from its start by
 * every capture, at the pace of a clock ("file:") or as fast as the reader takes it ("fast:"). A pipe, a FIFO or a
 * character device holds raw s16le samples, 16 kHz, mono, and is read at the pace of whoever writes it.
 *
 * Nothing is lost here: when the ring is full, the thread waits for room instead of dropping. It sleeps on a clock, on
 * the pipe, or on a descriptor of its own that a stop writes to. */
#define _GNU_SOURCE
#include "dictate/capture/capture_inside.h"
#include "dictate/capture/capture_sound.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { FULL_WAIT_US = 5000, PIECE_MOST = 768000 * CAPTURE_FRAGMENT_MS / 1000 };

typedef struct feeder {
    pthread_t thread;
    int stop_fd;
    bool paced;
} feeder;

/* Reader of one capture's file: a sound, or raw samples from fd. */
typedef struct source {
    capture_sound *sound;
    int fd;
    uint8_t odd; /* half a sample that was read */
    bool has_odd;
} source;

static bool is_raw(const struct stat *about)
{
    return S_ISFIFO(about->st_mode) || S_ISCHR(about->st_mode);
}

static bool check_path(const char *path, struct stat *about, char error[CAPTURE_ERROR])
{
    if (stat(path, about) != 0 || access(path, R_OK) != 0)
        capture_say(error, "%.200s cannot be read: %s.", path, strerror(errno));
    else if (!S_ISREG(about->st_mode) && !is_raw(about))
        capture_say(error, "%.200s is neither a file nor a pipe.", path);
    else
        return true;
    return false;
}

static bool file_open(capture_system *system, const char *what, char error[CAPTURE_ERROR])
{
    struct stat about;
    if (!check_path(what, &about, error))
        return false;
    if (S_ISREG(about.st_mode)) {
        capture_sound *sound = capture_sound_open(what, error);
        if (!sound)
            return false;
        capture_sound_close(sound);
    }
    system->state = strdup(what);
    if (!system->state)
        capture_say(error, "%.200s cannot be read: out of memory.", what);
    return system->state != NULL;
}

static void file_close(capture_system *system)
{
    free(system->state);
}

static int32_t file_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR])
{
    int32_t n = 0;
    capture_device *device = capture_device_add(devices, &n);
    if (!device) {
        capture_say(error, "Out of memory while the devices were listed.");
        return -1;
    }
    strncpy(device->name, system->state, CAPTURE_NAME - 1);
    strncpy(device->description, system->state, CAPTURE_NAME - 1);
    device->is_default = true;
    device->rate_hz = CAPTURE_RATE_HZ;
    device->n_channels = 1;
    return n;
}

/* False: a stop came, or already was. */
static bool sleep_until(feeder *f, int64_t until_us)
{
    struct pollfd stop = {.fd = f->stop_fd, .events = POLLIN};
    for (;;) {
        int64_t left_us = until_us - clock_now_us();
        if (left_us < 0)
            left_us = 0;
        struct timespec left = {left_us / 1000000, left_us % 1000000 * 1000};
        int n = ppoll(&stop, 1, &left, NULL);
        if (n > 0)
            return false;
        if (n == 0)
            return true;
    }
}

static bool open_source(capture *stream, source *from)
{
    const char *path = stream->system->state;
    char error[CAPTURE_ERROR];
    struct stat about;
    *from = (source){.fd = -1};
    if (!check_path(path, &about, error)) {
        capture_tell_failed(stream, error);
        return false;
    }
    if (is_raw(&about)) {
        /* without O_NONBLOCK, opening a FIFO would wait for its writer */
        from->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (from->fd < 0)
            capture_say(error, "%.200s cannot be opened: %s.", path, strerror(errno));
    } else {
        from->sound = capture_sound_open(path, error);
    }
    if (from->fd < 0 && !from->sound) {
        capture_tell_failed(stream, error);
        return false;
    }
    return true;
}

/* Raw samples that are there now, waiting for the first. 0: the end, or a stop. */
static size_t read_raw(feeder *f, source *from, float *pcm, size_t n)
{
    uint8_t bytes[2 * CAPTURE_CHUNK];
    size_t have = from->has_odd;
    bytes[0] = from->odd;
    if (n > CAPTURE_CHUNK)
        n = CAPTURE_CHUNK;
    while (have < 2) {
        struct pollfd ready[2] = {{.fd = from->fd, .events = POLLIN}, {.fd = f->stop_fd, .events = POLLIN}};
        if (poll(ready, 2, -1) < 0 && errno != EINTR)
            return 0;
        if (ready[1].revents)
            return 0;
        if (!ready[0].revents)
            continue;
        ssize_t got = read(from->fd, bytes + have, 2 * n - have);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return 0;
        if (got > 0)
            have += (size_t)got;
    }
    for (size_t i = 0; i < have / 2; i++)
        pcm[i] = (float)(int16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8) / 32768.0f;
    from->has_odd = have % 2;
    from->odd = bytes[have - 1];
    return have / 2;
}

/* Push all n, waiting for room. False: nothing more is wanted. */
static bool push(feeder *f, capture *stream, const float *pcm, size_t n, int64_t time_us)
{
    while (capture_ring_room(stream->ring) < n)
        if (!sleep_until(f, clock_now_us() + FULL_WAIT_US))
            return false;
    return !capture_feed(stream, pcm, n, time_us);
}

/* A sound file by the clock: a piece is pushed when its last sample has been spoken. */
static void feed_paced(feeder *f, capture *stream, source *from, float *pcm, int32_t rate_hz)
{
    size_t piece = (size_t)rate_hz * CAPTURE_FRAGMENT_MS / 1000;
    int64_t n_done = 0;
    for (;;) {
        size_t n = capture_sound_read(from->sound, pcm, piece);
        int64_t time_us = stream->begun_us + n_done * 1000000 / rate_hz;
        n_done += (int64_t)n;
        sleep_until(f, stream->begun_us + n_done * 1000000 / rate_hz);
        if (n == 0 || !push(f, stream, pcm, n, time_us))
            return;
    }
}

static void feed_fast(feeder *f, capture *stream, source *from, float *pcm, int32_t rate_hz)
{
    size_t piece = (size_t)rate_hz * CAPTURE_FRAGMENT_MS / 1000;
    for (int64_t n_done = 0;;) {
        size_t n = from->sound ? capture_sound_read(from->sound, pcm, piece) : read_raw(f, from, pcm, piece);
        int64_t length_us = (int64_t)n * 1000000 / rate_hz;
        /* a pipe's samples were spoken just before they came; a file's follow its start */
        int64_t time_us = from->sound ? stream->begun_us + n_done * 1000000 / rate_hz : clock_now_us() - length_us;
        n_done += (int64_t)n;
        if (n == 0 || atomic_load(&stream->stop_us) || !push(f, stream, pcm, n, time_us))
            return;
    }
}

static void *feed_thread(void *argument)
{
    capture *stream = argument;
    feeder *f = stream->state;
    const char *path = stream->system->state;
    source from;
    if (!open_source(stream, &from))
        return NULL;
    int32_t rate_hz = from.sound ? capture_sound_rate_hz(from.sound) : CAPTURE_RATE_HZ;
    float *pcm = malloc(PIECE_MOST * sizeof *pcm);
    if (!pcm || !capture_feed_rate(stream, rate_hz)) {
        char why[CAPTURE_ERROR];
        capture_say(why, "%.200s cannot be read: no memory, or its %d Hz cannot be changed to %d Hz.", path, rate_hz,
                    CAPTURE_RATE_HZ);
        capture_tell_failed(stream, why);
    } else {
        capture_tell_device(stream, path, path);
        if (f->paced && from.sound)
            feed_paced(f, stream, &from, pcm, rate_hz);
        else
            feed_fast(f, stream, &from, pcm, rate_hz);
        capture_feed_end(stream);
    }
    free(pcm);
    capture_sound_close(from.sound);
    if (from.fd >= 0)
        close(from.fd);
    return NULL;
}

static bool start_feeder(capture *stream, bool paced)
{
    feeder *f = calloc(1, sizeof *f);
    if (!f)
        return false;
    f->paced = paced;
    f->stop_fd = eventfd(0, EFD_CLOEXEC);
    stream->state = f;
    if (f->stop_fd >= 0 && pthread_create(&f->thread, NULL, feed_thread, stream) == 0)
        return true;
    if (f->stop_fd >= 0)
        close(f->stop_fd);
    free(f);
    return false;
}

static bool file_start(capture *stream)
{
    return start_feeder(stream, true);
}

static bool file_start_fast(capture *stream)
{
    return start_feeder(stream, false);
}

static void file_stop(capture *stream)
{
    feeder *f = stream->state;
    uint64_t one = 1;
    ssize_t n = write(f->stop_fd, &one, sizeof one);
    (void)n; /* it is written once */
}

static void file_end(capture *stream)
{
    feeder *f = stream->state;
    file_stop(stream);
    pthread_join(f->thread, NULL);
    close(f->stop_fd);
    free(f);
}

static bool file_play(capture_system *system, const float *pcm, size_t n, int64_t *start_us, int64_t *end_us)
{
    (void)system, (void)pcm, (void)n, (void)start_us, (void)end_us;
    return false;
}

const capture_backend capture_file = {"file",    file_open, file_close, file_devices, file_start,
                                      file_stop, file_end,  file_play,  NULL};
const capture_backend capture_file_fast = {"file",    file_open, file_close, file_devices, file_start_fast,
                                           file_stop, file_end,  file_play,  NULL};
