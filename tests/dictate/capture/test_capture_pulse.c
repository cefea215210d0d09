/* SPDX-License-Identifier: MIT
 *
 * The microphone from a real sound server, in good weather and in bad: a null sink's monitor is the microphone, so that
 * what is played is what must be heard. */
#define _GNU_SOURCE
#include "server_kit.h"

enum { SAID_S = 3, SAID = SAID_S * CAPTURE_RATE_HZ, SLACK_US = 60000 };

static char error[CAPTURE_ERROR], sound_path[300];
static float *said; /* at 16 kHz, as it should be heard */
static size_t n_said;
static volatile int n_forks;

static void count_fork(void)
{
    n_forks++;
}

static capture_system *open_pulse(void)
{
    capture_system *system = capture_system_open("pulse", error);
    if (!CHECK(system != NULL))
        printf("# %s\n", error);
    return system;
}

static void play(const char *sink)
{
    char args[400];
    snprintf(args, sizeof args, "%s %s", sound_path, sink);
    CHECK_INT(server("play", args), 0);
}

static void *play_in_background(void *sink)
{
    char args[400];
    snprintf(args, sizeof args, "%s %s 2>/dev/null", sound_path, (const char *)sink);
    server("play", args);
    return NULL;
}

/* Does what was played lie in these samples whole, without a gap? */
static void check_heard(const float *pcm, size_t n)
{
    long at = kit_find(pcm, n, said, 2000);
    CHECK(at >= 2000);
    if (at >= 2000) {
        size_t same = kit_same(pcm, n, said, n_said, at - 2000);
        printf("# heard %zu of %zu samples alike, from sample %ld\n", same, n_said, at - 2000);
        CHECK(same + 256 > n_said);
    }
}

static void records_what_is_played(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    CHECK_STR(capture_system_name(system), "pulse");
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && r.events.n_device == 1);
    CHECK_STR(r.events.device, "speaker.monitor");
    play("speaker");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, r.n);
    /* as long as it took: no sample too many or too few */
    double took_s = (double)(r.last_us - r.events.started_us) * 1e-6;
    printf("# %.3f s of sound in %.3f s\n", (double)r.n / CAPTURE_RATE_HZ, took_s);
    CHECK_NEAR((double)r.n / CAPTURE_RATE_HZ, took_s, 0.2);
    CHECK_INT(capture_dropped(r.stream), 0);
    CHECK_INT(r.events.n_interrupted + r.events.n_failed, 0);
    CHECK_INT(atomic_load(&r.stream->rate_hz), 48000); /* the source's own */
    kit_free(&r);
    capture_system_close(system);
}

static void a_device_can_be_named(void)
{
    int module = server_load("module-null-sink sink_name=other norewinds=1 rate=44100 channels=1");
    capture_system *system = open_pulse();
    capture_device *devices;
    int32_t n = capture_devices(system, &devices, error);
    CHECK_INT(n, 2);
    for (int32_t i = 0; i < n; i++) {
        CHECK(devices[i].is_monitor && !devices[i].is_bluetooth);
        CHECK_INT(devices[i].is_default, strcmp(devices[i].name, "speaker.monitor") == 0);
        CHECK_INT(devices[i].rate_hz, strcmp(devices[i].name, "other.monitor") == 0 ? 44100 : 48000);
    }
    free(devices);
    kit_recording r;
    kit_start(&r, system, "other.monitor");
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && r.events.n_device == 1);
    CHECK_STR(r.events.device, "other.monitor");
    play("other");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, r.n);
    CHECK_INT(atomic_load(&r.stream->rate_hz), 44100);
    kit_free(&r);
    capture_system_close(system);
    char args[64];
    snprintf(args, sizeof args, "unload-module %d", module);
    CHECK_INT(server("pactl", args), 0);
}

static void bluetooth_is_known_without_asking(void)
{
    capture_system *system = open_pulse();
    CHECK(!capture_is_bluetooth(system, NULL));
    CHECK(!capture_is_bluetooth(system, "speaker.monitor"));
    CHECK(capture_is_bluetooth(system, "bluez_input.00_11_22_33_44_55.0"));
    CHECK(capture_is_bluetooth(system, "bluealsa:DEV=00:11:22:33:44:55"));
    int module = server_load("module-null-sink sink_name=bluez_sink.headset");
    CHECK_INT(server("pactl", "set-default-source bluez_sink.headset.monitor"), 0);
    for (int tries = 0; tries < 500 && !capture_is_bluetooth(system, NULL); tries++)
        usleep(10000);
    CHECK(capture_is_bluetooth(system, NULL)); /* the default has changed while it was idle */
    CHECK_INT(server("pactl", "set-default-source speaker.monitor"), 0);
    for (int tries = 0; tries < 500 && capture_is_bluetooth(system, NULL); tries++)
        usleep(10000);
    CHECK(!capture_is_bluetooth(system, ""));
    capture_system_close(system);
    char args[64];
    snprintf(args, sizeof args, "unload-module %d", module);
    CHECK_INT(server("pactl", args), 0);
}

/* The microphone light. */
static void no_stream_is_open_while_idle(void)
{
    CHECK_INT(server_n_lines("list short source-outputs"), 0);
    capture_system *system = open_pulse();
    CHECK_INT(server_n_lines("list short source-outputs"), 0);
    for (int i = 0; i < 3; i++) {
        kit_recording r;
        kit_start(&r, system, NULL);
        KIT_WAIT_EVENT(&r, r.events.n_started == 1);
        CHECK_INT(server_n_lines("list short source-outputs"), 1);
        capture_stop(r.stream);
        kit_join(&r);
        /* it is closed by the stop, not by capture_close() */
        for (int tries = 0; tries < 100 && server_n_lines("list short source-outputs") > 0; tries++)
            usleep(10000);
        CHECK_INT(server_n_lines("list short source-outputs"), 0);
        kit_free(&r);
    }
    capture_system_close(system);
}

static void follows_the_default_source(void)
{
    int module = server_load("module-null-sink sink_name=other norewinds=1 rate=44100");
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && strcmp(r.events.device, "speaker.monitor") == 0);
    CHECK_INT(server("pactl", "set-default-source other.monitor"), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "other.monitor") == 0);
    play("other");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, r.n);
    CHECK_INT(r.events.n_interrupted + r.events.n_failed, 0);
    kit_free(&r);
    CHECK_INT(server("pactl", "set-default-source speaker.monitor"), 0);
    capture_system_close(system);
    char args[64];
    snprintf(args, sizeof args, "unload-module %d", module);
    CHECK_INT(server("pactl", args), 0);
}

/* A stream that was moved by hand is left where it is by PulseAudio: when it is on the default, it is ours to move. */
static void follows_the_default_where_the_server_does_not(void)
{
    int module = server_load("module-null-sink sink_name=other norewinds=1");
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && strcmp(r.events.device, "speaker.monitor") == 0);
    char text[1024], args[128];
    server_says("list short source-outputs", text, sizeof text);
    int index = atoi(text);
    snprintf(args, sizeof args, "move-source-output %d other.monitor", index);
    CHECK_INT(server("pactl", args), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "other.monitor") == 0);
    snprintf(args, sizeof args, "move-source-output %d speaker.monitor", index);
    CHECK_INT(server("pactl", args), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "speaker.monitor") == 0);
    CHECK_INT(server("pactl", "set-default-source other.monitor"), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "other.monitor") == 0);
    /* but where somebody put it aside, it stays */
    snprintf(args, sizeof args, "move-source-output %d speaker.monitor", index);
    CHECK_INT(server("pactl", args), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "speaker.monitor") == 0);
    int third = server_load("module-null-sink sink_name=third norewinds=1");
    CHECK_INT(server("pactl", "set-default-source third.monitor"), 0);
    play("speaker");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, r.n);
    CHECK_STR(r.events.device, "speaker.monitor");
    kit_free(&r);
    CHECK_INT(server("pactl", "set-default-source speaker.monitor"), 0);
    snprintf(args, sizeof args, "unload-module %d", third);
    CHECK_INT(server("pactl", args), 0);
    snprintf(args, sizeof args, "unload-module %d", module);
    CHECK_INT(server("pactl", args), 0);
    capture_system_close(system);
}

/* Another source is there: the recording goes on from it. */
static void unplugged_with_another_device(void)
{
    int module = server_load("module-null-sink sink_name=headset norewinds=1");
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, "headset.monitor");
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && strcmp(r.events.device, "headset.monitor") == 0);
    play("headset");
    kit_settle(&r);
    char args[64];
    snprintf(args, sizeof args, "unload-module %d", module);
    CHECK_INT(server("pactl", args), 0);
    KIT_WAIT_EVENT(&r, strcmp(r.events.device, "speaker.monitor") == 0);
    pthread_mutex_lock(&r.lock);
    size_t n_before = r.n;
    pthread_mutex_unlock(&r.lock);
    play("speaker");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, n_before);
    CHECK(r.n > n_before + SAID);
    check_heard(r.pcm + n_before, r.n - n_before);
    CHECK_INT(r.events.n_failed, 0);
    kit_free(&r);
    capture_system_close(system);
}

/* The only source goes; another comes. */
static void unplugged_and_plugged_in_again(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && r.events.n_device == 1);
    play("speaker");
    kit_settle(&r);
    CHECK_INT(server("pactl", "unload-module module-null-sink"), 0);
    KIT_WAIT_EVENT(&r, r.events.n_interrupted == 1);
    printf("# %s\n", r.events.why);
    CHECK(!capture_ended(r.stream));
    CHECK_INT(r.events.n_failed, 0);
    pthread_mutex_lock(&r.lock);
    size_t n_before = r.n;
    pthread_mutex_unlock(&r.lock);
    CHECK(server_load("module-null-sink sink_name=speaker norewinds=1 rate=44100") > 0);
    KIT_WAIT_EVENT(&r, r.events.n_device >= 2);
    play("speaker");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, n_before); /* what was before is kept */
    check_heard(r.pcm + n_before, r.n - n_before);
    CHECK_INT(r.events.n_interrupted, 1);
    CHECK_INT(r.events.n_failed, 0);
    kit_free(&r);
    capture_system_close(system);
}

static void stopped_while_unplugged(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_SAMPLES(&r, 1600);
    CHECK_INT(server("pactl", "unload-module module-null-sink"), 0);
    KIT_WAIT_EVENT(&r, r.events.n_interrupted == 1);
    capture_stop(r.stream);
    kit_join(&r);
    CHECK(r.n >= 1600);
    CHECK_INT(r.events.n_failed, 0);
    kit_free(&r);
    CHECK(server_load("module-null-sink sink_name=speaker norewinds=1 rate=48000") > 0);
    capture_system_close(system);
}

static void the_server_is_killed_and_comes_back(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1 && r.events.n_device == 1);
    play("speaker");
    kit_settle(&r);
    CHECK_INT(server("kill", ""), 0);
    KIT_WAIT_EVENT(&r, r.events.n_interrupted == 1);
    printf("# %s\n", r.events.why);
    pthread_mutex_lock(&r.lock);
    size_t n_before = r.n;
    pthread_mutex_unlock(&r.lock);
    CHECK_INT(server("start", ""), 0);
    KIT_WAIT_EVENT(&r, r.events.n_device >= 2);
    play("speaker");
    capture_stop(r.stream);
    kit_join(&r);
    check_heard(r.pcm, n_before);
    check_heard(r.pcm + n_before, r.n - n_before);
    CHECK_INT(r.events.n_device, 2); /* each told once */
    CHECK_INT(r.events.n_started, 1);
    CHECK_INT(r.events.n_interrupted, 1);
    CHECK_INT(r.events.n_failed, 0);
    kit_free(&r);
    capture_system_close(system);
}

static void the_server_is_restarted_while_idle(void)
{
    capture_system *system = open_pulse();
    for (int i = 0; i < 2; i++) {
        CHECK_INT(server("restart", ""), 0);
        kit_recording r;
        kit_start(&r, system, NULL);
        KIT_WAIT_EVENT(&r, r.events.n_started == 1);
        capture_stop(r.stream);
        kit_join(&r);
        CHECK_INT(r.events.n_failed + r.events.n_interrupted, 0);
        kit_free(&r);
    }
    capture_device *devices;
    CHECK_INT(server("restart", ""), 0);
    CHECK_INT(capture_devices(system, &devices, error), 1);
    free(devices);
    capture_system_close(system);
}

/* It lives but answers nobody. */
static void the_server_hangs(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_SAMPLES(&r, 1600);
    server_signal(SIGSTOP);
    KIT_WAIT_EVENT(&r, r.events.n_interrupted == 1);
    printf("# %s\n", r.events.why);
    server_signal(SIGCONT);
    KIT_WAIT_EVENT(&r, r.events.n_device >= 2);
    server_signal(SIGSTOP);
    capture_stop(r.stream);
    kit_join(&r); /* ends although the server does not */
    kit_free(&r);
    capture_device *devices;
    CHECK_INT(capture_devices(system, &devices, error), -1);
    printf("# %s\n", error);
    capture_system_close(system);
    CHECK(!capture_system_open("pulse", error));
    CHECK(strstr(error, "does not answer") != NULL);
    server_signal(SIGCONT);
}

static void started_and_stopped_a_hundred_times(void)
{
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, NULL);
    KIT_WAIT_EVENT(&r, r.events.n_started == 1);
    capture_stop(r.stream);
    kit_join(&r);
    kit_free(&r);
    int n_threads = kit_n_threads(), n_descriptors = kit_n_descriptors();
    for (int i = 0; i < 100; i++) {
        kit_start(&r, system, NULL);
        if (i % 10 == 0)
            KIT_WAIT_EVENT(&r, r.events.n_started == 1);
        else
            usleep((useconds_t)(i * 100));
        capture_stop(r.stream);
        kit_join(&r);
        CHECK_INT(r.events.n_failed + r.events.n_interrupted, 0);
        kit_free(&r);
    }
    CHECK_INT(kit_n_threads(), n_threads);
    CHECK_INT(kit_n_descriptors(), n_descriptors);
    for (int tries = 0; tries < 100 && server_n_lines("list short source-outputs") > 0; tries++)
        usleep(10000);
    CHECK_INT(server_n_lines("list short source-outputs"), 0);
    capture_system_close(system);
    CHECK_INT(kit_n_threads(), n_threads - 1);
}

/* Closed at any moment, with or without a stop, from connecting to flowing. */
static void closed_at_any_moment(void)
{
    capture_system *system = open_pulse();
    capture_sink sink = {0};
    uint32_t seed = 1;
    for (int i = 0; i < 100; i++) {
        capture *stream = capture_start(system, i % 3 ? NULL : "speaker.monitor", &sink);
        seed = seed * 1664525u + 1013904223u;
        usleep((seed >> 8) % 60000);
        capture_close(stream);
    }
    capture *one = capture_start(system, NULL, &sink), *other = capture_start(system, NULL, &sink);
    capture_stop(other);
    capture_close(one);
    capture_close(other);
    capture_system_close(system);
    for (int i = 0; i < 10; i++)
        capture_system_close(open_pulse());
}

static void what_is_missing_is_named(void)
{
    char where[300], args[400];
    capture_system *system = open_pulse();
    kit_recording r;
    kit_start(&r, system, "no.such.source");
    kit_join(&r);
    KIT_WAIT_EVENT(&r, r.events.n_failed == 1);
    CHECK_STR(r.events.why, "There is no microphone \"no.such.source\".");
    kit_free(&r);

    CHECK_INT(server("pactl", "unload-module module-null-sink"), 0);
    kit_start(&r, system, NULL);
    kit_join(&r);
    KIT_WAIT_EVENT(&r, r.events.n_failed == 1);
    CHECK_STR(r.events.why, "There is no microphone: the sound server has no source.");
    kit_free(&r);
    CHECK(server_load("module-null-sink sink_name=speaker norewinds=1 rate=48000") > 0);

    /* a server that lets nobody in without its cookie; whoever owns the server needs none */
    snprintf(args, sizeof args, "module-native-protocol-unix socket=%s/closed auth-cookie=%s/key", server_folder,
             server_folder);
    if (geteuid() == 0 && CHECK(server_load(args) > 0)) {
        snprintf(where, sizeof where, "unix:%s/closed", server_folder);
        setenv("PULSE_SERVER", where, 1);
        CHECK(!capture_system_open("pulse", error));
        printf("# %s\n", error);
        CHECK(strncmp(error, "No permission: ", 15) == 0);
    }

    snprintf(where, sizeof where, "unix:%s/absent", server_folder);
    setenv("PULSE_SERVER", where, 1);
    CHECK(!capture_system_open("pulse", error));
    printf("# %s\n", error);
    CHECK(strncmp(error, "No sound server is running: ", 28) == 0 && strstr(error, where + 5));

    snprintf(where, sizeof where, "unix:%s/native", server_folder);
    setenv("PULSE_SERVER", where, 1);
    CHECK_INT(server("kill", ""), 0); /* its socket stays behind */
    CHECK(!capture_system_open("pulse", error));
    printf("# %s\n", error);
    CHECK(strncmp(error, "The sound server refused the connection", 39) == 0);

    /* and for a recording, when it goes away while nothing is recorded */
    kit_start(&r, system, NULL);
    kit_join(&r);
    KIT_WAIT_EVENT(&r, r.events.n_failed == 1);
    CHECK(strncmp(r.events.why, "The sound server refused the connection", 39) == 0);
    kit_free(&r);
    CHECK_INT(server("start", ""), 0);
    capture_system_close(system);
}

static int by_value(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, other = *(const int64_t *)b;
    return (one > other) - (one < other);
}

static void say_times(const char *what, int64_t *us, int n)
{
    qsort(us, (size_t)n, sizeof *us, by_value);
    printf("# %s: p50 %.1f ms, p95 %.1f ms, most %.1f ms, of %d\n", what, (double)us[n / 2] / 1000,
           (double)us[n * 95 / 100] / 1000, (double)us[n - 1] / 1000, n);
}

/* Everything until the stop and nothing after it, by the stream's own clock; times are told, not judged. */
static void a_stop_cuts_at_its_time(void)
{
    enum { N = 40 };
    int64_t first_us[N], last_us[N];
    pthread_t player;
    capture_system *system = open_pulse();
    int n_whole = 0;
    for (int i = 0; i < N; i++) {
        kit_recording r;
        if (i % 10 == 0)
            pthread_create(&player, NULL, play_in_background, (void *)(uintptr_t) "speaker");
        int64_t begun_us = clock_now_us();
        kit_start(&r, system, NULL);
        KIT_WAIT_EVENT(&r, r.events.n_started == 1);
        first_us[i] = clock_now_us() - begun_us;
        usleep((useconds_t)(50000 + i * 1370));
        capture_stop(r.stream);
        int64_t stop_us = atomic_load(&r.stream->stop_us);
        kit_join(&r);
        last_us[i] = r.ended_us - stop_us;
        CHECK(r.last_us <= stop_us + CAPTURE_STOP_SLACK_US + 1000);
        n_whole += r.last_us >= stop_us - 1000;
        kit_free(&r);
        if (i % 10 == 9)
            pthread_join(player, NULL);
    }
    say_times("start to first buffer", first_us, N);
    say_times("stop to last sample", last_us, N);
    printf("# %d of %d reach to the stop\n", n_whole, N);
    CHECK(n_whole > N / 2);
    capture_system_close(system);
}

static void the_cue_is_heard_in_its_window(void)
{
    capture_system *system = open_pulse();
    int n_heard = 0;
    for (int i = 0; i < 8; i++) {
        kit_recording r;
        int64_t start_us = 0, end_us = 0;
        kit_start(&r, system, NULL);
        KIT_WAIT_SAMPLES(&r, 1600);
        CHECK(cue_play(system, (cue_kind)(i % N_CUES), 80, &start_us, &end_us));
        CHECK(end_us > start_us && end_us - start_us < 1500000);
        KIT_WAIT(&r.lock, &r.grown, r.last_us > end_us + 200000);
        capture_stop(r.stream);
        kit_join(&r);
        double loud_first = -1, loud_last = -1;
        for (size_t k = 0; k < r.n; k++)
            if (fabsf(r.pcm[k]) > 0.002f) {
                loud_last = (double)r.last_us - (double)(r.n - 1 - k) * 62.5;
                if (loud_first < 0)
                    loud_first = loud_last;
            }
        if (loud_first >= 0) { /* a server too busy to play it in time leaves it out */
            n_heard++;
            /* On a busy machine a sample's time is an estimate: this finds a window that is wrong, not one that is late. */
            CHECK(loud_first >= (double)start_us - SLACK_US && loud_last <= (double)end_us + SLACK_US);
            printf("# window %.0f ms; heard from %.0f to %.0f ms\n", (double)(end_us - start_us) / 1000,
                   (loud_first - (double)start_us) / 1000, (loud_last - (double)start_us) / 1000);
        }
        kit_free(&r);
    }
    CHECK(n_heard > 0);
    for (int i = 0; i < 20; i++) /* closed while it plays */
        cue_play(system, CUE_STOP, 50, NULL, NULL);
    capture_system_close(system);
}

static void a_cue_without_a_server_is_no_error(void)
{
    capture_system *system = open_pulse();
    int64_t start_us = 1, end_us = 1;
    CHECK_INT(server("kill", ""), 0);
    bool played = true;
    for (int tries = 0; tries < 100 && played; tries++) {
        usleep(10000);
        played = cue_play(system, CUE_START, 50, &start_us, &end_us);
    }
    CHECK(!played && start_us == 0 && end_us == 0);
    capture_system_close(system);
    CHECK_INT(server("start", ""), 0);
}

static void never_forks(void)
{
    CHECK_INT(n_forks, 0);
}

static void make_sound(void)
{
    size_t n = SAID_S * 48000;
    float *pcm = malloc(n * sizeof *pcm);
    kit_noise(pcm, n, 42);
    snprintf(sound_path, sizeof sound_path, "%s/noise.wav", server_folder);
    CHECK_INT(kit_write_wav(sound_path, pcm, n, 48000, 1), 0);
    said = kit_resample(pcm, n, 48000, &n_said);
    free(pcm);
}

int main(int argc, char **argv)
{
    pthread_atfork(count_fork, NULL, NULL);
    int status = server_begin();
    if (status == 77)
        return check_skip_all("there is no pulseaudio here");
    if (status != 0)
        return 1;
    make_sound();
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {
#define CASE(name) {#name, name}
        CASE(records_what_is_played),
        CASE(a_device_can_be_named),
        CASE(no_stream_is_open_while_idle),
        CASE(bluetooth_is_known_without_asking),
        CASE(follows_the_default_source),
        CASE(follows_the_default_where_the_server_does_not),
        CASE(unplugged_with_another_device),
        CASE(unplugged_and_plugged_in_again),
        CASE(stopped_while_unplugged),
        CASE(the_server_is_killed_and_comes_back),
        CASE(the_server_is_restarted_while_idle),
        CASE(the_server_hangs),
        CASE(started_and_stopped_a_hundred_times),
        CASE(closed_at_any_moment),
        CASE(what_is_missing_is_named),
        CASE(a_stop_cuts_at_its_time),
        CASE(the_cue_is_heard_in_its_window),
        CASE(a_cue_without_a_server_is_no_error),
        CASE(never_forks),
#undef CASE
    };
    /* a name on the command line: that one alone */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (argc < 2 || strcmp(argv[1], all[i].name) == 0)
            check_run(all[i].run, all[i].name);
    server_done();
    free(said);
    return check_done();
}
