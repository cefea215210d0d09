/* SPDX-License-Identifier: MIT
 *
 * A child that dies at any moment loses nothing: it is started again and what it had is done again. A child that hangs is
 * killed and so counts as dead. A recording that kills every child is answered as failed. A child never outlives its
 * parent, holds nothing of it, and is not met by the terminal's Ctrl-C. */
#define _GNU_SOURCE
#include "worker_kit.h"

#include <spawn.h>
#include <sys/prctl.h>

extern char **environ;

enum { ROUNDS = 200, JOBS = 2 };
static int n_rounds = ROUNDS;

/* SIGKILL in 200 rounds, after a delay from none to what a round takes, every fourth time twice: while the model loads, while
 * it transcribes, between jobs, right after a job was given. */
static void killed_at_any_moment(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    uint32_t random = 20261124;
    int n = 0, n_kills = 0, last = 0;
    for (int round = 0; round < n_rounds; round++) {
        /* Two kills in a round, and one of the round before that is not noticed yet, would be three on one job. */
        int pid = 0;
        while (round % 4 == 0 && ((pid = worker_child_pid(w)) == 0 || pid == last))
            kit_sleep_us(1000);
        for (int i = 0; i < JOBS; i++)
            kit_submit(w, &kit_clips[n++ % KIT_CLIPS]);
        for (int i = 0; i <= (round % 4 == 0); i++) {
            kit_sleep_us((long)(kit_random(&random) % 30000));
            pid = worker_child_pid(w);
            if (pid && pid != last && kill(pid, SIGKILL) == 0)
                n_kills++;
            last = pid ? pid : last;
        }
        kit_wait_answers(k, n);
    }
    /* One more kill with nothing to do: it comes back for that too. */
    int from = kit_n_states(k), pid;
    while ((pid = worker_child_pid(w)) == 0 || pid == last)
        kit_sleep_us(1000);
    kill(pid, SIGKILL);
    n_kills++;
    do
        from = kit_wait_state(k, from, WORKER_READY);
    while (worker_restarts(w) < n_kills);

    for (int i = 0; i < n; i++)
        kit_check_answer(k, i, &kit_clips[i % KIT_CLIPS]);
    CHECK_INT(k->n_answers, n);
    CHECK_INT(worker_restarts(w), n_kills);
    CHECK(n_kills >= n_rounds / 2);
    CHECK_INT(worker_live_models(w), 1);
    int again = 0;
    for (int i = 0; i < n; i++)
        again += k->answers[i].n_attempts > 1;
    printf("# %d kills, %d of %d jobs were done again\n", n_kills, again, n);
    CHECK(again > 0);
    kit_free(k);
    CHECK(kit_has_no_child());
}

/* ------------------------------------------------------------------- at moments that are known */

static void kill_when_loading(kit *k, worker_state state)
{
    int pid = worker_child_pid(k->worker);
    if (state == WORKER_LOADING && pid && k->on_count-- > 0)
        kill(pid, SIGKILL);
}

static void kill_when_busy(kit *k, worker_state state)
{
    if (state == WORKER_BUSY && k->on_count-- > 0)
        kill(worker_child_pid(k->worker), SIGKILL);
}

static void set(kit *k, void (*on_state)(kit *, worker_state), int count)
{
    pthread_mutex_lock(&k->mutex);
    k->on_state = on_state;
    k->on_count = count;
    pthread_mutex_unlock(&k->mutex);
}

static void killed_in_the_job(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    kit_wait_state(k, 0, WORKER_READY);
    set(k, kill_when_busy, WORKER_TRIES - 1);
    kit_submit(w, &kit_clips[0]);
    kit_submit(w, &kit_clips[1]);
    kit_wait_answers(k, 2);
    kit_check_answer(k, 0, &kit_clips[0]);
    kit_check_answer(k, 1, &kit_clips[1]);
    CHECK_INT(k->answers[0].n_attempts, WORKER_TRIES);
    CHECK_INT(k->answers[1].n_attempts, 1);
    CHECK_INT(worker_restarts(w), WORKER_TRIES - 1);
    kit_free(k);
}

static void recording_that_kills_every_child(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    int n = kit_wait_state(k, 0, WORKER_READY);
    set(k, kill_when_busy, WORKER_TRIES);
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    CHECK(!k->answers[0].ok);
    CHECK_INT(k->answers[0].n_attempts, WORKER_TRIES);
    CHECK_STR(k->answers[0].error, "the worker process died or hung 3 times over this recording");
    kit_wait_state(k, n, WORKER_READY); /* for the next one */
    kit_submit(w, &kit_clips[1]);
    kit_wait_answers(k, 2);
    kit_check_answer(k, 1, &kit_clips[1]);
    kit_free(k);
}

/* The child is there without a model, and dies when it shall load one. */
static void killed_while_loading_for_a_job(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = 0});
    kit_submit(w, &kit_clips[0]);
    int n = kit_wait_state(k, 0, WORKER_UNLOADED);
    set(k, kill_when_loading, 1);
    kit_submit(w, &kit_clips[1]);
    kit_wait_state(k, n, WORKER_UNLOADED);
    kit_check_answer(k, 1, &kit_clips[1]);
    CHECK_INT(k->answers[1].n_attempts, 2);
    kit_free(k);
}

/* Killed whenever it is ready, without a job: not for ever. Then a job starts it again. */
static void kill_when_ready(kit *k, worker_state state)
{
    if (state == WORKER_READY)
        kill(worker_child_pid(k->worker), SIGKILL);
}

static void killed_whenever_idle(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    kit_wait_state(k, 0, WORKER_READY);
    set(k, kill_when_ready, 0);
    kill(worker_child_pid(w), SIGKILL);
    kit_wait_state(k, 0, WORKER_UNLOADED);
    set(k, NULL, 0);
    CHECK_INT(worker_restarts(w), WORKER_TRIES);
    CHECK_INT(worker_child_pid(w), 0);
    CHECK_INT(worker_live_models(w), 0);
    kit_submit(w, &kit_clips[0]);
    kit_wait_answers(k, 1);
    kit_check_answer(k, 0, &kit_clips[0]);
    CHECK_INT(k->answers[0].n_attempts, 1);
    kit_free(k);
}

static void stop_when_busy(kit *k, worker_state state)
{
    if (state == WORKER_BUSY && k->on_count-- > 0)
        kill(worker_child_pid(k->worker), SIGSTOP);
}

static void child_that_hangs(void)
{
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1, .hang_seconds = 1});
    kit_wait_state(k, 0, WORKER_READY);
    set(k, stop_when_busy, 1);
    kit_submit(w, &kit_clips[0]);
    kit_submit(w, &kit_clips[1]);
    kit_wait_answers(k, 2);
    kit_check_answer(k, 0, &kit_clips[0]);
    kit_check_answer(k, 1, &kit_clips[1]);
    CHECK_INT(k->answers[0].n_attempts, 2);
    CHECK_INT(worker_restarts(w), 1);
    kit_free(k);
}

/* ------------------------------------------------------------------- what the child is */

static uint64_t status_mask(int pid, const char *key)
{
    char path[64], line[256];
    unsigned long long mask = ~0ull;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            sscanf(line + strlen(key), ":%llx", &mask);
    if (file)
        fclose(file);
    return mask;
}

static void child_holds_nothing_of_its_parent(void)
{
    int leaked = open("/dev/zero", O_RDONLY); /* not close-on-exec, as a library of somebody's might do */
    sigset_t usr, before;
    sigemptyset(&usr);
    sigaddset(&usr, SIGUSR1);
    sigaddset(&usr, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &usr, &before);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    kit *k = kit_create();
    worker *w = kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    kit_wait_state(k, 0, WORKER_READY);
    for (int round = 0; round < 2; round++) { /* the first child, and one of the worker's thread */
        int pid = worker_child_pid(w), n = 0;
        for (int fd = 0; fd < 64; fd++) {
            char path[64], to[256] = "";
            snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
            if (readlink(path, to, sizeof to - 1) < 0)
                continue;
            n++;
            CHECK(fd <= 3 && (fd == 3 ? strncmp(to, "socket:", 7) == 0 : strcmp(to, "/dev/null") == 0));
        }
        CHECK_INT(n, 4);
        CHECK_INT(getpgid(pid), pid);
        CHECK_INT(status_mask(pid, "SigBlk"), 0);
        CHECK_INT(status_mask(pid, "SigIgn") & (1u << (SIGHUP - 1)), 0);
        int from = kit_n_states(k);
        kill(pid, SIGKILL);
        kit_wait_state(k, from, WORKER_READY);
    }
    kit_free(k);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(leaked);
}

/* `PROGRAM MODEL SAMPLES parent`: a program with a worker, which will be killed. Says its child's number. */
static void be_a_parent(void)
{
    kit *k = kit_create();
    kit_start(k, WORKER_PROCESS, (worker_options){.unload_seconds = -1});
    kit_wait_state(k, 0, WORKER_READY);
    printf("%d\n", (int)worker_child_pid(k->worker));
    fflush(stdout);
    for (;;)
        pause();
}

static void child_goes_when_its_parent_is_killed(char **argv)
{
    char last[] = "parent";
    char *const arguments[] = {argv[0], argv[1], argv[2], last, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2], child = 0;
    pid_t parent;
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* the orphan becomes ours: we can wait for its end, and see that it comes */
    if (pipe(ends) != 0)
        return;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    CHECK_INT(posix_spawn(&parent, "/proc/self/exe", &actions, NULL, arguments, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    CHECK(from && fscanf(from, "%d", &child) == 1 && child > 0);
    kill(parent, SIGKILL);
    CHECK_INT(waitpid(parent, NULL, 0), parent);
    CHECK_INT(waitpid(child, NULL, 0), child);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (from)
        fclose(from);
}

static char **arguments;

static void child_never_outlives_its_parent(void)
{
    child_goes_when_its_parent_is_killed(arguments);
}

static int descriptors_before;

static void nothing_is_left(void)
{
    CHECK_INT(kit_count_descriptors(), descriptors_before);
    CHECK_INT(kit_count_children(), 0);
    CHECK(kit_has_no_child());
}

int main(int argc, char **argv)
{
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    if (argc > 3 && strcmp(argv[3], "parent") == 0)
        be_a_parent();
    arguments = argv;
    if (argc > 4)
        n_rounds = atoi(argv[4]);
    descriptors_before = kit_count_descriptors();
    RUN(killed_at_any_moment);
    RUN(killed_in_the_job);
    RUN(recording_that_kills_every_child);
    RUN(killed_while_loading_for_a_job);
    RUN(killed_whenever_idle);
    RUN(child_that_hangs);
    RUN(child_holds_nothing_of_its_parent);
    RUN(child_never_outlives_its_parent);
    kit_free_clips();
    RUN(nothing_is_left);
    return check_done();
}
