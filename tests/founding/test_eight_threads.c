/* SPDX-License-Identifier: MIT
 *
 * The founding bug's other half: the work ran on a thread beside others. Eight threads share one model, with
 * descriptors 0, 1 and 2 closed, each through a session of its own and through the one-call form, with progress
 * reported: all texts, times and confidences are those that one thread gets. Under the thread sanitizer nothing is
 * found. Arguments: a model, a short and a long recording. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "ctrlspeak.h"

#include <pthread.h>
#include <unistd.h>

enum { N_THREADS = 8, N_ROUNDS = 3, TEXT_BYTES = 1 << 16 };

typedef struct output {
    size_t size;
    char text[TEXT_BYTES];
} output;

typedef struct worker {
    cs_model *model;
    char **paths;
    int n_reports;
    int n_wrong;
    char message[480];
} worker;

static output expected[2];

static int append(void *user, const char *bytes, size_t n_bytes)
{
    output *out = user;
    if (n_bytes > sizeof out->text - out->size)
        return 1;
    memcpy(out->text + out->size, bytes, n_bytes);
    out->size += n_bytes;
    return 0;
}

static int on_progress(void *user, double done_seconds, double total_seconds)
{
    ((worker *)user)->n_reports += done_seconds <= total_seconds + 1e-6;
    return 0;
}

static cs_err hear(worker *w, cs_session *session, const char *path, output *out)
{
    cs_audio *audio = NULL;
    cs_result *result = NULL;
    cs_error err = {0};
    cs_transcribe_options options;
    cs_transcribe_options_init(&options);
    options.progress = on_progress;
    options.progress_user = w;
    cs_err code = CS_OK;
    if (session) {
        cs_audio_options read;
        cs_audio_options_init(&read);
        read.rate_hz = cs_model_get_info(w->model)->sample_rate_hz;
        code = cs_audio_read_file(path, &read, &audio, &err);
        if (code == CS_OK)
            code = cs_session_transcribe(session, audio->channels[0], audio->n_samples, &options, &result, &err);
    } else {
        code = cs_transcribe_file(w->model, path, NULL, &options, &result, &err);
    }
    out->size = 0;
    if (code == CS_OK)
        code = cs_result_write(result, CS_FORMAT_JSON, NULL, append, out, &err);
    if (code != CS_OK)
        snprintf(w->message, sizeof w->message, "%s", err.message);
    cs_result_free(result);
    cs_audio_free(audio);
    return code;
}

static void *work(void *user)
{
    worker *w = user;
    output *out = malloc(sizeof *out);
    cs_session *session = NULL;
    cs_error err = {0};
    if (!out || cs_session_create(w->model, &session, &err) != CS_OK)
        w->n_wrong++;
    for (int i = 0; w->n_wrong == 0 && i < N_ROUNDS * 2; i++) {
        const output *wanted = &expected[i % 2];
        if (hear(w, i % 3 == 0 ? NULL : session, w->paths[i % 2], out) != CS_OK || out->size != wanted->size
            || memcmp(out->text, wanted->text, out->size) != 0)
            w->n_wrong++;
    }
    cs_session_free(session);
    free(out);
    return NULL;
}

static char **arguments;

static void eight_threads_share_a_model(void)
{
    cs_error err = {0};
    cs_model *model = NULL;
    cs_model_options options;
    worker one = {.paths = arguments + 2}, workers[N_THREADS];
    pthread_t threads[N_THREADS];
    cs_model_options_init(&options);
    options.threads = 3;
    if (!CHECK_INT(cs_model_open(arguments[1], &options, &model, &err), CS_OK)) {
        printf("# %s\n", err.message);
        return;
    }
    one.model = model;
    for (int i = 0; i < 2; i++)
        CHECK_INT(hear(&one, NULL, one.paths[i], &expected[i]), CS_OK);
    CHECK(expected[0].size > 100 && expected[1].size > 100);
    int n_started = 0;
    for (int i = 0; i < N_THREADS; i++) {
        workers[i] = (worker){.model = model, .paths = arguments + 2};
        if (!CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0))
            break;
        n_started++;
    }
    for (int i = 0; i < n_started; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(workers[i].n_wrong, 0);
        CHECK(workers[i].n_reports > 0);
        if (workers[i].message[0])
            printf("# %s\n", workers[i].message);
    }
    cs_model_close(model);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    arguments = argv;
    /* Results are reported on a copy of standard output; what the library sees is closed. */
    int kept = dup(1);
    fflush(stdout);
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    FILE *report = fdopen(kept, "w");
    if (!report)
        return 1;
    char *lines = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&lines, &size);
    if (!memory)
        return 1;
    stdout = memory;
    RUN(eight_threads_share_a_model);
    int status = check_done();
    fclose(memory);
    fwrite(lines, 1, size, report);
    fclose(report);
    free(lines);
    return status;
}
