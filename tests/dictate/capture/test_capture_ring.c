/* SPDX-License-Identifier: MIT
 *
 * The ring alone and with a thread on either side; what a full ring does; the resampler in pieces against the whole. */
#define _GNU_SOURCE
#include "capture_kit.h"

#include <sched.h>
#include <sys/eventfd.h>

static void gives_back_what_was_written(void)
{
    capture_ring *ring = capture_ring_create(1024);
    float in[700], out[1024];
    for (int round = 0; round < 50; round++) {
        size_t n = (size_t)(round * 37 % 700);
        for (size_t i = 0; i < n; i++)
            in[i] = (float)(round * 1000 + (int)i);
        CHECK_INT(capture_ring_write(ring, in, n, 0, 16000), n);
        CHECK_INT(capture_ring_filled(ring), n);
        CHECK_INT(capture_ring_read(ring, out, 1024), n);
        CHECK(memcmp(in, out, n * sizeof *in) == 0);
    }
    CHECK_INT(capture_ring_write(ring, NULL, 10, 0, 16000), 10);
    CHECK_INT(capture_ring_read(ring, out, 1024), 10);
    CHECK(out[0] == 0 && out[9] == 0);
    capture_ring_free(ring);
}

static void takes_no_more_than_it_holds(void)
{
    capture_ring *ring = capture_ring_create(1024);
    float in[1500] = {0}, out[1500];
    for (int i = 0; i < 1500; i++)
        in[i] = (float)i;
    CHECK_INT(capture_ring_write(ring, in, 1000, 0, 16000), 1000);
    CHECK_INT(capture_ring_room(ring), 24);
    CHECK_INT(capture_ring_write(ring, in + 1000, 500, 0, 16000), 24);
    CHECK_INT(capture_ring_write(ring, in, 1, 0, 16000), 0);
    CHECK_INT(capture_ring_read(ring, out, 1500), 1024);
    CHECK(memcmp(in, out, 1024 * sizeof *in) == 0);
    capture_ring_free(ring);
}

static void dates_every_sample(void)
{
    capture_ring *ring = capture_ring_create(4096);
    float pcm[2048] = {0};
    /* 2048 samples from 1 s on; then, after a gap of 9 s, 2048 more */
    capture_ring_write(ring, pcm, 2048, 1000000, 16000);
    capture_ring_write(ring, pcm, 2048, 10000000, 16000);
    capture_ring_read(ring, pcm, 100);
    CHECK_INT(capture_ring_time_us(ring, 100, 16000), 1000000 + 100 * 1000 / 16);
    capture_ring_read(ring, pcm, 1900);
    CHECK_INT(capture_ring_time_us(ring, 2000, 16000), 1000000 + 2000 * 1000 / 16);
    capture_ring_read(ring, pcm, 1000);
    CHECK_INT(capture_ring_time_us(ring, 3000, 16000), 10000000 + (3000 - 2048) * 1000 / 16);
    capture_ring_free(ring);
}

enum { MANY = 3000000 };

static void *write_many(void *user)
{
    capture_ring *ring = user;
    float pcm[960];
    uint32_t seed = 1;
    for (int done = 0; done < MANY;) {
        seed = seed * 1664525u + 1013904223u;
        int n = (int)(seed >> 8) % 960 + 1;
        if (n > MANY - done)
            n = MANY - done;
        for (int i = 0; i < n; i++)
            pcm[i] = (float)((done + i) % 65521);
        /* sample k is spoken at k * 100 us */
        int taken = (int)capture_ring_write(ring, pcm, (size_t)n, done * INT64_C(100), 10000);
        done += taken;
        if (taken < n)
            sched_yield();
    }
    return NULL;
}

static void two_threads_lose_nothing(void)
{
    capture_ring *ring = capture_ring_create(4096);
    pthread_t writer;
    float pcm[1024];
    int done = 0, wrong = 0, wrong_time = 0;
    pthread_create(&writer, NULL, write_many, ring);
    while (done < MANY) {
        int n = (int)capture_ring_read(ring, pcm, (size_t)(done % 1000) + 1);
        if (n == 0)
            sched_yield();
        for (int i = 0; i < n; i++)
            wrong += pcm[i] != (float)((done + i) % 65521);
        done += n;
        if (n > 0) {
            int64_t off = capture_ring_time_us(ring, done, 10000) - done * INT64_C(100);
            wrong_time += off < -1 || off > 1;
        }
    }
    pthread_join(writer, NULL);
    CHECK_INT(wrong, 0);
    CHECK_INT(wrong_time, 0);
    CHECK_INT(capture_ring_filled(ring), 0);
    capture_ring_free(ring);
}

/* A capture without a backend. */
static capture fed_by_hand(size_t ring_samples, int32_t rate_hz)
{
    capture stream = {.ring = capture_ring_create(ring_samples), .event_fd = eventfd(0, EFD_NONBLOCK)};
    CHECK(capture_feed_rate(&stream, rate_hz));
    return stream;
}

static void done_by_hand(capture *stream)
{
    close(stream->event_fd);
    capture_rate_free(stream->rate);
    capture_ring_free(stream->ring);
    free(stream->waiting);
}

static void overflow_is_counted(void)
{
    capture stream = fed_by_hand(1024, 16000);
    float pcm[3000];
    kit_noise(pcm, 3000, 3);
    CHECK(!capture_feed(&stream, pcm, 1000, 0));
    CHECK_INT(capture_dropped(&stream), 0);
    CHECK(!capture_feed(&stream, pcm + 1000, 2000, 0));
    CHECK_INT(capture_dropped(&stream), 1976);
    float out[3000];
    CHECK_INT(capture_read(&stream, out, 3000, NULL), 1024);
    CHECK(memcmp(pcm, out, 1024 * sizeof *pcm) == 0);
    done_by_hand(&stream);
}

static void a_stop_cuts_where_it_was(void)
{
    capture stream = fed_by_hand(65536, 16000);
    float pcm[16000] = {0}, out[16000];
    atomic_store(&stream.stop_us, 5000000);
    CHECK(!capture_feed(&stream, pcm, 1600, 4800000)); /* all before */
    CHECK(capture_feed(&stream, pcm, 8000, 4900000));  /* 100 ms before it, 400 ms after */
    capture_feed_end(&stream);
    size_t n = capture_read(&stream, out, 16000, NULL);
    CHECK_INT(n, 1600 + 1600 + CAPTURE_STOP_SLACK_US * 16 / 1000);
    CHECK_INT(capture_read(&stream, out, 16000, NULL), 0);
    CHECK(capture_ended(&stream));
    done_by_hand(&stream);

    stream = fed_by_hand(65536, 16000);
    atomic_store(&stream.stop_us, 5000000);
    CHECK(capture_feed(&stream, pcm, 1600, 6000000)); /* all of it is later */
    CHECK_INT(capture_ring_filled(stream.ring), 0);
    done_by_hand(&stream);
}

static void pieces_make_the_same_as_the_whole(void)
{
    static const int32_t rates[] = {8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000};
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++) {
        size_t n = (size_t)rates[k] * 3 / 2, n_whole, n_pieces = 0, piece = 1;
        float *pcm = malloc(n * sizeof *pcm);
        kit_noise(pcm, n, 7);
        float *whole = kit_resample(pcm, n, rates[k], &n_whole);
        CHECK_NEAR((double)n_whole, (double)n * 16000 / rates[k], 1);
        capture_rate *rate = capture_rate_create(rates[k]);
        float *pieces = malloc((n_whole + 20000) * sizeof *pieces);
        size_t longest_wait = 0;
        for (size_t at = 0; at < n; at += piece) {
            piece = piece * 7 % 1024 + 1;
            if (piece > n - at)
                piece = n - at;
            n_pieces += capture_rate_run(rate, pcm + at, piece, pieces + n_pieces, 20000);
            size_t given = (size_t)((double)(at + piece) * 16000 / rates[k]);
            if (given > n_pieces && given - n_pieces > longest_wait)
                longest_wait = given - n_pieces;
        }
        size_t now;
        while ((now = capture_rate_run(rate, NULL, 0, pieces + n_pieces, 10000)) > 0)
            n_pieces += now;
        CHECK_INT(n_pieces, n_whole);
        double worst = 0;
        for (size_t i = 0; i < n_whole && i < n_pieces; i++)
            worst = fmax(worst, fabs((double)(whole[i] - pieces[i])));
        CHECK_NEAR(worst, 0, 1e-6);
        printf("# %d Hz: at most %.1f ms of sound inside the resampler\n", rates[k], (double)longest_wait / 16);
        capture_rate_free(rate);
        free(pcm);
        free(whole);
        free(pieces);
    }
}

int main(void)
{
    RUN(gives_back_what_was_written);
    RUN(takes_no_more_than_it_holds);
    RUN(dates_every_sample);
    RUN(two_threads_lose_nothing);
    RUN(overflow_is_counted);
    RUN(a_stop_cuts_where_it_was);
    if (capture_rate_can_change())
        RUN(pieces_make_the_same_as_the_whole);
    return check_done();
}
