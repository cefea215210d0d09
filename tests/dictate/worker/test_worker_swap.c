/* SPDX-License-Identifier: MIT
 *
 * Models come and go: a swap really swaps, seen by counting the models that are open and by what the process that holds
 * them has mapped; one that fails keeps the old; an idle model goes, and comes back for a job or in advance; a worker can
 * be freed in any state, and then nothing of it is left. */
#define _GNU_SOURCE
#include "worker_kit.h"

#include <stdatomic.h>

static char folder[64], path_a[128], path_b[128], path_broken[128];

static bool copy_file(const char *from, const char *to, long n_max)
{
    FILE *in = fopen(from, "rbe"), *out = fopen(to, "wbe");
    char block[65536];
    bool ok = in && out;
    for (size_t n; ok && n_max > 0 && (n = fread(block, 1, sizeof block, in)) > 0; n_max -= (long)n)
        ok = fwrite(block, 1, n, out) == n;
    if (in)
        fclose(in);
    return (out ? fclose(out) == 0 : 0) && ok;
}

static bool make_models(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.30s/worker-swap-XXXXXX", tmp && strlen(tmp) < 30 ? tmp : "/tmp");
    if (!mkdtemp(folder))
        return false;
    snprintf(path_a, sizeof path_a, "%s/alpha.nemo", folder);
    snprintf(path_b, sizeof path_b, "%s/beta.nemo", folder);
    snprintf(path_broken, sizeof path_broken, "%s/broken.nemo", folder);
    return copy_file(kit_model, path_a, 1 << 30) && copy_file(kit_model, path_b, 1 << 30)
           && copy_file(kit_model, path_broken, 2000000);
}

static void remove_models(void)
{
    unlink(path_a);
    unlink(path_b);
    unlink(path_broken);
    rmdir(folder);
}

/* Looks at the number of models all the time. */
typedef struct watcher {
    pthread_t thread;
    const worker *worker;
    atomic_bool stop;
    atomic_int most;
} watcher;

static void *watch(void *user)
{
    watcher *at = user;
    while (!atomic_load(&at->stop)) {
        int n = worker_live_models(at->worker);
        if (n > atomic_load(&at->most))
            atomic_store(&at->most, n);
        kit_sleep_us(50);
    }
    return NULL;
}

static void check_swaps(worker_kind kind)
{
    enum { SWAPS = 50 };
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.model_path = path_a, .unload_seconds = -1});
    watcher at = {.worker = w};
    CHECK_INT(pthread_create(&at.thread, NULL, watch, &at), 0);
    int n_states = kit_wait_state(k, 0, WORKER_READY), n = 0;
    int one = kit_count_mappings(worker_child_pid(w), "/alpha.nemo");
    CHECK(one > 0);
    for (int i = 0; i < SWAPS; i++) {
        kit_submit(w, &kit_clips[n++ % KIT_CLIPS]); /* by the old one, though the swap waits already */
        CHECK(worker_swap(w, i % 2 == 0 ? path_b : path_a));
        kit_submit(w, &kit_clips[n++ % KIT_CLIPS]); /* by the new one */
        kit_wait_answers(k, n);
        if (i % 10 == 0) { /* at rest: only the new one is mapped */
            const char *now = i % 2 == 0 ? "/beta.nemo" : "/alpha.nemo",
                       *old = i % 2 == 0 ? "/alpha.nemo" : "/beta.nemo";
            CHECK_INT(kit_count_mappings(worker_child_pid(w), now), one);
            CHECK_INT(kit_count_mappings(worker_child_pid(w), old), 0);
            CHECK_INT(worker_live_models(w), 1);
        }
    }
    atomic_store(&at.stop, true);
    pthread_join(at.thread, NULL);
    CHECK(atomic_load(&at.most) <= 2);
    for (int i = 0; i < n; i++) {
        kit_check_answer(k, i, &kit_clips[i % KIT_CLIPS]);
        CHECK_STR(k->answers[i].model, (i + 1) / 2 % 2 == 0 ? "alpha" : "beta");
    }
    int n_ready = 0, n_told = kit_n_states(k);
    for (int i = n_states; i < n_told; i++)
        if (k->states[i].state == WORKER_READY) {
            CHECK_INT(k->states[i].live, 1); /* the old one is gone before the new one is announced */
            n_ready++;
        }
    CHECK(n_ready >= SWAPS);
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void fifty_swaps_of_a_thread(void)
{
    check_swaps(WORKER_THREAD);
}

static void fifty_swaps_of_a_process(void)
{
    check_swaps(WORKER_PROCESS);
}

static void check_failing_swap(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.model_path = path_a, .unload_seconds = -1});
    int n = kit_wait_state(k, 0, WORKER_READY), jobs = 0;
    const char *const bad[] = {path_broken, "/no/such/model.nemo", "/etc/passwd"};
    for (int i = 0; i < 3; i++) {
        worker_swap(w, bad[i]);
        kit_submit(w, &kit_clips[0]);
        n = kit_wait_state(k, n, WORKER_FAILED);
        CHECK(strstr(k->states[n - 1].text, bad[i]) != NULL);
        n = kit_wait_state(k, n, WORKER_READY);
        CHECK_STR(k->states[n - 1].text, "alpha");
        CHECK_INT(k->states[n - 1].live, 1);
        kit_wait_answers(k, ++jobs);
        kit_check_answer(k, jobs - 1, &kit_clips[0]);
        CHECK_STR(k->answers[jobs - 1].model, "alpha");
    }
    CHECK_INT(worker_live_models(w), 1);
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void failing_swap_of_a_thread(void)
{
    check_failing_swap(WORKER_THREAD);
}

static void failing_swap_of_a_process(void)
{
    check_failing_swap(WORKER_PROCESS);
}

/* The child dies over the new model, each time: the old one comes back in a new child. */
static void kill_over_beta(kit *k, worker_state state)
{
    int pid = worker_child_pid(k->worker);
    if (state == WORKER_LOADING && pid && k->on_count-- > 0)
        kill(pid, SIGKILL);
}

static void swap_that_kills_the_child(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.model_path = path_a, .unload_seconds = -1});
    int n = kit_wait_state(k, 0, WORKER_READY);
    pthread_mutex_lock(&k->mutex);
    k->on_state = kill_over_beta;
    k->on_count = 1;
    pthread_mutex_unlock(&k->mutex);
    worker_swap(w, path_broken); /* the first child is killed, the second says what is wrong with it */
    n = kit_wait_state(k, n, WORKER_FAILED);
    n = kit_wait_state(k, n, WORKER_READY);
    CHECK_STR(k->states[n - 1].text, "alpha");
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    kit_check_answer(k, 0, &kit_clips[0]);
    CHECK_STR(k->answers[0].model, "alpha");
    CHECK_INT(worker_restarts(w), 1);
    kit_free(k);
}

/* ------------------------------------------------------------------- idle */

static void check_idle(worker_kind kind, int32_t unload_seconds)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.model_path = path_a, .unload_seconds = unload_seconds});
    kit_submit(w, &kit_clips[0]);
    int n = kit_wait_state(k, 0, WORKER_UNLOADED);
    CHECK_INT(k->n_answers, 1);
    CHECK_STR(k->states[n - 1].text, "alpha");
    CHECK_INT(worker_live_models(w), 0);
    CHECK_INT(kit_count_mappings(worker_child_pid(w), "/alpha.nemo"), 0);
    worker_prefault(w); /* comes back in advance */
    n = kit_wait_state(k, n, WORKER_READY);
    CHECK_INT(k->states[n - 1].live, 1);
    kit_submit(w, &kit_clips[1]);
    n = kit_wait_state(k, n, WORKER_UNLOADED);
    kit_submit(w, &kit_clips[2]); /* or for a job */
    n = kit_wait_state(k, n, WORKER_UNLOADED);
    worker_swap(w, path_broken); /* an unloaded model stays what it is */
    n = kit_wait_state(k, n, WORKER_FAILED);
    n = kit_wait_state(k, n, WORKER_UNLOADED);
    CHECK_STR(k->states[n - 1].text, "alpha");
    worker_swap(w, path_b);
    n = kit_wait_state(k, n, WORKER_READY);
    CHECK_STR(k->states[n - 1].text, "beta");
    kit_submit(w, &kit_clips[3]);
    kit_wait_state(k, n, WORKER_UNLOADED);
    for (int i = 0; i < 4; i++)
        kit_check_answer(k, i, &kit_clips[i]);
    CHECK_INT(k->n_answers, 4);
    CHECK_INT(worker_live_models(w), 0);
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void unload_after_each_job_of_a_thread(void)
{
    check_idle(WORKER_THREAD, 0);
}

static void unload_after_each_job_of_a_process(void)
{
    check_idle(WORKER_PROCESS, 0);
}

static void check_unload_after_a_second(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = 1});
    kit_wait_state(k, 0, WORKER_UNLOADED); /* without any job */
    CHECK_INT(worker_live_models(w), 0);
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    kit_check_answer(k, 0, &kit_clips[0]);
    kit_free(k);
}

static void unload_after_a_second_of_a_thread(void)
{
    check_unload_after_a_second(WORKER_THREAD);
}

static void unload_after_a_second_of_a_process(void)
{
    check_unload_after_a_second(WORKER_PROCESS);
}

/* Reading ahead again and again, and jobs into it: the jobs are not touched by it. */
static void check_prefault(worker_kind kind)
{
    enum { ROUNDS = 40 };
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    uint32_t random = 5;
    for (int i = 0; i < ROUNDS; i++) {
        worker_prefault(w);
        worker_prefault(w);
        kit_sleep_us((long)(kit_random(&random) % 3000));
        kit_submit(w, &kit_clips[i % KIT_CLIPS]);
        kit_wait_answers(k, i + 1);
        kit_check_answer(k, i, &kit_clips[i % KIT_CLIPS]);
    }
    CHECK_INT(worker_restarts(w), 0);
    kit_free(k);
}

static void prefault_of_a_thread(void)
{
    check_prefault(WORKER_THREAD);
}

static void prefault_of_a_process(void)
{
    check_prefault(WORKER_PROCESS);
}

/* ------------------------------------------------------------------- the end */

static void check_free(worker_kind kind)
{
    enum { ROUNDS = 40 };
    int before = kit_count_descriptors();
    uint32_t random = 11;
    worker_free(NULL);
    for (int i = 0; i < ROUNDS; i++) {
        kit *k = kit_create();
        worker *w = kit_start(
            k, kind,
            (worker_options){.model_path = i % 8 == 7 ? path_broken : path_a, .unload_seconds = i % 5 == 0 ? 0 : -1});
        if (i % 4 == 1)
            kit_wait_state(k, 0, i % 8 == 7 ? WORKER_FAILED : WORKER_READY);
        for (int n = 0; n < i % 3; n++)
            kit_submit(w, &kit_clips[n]);
        if (i % 4 == 2)
            worker_swap(w, path_b);
        if (i % 6 == 3)
            worker_prefault(w);
        if (i % 2)
            kit_sleep_us((long)(kit_random(&random) % 20000));
        int pid = i % 7 == 6 ? worker_child_pid(w) : 0; /* 0, too, while there is none */
        if (kind == WORKER_PROCESS && pid)
            kill(pid, i % 2 ? SIGKILL : SIGSTOP);
        kit_free(k);
    }
    CHECK_INT(kit_count_descriptors(), before);
    CHECK(kit_has_no_child());
    CHECK_INT(kit_count_mappings(0, "/alpha.nemo") + kit_count_mappings(0, "/beta.nemo"), 0);
}

static void free_of_a_thread_in_any_state(void)
{
    check_free(WORKER_THREAD);
}

static void free_of_a_process_in_any_state(void)
{
    check_free(WORKER_PROCESS);
}

int main(int argc, char **argv)
{
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    if (!make_models()) {
        printf("Bail out! cannot copy the model to %s\n", folder);
        return 1;
    }
    RUN(fifty_swaps_of_a_thread);
    RUN(fifty_swaps_of_a_process);
    RUN(failing_swap_of_a_thread);
    RUN(failing_swap_of_a_process);
    RUN(swap_that_kills_the_child);
    RUN(unload_after_each_job_of_a_thread);
    RUN(unload_after_each_job_of_a_process);
    RUN(unload_after_a_second_of_a_thread);
    RUN(unload_after_a_second_of_a_process);
    RUN(prefault_of_a_thread);
    RUN(prefault_of_a_process);
    RUN(free_of_a_thread_in_any_state);
    RUN(free_of_a_process_in_any_state);
    remove_models();
    kit_free_clips();
    return check_done();
}
