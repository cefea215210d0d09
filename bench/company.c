/* SPDX-License-Identifier: MIT
 *
 * company MODEL [THREADS [ROUNDS [PRECISION]]]: how a model's threads share a machine, as lines of text. PRECISION is
 * f32, bf16 or int8 (default). A round measures, one after another,
 *
 *   alone      one session, clips of 2 s and 11 s
 *   foreign    the same beside one other process that computes and never waits, at the same priority
 *   eight      eight sessions at once, each with one 2 s clip after another
 *   mixed      one session with 2 s clips beside seven that transcribe 120 s of audio each
 *
 * and the figures are of all rounds (default 5) together: times against the median time alone; throughput is seconds of
 * audio in a second, against one session's; CPU time is user and system time of this process for a second of audio.
 *
 * The scheduler shares by group of processes where it groups them (autogroup, cgroups): both processes here are in one. */
#define _GNU_SOURCE
#include <ctrlspeak.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SESSIONS = 8, RATE = 16000, SHORT = 2, MIDDLE = 11, LONG = 120, CLIPS = 10, MOST = 100000 };
static const double company_seconds = 3; /* of eight and of mixed, in each round */

/* Times of one kind of clip in one company. */
typedef struct figures {
    double ms[MOST];
    int n;
    double cpu_s, audio_s, wall_s;
} figures;

extern char **environ;

static float audio[LONG * RATE];
static cs_model *model;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of figures that several sessions fill */

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void must(cs_err code, const cs_error *err)
{
    if (code) {
        fprintf(stderr, "company: %s\n", err->message);
        exit(1);
    }
}

/* False when the session was cancelled. */
static int transcribe(cs_session *session, int seconds, figures *f)
{
    cs_error err;
    cs_result *result;
    double start = now_s();
    cs_err code = cs_session_transcribe(session, audio, (size_t)seconds * RATE, NULL, &result, &err);
    if (code == CS_ECANCELLED)
        return 0;
    must(code, &err);
    cs_result_free(result);
    if (f) {
        pthread_mutex_lock(&lock);
        if (f->n < MOST)
            f->ms[f->n++] = 1e3 * (now_s() - start);
        f->audio_s += seconds;
        pthread_mutex_unlock(&lock);
    }
    return 1;
}

static void one_session(cs_session *session, int seconds, int n, figures *f)
{
    double cpu = cpu_s(), start = now_s();
    for (int i = 0; i < n; i++)
        transcribe(session, seconds, f);
    f->cpu_s += cpu_s() - cpu;
    f->wall_s += now_s() - start;
}

typedef struct worker {
    pthread_t thread;
    cs_session *session;
    int seconds;
    figures *figures;
    atomic_bool *stop;
} worker;

static void *worker_main(void *argument)
{
    worker *w = argument;
    while (!atomic_load(w->stop) && transcribe(w->session, w->seconds, w->figures))
        ;
    return NULL;
}

/* Eight sessions for some seconds, those after the first n_short with long audio. */
static void company(cs_session **sessions, int n_short, figures *f)
{
    worker workers[SESSIONS];
    atomic_bool stop = false;
    double cpu = cpu_s(), start = now_s();
    for (int i = 0; i < SESSIONS; i++) {
        workers[i] = (worker){0, sessions[i], i < n_short ? SHORT : LONG, i < n_short ? f : NULL, &stop};
        pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]);
    }
    usleep((useconds_t)(1e6 * company_seconds));
    atomic_store(&stop, true);
    for (int i = n_short; i < SESSIONS; i++)
        cs_session_cancel(sessions[i]);
    for (int i = 0; i < SESSIONS; i++)
        pthread_join(workers[i].thread, NULL);
    f->cpu_s += cpu_s() - cpu;
    f->wall_s += now_s() - start;
}

static pid_t start_foreign(void)
{
    char shell[] = "sh", option[] = "-c", loop[] = "while :; do :; done";
    char *const argv[] = {shell, option, loop, NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ)) {
        fprintf(stderr, "company: cannot start /bin/sh\n");
        exit(1);
    }
    return pid;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(figures *f, double q)
{
    qsort(f->ms, (size_t)f->n, sizeof *f->ms, by_size);
    return f->n ? f->ms[(int)ceil(q * f->n) - (q > 0)] : NAN;
}

static void say(const char *what, figures *f, figures *alone)
{
    double base = quantile(alone, 0.5);
    printf("%-14s %5d clips  p50 %7.1f ms (%5.2fx)  p99 %7.1f ms (%5.2fx)  least %7.1f ms", what, f->n,
           quantile(f, 0.5), quantile(f, 0.5) / base, quantile(f, 0.99), quantile(f, 0.99) / base, quantile(f, 0));
    if (f->cpu_s > 0)
        printf("  throughput %6.2f (%5.3fx)  cpu/audio %6.2f ms/s (%5.3fx)", f->audio_s / f->wall_s,
               f->audio_s / f->wall_s / (alone->audio_s / alone->wall_s), 1e3 * f->cpu_s / f->audio_s,
               f->cpu_s / f->audio_s / (alone->cpu_s / alone->audio_s));
    printf("\n");
}

int main(int argc, char **argv)
{
    static figures alone2, alone11, foreign2, foreign11, eight, mixed;
    if (argc < 2) {
        fprintf(stderr, "usage: company MODEL [THREADS [ROUNDS [PRECISION]]]\n");
        return 2;
    }
    int rounds = argc > 3 ? atoi(argv[3]) : 5;
    unsigned noise = 1;
    for (int i = 0; i < LONG * RATE; i++) {
        noise = noise * 1664525u + 1013904223u;
        audio[i] = 0.2f * sinf((float)(i % RATE) * (float)(200 + i / 1600 % 37 * 50) * 6.2831853f / RATE)
                   + 0.02f * ((float)(noise >> 8) / (1 << 23) - 1);
    }
    cs_error err;
    cs_model_options o;
    cs_model_options_init(&o);
    o.threads = argc > 2 ? atoi(argv[2]) : 2;
    const char *precision = argc > 4 ? argv[4] : "int8";
    o.precision = strcmp(precision, "f32") == 0    ? CS_PRECISION_F32
                  : strcmp(precision, "bf16") == 0 ? CS_PRECISION_BF16
                                                   : CS_PRECISION_INT8;
    must(cs_model_open(argv[1], &o, &model, &err), &err);
    cs_session *sessions[SESSIONS];
    for (int i = 0; i < SESSIONS; i++) {
        must(cs_session_create(model, &sessions[i], &err), &err);
        transcribe(sessions[i], MIDDLE, NULL);
    }
    for (int round = 0; round < rounds; round++) {
        one_session(sessions[0], SHORT, CLIPS, &alone2);
        one_session(sessions[0], MIDDLE, CLIPS / 5, &alone11);
        pid_t pid = start_foreign();
        one_session(sessions[0], SHORT, CLIPS, &foreign2);
        one_session(sessions[0], MIDDLE, CLIPS / 5, &foreign11);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        company(sessions, SESSIONS, &eight);
        company(sessions, 1, &mixed);
    }
    mixed.cpu_s = 0; /* its audio is not counted */
    say("2 s alone", &alone2, &alone2);
    say("2 s foreign", &foreign2, &alone2);
    say("2 s eight", &eight, &alone2);
    say("2 s mixed", &mixed, &alone2);
    say("11 s alone", &alone11, &alone11);
    say("11 s foreign", &foreign11, &alone11);
    for (int i = 0; i < SESSIONS; i++)
        cs_session_free(sessions[i]);
    cs_model_close(model);
    return 0;
}
