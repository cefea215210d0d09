/* SPDX-License-Identifier: MIT
 *
 * The founding document's conditions, for thread and process: descriptors 0 to 2 closed, or stderr a full pipe that
 * nobody reads. Whole jobs are done; nothing is put on the three descriptors and nothing written to them; with a thread no
 * child ever exists. */
#define _GNU_SOURCE
#include "worker_kit.h"

#include <sys/ioctl.h>

/* Found by the worker's thread, read when it has ended. */
static int most_children;
static bool seen_open[3];

static void look_for_children(kit *k, worker_state state)
{
    (void)state;
    for (int fd = 0; fd < 3; fd++)
        seen_open[fd] = seen_open[fd] || fcntl(fd, F_GETFD) >= 0;
    int n = kit_count_children();
    if (n > k->on_count)
        k->on_count = n;
}

static void look_for_children_too(kit *k)
{
    look_for_children(k, WORKER_BUSY);
}

/* Load, hear all clips, unload, load again, swap, hear. Returns the number of right answers. */
static int whole_life(worker_kind kind)
{
    kit *k = kit_create();
    k->on_state = look_for_children;
    k->on_answer = look_for_children_too;
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = 0, .threads = 2});
    for (int i = 0; i < KIT_CLIPS; i++)
        kit_submit(w, &kit_clips[i]);
    int n = kit_wait_state(k, 0, WORKER_UNLOADED), right = 0;
    worker_swap(w, kit_model);
    worker_prefault(w);
    kit_submit(w, &kit_clips[0]);
    kit_wait_state(k, n, WORKER_UNLOADED);
    for (int i = 0; i < k->n_answers; i++)
        right += k->answers[i].ok && strcmp(k->answers[i].text, kit_clips[i % KIT_CLIPS].text) == 0;
    worker_free(w);
    most_children = k->on_count;
    k->worker = NULL;
    kit_free(k);
    return right;
}

/* Keeps the three where they cannot be mistaken. */
static void put_aside(int kept[3])
{
    fflush(stdout);
    for (int fd = 0; fd < 3; fd++)
        kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
}

static void put_back(const int kept[3])
{
    for (int fd = 0; fd < 3; fd++) {
        if (kept[fd] >= 0) {
            dup2(kept[fd], fd);
            close(kept[fd]);
        } else {
            close(fd);
        }
    }
}

static void check_closed(worker_kind kind)
{
    int kept[3];
    put_aside(kept);
    for (int fd = 0; fd < 3; fd++) {
        close(fd);
        seen_open[fd] = false;
    }
    int right = whole_life(kind);
    put_back(kept);
    CHECK_INT(right, KIT_CLIPS + 1);
    for (int fd = 0; fd < 3; fd++) /* while it loaded, heard, unloaded, swapped */
        CHECK(!seen_open[fd]);
    CHECK_INT(most_children, kind == WORKER_PROCESS);
}

static void thread_with_closed_descriptors(void)
{
    check_closed(WORKER_THREAD);
}

static void process_with_closed_descriptors(void)
{
    check_closed(WORKER_PROCESS);
}

static void check_full_stderr(worker_kind kind)
{
    int kept[3], ends[2], full = 0, after = 0;
    char block[4096] = {0};
    if (!CHECK(pipe2(ends, O_CLOEXEC) == 0))
        return;
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    while (write(ends[1], block, sizeof block) > 0)
        continue;
    fcntl(ends[1], F_SETFL, 0); /* from now on a write would wait for ever */
    ioctl(ends[0], FIONREAD, &full);
    put_aside(kept);
    for (int fd = 0; fd < 3; fd++)
        dup2(ends[1], fd);
    int right = whole_life(kind);
    put_back(kept);
    ioctl(ends[0], FIONREAD, &after);
    close(ends[0]);
    close(ends[1]);
    CHECK_INT(right, KIT_CLIPS + 1);
    CHECK_INT(after, full);
}

static void thread_with_full_stderr(void)
{
    check_full_stderr(WORKER_THREAD);
}

static void process_with_full_stderr(void)
{
    check_full_stderr(WORKER_PROCESS);
}

/* With all three an empty pipe: nothing is said. */
static void check_silence(worker_kind kind)
{
    int kept[3], ends[2], said = -1;
    if (!CHECK(pipe2(ends, O_CLOEXEC) == 0))
        return;
    put_aside(kept);
    for (int fd = 0; fd < 3; fd++)
        dup2(ends[1], fd);
    int right = whole_life(kind);
    put_back(kept);
    ioctl(ends[0], FIONREAD, &said);
    close(ends[0]);
    close(ends[1]);
    CHECK_INT(right, KIT_CLIPS + 1);
    CHECK_INT(said, 0);
}

static void thread_says_nothing(void)
{
    check_silence(WORKER_THREAD);
}

static void process_says_nothing(void)
{
    check_silence(WORKER_PROCESS);
}

/* waitpid() would find a child that came and went unseen, as long as nobody collected it; the worker's thread collects
 * none, since it starts none. */
static void thread_never_has_a_child(void)
{
    CHECK_INT(whole_life(WORKER_THREAD), KIT_CLIPS + 1);
    CHECK_INT(most_children, 0);
    CHECK(kit_has_no_child());
}

int main(int argc, char **argv)
{
    int status = kit_begin(argc, argv);
    if (status >= 0)
        return status;
    RUN(thread_never_has_a_child);
    RUN(thread_with_closed_descriptors);
    RUN(process_with_closed_descriptors);
    RUN(thread_with_full_stderr);
    RUN(process_with_full_stderr);
    RUN(thread_says_nothing);
    RUN(process_says_nothing);
    kit_free_clips();
    return check_done();
}
