/* SPDX-License-Identifier: MIT
 * What the worker's tests share: a sink that keeps what it was told, recordings and what they say, and a count of what a
 * process holds. A test program is its own child: `PROGRAM worker` serves descriptor 3. */
#ifndef WORKER_KIT_H
#define WORKER_KIT_H

#include "check.h"
#include "ctrlspeak.h"
#include "dictate/worker/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KIT_ANSWERS = 4096, KIT_STATES = 4096, KIT_TEXT = 200, KIT_CLIPS = 4 };

typedef struct kit_answer {
    int64_t job;
    bool ok;
    int32_t n_attempts;
    double audio_seconds, decode_ms, wait_ms;
    char text[KIT_TEXT], error[KIT_TEXT], warning[KIT_TEXT], model[64], language[16], target[16];
    int32_t n_words;
} kit_answer;

typedef struct kit_state {
    worker_state state;
    int32_t live; /* models, when it was told */
    char text[WORKER_ERROR];
} kit_state;

typedef struct kit {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    worker *worker; /* for live models; set after creation */
    kit_answer answers[KIT_ANSWERS];
    int n_answers;
    kit_state states[KIT_STATES];
    int n_states;
    void (*on_state)(struct kit *k, worker_state state); /* from the worker's thread; NULL: nothing */
    void (*on_answer)(struct kit *k);
    int on_count; /* for those two */
} kit;

typedef struct kit_clip {
    cs_audio *audio;
    const float *pcm;
    size_t n_samples;
    char text[KIT_TEXT];
} kit_clip;

static const char *kit_model, *kit_samples;
static kit_clip kit_clips[KIT_CLIPS];
static int kit_n_clips;

static void kit_take_answer(void *user, const worker_answer *a)
{
    kit *k = user;
    pthread_mutex_lock(&k->mutex);
    void (*on_answer)(kit *) = k->on_answer;
    pthread_mutex_unlock(&k->mutex);
    if (on_answer)
        on_answer(k);
    pthread_mutex_lock(&k->mutex);
    if (k->n_answers < KIT_ANSWERS) {
        kit_answer *to = &k->answers[k->n_answers++];
        *to = (kit_answer){.job = a->job,
                           .ok = a->ok,
                           .n_attempts = a->n_attempts,
                           .audio_seconds = a->audio_seconds,
                           .decode_ms = a->decode_ms,
                           .wait_ms = a->wait_ms};
        snprintf(to->text, sizeof to->text, "%s", a->text);
        snprintf(to->error, sizeof to->error, "%s", a->error);
        snprintf(to->model, sizeof to->model, "%s", a->model);
        snprintf(to->warning, sizeof to->warning, "%s", a->warning);
        snprintf(to->language, sizeof to->language, "%s", a->language);
        snprintf(to->target, sizeof to->target, "%s", a->target);
        to->n_words = a->n_words;
    }
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->mutex);
}

static void kit_take_state(void *user, worker_state state, const char *text)
{
    kit *k = user;
    pthread_mutex_lock(&k->mutex);
    void (*on_state)(kit *, worker_state) = k->on_state;
    if (k->n_states < KIT_STATES) {
        kit_state *to = &k->states[k->n_states++];
        to->state = state;
        to->live = k->worker ? worker_live_models(k->worker) : -1;
        snprintf(to->text, sizeof to->text, "%s", text);
    }
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->mutex);
    if (on_state)
        on_state(k, state);
}

static inline kit *kit_create(void)
{
    kit *k = calloc(1, sizeof *k);
    if (!k)
        abort();
    pthread_mutex_init(&k->mutex, NULL);
    pthread_cond_init(&k->changed, NULL);
    return k;
}

static inline worker *kit_start(kit *k, worker_kind kind, worker_options options)
{
    char error[WORKER_ERROR];
    worker_sink sink = {k, kit_take_answer, kit_take_state};
    if (!options.model_path)
        options.model_path = kit_model;
    if (options.threads == 0)
        options.threads = 1;
    worker *w = worker_create(kind, &options, &sink, error);
    if (!CHECK(w != NULL)) {
        printf("Bail out! %s\n", error);
        exit(1);
    }
    pthread_mutex_lock(&k->mutex);
    k->worker = w;
    pthread_mutex_unlock(&k->mutex);
    return w;
}

static inline void kit_free(kit *k)
{
    pthread_mutex_lock(&k->mutex);
    worker *w = k->worker;
    pthread_mutex_unlock(&k->mutex);
    worker_free(w);
    pthread_cond_destroy(&k->changed);
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

/* All waits end: Meson's own limit is the last one. */
static inline void kit_wait_answers(kit *k, int n)
{
    pthread_mutex_lock(&k->mutex);
    while (k->n_answers < n)
        pthread_cond_wait(&k->changed, &k->mutex);
    pthread_mutex_unlock(&k->mutex);
}

/* Until a state past the first `from` is the one wanted. Returns the number of states up to and with it. */
static inline int kit_wait_state(kit *k, int from, worker_state wanted)
{
    pthread_mutex_lock(&k->mutex);
    int i = from;
    for (;; i++) {
        while (i >= k->n_states)
            pthread_cond_wait(&k->changed, &k->mutex);
        if (k->states[i].state == wanted)
            break;
    }
    pthread_mutex_unlock(&k->mutex);
    return i + 1;
}

static inline int kit_n_states(kit *k)
{
    pthread_mutex_lock(&k->mutex);
    int n = k->n_states;
    pthread_mutex_unlock(&k->mutex);
    return n;
}

/* The i-th answer is a right one. */
static inline void kit_check_answer(const kit *k, int i, const kit_clip *clip)
{
    CHECK_INT(k->answers[i].job, i + 1);
    CHECK_STR(k->answers[i].error, "");
    CHECK_STR(k->answers[i].text, clip->text);
    CHECK(k->answers[i].ok);
}

static inline int64_t kit_submit(worker *w, const kit_clip *clip)
{
    return worker_submit(w, clip->pcm, clip->n_samples, NULL);
}

static inline void kit_sleep_us(long us)
{
    nanosleep(&(struct timespec){us / 1000000, us % 1000000 * 1000}, NULL);
}

/* Numbers that look random and are the same in every run. */
static inline uint32_t kit_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static inline int kit_count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n - 1; /* the folder's own */
}

/* Children of this process, zombies too. */
static inline int kit_count_children(void)
{
    DIR *dir = opendir("/proc");
    int n = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[300], line[512] = "";
        int parent = 0;
        snprintf(path, sizeof path, "/proc/%s/stat", entry->d_name);
        FILE *file = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        if (!file)
            continue;
        const char *name_end = fgets(line, sizeof line, file) ? strrchr(line, ')') : NULL;
        if (name_end && sscanf(name_end, ") %*c %d", &parent) == 1)
            n += parent == (int)getpid();
        fclose(file);
    }
    if (dir)
        closedir(dir);
    return n;
}

static inline bool kit_has_no_child(void)
{
    return kit_count_children() == 0 && waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD;
}

/* Mappings of files that end in name, in this process or a child. */
static inline int kit_count_mappings(int pid, const char *name)
{
    char path[64], line[1024];
    int n = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid ? pid : (int)getpid());
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        size_t size = strcspn(line, "\n"), n_name = strlen(name);
        n += size >= n_name && memcmp(line + size - n_name, name, n_name) == 0;
    }
    if (file)
        fclose(file);
    return n;
}

/* Clips of the samples folder, and what cs_transcribe() makes of them. */
static inline bool kit_load_clips(void)
{
    static const char *const names[KIT_CLIPS] = {"digits", "commands", "recording", "loudspeakers"};
    cs_error err = {0};
    cs_model *model = NULL;
    if (cs_model_open(kit_model, NULL, &model, &err) != CS_OK) {
        printf("# %s\n", err.message);
        return false;
    }
    for (kit_n_clips = 0; kit_n_clips < KIT_CLIPS; kit_n_clips++) {
        kit_clip *clip = &kit_clips[kit_n_clips];
        char path[1024];
        cs_result *result = NULL;
        snprintf(path, sizeof path, "%s/%s.wav", kit_samples, names[kit_n_clips]);
        if (cs_audio_read_file(path, NULL, &clip->audio, &err) != CS_OK)
            break;
        clip->pcm = clip->audio->channels[0];
        clip->n_samples = clip->audio->n_samples;
        if (cs_transcribe(model, clip->pcm, clip->n_samples, NULL, &result, &err) != CS_OK)
            break;
        snprintf(clip->text, sizeof clip->text, "%s", result->text);
        cs_result_free(result);
    }
    cs_model_close(model);
    if (kit_n_clips < KIT_CLIPS)
        printf("# %s\n", err.message);
    return kit_n_clips == KIT_CLIPS;
}

static inline void kit_free_clips(void)
{
    for (int i = 0; i < KIT_CLIPS; i++)
        cs_audio_free(kit_clips[i].audio);
}

/* The beginning of every main. -1: go on; else the exit status. */
static inline int kit_begin(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "worker") == 0)
        return worker_child_main();
    if (argc < 3)
        return 2;
    kit_model = argv[1];
    kit_samples = argv[2];
    if (access(kit_model, R_OK) != 0)
        return check_skip_all("the bundled model is absent");
    return kit_load_clips() ? -1 : 1;
}

#endif
