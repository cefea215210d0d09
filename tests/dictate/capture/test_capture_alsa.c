/* SPDX-License-Identifier: MIT
 *
 * ALSA without a sound card: a configuration of our own in which "default" is a file, nothing at all, or the sound
 * server's plugin. */
#define _GNU_SOURCE
#include "server_kit.h"

#include "dictate/capture/capture_alsa.h"

#include <errno.h>

static char error[CAPTURE_ERROR], folder[] = "/tmp/capture-alsa-XXXXXX";

/* Makes ALSA's whole configuration; whoever opens a device afterwards reads it anew. */
static void configure(const char *text)
{
    char path[300];
    snprintf(path, sizeof path, "%s/asoundrc", folder);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    setenv("ALSA_CONFIG_PATH", path, 1);
    snd_config_update_free_global();
}

/* The null device gives zeros as fast as they are read. */
static void takes_from_the_default_device(void)
{
    configure("pcm.default { type null }\n");
    capture_system *system = capture_system_open("alsa", error);
    if (!CHECK(system != NULL)) {
        printf("# %s\n", error);
        return;
    }
    CHECK_STR(capture_system_name(system), "alsa");
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1);
    KIT_WAIT_SAMPLES(&r, 16000);
    capture_stop(r.stream);
    kit_join(&r);
    CHECK_STR(r.events.device, "default");
    CHECK_INT(r.events.n_failed + r.events.n_interrupted, 0);
    CHECK_INT(atomic_load(&r.stream->rate_hz), 48000);
    CHECK(r.pcm[0] == 0 && r.pcm[15999] == 0);
    kit_free(&r);
    capture_system_close(system);
}

static void what_is_missing_is_named(void)
{
    configure("pcm.elsewhere { type null }\n");
    CHECK(!capture_system_open("alsa", error));
    printf("# %s\n", error);
    CHECK(strncmp(error, "There is no microphone: ", 24) == 0 && strstr(error, "\"default\""));

    configure("pcm.default { type null }\n");
    capture_system *system = capture_system_open("alsa", error);
    kit_recording r;
    kit_start(&r, system, "mouse");
    kit_join(&r);
    KIT_WAIT_EVENT(&r, r.events.n_failed == 1);
    CHECK(strncmp(r.events.why, "There is no microphone: ", 24) == 0 && strstr(r.events.why, "\"mouse\""));
    kit_free(&r);
    capture_system_close(system);

    char why[CAPTURE_ERROR];
    alsa_why(-EACCES, "default", why);
    CHECK(strncmp(why, "No permission: ", 15) == 0);
    alsa_why(-EBUSY, "default", why);
    CHECK(strncmp(why, "The microphone is taken: ", 25) == 0);
}

static void raw_devices_are_not_offered(void)
{
    configure("pcm.default { type null hint { show on description \"Built-in\nmicrophone\" } }\n"
              "pcm.hw { type null hint { show on description \"raw\" } }\n"
              "pcm.studio { type null hint { show on description \"Studio\" } }\n");
    capture_system *system = capture_system_open("alsa", error);
    capture_device *devices = NULL;
    int32_t n = capture_devices(system, &devices, error);
    int found = 0;
    for (int32_t i = 0; i < n; i++) {
        CHECK(strncmp(devices[i].name, "hw", 2) != 0);
        found += strcmp(devices[i].name, "default") == 0 && devices[i].is_default
                 && strcmp(devices[i].description, "Built-in microphone") == 0;
        found += strcmp(devices[i].name, "studio") == 0 && !devices[i].is_default;
    }
    CHECK_INT(found, 2);
    free(devices);
    capture_system_close(system);
}

static void samples_of_every_kind_are_mixed(void)
{
    float out[2];
    alsa_pcm from = {.format = SND_PCM_FORMAT_S16, .n_channels = 2};
    int16_t short_frames[] = {16384, -8192, 32767, 32767};
    alsa_mix(&from, short_frames, 2, out);
    CHECK_NEAR(out[0], 0.125, 1e-6);
    CHECK_NEAR(out[1], 32767.0 / 32768, 1e-6);
    from = (alsa_pcm){.format = SND_PCM_FORMAT_S32, .n_channels = 1};
    int32_t long_frames[] = {INT32_MIN, 1 << 30};
    alsa_mix(&from, long_frames, 2, out);
    CHECK_NEAR(out[0], -1, 1e-6);
    CHECK_NEAR(out[1], 0.5, 1e-6);
    from = (alsa_pcm){.format = SND_PCM_FORMAT_FLOAT, .n_channels = 2};
    float frames[] = {0.5f, 0.25f, -1, 1};
    alsa_mix(&from, frames, 2, out);
    CHECK_NEAR(out[0], 0.375, 1e-6);
    CHECK_NEAR(out[1], 0, 1e-6);
}

static void started_and_closed_at_any_moment(void)
{
    configure("pcm.default { type null }\n");
    capture_system *system = capture_system_open("alsa", error);
    capture_sink sink = {0};
    int n_threads = kit_n_threads(), n_descriptors = kit_n_descriptors();
    for (int i = 0; i < 50; i++) {
        capture *stream = capture_start(system, NULL, &sink);
        usleep((useconds_t)(i * 100));
        if (i % 2)
            capture_stop(stream);
        capture_close(stream);
    }
    CHECK_INT(kit_n_threads(), n_threads);
    CHECK_INT(kit_n_descriptors(), n_descriptors);
    capture_system_close(system);
}

/* A cue is written to a file by the "default" of this configuration. */
static void a_cue_is_played(void)
{
    char text[600], path[300];
    snprintf(path, sizeof path, "%s/cue.raw", folder);
    snprintf(text, sizeof text,
             "pcm.nothing { type null }\n"
             "pcm.default { type file slave.pcm nothing file \"%s\" format raw perm 0600 }\n",
             path);
    configure(text);
    capture_system *system = capture_system_open("alsa", error);
    if (!CHECK(system != NULL)) {
        printf("# %s\n", error);
        return;
    }
    int64_t start_us = 0, end_us = 0;
    CHECK(cue_play(system, CUE_START, 100, &start_us, &end_us));
    CHECK(end_us > start_us);
    capture_system_close(system); /* waits for it */
    float want[CUE_SAMPLES], met[CUE_SAMPLES] = {0};
    size_t n = cue_render(CUE_START, 100, want);
    FILE *file = fopen(path, "r");
    size_t got = file ? fread(met, sizeof *met, CUE_SAMPLES, file) : 0;
    if (file)
        fclose(file);
    CHECK(got >= n);
    CHECK(got >= n && memcmp(met, want, n * sizeof *met) == 0);
}

/* Real time, a real stop and a real loss: ALSA's plugin for the sound server. */
static void takes_from_a_device_in_real_time(void)
{
    if (server_begin() != 0) {
        printf("# no pulseaudio: left out\n");
        return;
    }
    configure("pcm.default { type pulse hint { show on } }\n");
    size_t n = 2 * 48000, n_said;
    char path[300], args[400];
    float *pcm = malloc(n * sizeof *pcm);
    kit_noise(pcm, n, 23);
    snprintf(path, sizeof path, "%s/noise.wav", server_folder);
    CHECK_INT(kit_write_wav(path, pcm, n, 48000, 1), 0);
    float *said = kit_resample(pcm, n, 48000, &n_said);
    capture_system *system = capture_system_open("alsa", error);
    if (!system) {
        printf("# ALSA has no plugin for the sound server: left out (%s)\n", error);
    } else {
        kit_recording r;
        kit_start(&r, system, NULL);
        KIT_WAIT_EVENT(&r, r.events.n_started == 1);
        snprintf(args, sizeof args, "%s speaker", path);
        CHECK_INT(server("play", args), 0);
        kit_settle(&r);
        capture_stop(r.stream);
        kit_join(&r);
        long at = kit_find(r.pcm, r.n, said, 2000);
        CHECK(at >= 2000 && kit_same(r.pcm, r.n, said, n_said, at - 2000) + 256 > n_said);
        CHECK_INT(r.events.n_failed + r.events.n_interrupted, 0);
        kit_free(&r);

        kit_start(&r, system, NULL);
        KIT_WAIT_SAMPLES(&r, 1600);
        CHECK_INT(server("kill", ""), 0);
        KIT_WAIT_EVENT(&r, r.events.n_interrupted == 1);
        printf("# %s\n", r.events.why);
        CHECK_INT(server("start", ""), 0);
        KIT_WAIT_EVENT(&r, r.events.n_device >= 2);
        kit_settle(&r);
        capture_stop(r.stream);
        kit_join(&r);
        CHECK_INT(r.events.n_failed, 0);
        kit_free(&r);
        capture_system_close(system);
    }
    free(pcm);
    free(said);
    server_done();
}

int main(void)
{
    if (!mkdtemp(folder))
        return check_skip_all("no folder below /tmp can be made");
    RUN(takes_from_the_default_device);
    RUN(what_is_missing_is_named);
    RUN(raw_devices_are_not_offered);
    RUN(samples_of_every_kind_are_mixed);
    RUN(started_and_closed_at_any_moment);
    RUN(a_cue_is_played);
    RUN(takes_from_a_device_in_real_time);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) != 0 || check_done();
}
