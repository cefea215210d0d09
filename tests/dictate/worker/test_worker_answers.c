/* SPDX-License-Identifier: MIT
 *
 * Jobs and answers: a thread and a process say what cs_transcribe() says, once for each job and in order; what is wrong
 * with one job is its own; a job can be cancelled, and the cancelling does not stick to the next. */
#define _GNU_SOURCE
#include "worker_kit.h"

#include <math.h>

static const char *the_program; /* ctrlspeak itself, for one test */

static void check_same_text(worker_kind kind, const char *program)
{
    enum { ROUNDS = 5 };
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1, .program = program});
    int n = 0;
    for (int i = 0; i < ROUNDS; i++)
        for (int c = 0; c < KIT_CLIPS; c++)
            CHECK_INT(kit_submit(w, &kit_clips[c]), ++n);
    kit_wait_answers(k, n);
    for (int i = 0; i < n; i++) {
        kit_check_answer(k, i, &kit_clips[i % KIT_CLIPS]);
        CHECK_INT(k->answers[i].n_attempts, 1);
        CHECK_STR(k->answers[i].model, "ctrlspeak-small");
        CHECK_NEAR(k->answers[i].audio_seconds, (double)kit_clips[i % KIT_CLIPS].n_samples / 16000, 1e-9);
        CHECK(k->answers[i].decode_ms > 0);
        CHECK(i == 0 || k->answers[i].wait_ms > 0);
    }
    kit_wait_state(k, 0, WORKER_READY);
    CHECK_INT(worker_live_models(w), 1);
    CHECK_INT(worker_restarts(w), 0);
    CHECK_INT(worker_child_pid(w) != 0, kind == WORKER_PROCESS);
    kit_free(k);
}

static void thread_says_what_transcribe_says(void)
{
    check_same_text(WORKER_THREAD, NULL);
}

static void process_says_what_transcribe_says(void)
{
    check_same_text(WORKER_PROCESS, NULL);
}

static void ctrlspeak_worker_says_what_transcribe_says(void)
{
    check_same_text(WORKER_PROCESS, the_program);
}

/* Ten minutes of sound for a process, in one job: it arrives whole. */
static void long_audio_arrives_whole(void)
{
    enum { SECONDS = 600 };
    size_t n_samples = (size_t)SECONDS * 16000, n = kit_clips[0].n_samples;
    float *pcm = calloc(n_samples, sizeof *pcm);
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    CHECK(pcm != NULL);
    if (pcm) {
        pcm[n_samples - 1] = NAN; /* found by the child, which names its place: nothing needs to be transcribed */
        memcpy(pcm, kit_clips[0].pcm, n * sizeof *pcm);
        worker_submit(w, pcm, n_samples, NULL);
        kit_wait_answers(k, 1);
        CHECK_STR(k->answers[0].error, "sample 9599999 is NaN, expected a number");
    }
    free(pcm);
    kit_free(k);
}

static void check_odd_jobs(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    float bad[400] = {0};
    bad[300] = INFINITY;
    worker_submit(w, NULL, 0, NULL);
    worker_submit(w, bad, 400, NULL);
    worker_submit(w, bad, 1, NULL);
    kit_submit(w, &kit_clips[0]);
    CHECK_INT(worker_submit(w, bad, SIZE_MAX / 3, NULL), -1);
    kit_wait_answers(k, 4);
    CHECK(k->answers[0].ok);
    CHECK_STR(k->answers[0].text, "");
    CHECK(!k->answers[1].ok);
    CHECK_STR(k->answers[1].text, "");
    CHECK_STR(k->answers[1].error, "sample 300 is infinite, expected a number");
    CHECK_INT(k->answers[1].n_attempts, 1);
    CHECK(k->answers[2].ok);
    kit_check_answer(k, 3, &kit_clips[0]);
    kit_free(k);
}

static void odd_jobs_of_a_thread(void)
{
    check_odd_jobs(WORKER_THREAD);
}

static void odd_jobs_of_a_process(void)
{
    check_odd_jobs(WORKER_PROCESS);
}

/* ------------------------------------------------------------------- cancel */

static void cancel_once(kit *k, worker_state state)
{
    if (state == WORKER_BUSY && k->on_count++ == 0)
        worker_cancel(k->worker);
}

static void check_cancel(worker_kind kind)
{
    enum { JOBS = 6 };
    kit *k = kit_create();
    size_t n_samples = 60 * 16000; /* long enough that the process is heard of while it transcribes */
    float *pcm = calloc(n_samples, sizeof *pcm);
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    CHECK(pcm != NULL);
    int n = kit_wait_state(k, 0, WORKER_READY);
    worker_cancel(w); /* nothing to cancel: the next job is not touched */
    kit_submit(w, &kit_clips[1]);
    kit_wait_answers(k, 1);
    kit_wait_state(k, n, WORKER_READY); /* so that BUSY will be told anew */
    kit_check_answer(k, 0, &kit_clips[1]);

    pthread_mutex_lock(&k->mutex); /* holds the sink, so that all jobs are there when the first begins */
    k->on_state = cancel_once;
    worker_submit(w, pcm, n_samples, NULL);
    for (int i = 1; i < JOBS; i++)
        kit_submit(w, &kit_clips[0]);
    pthread_mutex_unlock(&k->mutex);
    kit_wait_answers(k, 1 + JOBS);
    for (int i = 1; i <= JOBS; i++) {
        CHECK_INT(k->answers[i].job, i + 1);
        CHECK(!k->answers[i].ok);
        CHECK_STR(k->answers[i].error, "cancelled");
        CHECK_STR(k->answers[i].text, "");
    }
    kit_submit(w, &kit_clips[2]);
    kit_wait_answers(k, 2 + JOBS);
    kit_check_answer(k, 1 + JOBS, &kit_clips[2]);
    CHECK_INT(worker_restarts(w), 0);
    free(pcm);
    kit_free(k);
}

static void cancel_of_a_thread(void)
{
    check_cancel(WORKER_THREAD);
}

static void cancel_of_a_process(void)
{
    check_cancel(WORKER_PROCESS);
}

/* Cancelling at any moment: each job is answered once, as done or as cancelled, and the last one is right. */
static void check_cancel_any_time(worker_kind kind)
{
    enum { ROUNDS = 60 };
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    uint32_t random = 7;
    int n = 0;
    for (int i = 0; i < ROUNDS; i++) {
        kit_submit(w, &kit_clips[i % KIT_CLIPS]);
        kit_submit(w, &kit_clips[0]);
        kit_sleep_us((long)(kit_random(&random) % 6000));
        worker_cancel(w);
        kit_submit(w, &kit_clips[3]);
        n += 3;
        kit_wait_answers(k, n);
        kit_check_answer(k, n - 1, &kit_clips[3]);
    }
    for (int i = 0; i < n; i++)
        CHECK(k->answers[i].job == i + 1 && (k->answers[i].ok || strcmp(k->answers[i].error, "cancelled") == 0));
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void cancel_of_a_thread_any_time(void)
{
    check_cancel_any_time(WORKER_THREAD);
}

static void cancel_of_a_process_any_time(void)
{
    check_cancel_any_time(WORKER_PROCESS);
}

/* ------------------------------------------------------------------- no model */

static void check_no_model(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.model_path = "no/such/model.nemo", .unload_seconds = -1});
    int n = kit_wait_state(k, 0, WORKER_FAILED);
    CHECK_STR(k->states[0].text, "model");
    CHECK(strstr(k->states[n - 1].text, "no/such/model.nemo") != NULL);
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK(!k->answers[0].ok);
    CHECK(strstr(k->answers[0].error, "no/such/model.nemo") != NULL);
    worker_swap(w, kit_model);
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 2);
    kit_check_answer(k, 1, &kit_clips[0]);
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void thread_without_a_model(void)
{
    check_no_model(WORKER_THREAD);
}

static void process_without_a_model(void)
{
    check_no_model(WORKER_PROCESS);
}

/* The precision arrives: the library refuses a wrong one, and a right one gives a text. */
static void check_precision(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.precision = 7, .unload_seconds = -1});
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK_STR(k->answers[0].error, "unknown precision 7, expected auto, f32, int8 or bf16");
    kit_free(k);

    k = kit_create();
    w = kit_start(k, kind, (worker_options){.precision = CS_PRECISION_INT8, .unload_seconds = -1});
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK(k->answers[0].ok && k->answers[0].text[0]);
    kit_free(k);
}

static void precision_of_a_thread(void)
{
    check_precision(WORKER_THREAD);
}

static void precision_of_a_process(void)
{
    check_precision(WORKER_PROCESS);
}

static void program_that_is_none(void)
{
    static const worker_sink sink = {NULL, kit_take_answer, kit_take_state};
    int before = kit_count_descriptors();
    char error[WORKER_ERROR] = "";
    worker_options options = {.model_path = kit_model, .program = "/no/such/program"};
    CHECK(worker_create(WORKER_PROCESS, &options, &sink, error) == NULL);
    CHECK_STR(error, "/no/such/program worker: cannot start it: No such file or directory");
    CHECK_INT(kit_count_descriptors(), before);

    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.program = "/bin/true", .unload_seconds = -1});
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK(!k->answers[0].ok);
    CHECK_INT(k->answers[0].n_attempts, WORKER_TRIES);
    kit_free(k);
    CHECK_INT(kit_count_descriptors(), before);
}

int main(int argc, char **argv)
{
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    the_program = argc > 3 ? argv[3] : NULL;
    RUN(thread_says_what_transcribe_says);
    RUN(process_says_what_transcribe_says);
    RUN(ctrlspeak_worker_says_what_transcribe_says);
    RUN(long_audio_arrives_whole);
    RUN(odd_jobs_of_a_thread);
    RUN(odd_jobs_of_a_process);
    RUN(cancel_of_a_thread);
    RUN(cancel_of_a_process);
    RUN(cancel_of_a_thread_any_time);
    RUN(cancel_of_a_process_any_time);
    RUN(thread_without_a_model);
    RUN(process_without_a_model);
    RUN(precision_of_a_thread);
    RUN(precision_of_a_process);
    RUN(program_that_is_none);
    kit_free_clips();
    CHECK(kit_has_no_child());
    return check_done();
}
