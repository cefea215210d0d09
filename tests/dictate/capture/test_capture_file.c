/* SPDX-License-Identifier: MIT
 *
 * A file or a pipe as the microphone: what is read is what is in it, at any rate; a stop keeps what was before it; what
 * is wrong is said in one sentence. */
#define _GNU_SOURCE
#include "capture_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static char folder[] = "/tmp/capture-file-XXXXXX";
static char path[256], name[300], error[CAPTURE_ERROR];

/* A file in the folder, as a source's name. */
static void name_it(const char *pace, const char *file)
{
    snprintf(path, sizeof path, "%s/%s", folder, file);
    snprintf(name, sizeof name, "%s:%s", pace, path);
}

static void a_file_is_read_whole(void)
{
    static const int rates[] = {8000, 16000, 44100, 48000};
    for (int k = 0; k < 4; k++) {
        size_t n = (size_t)rates[k] * 2 + 123, n_said;
        float *pcm = malloc(n * sizeof *pcm);
        kit_noise(pcm, n, 5);
        name_it("fast", "whole.wav");
        CHECK_INT(kit_write_wav(path, pcm, n, rates[k], 1), 0);
        float *said = kit_resample(pcm, n, rates[k], &n_said);
        capture_system *system = capture_system_open(name, error);
        CHECK(system != NULL);
        CHECK_STR(capture_system_name(system), "file");
        kit_recording r;
        kit_start(&r, system, NULL);
        kit_join(&r);
        CHECK_INT(r.n, n_said);
        CHECK(r.n == n_said && kit_correlation(r.pcm, said, r.n) > 0.99999);
        CHECK_INT(r.events.n_started, 1);
        CHECK_INT(r.events.n_device, 1);
        CHECK_STR(r.events.device, path);
        CHECK_INT(r.events.n_failed + r.events.n_interrupted, 0);
        CHECK_INT(capture_dropped(r.stream), 0);
        /* the last sample's time: the start and the length */
        CHECK_NEAR((double)(r.last_us - r.events.started_us), (double)n * 1e6 / rates[k], 200);
        kit_free(&r);
        capture_system_close(system);
        free(pcm);
        free(said);
    }
}

static void channels_are_averaged(void)
{
    float frames[3200];
    for (int i = 0; i < 1600; i++) {
        frames[2 * i] = 0.5f;
        frames[2 * i + 1] = -0.25f;
    }
    name_it("fast", "stereo.wav");
    CHECK_INT(kit_write_wav(path, frames, 1600, 16000, 2), 0);
    capture_system *system = capture_system_open(name, error);
    kit_recording r;
    kit_start(&r, system, NULL);
    kit_join(&r);
    CHECK_INT(r.n, 1600);
    CHECK_NEAR(r.pcm[800], 0.125, 1e-4);
    kit_free(&r);
    capture_system_close(system);
}

/* More than the ring holds: the file waits for the reader. */
static void a_slow_reader_loses_nothing(void)
{
    size_t n = CAPTURE_RING_SAMPLES + 100000;
    float *pcm = malloc(n * sizeof *pcm);
    kit_noise(pcm, n, 11);
    name_it("fast", "long.wav");
    CHECK_INT(kit_write_wav(path, pcm, n, 16000, 1), 0);
    capture_system *system = capture_system_open(name, error);
    capture_sink sink = {0};
    capture *stream = capture_start(system, NULL, &sink);
    while (capture_ring_filled(stream->ring) < CAPTURE_RING_SAMPLES - 320)
        usleep(1000);
    size_t done = 0, wrong = 0;
    float out[4096];
    while (!capture_ended(stream)) {
        capture_wait(stream, 1000);
        size_t now = capture_read(stream, out, 4096, NULL);
        for (size_t i = 0; i < now && done + i < n; i++)
            wrong += fabsf(out[i] - pcm[done + i]) > 1e-4f;
        done += now;
    }
    CHECK_INT(done, n);
    CHECK_INT(wrong, 0);
    CHECK_INT(capture_dropped(stream), 0);
    capture_close(stream);
    capture_system_close(system);
    free(pcm);
}

static void a_stop_keeps_what_was_before(void)
{
    size_t n = 48000 * 30, n_said;
    float *pcm = malloc(n * sizeof *pcm);
    kit_noise(pcm, n, 13);
    name_it("file", "paced.wav");
    CHECK_INT(kit_write_wav(path, pcm, n, 48000, 1), 0);
    float *said = kit_resample(pcm, n, 48000, &n_said);
    capture_system *system = capture_system_open(name, error);
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_SAMPLES(&r, 4000);
    int64_t before_us = clock_now_us();
    capture_stop(r.stream);
    int64_t after_us = clock_now_us();
    kit_join(&r);
    /* all that was spoken until the stop, and little more */
    CHECK((int64_t)r.n >= (before_us - r.stream->begun_us) * 16 / 1000 - 1);
    CHECK((int64_t)r.n <= (after_us + CAPTURE_STOP_SLACK_US - r.stream->begun_us) * 16 / 1000 + 1);
    CHECK(kit_same(r.pcm, r.n, said, n_said, 0) + 512 > r.n);
    capture_stop(r.stream); /* again: nothing happens */
    CHECK(capture_ended(r.stream));
    kit_free(&r);
    capture_system_close(system);
    free(pcm);
    free(said);
}

static void *write_pipe(void *user)
{
    const float *pcm = user;
    int fd = open(path, O_WRONLY);
    for (size_t i = 0; i < 20000; i++) {
        int16_t value = (int16_t)lrintf(pcm[i] * 32767);
        uint8_t bytes[2] = {(uint8_t)value, (uint8_t)((uint16_t)value >> 8)};
        /* halves of samples, to be put together again */
        if (write(fd, bytes, 1) != 1 || write(fd, bytes + 1, 1) != 1)
            break;
    }
    close(fd);
    return NULL;
}

static void a_pipe_is_raw_samples(void)
{
    float pcm[20000];
    kit_noise(pcm, 20000, 17);
    name_it("file", "pipe");
    CHECK_INT(mkfifo(path, 0600), 0);
    capture_system *system = capture_system_open(name, error);
    kit_recording r;
    for (int round = 0; round < 2; round++) {
        pthread_t writer;
        kit_start(&r, system, NULL); /* returns although nobody writes yet */
        pthread_create(&writer, NULL, write_pipe, pcm);
        pthread_join(writer, NULL);
        kit_join(&r);
        CHECK_INT(r.n, 20000);
        CHECK(r.n == 20000 && kit_correlation(r.pcm, pcm, r.n) > 0.9999);
        kit_free(&r);
    }
    capture_system_close(system);
}

static void a_silent_pipe_can_be_left(void)
{
    name_it("file", "silent");
    CHECK_INT(mkfifo(path, 0600), 0);
    capture_system *system = capture_system_open(name, error);
    capture_sink sink = {0};
    capture *stream = capture_start(system, NULL, &sink);
    float out[16];
    capture_wait(stream, 1);
    CHECK_INT(capture_read(stream, out, 16, NULL), 0);
    CHECK(!capture_ended(stream));
    capture_stop(stream);
    while (!capture_ended(stream)) {
        capture_wait(stream, 1000);
        CHECK_INT(capture_read(stream, out, 16, NULL), 0);
    }
    capture_close(stream);
    stream = capture_start(system, NULL, &sink);
    capture_close(stream);
    capture_system_close(system);
}

static void wrong_files_are_named(void)
{
    name_it("file", "absent.wav");
    CHECK(!capture_system_open(name, error) && strstr(error, path) && strstr(error, "No such file"));
    snprintf(name, sizeof name, "file:%s", folder);
    CHECK(!capture_system_open(name, error) && strstr(error, "neither a file nor a pipe"));
    name_it("file", "text.wav");
    FILE *text = fopen(path, "w");
    fputs("This is not a sound.\n", text);
    fclose(text);
    CHECK(!capture_system_open(name, error) && strstr(error, path) && strstr(error, "sound file"));
    CHECK(!capture_system_open("gramophone", error) && strstr(error, "\"gramophone\""));
    if (geteuid() != 0) {
        chmod(path, 0);
        CHECK(!capture_system_open(name, error) && strstr(error, "Permission denied"));
    }
}

/* There when the system was opened, gone when the recording starts. */
static void a_file_that_went_away_fails(void)
{
    float pcm[1600] = {0};
    name_it("file", "gone.wav");
    CHECK_INT(kit_write_wav(path, pcm, 1600, 16000, 1), 0);
    capture_system *system = capture_system_open(name, error);
    unlink(path);
    kit_recording r;
    kit_start(&r, system, NULL);
    kit_join(&r);
    CHECK_INT(r.n, 0);
    KIT_WAIT_EVENT(&r, r.events.n_failed == 1);
    CHECK(strstr(r.events.why, path) != NULL);
    kit_free(&r);
    capture_system_close(system);
}

static void the_device_is_the_file(void)
{
    name_it("file", "whole.wav");
    capture_system *system = capture_system_open(name, error);
    capture_device *devices;
    CHECK_INT(capture_devices(system, &devices, error), 1);
    CHECK_STR(devices[0].name, path);
    CHECK(devices[0].is_default && !devices[0].is_monitor);
    free(devices);
    capture_system_close(system);
}

static void nothing_is_left_behind(void)
{
    name_it("fast", "whole.wav");
    capture_system *system = capture_system_open(name, error);
    capture_sink sink = {0};
    int n_threads = kit_n_threads(), n_descriptors = kit_n_descriptors();
    for (int i = 0; i < 100; i++) {
        capture *stream = capture_start(system, NULL, &sink);
        if (i % 2)
            capture_stop(stream);
        capture_close(stream);
    }
    CHECK_INT(kit_n_threads(), n_threads);
    CHECK_INT(kit_n_descriptors(), n_descriptors);
    capture_system_close(system);
}

int main(void)
{
    if (!mkdtemp(folder))
        return check_skip_all("no folder below /tmp can be made");
    RUN(a_file_is_read_whole);
    RUN(channels_are_averaged);
    RUN(a_slow_reader_loses_nothing);
    RUN(a_stop_keeps_what_was_before);
    RUN(a_pipe_is_raw_samples);
    RUN(a_silent_pipe_can_be_left);
    RUN(wrong_files_are_named);
    RUN(a_file_that_went_away_fails);
    RUN(the_device_is_the_file);
    RUN(nothing_is_left_behind);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || check_done();
}
