/* SPDX-License-Identifier: MIT
 *
 * Out of memory: each allocation in turn fails, where a worker is made, where a job or a swap is given, and where the
 * worker's thread does one. What comes of it is an error or a failed answer with a sentence, never a crash, never a job
 * without an answer; and the next job is right.
 */
#define _GNU_SOURCE
#include "dictate/failing_memory.h"
#include "worker_kit.h"

static void check_create(worker_kind kind)
{
    static const worker_sink sink = {NULL, kit_take_answer, kit_take_state};
    worker_options options = {.model_path = "no/such.nemo", .cpu_path = "c", .unload_seconds = -1};
    int before = kit_count_descriptors(), n = 0;
    for (bool failed = true; failed && n < 100; n++) {
        char error[WORKER_ERROR] = "";
        kit *k = kit_create();
        worker_sink to = sink;
        to.user = k;
        memory_left = n;
        worker *w = worker_create(kind, &options, &to, error);
        failed = memory_left < 0;
        memory_left = -1;
        CHECK(!w == failed);
        CHECK(!w || !error[0]);
        CHECK(w || strstr(error, "memory"));
        worker_free(w);
        kit_free(k);
    }
    CHECK(n > 3 && n < 100);
    CHECK_INT(kit_count_descriptors(), before);
    CHECK(kit_has_no_child());
}

static void create_of_a_thread(void)
{
    check_create(WORKER_THREAD);
}

static void create_of_a_process(void)
{
    check_create(WORKER_PROCESS);
}

static void submit_and_swap(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_THREAD, (worker_options){.unload_seconds = -1});
    memory_left = 0;
    CHECK_INT(kit_submit(w, &kit_clips[0]), -1);
    memory_left = 0;
    CHECK(!worker_swap(w, kit_model));
    memory_left = 1;
    CHECK(!worker_swap(w, kit_model));
    memory_left = -1;
    CHECK_INT(kit_submit(w, &kit_clips[0]), 1);
    kit_wait_answers(k, 1);
    kit_check_answer(k, 0, &kit_clips[0]);
    kit_free(k);
}

/* In the worker's thread, from when it is busy until it answers. */
static void begin_failing(kit *k, worker_state state)
{
    if (state == WORKER_BUSY)
        memory_left = k->on_count;
}

static void end_failing(kit *k)
{
    k->on_count = memory_left < 0 ? -1 : 0; /* -1: one did fail, or was never to */
    memory_left = -1;
}

static void check_job(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    int states = kit_wait_state(k, 0, WORKER_READY), n = 0, n_failed = 0;
    for (bool failed = true; failed && n < 4000; n++) {
        pthread_mutex_lock(&k->mutex);
        k->on_state = begin_failing;
        k->on_answer = end_failing;
        k->on_count = n;
        pthread_mutex_unlock(&k->mutex);
        kit_submit(w, &kit_clips[0]);
        states = kit_wait_state(k, states, WORKER_READY);
        kit_answer *a = &k->answers[k->n_answers - 1];
        failed = k->on_count < 0;
        CHECK_INT(a->job, n + 1);
        CHECK(a->ok ? strcmp(a->text, kit_clips[0].text) == 0 : failed && a->error[0]);
        n_failed += !a->ok;
    }
    printf("# %d allocations, %d of them in need\n", n - 1, n_failed);
    CHECK(n_failed > 0);
    CHECK_INT(k->n_answers, n);
    CHECK_STR(k->answers[n - 1].text, kit_clips[0].text);
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void job_of_a_thread(void)
{
    check_job(WORKER_THREAD);
}

static void job_of_a_process(void)
{
    check_job(WORKER_PROCESS);
}

int main(int argc, char **argv)
{
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    RUN(create_of_a_thread);
    RUN(create_of_a_process);
    RUN(submit_and_swap);
    RUN(job_of_a_thread);
    RUN(job_of_a_process);
    kit_free_clips();
    return check_done();
}
